/** Plays cases and judges what `doctor` says of them. */
import { createFaultApi } from '../../src/sandbox/faults/fault-api.ts';
import type { FailureClass } from '../../src/problems/failure-classes.ts';
import type { Case } from './case.ts';
import { openHarness, type Diagnosis, type Harness } from './harness.ts';

export interface Played {
  readonly id: string;
  readonly class: FailureClass;
  /** `nothing` where nothing may be found. */
  readonly expected: string;
  /** Code of what is named first. */
  readonly named: string;
  readonly hop: string;
  readonly ok: boolean;
  /** Something was found where nothing is wrong. */
  readonly falseAlarm: boolean;
  /** What was said instead, for whoever has to find out why. */
  readonly said: string;
}

/**
 * Things take their time to break: they are looked at again for as long as this, in milliseconds, and so many times at least. Pushes
 * that fail within 15 s of Loki's readiness are no finding, and that is measured on the clock of the machine.
 */
const PATIENCE = 25_000;
const LOOKS = 12;
const STEP = 100;
/** What would be found wrongly is found by then. */
const QUIET = 600;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function play(one: Case): Promise<Played> {
  const harness = await openHarness({
    installed: one.values === undefined,
    ...(one.region && { region: one.region }),
    ...(one.fromTheStart && { breaks: one.fromTheStart }),
  });
  try {
    await act(harness, one);
    if (one.quiet !== undefined) await pause(QUIET);
    return judged(one, await looked(harness, one));
  } finally {
    harness.close();
  }
}

async function act({ world }: Harness, { breaks = [], evidence, act, slow }: Case): Promise<void> {
  if (slow) world.addFault({ call: slow, how: 'slow', ms: 300_000 });
  for (const name of breaks) world.breaks.make(name);
  act?.(createFaultApi(world, 'case'));
  if (evidence) world.replay.add('case', evidence);
}

async function looked(harness: Harness, one: Case): Promise<Diagnosis> {
  const end = Date.now() + PATIENCE;
  for (let looks = 1; ; looks += 1) {
    const found = await harness.doctor(one.values && { values: one.values });
    if (one.quiet !== undefined || judged(one, found).ok || (looks >= LOOKS && Date.now() > end)) return found;
    await pause(STEP);
  }
}

function judged(one: Case, { exit, first, findings }: Diagnosis): Played {
  const { id, class: wanted, says, quiet } = one;
  const text = first ? [first.problem.message, first.problem.fix, ...(first.problem.evidence ?? [])].join('\n') : '';
  const named = first !== undefined && first.classes.includes(wanted) && (says === undefined || says.test(text));
  const silent = findings.length === 0 && exit === 0;
  return {
    id,
    class: wanted,
    expected: quiet === undefined ? wanted : 'nothing',
    named: first?.problem.code ?? 'nothing',
    hop: first?.hop || one.hop,
    ok: quiet === undefined ? named : silent,
    falseAlarm: quiet !== undefined && !silent,
    said: findings.map(({ role, problem }) => `${role} ${problem.code}: ${problem.message}`).join('; '),
  };
}
