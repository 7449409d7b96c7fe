/** How the gateway answers nobody, the writers and the readers: harmless GETs, and one query for whatever came last. */
import type { Answer, LokiSeen } from '../../checks/doctor/loki-seen.ts';
import type { CollectorSeen } from '../../checks/doctor/collectors-seen.ts';
import type { DatasourceSeen, ReadingSeen } from '../../checks/doctor/survey.ts';
import type { Logs } from '../../ports/logs.ts';
import { askGateway, gatewayLogs } from './survey-gateway.ts';
import { looked, type Looking } from './survey-objects.ts';

/** Parts of a Loki without a gateway that answer queries themselves. */
const READERS = ['gateway', 'query-frontend', 'read', 'single-binary', 'querier'];

interface Asking {
  readonly loki: LokiSeen;
  readonly collectors: readonly CollectorSeen[];
  readonly datasources: readonly DatasourceSeen[];
}

const PROBE = '/loki/api/v1/labels';

export interface Answers extends Omit<Asking, 'loki'> {
  readonly anonymous?: Answer;
  readonly reading?: ReadingSeen;
  /** As whoever could read. */
  readonly read?: (path: string) => Promise<Answer>;
}

export async function answersOf(looking: Looking, asking: Asking): Promise<Answers> {
  const { loki, collectors, datasources } = asking;
  const workload = loki.gateway?.workload ?? READERS.map((name) => loki.workloads.find(({ component }) => component === name)).find(Boolean);
  if (!workload) return { collectors, datasources };
  const logs = await gatewayLogs(looking, { namespace: loki.namespace, workload });
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
  const reader = readerOf(answered);
  const reading = reader && (await looked(looking.miss, 'a query', readingOf(looking, { logs, reader })));
  return {
    ...answered,
    ...(loki.gateway && { anonymous }),
    ...(reading && { reading }),
    ...(reader && { read: (path: string) => logs.get(path, reader.as) }),
  };
}

interface Reader {
  readonly called: string;
  readonly as: NonNullable<Parameters<Logs['get']>[1]>;
}

/** As a data source of the cluster reads when one has all it takes, else as the writer. */
function readerOf({ collectors, datasources }: Omit<Asking, 'loki'>): Reader | undefined {
  const reader = datasources.find(({ answer }) => answer?.status === 200);
  const writer = collectors.flatMap(({ writers }) => writers).find(({ answer }) => answer?.status === 200);
  if (!reader && !writer) return undefined;
  const login = (reader ?? writer)?.login;
  const tenant = reader ? reader.tenant : writer?.tenant?.is === 'fixed' ? writer.tenant.name : undefined;
  return {
    called: reader ? `data source "${reader.name}"` : `the collector (${writer?.component})`,
    as: { ...(login && { login }), ...(tenant && { tenant }) },
  };
}

async function readingOf({ run }: Looking, { logs, reader }: { readonly logs: Logs; readonly reader: Reader }): Promise<ReadingSeen> {
  const { as } = reader;
  const asked = run.outside.clock.now();
  // What Grafana's "Save & test" asks: an old Loki does not understand it.
  const health = await askGateway(logs, `/loki/api/v1/query?${new URLSearchParams({ query: 'vector(1)+vector(1)', limit: '1' })}`, as);
  const base = { ...(health && { health }), as: reader.called, asked };
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
