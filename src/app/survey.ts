/** Everything `doctor` knows of a log path, read without a write and without a record of an installation. */
import { ownership } from '../design/ownership.ts';
import { releaseIsOurs } from '../steps/marks.ts';
import type { Answer, CollectorSeen, DatasourceSeen, LokiSeen, ReadingSeen, ServiceSeen, Survey } from '../checks/doctor/survey.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Logs } from '../ports/logs.ts';
import { nodeFacts } from './nodes.ts';
import type { Run } from './outside.ts';
import type { Reached } from './reach.ts';
import { surveyCollectors } from './survey-collectors.ts';
import { surveyDatasources } from './survey-grafana.ts';
import { askGateway, gatewayLogs, surveyLoki, type Looking } from './survey-loki.ts';
import { misses, type Unseen } from './survey-objects.ts';

export async function survey(run: Run, reached: Reached): Promise<Survey> {
  const unseen: Unseen[] = [];
  const looking: Looking = { run, reached, miss: misses(unseen) };
  const [cluster, nodes, loki, collectors, datasources] = await Promise.all([
    clusterSeen(looking),
    nodeFacts(reached.kubernetes),
    surveyLoki(looking),
    surveyCollectors(looking),
    surveyDatasources(looking),
  ]);
  const services = await servicesOf(looking, [
    ...collectors.flatMap(({ writers, workload }) => writers.map(({ url }) => ({ url, from: workload.namespace }))),
    ...datasources.map(({ url }) => ({ url, from: namespaceIn(datasourceObject(url, datasources)) })),
  ]);
  const leads = (url: string | undefined) => loki !== undefined && services.get(url ?? '')?.namespace === loki.namespace;
  const ours = {
    collectors: collectors.map((one) => ({ ...one, writers: one.writers.map((writer) => ({ ...writer, ours: leads(writer.url) })) })),
    datasources: datasources.map((one) => ({ ...one, ours: leads(one.url) })),
  };
  const answers = loki?.gateway && (await answersOf(looking, { loki, ...ours }));
  return {
    cluster,
    ours: loki?.release !== undefined && releaseIsOurs(loki.release, ownership(reached.cluster.arn, loki.namespace)),
    nodes,
    ...(loki && { loki: answers?.anonymous && loki.gateway ? { ...loki, gateway: { ...loki.gateway, anonymous: answers.anonymous } } : loki }),
    collectors: answers?.collectors ?? ours.collectors,
    datasources: answers?.datasources ?? ours.datasources,
    services,
    ...(answers?.reading && { reading: answers.reading }),
    unseen,
  };
}

async function clusterSeen({ reached: { aws, caller, cluster, kubernetes }, miss }: Looking): Promise<Survey['cluster']> {
  const issuer = cluster.issuer?.replace('https://', '');
  const providerArn = issuer && `arn:${caller.partition}:iam::${caller.account}:oidc-provider/${issuer}`;
  const [provider, dns] = await Promise.all([
    providerArn ? aws.oidcProviders.find(providerArn).catch((error: unknown) => void miss('the OIDC provider', error)) : undefined,
    kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace: 'kube-system', name: 'kube-dns' }),
  ]);
  return {
    name: cluster.name,
    region: aws.region,
    partition: caller.partition,
    ...(issuer && { issuer }),
    ...(providerArn && { providerArn }),
    ...(provider && { provider }),
    clusterDns: dns !== undefined,
  };
}

const datasourceObject = (url: string, all: readonly DatasourceSeen[]) => all.find((one) => one.url === url)?.from ?? '';
const namespaceIn = (from: string) => /^\w+ ([^/]+)\//.exec(from)?.[1] ?? 'default';

/** The Services that in-cluster addresses lead to, by address; `undefined` where there is none of that name. */
async function servicesOf(
  { reached: { kubernetes } }: Looking,
  addresses: readonly { readonly url: string | undefined; readonly from: string }[],
): Promise<Survey['services']> {
  const wanted = new Map(addresses.flatMap(({ url, from }) => (url && serviceNamed(url, from) ? [[url, serviceNamed(url, from)!] as const] : [])));
  const found = await Promise.all(
    [...wanted].map(async ([url, { name, namespace }]) => {
      const object = await kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace, name });
      return [url, object && serviceSeen(object)] as const;
    }),
  );
  return new Map(found);
}

