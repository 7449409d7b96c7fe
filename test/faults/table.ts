/** The fault table: every write of a command × every fault, and what must be reached afterwards. */
import { difference, exact, settled } from './compare.ts';
import { faults, type Moment, type Planned } from './line.ts';
import type { House, Ran } from './house.ts';

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
  readonly failures: string[];
}

export const tally = (): Tally => ({ cases: 0, restored: 0, finished: 0, alike: 0, missed: 0, failures: [] });

/** One world that is at `initial` when a case begins, and is there again when it has ended well. */
export interface Bench {
  open(): Promise<House>;
  /** A run of the command that is tried, with faults. */
  readonly tried: (house: House, planned: readonly Planned[]) => Promise<Ran>;
  /** Afterwards, towards the end. */
  readonly finish: (house: House) => Promise<Ran>;
  /** Afterwards, towards the beginning. */
  readonly restore: (house: House) => Promise<Ran>;
  /** From the end to the beginning; absent where a fresh world is cheaper. */
  readonly back?: (house: House) => Promise<Ran>;
  /** What the world has to look like, `undefined` for the world as it was before anything was run, to the last object. */
  readonly initial: string | undefined;
  readonly finished: string | undefined;
  /** A world that is the initial one again goes on to the end only every n-th time. */
  readonly walkEach: number;
  /** What also goes wrong, before the fault that is tried. */
  readonly first?: readonly Planned[];
}

/** Lock renewals, and giving the lock back once more because one came between, follow the clock and no order. */
export const timed = ({ call, nth }: Moment): boolean => call === 'kube:update:leases' || (call === LAST && nth > 1);

export const plansOf = (moments: readonly Moment[]): readonly Planned[] =>
  moments.filter((moment) => !timed(moment)).flatMap((moment) => faults.map((fault) => ({ ...moment, fault })));

/** Gives the lock back: a run that dies here has ended, and nothing of it is unfinished. */
const LAST = 'kube:delete:leases';

const AT_ONCE = 6;

export async function fill(bench: Bench, plans: readonly Planned[]): Promise<Tally> {
  const sum = tally();
  const queue = [...plans];
  const worker = async () => {
    let house: House | undefined;
    for (let plan = queue.shift(); plan; plan = queue.shift()) {
      house ??= await bench.open();
      const before = sum.failures.length;
      await one(bench, { house, plan, sum }).catch((error: unknown) =>
        sum.failures.push(`${nameOf(plan as Planned)}: ${String((error as Error).stack ?? error)}`),
      );
      if (bench.back && sum.failures.length === before) continue;
      house.close();
      house = undefined;
    }
    house?.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return sum;
}

const nameOf = ({ call, nth, fault }: Planned) => `${call}#${nth} ${fault}`;

interface Case {
  readonly house: House;
  readonly plan: Planned;
  readonly sum: Tally;
}

async function one(bench: Bench, { house, plan, sum }: Case): Promise<void> {
  const planned = [...(bench.first ?? []), plan];
  const said: string[] = [];
  const told = (what: string, ran: Ran) => (said.push(`${what}: exit ${ran.exit ?? 'killed'}${why(ran)}`), ran);
  const must = async (state: string | undefined, what: string, at: House = house) => {
    const differing = await reached(at, state);
    if (differing !== undefined) throw new Error(`not ${what}\n${said.join('\n')}\n${differing}`);
  };
  const ran = told('run', await bench.tried(house, planned));
  if (ran.fired < planned.length) {
    sum.missed++;
    if (ran.exit === 0) await must(bench.finished, 'finished');
    else if (ran.exit !== undefined) await must(bench.initial, 'restored');
    if (ran.exit === 0 && bench.back) told('back', await bench.back(house));
    return;
  }
  sum.cases++;
  if (ran.exit === 0) {
    await must(bench.finished, 'finished');
    sum.finished++;
  } else {
    const itself = ran.exit === 4 || ran.exit === 3;
    const over = ran.exit === undefined && plan.call === LAST;
    if (over) await must(bench.first ? bench.initial : bench.finished, 'at its end');
    else if (itself) await must(bench.initial, 'restored by the run itself');
    else if (bench.back) {
      told('restore', await bench.restore(house));
      await must(bench.initial, 'restored');
      told('run again', await bench.tried(house, planned));
    } else
      await inAnotherHouse(bench, async (other) => {
        told('run elsewhere', await bench.tried(other, planned));
        told('restore', await bench.restore(other));
        await must(bench.initial, 'restored', other);
      });
    if (!over || bench.first) sum.restored++;
    if (itself && sum.restored % bench.walkEach !== 0) {
      sum.finished++;
      sum.alike++;
      return;
    }
    told('finish', await bench.finish(house));
    await must(bench.finished, 'finished');
    sum.finished++;
  }
  if (!bench.back) return;
  told('back', await bench.back(house));
  await must(bench.initial, 'back');
}

async function inAnotherHouse(bench: Bench, act: (house: House) => Promise<void>): Promise<void> {
  const house = await bench.open();
  try {
    await act(house);
  } finally {
    house.close();
  }
}

const PATIENCE_MS = 3000;

/** `undefined` when the world comes to that state, else where it differs; pods and volumes may still be on their way out. */
async function reached({ world, pristine }: House, state: string | undefined): Promise<string | undefined> {
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
