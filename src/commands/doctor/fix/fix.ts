/** `doctor --fix`: fixes what can be fixed safely, shows it first, asks before risky changes, and checks again until the rest is clear. */
import { plan as planOf } from '../../../engine/plan.ts';
import type { RunResult } from '../../../engine/run.ts';
import { close } from '../../../engine/undo.ts';
import type { Plan } from '../../../engine/types.ts';
import { problem } from '../../../problems/problem.ts';
import type { Finding, Diagnosis } from '../diagnose.ts';
import { fixOurs } from './fix-ours.ts';
import { fixElsewhere } from './fix-elsewhere.ts';
import { agreedTo, type Proposal } from './proposal.ts';
import { executePlan, resultOfFailure } from '../../execute-plan.ts';
import { locked, lockParts } from '../../lock/lock.ts';
import { closeOvertaken, isOvertaken } from '../../recover.ts';
import type { DoctorFix, RunContext } from '../../../deps.ts';
import { problemOf, toProblem, type CommandResult } from '../../run-command.ts';

export interface FixResult {
  readonly walk: (run: RunContext) => Promise<Diagnosis>;
  /** Reports the findings of a diagnosis. */
  readonly show: (run: RunContext, diagnosis: Diagnosis) => CommandResult;
}

/** Fixing one finding may reveal another one. */
const ROUNDS = 6;

export async function applyFixes(
  run: RunContext,
  fix: DoctorFix,
  { walk, show }: FixResult,
): Promise<{ readonly diagnosis: Diagnosis; readonly ending: CommandResult }> {
  let diagnosis = await walk(run);
  let shown: CommandResult | undefined;
  let writes = 0;
  const tried = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const wanted = fixable(diagnosis).filter(({ problem: { code } }) => !tried.has(code));
    if (wanted.length === 0) break;
    shown ??= show(run, diagnosis);
    const chosen = diagnosis.seen.ours ? wanted : wanted.slice(0, 1);
    for (const { problem: found } of chosen) tried.add(found.code);
    const proposal = await (diagnosis.seen.ours ? fixOurs : fixElsewhere)(run, diagnosis, chosen);
    const granted = proposal && (await agreedTo(run, proposal, fix));
    if (!granted) continue;
    const result = await execute(run, diagnosis, granted);
    if (result.outcome !== 'done') return { diagnosis, ending: ended(result, writes) };
    writes += result.writes;
    if (result.writes > 0) {
      run.emit({ type: 'fact.found', fact: 'fixed', value: `${granted.codes.join(', ')}; checking again until the fix takes effect` });
      try {
        diagnosis = await lookUntil(run, walk, { gone: awaited(diagnosis, granted.codes), known: failing(diagnosis) });
      } catch (error) {
        if (!run.signal.aborted) throw error;
        // Nothing is rolled back any more, so this is not an interruption that restored the previous state.
        const message = 'Checking again was interrupted; completed fixes stay';
        return { diagnosis, ending: { outcome: 'unhealthy', problems: [problem('INTERRUPTED', { message, fix: 'loki-eks doctor' })], writes } };
      }
      shown = undefined;
    }
  }
  const ending = shown ?? show(run, diagnosis);
  return { diagnosis, ending: { ...ending, writes } };
}

/** The root first; likely symptoms disappear with it. A mere warning is no reason to change a foreign installation. */
function fixable({ result: { findings }, seen: { ours } }: Diagnosis): readonly Finding[] {
  const fit = findings.filter(({ role, severity, autofix }) => (severity === 'fail' || ours) && role !== 'consequence' && autofix !== 'no');
  return [...fit.filter(({ role }) => role === 'root'), ...fit.filter(({ role }) => role !== 'root')];
}

/** Once a fix was applied and stays, the state has changed, whatever happened to the rest. */
function ended(result: RunResult, writes: number): CommandResult {
  const ending = resultOfFailure(result);
  return writes > 0 && ending.outcome !== 'left' && ending.outcome !== 'interrupted' ? { ...ending, outcome: 'unhealthy', writes } : ending;
}

async function execute(run: RunContext, { session }: Diagnosis, { steps, ctx, ownership, done }: Proposal): Promise<RunResult> {
  const { deps, emit } = run;
  const parts = await lockParts(run, { ctx: session, blueprint: { ownership }, command: 'doctor --fix' });
  return locked(parts, async ({ lost, stillHeld, chain }): Promise<RunResult> => {
    const unfinished = await deps.journals.unfinished(ownership.installId);
    if (unfinished && isOvertaken(unfinished, { chain })) await closeOvertaken(unfinished, run);
    else if (unfinished?.entries.some(({ step }) => !step.startsWith('mend.'))) {
      const message = `A run of ${unfinished.started.toISOString().slice(0, 19)}Z has not finished`;
      return { outcome: 'undone', writes: 0, problems: [problem('RUN_UNFINISHED', { message })], left: [] };
    }
    // The changes of an interrupted fix stay, as this diagnosis has seen them.
    else if (unfinished) await close(unfinished, 'done', { emit, toProblem });
    const now: Plan<never> = await planOf(steps, ctx as never, problemOf);
    const { result } = await executePlan(run, { plan: now, ctx: ctx as never, installId: ownership.installId, action: 'fix' }, { lost, stillHeld, chain });
    if (result.outcome === 'done') await done?.();
    return result;
  });
}

/** What was fixed must be gone, and its likely symptoms with it; any other finding is unaffected. */
function awaited({ result: { findings } }: Diagnosis, codes: readonly string[]): ReadonlySet<string> {
  return new Set([...codes, ...findings.filter(({ role }) => role === 'consequence').map(({ problem: { code } }) => code)]);
}

/** Collectors discover new files every ten seconds, kubelets propagate a changed Secret within a minute. */
const PATIENCE_MS = 90_000;
const PAUSE_MS = 2000;
/** What was just restarted is not ready for a while; a finding that persists longer was hidden before. */
const STARTING_MS = 20_000;

const failing = ({ result: { findings } }: Diagnosis): ReadonlySet<string> =>
  new Set(findings.flatMap(({ severity, problem: { code } }) => (severity === 'fail' ? [code] : [])));

async function lookUntil(
  run: RunContext,
  walk: FixResult['walk'],
  { gone, known }: { readonly gone: ReadonlySet<string>; readonly known: ReadonlySet<string> },
): Promise<Diagnosis> {
  const { clock } = run.deps;
  const quiet = { ...run, emit: () => {} };
  const began = clock.now().getTime();
  for (;;) {
    const diagnosis = await walk(quiet);
    const waited = clock.now().getTime() - began;
    const still = [...failing(diagnosis)];
    const over = !still.some((code) => gone.has(code)) && (waited > STARTING_MS || still.every((code) => known.has(code)));
    if (over || waited > PATIENCE_MS) return diagnosis;
    await clock.sleep(PAUSE_MS, run.signal);
  }
}
