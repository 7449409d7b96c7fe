/** Stuck collectors while their nodes print: counters sampled twice, and lines of neighbors that Loki does not have. */
import type { CollectorEvidence, StuckEvidence } from '../analyze/collectors-evidence.ts';
import type { Answer } from '../analyze/loki-evidence.ts';
import type { PodEvidence } from '../analyze/objects-evidence.ts';
import { isRecord, listIn, recordIn, wordsIn } from './json.ts';
import { each, collected, podOf, type CollectContext } from './objects.ts';

const MOST_SUSPECTS = 3;
const NEIGHBOURS = 8;
/** By then a printed line is queryable, whatever the batches and the load. */
const SETTLED_MS = 30_000;
const RECENT_SECONDS = 600;
const STARTING_MS = 15_000;

/** How Loki is queried: with a reader's login, by labels that lines have. */
export interface Asking {
  readonly get: (path: string) => Promise<Answer>;
  readonly labels: readonly string[];
}

/** By counters that were sampled twice: with one sample, progress is unknown. */
export async function standingStill(
  looking: CollectContext,
  { pods, counters, pushing }: CollectorEvidence,
  asking: Asking | undefined,
): Promise<readonly StuckEvidence[]> {
  if (!asking || counters.length === 0 || !['namespace', 'pod'].every((label) => asking.labels.includes(label))) return [];
  const again = counters.map((before) => ({
    before,
    pod: pods.find(({ name }) => name === before.pod),
    after: pushing.find(({ pod }) => pod === before.pod)?.after,
  }));
  const blind = again.filter(({ before, pod }) => before.activeFiles === 0 && before.sentEntries === 0 && isGrown(looking, pod));
  const idle = again.filter(
    ({ before, after }) => after !== undefined && after.sentEntries === before.sentEntries && after.droppedEntries === before.droppedEntries,
  );
  // If no collector delivers, something else is wrong, and other checks report it.
  const suspects = [...(blind.length < again.length ? blind : []), ...(idle.length < again.length || again.length === 1 ? idle : [])];
  if (suspects.length === 0) return [];
  const namespaces = await known(asking);
  const found = await each([...new Set(suspects)].slice(0, MOST_SUSPECTS), MOST_SUSPECTS, async (one) => {
    const { before, pod } = one;
    // Collectors that follow no file on nodes where pods print need not be asked for their lines.
    const printing = pod && (await missingNeighbour(looking, { pod, blind: blind.includes(one), asking, namespaces }));
    return printing ? [{ pod: pod.name, node: pod.node ?? '', printing, sentEntries: before.sentEntries }] : [];
  });
  return found.flat();
}

/** A collector that has just started has not discovered its files yet. */
const isGrown = ({ run }: CollectContext, pod: PodEvidence | undefined): boolean =>
  pod?.created !== undefined && run.deps.clock.now().getTime() - pod.created.getTime() > STARTING_MS;

/** Pipelines leave out some namespaces intentionally. */
async function known({ get }: Asking): Promise<ReadonlySet<string>> {
  const answer = await get('/loki/api/v1/label/namespace/values');
  return new Set(answer.status === 200 ? wordsIn(recordIn(answer.body)?.['data']) : []);
}

interface Suspect {
  readonly pod: PodEvidence;
  readonly blind: boolean;
  readonly asking: Asking;
  readonly namespaces: ReadonlySet<string>;
}

/** A pod on the same node that has printed a while ago what Loki does not have; `undefined` if Loki has a line of any of them. */
async function missingNeighbour(looking: CollectContext, { pod, blind, asking, namespaces }: Suspect): Promise<string | undefined> {
  const {
    session: { kubernetes },
    run,
    miss,
  } = looking;
  const query = { apiVersion: 'v1', kind: 'Pod', fields: `spec.nodeName=${pod.node}`, limit: 60 } as const;
  const objects = (await collected(miss, `pods of node ${pod.node}`, kubernetes.list(query))) ?? [];
  const near = objects.map(podOf).filter((one) => one.name !== pod.name && one.ready && namespaces.has(one.namespace));
  const printed = await each(near.slice(0, NEIGHBOURS), NEIGHBOURS, async (one) => ({ one, times: await timesOf(one) }));
  if (blind) return printed.filter(({ times }) => times.length > 0).map(({ one }) => `${one.namespace}/${one.name}`)[0];
  // Clocks of nodes differ from ours: the newest of all lines gives a lower bound of the delay.
  const now = Math.max(run.deps.clock.now().getTime(), ...printed.flatMap(({ times }) => times));
  const settled = printed.flatMap(({ one, times }) => {
    const last = times.findLast((time) => time <= now - SETTLED_MS);
    return last === undefined ? [] : [{ one, last }];
  });
  const asked = await each(settled, 4, async ({ one, last }) => ({ one, there: await hasSince(asking, one, { last, now }) }));
  return asked.some(({ there }) => there) ? undefined : asked.map(({ one }) => `${one.namespace}/${one.name}`)[0];

  async function timesOf(one: PodEvidence): Promise<readonly number[]> {
    const container = one.spec.containers[0]?.name ?? '';
    const options = new URLSearchParams({ container, tailLines: '40', sinceSeconds: String(RECENT_SECONDS), timestamps: 'true' });
    const answer = await collected(miss, `log of pod ${one.name}`, kubernetes.raw(`/api/v1/namespaces/${one.namespace}/pods/${one.name}/log?${options}`));
    if (answer?.status !== 200) return [];
    return answer.body.split('\n').flatMap((line) => {
      const time = Date.parse(line.slice(0, line.indexOf(' ')));
      return Number.isNaN(time) ? [] : [time];
    });
  }
}

async function hasSince({ get }: Asking, { namespace, name }: PodEvidence, { last, now }: { readonly last: number; readonly now: number }): Promise<boolean> {
  const query = `{namespace="${namespace}", pod="${name}"}`;
  const range = { start: `${last - 2_000}000000`, end: `${now + 60_000}000000`, limit: '1' };
  const answer = await get(`/loki/api/v1/query_range?${new URLSearchParams({ query, ...range })}`);
  // Without a response nothing is known, and no one is blamed.
  if (answer.status !== 200) return true;
  const data = recordIn(answer.body)?.['data'];
  return !isRecord(data) || listIn(data['result']).length > 0;
}
