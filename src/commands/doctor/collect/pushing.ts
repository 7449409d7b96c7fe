/** The outcome of the collectors' pushes: counters are sampled again, and once more if inconclusive. */
import type { CollectorEvidence, PushingEvidence } from '../analyze/collectors-evidence.ts';
import { stateOf } from '../analyze/pushes.ts';
import { countersOf } from './collectors.ts';
import { each, type CollectContext } from './objects.ts';

/** A shorter interval shows no difference: a batch waits a second before it is sent. */
const LEAST_MS = 2000;
/** A refused collector retries within 15 s, as loki-eks configures it; one without a response notices after 10 s more. */
const SURE_MS = { failing: 17_000, waiting: 27_000 } as const;
const PAUSE_MS = 2000;

/** `began`: when the counters in `collectors` were sampled. */
export async function pushingOf(
  looking: CollectContext,
  of: { readonly collectors: readonly CollectorEvidence[]; readonly began: Date },
): Promise<readonly CollectorEvidence[]> {
  const { clock } = looking.run.deps;
  const began = of.began.getTime();
  const again = (open: readonly CollectorEvidence[]) => Promise.all(open.map((one) => asked(looking, one, began)));
  const passed = () => clock.now().getTime() - began;
  let collectors = await again(of.collectors);
  // A clock that stands still must not make it last forever.
  let left = Math.ceil(SURE_MS.waiting / PAUSE_MS) + 2;
  const isUndecided = (one: PushingEvidence) => isOpen(one) && passed() < (stateOf(one) === 'failing' ? SURE_MS.failing : SURE_MS.waiting);
  while (left-- > 0 && collectors.some(({ pushing }) => pushing.some(isUndecided)) && !looking.run.signal.aborted) {
    await clock.sleep(passed() < LEAST_MS ? LEAST_MS - passed() : PAUSE_MS, looking.run.signal);
    collectors = await again(collectors);
  }
  return collectors;
}

const isOpen = (one: PushingEvidence): boolean => ['failing', 'waiting'].includes(stateOf(one));

/** What is conclusive is not sampled again. */
async function asked(looking: CollectContext, collector: CollectorEvidence, began: number): Promise<CollectorEvidence> {
  const { counters, pods } = collector;
  const known = new Map(collector.pushing.map((one) => [one.pod, one]));
  const pushing = await each(counters, 5, async (before): Promise<readonly PushingEvidence[]> => {
    const last = known.get(before.pod);
    if (last && !isOpen(last)) return [last];
    const pod = pods.find(({ name }) => name === before.pod);
    const after = pod && (await countersOf(looking, pod));
    const seconds = (looking.run.deps.clock.now().getTime() - began) / 1000;
    return after ? [{ pod: before.pod, before, after, seconds }] : last ? [last] : [];
  });
  return { ...collector, pushing: pushing.flat() };
}
