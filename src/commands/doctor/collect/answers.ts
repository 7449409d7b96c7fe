/** The gateway's responses to anonymous requests, the writers and the readers: harmless GETs, and one query for the newest line. */
import type { Answer, LokiEvidence } from '../analyze/loki-evidence.ts';
import type { CollectorEvidence } from '../analyze/collectors-evidence.ts';
import type { DatasourceEvidence, ReadingEvidence } from '../analyze/evidence.ts';
import type { Logs } from '../../../ports/logs.ts';
import { askGateway, gatewayLogs } from './gateway.ts';
import { isRecord, listIn, received, recordIn, wordsIn } from './json.ts';
import { stop } from '../../../problems/problem.ts';
import { inTime, collected, type CollectContext } from './objects.ts';

/** Components of a Loki without a gateway that answer queries themselves. */
const READERS = ['gateway', 'query-frontend', 'read', 'single-binary', 'querier'];

interface Asking {
  readonly loki: LokiEvidence;
  readonly collectors: readonly CollectorEvidence[];
  readonly datasources: readonly DatasourceEvidence[];
}

const PROBE = '/loki/api/v1/labels';

export interface Answers extends Omit<Asking, 'loki'> {
  readonly anonymous?: Answer;
  readonly reading?: ReadingEvidence;
  /** The identity used for reading. */
  readonly read?: (path: string) => Promise<Answer>;
}

export async function answersOf(looking: CollectContext, asking: Asking): Promise<Answers> {
  const { loki, collectors, datasources } = asking;
  const workload = loki.gateway?.workload ?? READERS.map((name) => loki.workloads.find(({ component }) => component === name)).find(Boolean);
  if (!workload) return { collectors, datasources };
  const logs = await gatewayLogs(looking, { namespace: loki.namespace, workload });
  const ask = (as: Parameters<Logs['get']>[1]) =>
    collected(
      looking.miss,
      'gateway responses',
      steadily(looking, () => askGateway(logs, PROBE, as)),
    );
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
  const reading = reader && (await collected(looking.miss, 'a query', readingOf(looking, { logs, reader })));
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

/** Reads with a data source's login and tenant if one has both, else as the writer. */
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

/** In the middle of a restart a request may fail that succeeds a moment later. */
const AGAIN_MS = 2000;

/** How long to wait for a query that Loki answers in a second; more than one pod may be tried in that time. */
const ANSWER_MS = 15_000;

/** Repeats the query if it failed for a transient reason. */
async function steadily<T extends Answer>({ run }: CollectContext, ask: () => Promise<T>): Promise<T> {
  const heard = async (): Promise<T> => {
    const answer = await inTime(run, ANSWER_MS, ask());
    if (answer === 'late') throw stop('COLLECT_TIMED_OUT', { message: `no response within ${ANSWER_MS / 1000} s` });
    return answer;
  };
  const answer = await heard();
  if (answer.status < 500) return answer;
  await run.deps.clock.sleep(AGAIN_MS, run.signal);
  return heard();
}

async function readingOf(looking: CollectContext, { logs, reader }: { readonly logs: Logs; readonly reader: Reader }): Promise<ReadingEvidence> {
  const { run, miss } = looking;
  const { as } = reader;
  const asked = run.deps.clock.now();
  // The query of Grafana's "Save & test": an old Loki does not understand it.
  const health = await collected(
    miss,
    "Grafana's health check",
    steadily(looking, () => askGateway(logs, `/loki/api/v1/query?${new URLSearchParams({ query: 'vector(1)+vector(1)', limit: '1' })}`, as)),
  );
  const base = { ...(health && { health }), as: reader.called, asked };
  const since = `start=${asked.getTime() - HOUR}000000&end=${asked.getTime() + 60_000}000000`;
  const listed = await steadily(looking, () => logs.get(`${PROBE}?${since}`, as));
  const known = listed.status === 200 ? recordIn(listed.body) : {};
  if (!known) return { ...base, status: 200, body: listed.body.slice(0, 300), labels: [], unread: `GET ${PROBE} returned ${received(listed.body)}` };
  const labels = wordsIn(known['data']);
  const label =
    ['namespace', 'job', 'app', 'pod', 'container', 'cluster'].find((name) => labels.includes(name)) ?? labels.find((name) => !name.startsWith('__'));
  if (listed.status !== 200 || !label) return { ...base, status: listed.status, body: listed.body.slice(0, 300), labels };
  const query = `{${label}=~".+"}`;
  const answer = await steadily(looking, () =>
    logs.get(`/loki/api/v1/query_range?${new URLSearchParams({ query, limit: '1', direction: 'backward' })}&${since}`, as),
  );
  const lines = answer.status === 200 ? entriesIn(answer.body) : [];
  const told = { ...base, status: answer.status, body: answer.body.slice(0, 300), labels, query };
  if (!lines) return { ...told, unread: `the query returned ${received(answer.body)}` };
  const [newest] = lines.toSorted((a, b) => b.time.getTime() - a.time.getTime());
  return { ...told, ...(newest && { newest }) };
}

const HOUR = 3_600_000;

type Newest = NonNullable<ReadingEvidence['newest']>;

/** `undefined` if it is not a query response; a malformed stream has no entries. */
function entriesIn(body: string): readonly Newest[] | undefined {
  const data = recordIn(body)?.['data'];
  if (!isRecord(data) || (data['result'] !== null && !Array.isArray(data['result']))) return undefined;
  return listIn(data['result'])
    .filter(isRecord)
    .flatMap(({ stream, values }) =>
      listIn(values).flatMap((pair): readonly Newest[] => {
        const [stamp, line] = listIn(pair);
        const time = typeof stamp === 'string' && /^\d{1,19}$/.test(stamp) ? new Date(Number(BigInt(stamp) / 1_000_000n)) : undefined;
        if (!time || typeof line !== 'string') return [];
        const labels = isRecord(stream) ? Object.fromEntries(Object.entries(stream).map(([key, value]) => [key, String(value)])) : {};
        return [{ line, labels, time }];
      }),
    );
}
