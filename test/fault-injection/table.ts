/** The fault table: every write of a command × every fault, and what must be reached afterwards. */
import { difference, exact, settled } from './compare.ts';
import { faults, type Moment, type Planned } from './line.ts';
import type { Harness, Ran } from './harness.ts';

export interface Tally {
  cases: number;
  /** Shown to reach the state before the run. */
  restored: number;
  /** Shown to reach the state of a run without faults: walked there, or standing where the first run began. */
  finished: number;
  /** Of those, not walked: the world is the initial one again, and the way from there has been walked by others. */
  alike: number;
  /** Planned, but the run had no such call in that order. */
  missed: number;
  /** Runs after which the world was looked at for log data that went without having been named. */
  watched: number;
  /** Of those, where some went. */
  unnamed: number;
  readonly failures: string[];
}

export const tally = (): Tally => ({ cases: 0, restored: 0, finished: 0, alike: 0, missed: 0, watched: 0, unnamed: 0, failures: [] });

/** One world that is at `initial` when a case begins, and is put back there when it has ended. */
export interface Bench {
  open(): Promise<Harness>;
  /** A run of the command that is tried, with faults. */
  readonly tried: (harness: Harness, planned: readonly Planned[]) => Promise<Ran>;
  /** Afterwards, towards the end. */
  readonly finish: (harness: Harness) => Promise<Ran>;
  /** Afterwards, towards the beginning. */
  readonly restore: (harness: Harness) => Promise<Ran>;
  /** What the world has to look like, `undefined` for the world as it was before anything was run, to the last object. */
  readonly initial: string | undefined;
  readonly finished: string;
  /**
   * A world from which a run could not take everything back, and which knows less than the initial one, may lead to an end of its own: it is one
   * where a further run has nothing to write.
   */
  readonly endsApart?: true;
  /** What no run may change, whatever it comes to. */
  readonly kept?: (harness: Harness) => string;
  /** A world that is the initial one again goes on to the end only every n-th time. */
  readonly walkEach: number;
  /** A write after which nothing is left to do or to take back, but to say so. */
  readonly last?: Moment;
  /** What also goes wrong, before the fault that is tried. */
  readonly first?: readonly Planned[];
}

/** Lock renewals, and giving the lock back once more because one came between, follow the clock and no order. */
export const timed = ({ call, nth }: Moment): boolean => call === 'kube:update:leases' || (call === LAST && nth > 1);

export const plansOf = (moments: readonly Moment[]): readonly Planned[] =>
  moments.filter((moment) => !timed(moment)).flatMap((moment) => faults.map((fault) => ({ ...moment, fault })));

/** Gives the lock back: a run that dies here has ended, and nothing of it is unfinished. */
const LAST = 'kube:delete:leases';

/** Takes the lock, before the journal is opened. */
const FIRST = 'kube:create:leases';

function forgetLock({ world: { store } }: Harness): void {
  for (const { metadata } of store.list('Lease', { namespace: 'kube-system' }))
    if (metadata.name.startsWith('loki-eks-')) store.delete('Lease', 'kube-system', metadata.name);
}

/** Most of a run is waiting that takes a moment. */
const AT_ONCE = 4;

