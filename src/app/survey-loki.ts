/** Loki as it is found in the cluster, whoever installed it: workloads, configuration, ring, counters, gateway. */
import { parse } from 'yaml';
import type { Answer, BucketSeen, ClaimSeen, GatewaySeen, LokiCounters, LokiSeen, PodSeen, Workload } from '../checks/doctor/survey.ts';
import { at } from '../design/document.ts';
import type { Json } from '../engine/types.ts';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import type { Logs } from '../ports/logs.ts';
import { awsSide } from './survey-aws.ts';
import { each, linesOf, mountedFile, podOf, portOf, series, total, workloadOf, type Miss } from './survey-objects.ts';
import type { Run } from './outside.ts';
import type { Reached } from './reach.ts';

/** Enough to know each component; a big installation has hundreds. */
const MOST_PODS = 400;
const PODS_READ = 24;
const TAIL = 120;
const BUCKET_TROUBLE = /operation error (S3|STS)|failed to flush|get credentials/;
const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

export interface Looking {
  readonly run: Run;
  readonly reached: Reached;
  readonly miss: Miss;
}

/** All workloads of a chart: where they are expected, else wherever they are. */
export async function chartWorkloads(kubernetes: Kubernetes, of: { readonly name: string; readonly namespace: string }): Promise<readonly KubeObject[]> {
  const labels = `app.kubernetes.io/name=${of.name}`;
  const list = async (namespace?: string) =>
    (await Promise.all(KINDS.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, labels, ...(namespace && { namespace }) })))).flat();
  const expected = await list(of.namespace);
  return expected.length > 0 ? expected : list();
}

export async function surveyLoki(looking: Looking): Promise<LokiSeen | undefined> {
  const { run, reached, miss } = looking;
  const { kubernetes, releases } = reached;
  const found = await chartWorkloads(kubernetes, { name: 'loki', namespace: run.settings.namespace });
  const namespace = found[0]?.metadata.namespace;
  if (namespace === undefined) return undefined;
  const others = [...new Set(found.map(({ metadata }) => metadata.namespace ?? ''))].filter((one) => one !== namespace);
  if (others.length > 0)
    looking.run.emit({ type: 'note.given', text: `Loki is also in namespace ${others.join(', ')}; name the one you mean with --namespace.` });
  const mine = found.filter(({ metadata }) => metadata.namespace === namespace);
  const workloads = mine.map(workloadOf);
  const releaseName = mine[0]?.metadata.labels?.['app.kubernetes.io/instance'];
  const [podObjects, release, file, claims] = await Promise.all([
    kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: 'app.kubernetes.io/name=loki', limit: MOST_PODS }),
    releaseName ? releases.find(releaseName, namespace).catch((error: unknown) => void miss(`the Helm release ${releaseName}`, error)) : undefined,
    configFile(kubernetes, workloads).catch((error: unknown) => void miss("Loki's configuration", error)),
    claimsIn(kubernetes, namespace),
  ]);
  const config = file && parsed(file.text);
  const pods = await withLines(
    looking,
    podObjects.map(podOf).filter(({ ending }) => !ending),
  );
  const store = workloads.find(({ component }) => ['ingester', 'write', 'single-binary'].includes(component)) ?? workloads.find(isLoki);
  const [aws, ring, counters, gateway] = await Promise.all([
    awsSide(looking, {
      namespace,
      accountName: store?.template.serviceAccountName ?? 'default',
      buckets: bucketsIn(config),
      troubled: pods.some(({ lines = [] }) => lines.some((line) => BUCKET_TROUBLE.test(line))),
    }),
    ringOf(looking, pods),
    countersOf(looking, pods),
    gatewayOf(looking, { namespace, workloads }),
  ]);
  return {
    namespace,
    ...(release && { release }),
    workloads,
    pods,
    claims,
    configFrom: file?.from ?? `namespace ${namespace}`,
    ...(config !== undefined && { config }),
    ...aws,
    ...(counters && { counters }),
    ...(ring && { ring }),
    ...(gateway && { gateway }),
  };
}

const configFlag = (workload: Workload) =>
  workload.template.containers.flatMap((container) => {
    const path = [...(container.command ?? []), ...(container.args ?? [])].map((word) => /^--?config\.file=(.+)$/.exec(word)?.[1]).find(Boolean);
    return path ? [{ container, path }] : [];
  })[0];
const isLoki = (workload: Workload) => configFlag(workload) !== undefined && workload.component !== 'gateway';

async function configFile(kubernetes: Kubernetes, workloads: readonly Workload[]) {
  for (const workload of workloads.filter(isLoki)) {
    const flag = configFlag(workload);
    const file = flag && (await mountedFile(kubernetes, { namespace: workload.namespace, template: workload.template, ...flag }));
    if (file) return file;
  }
  return undefined;
}