/** `gateway.loki.svc` and its longer and shorter forms; a name with another ending is outside the cluster. */
function serviceNamed(url: string, from: string): { readonly name: string; readonly namespace: string } | undefined {
  const host = /^(?:\w+:\/\/)?([^/:?#]+)/.exec(url)?.[1] ?? '';
  const match = /^([a-z0-9-]+)(?:\.([a-z0-9-]+))?(\.svc)?(\.cluster\.local\.?)?$/.exec(host);
  return match?.[1] ? { name: match[1], namespace: match[2] ?? from } : undefined;
}

function serviceSeen({ metadata, spec }: KubeObject): ServiceSeen {
  const { ports = [], selector = {} } = (spec ?? {}) as { ports?: readonly { port: number }[]; selector?: Readonly<Record<string, string>> };
  return { namespace: metadata.namespace ?? '', name: metadata.name, ports: ports.map(({ port }) => port), selector };
}

interface Asking {
  readonly loki: LokiSeen;
  readonly collectors: readonly CollectorSeen[];
  readonly datasources: readonly DatasourceSeen[];
}

const PROBE = '/loki/api/v1/labels';

/** Harmless GETs with nobody's, the writers' and the readers' logins, and one query for whatever came last. */
async function answersOf(
  looking: Looking,
  asking: Asking,
): Promise<(Omit<Asking, 'loki'> & { readonly anonymous?: Answer; readonly reading?: ReadingSeen }) | undefined> {
  const { loki, collectors, datasources } = asking;
  if (!loki.gateway) return undefined;
  const logs = await gatewayLogs(looking, { namespace: loki.namespace, workload: loki.gateway.workload });
  const ask = (as: Parameters<Logs['get']>[1]) => askGateway(logs, PROBE, as).catch((error: unknown) => void looking.miss('the answers of the gateway', error));
  const anonymous = await ask({});
  if (!anonymous) return { collectors, datasources };
  const answered = {
    collectors: await Promise.all(
      collectors.map(async (one) => ({
        ...one,
        writers: await Promise.all(
          one.writers.map(async (writer) => {
            if (!writer.ours || (writer.hasLogin && !writer.login)) return writer;
            const tenant = writer.tenant?.is === 'fixed' ? writer.tenant.name : undefined;
            const answer = await ask({ ...(writer.login && { login: writer.login }), ...(tenant && { tenant }) });
            return answer ? { ...writer, answer } : writer;
          }),
        ),
      })),
    ),
    datasources: await Promise.all(
      datasources.map(async (one) => {
        if (!one.ours || (one.hasLogin && !one.login)) return one;
        const answer = await ask({ ...(one.login && { login: one.login }), ...(one.tenant && { tenant: one.tenant }) });
        return answer ? { ...one, answer } : one;
      }),
    ),
  };
  const reading = await readingOf(looking, { logs, ...answered }).catch((error: unknown) => void looking.miss('a query', error));
  return { ...answered, anonymous, ...(reading && { reading }) };
}

/** As a data source of the cluster reads when one has all it takes, else as the writer. */
async function readingOf(
  { run }: Looking,
  { logs, collectors, datasources }: { readonly logs: Logs } & Omit<Asking, 'loki'>,
): Promise<ReadingSeen | undefined> {
  const reader = datasources.find(({ answer }) => answer?.status === 200);
  const writer = collectors.flatMap(({ writers }) => writers).find(({ answer }) => answer?.status === 200);
  const login = (reader ?? writer)?.login;
  const tenant = reader ? reader.tenant : writer?.tenant?.is === 'fixed' ? writer.tenant.name : undefined;
  if (!reader && !writer) return undefined;
  const as = { ...(login && { login }), ...(tenant && { tenant }) };
  const asked = run.outside.clock.now();
  const base = { as: reader ? `data source "${reader.name}"` : `the collector (${writer?.component})`, asked };
  const since = `start=${asked.getTime() - HOUR}000000&end=${asked.getTime() + 60_000}000000`;
  const listed = await logs.get(`${PROBE}?${since}`, as);
  const labels = listed.status === 200 ? ((JSON.parse(listed.body) as { data?: readonly string[] }).data ?? []) : [];
  const label =
    ['namespace', 'job', 'app', 'pod', 'container', 'cluster'].find((name) => labels.includes(name)) ?? labels.find((name) => !name.startsWith('__'));
  if (listed.status !== 200 || !label) return { ...base, status: listed.status, body: listed.body.slice(0, 300), labels };
  const query = `{${label}=~".+"}`;
  const answer = await logs.get(`/loki/api/v1/query_range?${new URLSearchParams({ query, limit: '1', direction: 'backward' })}&${since}`, as);
  const newest = answer.status === 200 ? newestIn(answer.body) : undefined;
  return { ...base, status: answer.status, body: answer.body.slice(0, 300), labels, query, ...(newest && { newest }) };
}

const HOUR = 3_600_000;

function newestIn(body: string): ReadingSeen['newest'] {
  const { data } = JSON.parse(body) as {
    readonly data?: {
      readonly result?: readonly { readonly stream: Readonly<Record<string, string>>; readonly values: readonly (readonly [string, string])[] }[];
    };
  };
  const all = (data?.result ?? []).flatMap(({ stream, values }) =>
    values.map(([time, line]) => ({ line, labels: stream, time: new Date(Number(BigInt(time) / 1_000_000n)) })),
  );
  return all.sort((a, b) => b.time.getTime() - a.time.getTime())[0];
}