export async function fill(api: Bench, plans: readonly Planned[]): Promise<Tally> {
  const sum = tally();
  const queue = [...plans];
  const worker = async () => {
    const harness = await api.open();
    const back = harness.save();
    const kept = api.kept?.(harness);
    for (let plan = queue.shift(); plan; plan = queue.shift()) {
      const named = nameOf(plan);
      await one(api, { harness, plan, sum, ...(kept !== undefined && { kept }) }).catch((error: unknown) =>
        sum.failures.push(`${named}: ${String((error as Error).stack ?? error)}`),
      );
      back();
    }
    const differing = await session(harness, api.initial);
    if (differing !== undefined) sum.failures.push(`a house is not as it was when it was opened\n${differing}`);
    harness.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return sum;
}

const nameOf = ({ call, nth, fault }: Planned) => `${call}#${nth} ${fault}`;

interface Case {
  readonly harness: Harness;
  readonly plan: Planned;
  readonly sum: Tally;
  readonly kept?: string;
}

async function one(api: Bench, { harness, plan, sum, kept }: Case): Promise<void> {
  const planned = [...(api.first ?? []), plan];
  const said: string[] = [];
  const told = (what: string, ran: Ran) => {
    said.push(`${what}: exit ${ran.exit ?? 'killed'}${why(ran)}`);
    sum.watched++;
    if (ran.unnamed.length === 0) return ran;
    sum.unnamed++;
    throw new Error(`log data went that nobody had named: ${ran.unnamed.join(', ')}\n${said.join('\n')}`);
  };
  const must = async (state: string | undefined, what: string) => {
    const differing = await session(harness, state);
    if (differing !== undefined) throw new Error(`not ${what}\n${said.join('\n')}\n${differing}`);
    const now = api.kept?.(harness);
    if (now !== kept) throw new Error(`${what}, but not everything was kept\n${said.join('\n')}\n${difference(kept ?? '', now ?? '')}`);
  };
  const { exit, fired } = told('run', await api.tried(harness, planned));
  if (fired < planned.length) {
    sum.missed++;
    if (exit === 0) await must(api.finished, 'finished');
    else if (exit !== undefined) await must(api.initial, 'restored');
    return;
  }
  sum.cases++;
  if (exit === 0) {
    await must(api.finished, 'finished');
    sum.finished++;
    return;
  }
  const itself = exit === 4 || exit === 3;
  const over = exit === undefined && plan.call === LAST;
  const done = exit === undefined && plan.call === api.last?.call && plan.nth === api.last.nth;
  if (over) await must(api.first ? api.initial : api.finished, 'at its end');
  else if (itself) await must(api.initial, 'restored by the run itself');
  else {
    await quiet(harness);
    const asLeft = harness.save();
    // A run that died with nothing but its lock has left nothing to be taken back.
    if (exit === undefined && plan.call === FIRST) forgetLock(harness);
    else if (!done) told('restore', await api.restore(harness));
    if (!done) await must(api.initial, 'restored');
    asLeft();
  }
  if (!(over || done) || api.first) sum.restored++;
  if (itself && sum.restored % api.walkEach !== 0) {
    sum.finished++;
    sum.alike++;
    return;
  }
  told('finish', await api.finish(harness));
  if (api.endsApart && (exit === 5 || (exit === undefined && api.first))) {
    const again = told('again', await api.finish(harness));
    const writes = again.writes.filter(({ call }) => !call.endsWith(':leases')).map(({ call }) => call);
    if (again.exit !== 0 || writes.length > 0) throw new Error(`not at an end: ${writes.slice(0, 5).join(', ')}\n${said.join('\n')}`);
  } else await must(api.finished, 'finished');
  sum.finished++;
}

const PATIENCE_MS = 3000;

/** A namespace that the dead run was deleting goes by itself, and can't be put back half gone. */
async function quiet({ world }: Harness): Promise<void> {
  const leaving = () => world.store.list('Namespace').some(({ metadata }) => metadata.deletionTimestamp);
  for (const until = Date.now() + PATIENCE_MS; leaving() && Date.now() < until;) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** `undefined` when the world comes to that state, else where it differs; a namespace may still be on its way out. */
async function session({ world, pristine }: Harness, state: string | undefined): Promise<string | undefined> {
  for (const until = Date.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const found = state === undefined ? exact(world) : settled(world);
    if (found === (state ?? pristine)) return undefined;
    if (Date.now() > until) return difference(state ?? pristine, found);
  }
}

function why({ events }: Ran): string {
  const problems = events.flatMap((event) =>
    event.type === 'step.failed' || event.type === 'undo.failed' ? [`${event.type} ${event.step}: ${event.problem.code} ${event.problem.message}`] : [],
  );
  const last = events.at(-1);
  const ended =
    last?.type === 'run.finished' && problems.length === 0
      ? (last.problems ?? []).map(({ code, message, evidence }) => `${code} ${message} ${(evidence ?? []).slice(0, 4).join(' | ')}`)
      : [];
  return [...problems, ...ended].map((line) => `\n    ${line.slice(0, 400)}`).join('');
}