function parsed(text: string): Json | undefined {
  try {
    return parse(text) as Json;
  } catch {
    return undefined;
  }
}

const word = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Loki reads `common` first and the sections after it, so that the sections win. */
function bucketsIn(config: Json | undefined): readonly Pick<BucketSeen, 'use' | 'name' | 'region'>[] {
  const common = { name: word(at(config, 'common.storage.s3.bucketnames')), region: word(at(config, 'common.storage.s3.region')) };
  const pick = (use: 'chunks' | 'ruler', path: string) => {
    const own = { name: word(at(config, `${path}.bucketnames`)), region: word(at(config, `${path}.region`)) };
    const name = (own.name || (use === 'chunks' ? common.name : '')).split(',')[0]!.trim();
    const region = own.region || common.region;
    return name ? [{ use, name, ...(region && { region }) }] : [];
  };
  return [...pick('chunks', 'storage_config.aws'), ...pick('ruler', 'ruler.storage.s3')];
}

async function claimsIn(kubernetes: Kubernetes, namespace: string): Promise<readonly ClaimSeen[]> {
  const [claims, classes] = await Promise.all([
    kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, labels: 'app.kubernetes.io/name=loki' }),
    kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }),
  ]);
  const fallback = classes.find(({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true');
  return each(
    claims.filter(({ status }) => (status as { phase?: string } | undefined)?.phase !== 'Bound'),
    4,
    async (claim) => {
      const named = (claim['spec'] as { storageClassName?: string } | undefined)?.storageClassName;
      const events = await kubernetes.list({ apiVersion: 'v1', kind: 'Event', namespace, fields: `involvedObject.name=${claim.metadata.name}`, limit: 20 });
      return {
        name: claim.metadata.name,
        phase: (claim['status'] as { phase?: string } | undefined)?.phase ?? 'Pending',
        ...(named && { storageClass: named }),
        classKnown: named ? classes.some(({ metadata }) => metadata.name === named) : fallback !== undefined,
        events: events.map((event) => `${String(event['reason'])}: ${String(event['message'])}`),
      };
    },
  );
}

/** Pods in trouble first, then one or two of each component. */
async function withLines({ reached: { kubernetes }, miss }: Looking, pods: readonly PodSeen[]): Promise<readonly PodSeen[]> {
  const counted = new Map<string, number>();
  const chosen = [...pods]
    .sort((a, b) => Number(a.ready) - Number(b.ready))
    .filter(({ component, ready, unscheduled }) => {
      const nth = (counted.get(component) ?? 0) + 1;
      counted.set(component, nth);
      return unscheduled === undefined && (nth <= 2 || (!ready && nth <= 4)) && !/cache|memcached/.test(component);
    })
    .slice(0, PODS_READ);
  const read = new Map(
    await each(chosen, 8, async (pod) => {
      const container = pod.spec.containers.find(({ name, image }) => ['loki', 'nginx', 'single-binary'].includes(name) || /loki/.test(image ?? ''))?.name;
      const lines = container
        ? await linesOf(kubernetes, pod, { container, tail: TAIL }).catch((error: unknown) => void miss(`the log of pod ${pod.name}`, error))
        : undefined;
      return [pod.name, lines] as const;
    }),
  );
  return pods.map((pod) => {
    const lines = read.get(pod.name);
    return lines ? { ...pod, lines } : pod;
  });
}

const httpPort = (pod: PodSeen) =>
  portOf(
    pod.spec.containers.find(({ ports }) => ports?.some(({ name }) => /http/.test(name ?? ''))),
    /^http/,
  ) ?? 3100;
const oneOf = (pods: readonly PodSeen[], ...components: readonly string[]) =>
  components.map((component) => pods.find((pod) => pod.component === component && pod.ready)).find(Boolean);

async function ringOf({ reached: { kubernetes }, miss }: Looking, pods: readonly PodSeen[]): Promise<LokiSeen['ring']> {
  const pod = oneOf(pods, 'distributor', 'write', 'single-binary', 'querier', 'read');
  if (!pod) return undefined;
  try {
    const request = { method: 'GET', path: '/ring', headers: { accept: 'application/json' }, timeoutMs: 10_000 } as const;
    const answer = await kubernetes.forward({ namespace: pod.namespace, pod: pod.name, port: httpPort(pod) }, request);
    const shards = (JSON.parse(answer.body) as { shards?: readonly { id?: string; state?: string }[] }).shards ?? [];
    return { active: shards.filter(({ state }) => state === 'ACTIVE').length, states: shards.map(({ id, state }) => `${id}: ${state}`) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    miss("Loki's ring", error);
    return undefined;
  }
}

/** Of the distributors and ingesters that are ready, as far as the pod proxy may be used. */
async function countersOf({ reached: { kubernetes }, miss }: Looking, pods: readonly PodSeen[]): Promise<LokiCounters | undefined> {
  const asked = pods.filter(({ component, ready }) => ready && ['distributor', 'ingester', 'write', 'single-binary'].includes(component)).slice(0, 12);
  const texts = await each(asked, 6, async (pod) => {
    const answer = await kubernetes.raw(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}:${httpPort(pod)}/proxy/metrics`);
    return answer.status === 200 ? answer.body : '';
  }).catch((error: unknown) => {
    miss("Loki's counters", error);
    return [];
  });
  if (texts.every((text) => text === '')) return undefined;
  const all = texts.join('\n');
  const discarded = new Map<string, { reason: string; tenant: string; lines: number }>();
  for (const { labels, value } of series(all, 'loki_discarded_samples_total')) {
    const key = `${labels['reason']} ${labels['tenant']}`;
    discarded.set(key, { reason: labels['reason'] ?? '', tenant: labels['tenant'] ?? '', lines: (discarded.get(key)?.lines ?? 0) + value });
  }
  return {
    received: total(all, 'loki_distributor_lines_received_total'),
    discarded: [...discarded.values()].filter(({ lines }) => lines > 0),
    flushFailures: total(all, 'loki_ingester_chunks_flush_failures_total'),
  };
}

async function gatewayOf(
  { reached: { kubernetes }, miss }: Looking,
  of: { readonly namespace: string; readonly workloads: readonly Workload[] },
): Promise<GatewaySeen | undefined> {
  const workload = of.workloads.find(({ component }) => component === 'gateway');
  const container = workload?.template.containers.find(({ name, image }) => name === 'nginx' || /nginx/.test(image ?? '')) ?? workload?.template.containers[0];
  if (!workload || !container) return undefined;
  const { namespace, template } = workload;
  const file = await mountedFile(kubernetes, { namespace, template, container, path: '/etc/nginx/nginx.conf' }).catch(
    (error: unknown) => void miss('nginx.conf', error),
  );
  const text = (file?.text ?? '').replace(/^\s*#.*$/gm, '');
  const realm = /^\s*auth_basic\s+("?)(?!off\b)[^;]+\1;/m.test(text);
  const tenant = /proxy_set_header\s+x-scope-orgid\s+"?([^";]+)"?\s*;/i.exec(text)?.[1];
  const path = /auth_basic_user_file\s+"?([^";]+)"?;/.exec(text)?.[1];
  const folder = path && container.volumeMounts?.find(({ mountPath }) => path.startsWith(mountPath))?.name;
  const secret = template.volumes?.find(({ name }) => name === folder)?.secret?.secretName;
  const [exists, service] = await Promise.all([
    secret
      ? kubernetes
          .get({ apiVersion: 'v1', kind: 'Secret', namespace, name: secret })
          .then((found) => found !== undefined)
          .catch((error: unknown) => void miss(`Secret ${namespace}/${secret}`, error))
      : undefined,
    kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace, name: workload.name }),
  ]);
  const type = (service?.['spec'] as { type?: string } | undefined)?.type;
  const resolver = /^\s*resolver\s+(\S+?);?\s/m.exec(`${text} `)?.[1];
  return {
    workload,
    configFrom: file?.from ?? `Deployment ${namespace}/${workload.name}`,
    asksLogin: realm,
    ...(tenant && { setsTenant: tenant.trim() }),
    ...(resolver && { resolver }),
    ...(secret && { loginSecret: { name: secret, ...(typeof exists === 'boolean' && { exists }) } }),
    ...(type && { serviceType: type }),
  };
}

/** How the gateway answers; `undefined` when no pod of it can be asked. */
export async function askGateway(logs: Logs, path: string, as: Parameters<Logs['get']>[1] = {}): Promise<Answer | undefined> {
  return logs.get(path, as).then(({ status, body, headers }) => ({ status, body: body.slice(0, 4000), headers }));
}

export async function gatewayLogs(
  { run, reached }: Looking,
  { namespace, workload }: { readonly namespace: string; readonly workload: Workload },
): Promise<Logs> {
  const selector = Object.entries(workload.selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const container = workload.template.containers.find(({ name, image }) => name === 'nginx' || /nginx/.test(image ?? '')) ?? workload.template.containers[0];
  return run.outside.logs({ kubernetes: reached.kubernetes, namespace, selector, port: portOf(container, /^http/) ?? 8080 });
}
