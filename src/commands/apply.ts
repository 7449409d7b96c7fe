/** From a displayed plan to the end of the run: the confirmation, the lock, the changes and the verification. */
import type { RunResult } from '../engine/run.ts';
import { changesIn } from '../engine/plan.ts';
import type { Change, Journal, Plan } from '../engine/types.ts';
import type { Blueprint } from '../design/blueprint.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { forgetRestored } from '../steps/remediation.ts';
import { afterFailure, BEYOND_UNDO, executePlan, resultOfFailure } from './execute-plan.ts';
import { locked, lockParts, otherRun, sweep, type Lock, type LockParts } from './lock/lock.ts';
import { replan, type PreparedPlan } from './prepare.ts';
import type { RunContext } from '../deps.ts';
import { recover } from './recover.ts';
import { prove, type Proof } from './verify/verify.ts';
import type { CommandResult } from './run-command.ts';

/** `command` is the name of this run as reported to concurrent runs. */
export async function applyPlan(run: RunContext, seen: PreparedPlan, command: 'install' | 'adopt'): Promise<CommandResult> {
  const parts = await lockParts(run, { ...seen, command });
  const unfinished = (await run.deps.journals.unfinished(seen.blueprint.ownership.installId)) !== undefined;
  const ending = unfinished ? undefined : await beforehand(run, seen, parts);
  return ending ?? locked(parts, (lock) => underLock(run, seen, { lock, unfinished }));
}

/** What ends a run before it takes the lock: blockers, nothing to do, or a declined plan. A concurrent run explains what looks broken. */
async function beforehand(run: RunContext, seen: PreparedPlan, parts: LockParts): Promise<CommandResult | undefined> {
  const other = seen.blockers.length > 0 ? await otherRun(parts) : undefined;
  const ending = await consented(run, other ? { ...seen, blockers: [other, ...seen.blockers] } : seen);
  if (ending?.outcome === 'nothing-to-do') await sweep(parts);
  return ending;
}

/** `undefined` if there is something to do, nothing blocks it, and the user agrees. */
async function consented(run: RunContext, { blockers, plan }: Pick<PreparedPlan, 'blockers' | 'plan'>): Promise<CommandResult | undefined> {
  if (blockers.length > 0) return { outcome: 'refused', problems: blockers };
  const changes = changesIn(plan);
  if (changes === 0) {
    run.emit({ type: 'note.given', text: 'To verify log delivery again: loki-eks verify' });
    return { outcome: 'nothing-to-do', writes: 0 };
  }
  return (await agreed(run, plan)) ? undefined : { outcome: 'refused', problems: [problem('DECLINED')] };
}

/** Another run may have finished between the plan and the lock, so everything is inspected again. */
async function underLock(
  run: RunContext,
  seen: PreparedPlan,
  { lock, unfinished }: { readonly lock: Lock; readonly unfinished: boolean },
): Promise<CommandResult> {
  const now = await replan(run, seen, { all: unfinished });
  const ending = unfinished
    ? // Rolling back must be possible even if resuming is blocked.
      ((await recover(run, now, lock)) ?? (await consented(run, now)))
    : (outdated(run, seen.plan, now.plan) ?? (await consented({ ...run, yes: true }, now)));
  return ending ?? apply(run, now, lock);
}

/** Only what the user agreed to is done: a new change in the plan stops the run, a missing one does not. */
function outdated({ yes, deps }: RunContext, before: Plan<Context>, now: Plan<Context>): CommandResult | undefined {
  if (yes || !deps.questions) return undefined;
  const known = new Set(changesOf(before).map(words));
  const fresh = changesOf(now)
    .map(words)
    .filter((change) => !known.has(change));
  return fresh.length > 0 ? { outcome: 'refused', problems: [problem('PLAN_OUTDATED', { evidence: fresh.map((change) => `new: ${change}`) })] } : undefined;
}

const changesOf = (plan: Plan<Context>): readonly Change[] =>
  plan.flatMap(({ finding }) => (finding.is === 'differs' ? finding.changes.filter(({ action }) => action !== 'keep') : []));
const words = ({ action, target }: Change): string => `${action} ${target}`;

/** The only question after the plan; nothing is drawn while it is asked. A plan that deletes something does not default to yes. */
async function agreed({ yes, deps, settled }: RunContext, plan: Plan<Context>): Promise<boolean> {
  if (yes || !deps.questions) return true;
  await settled();
  const changes = changesIn(plan);
  const deletes = changesOf(plan).some(({ action }) => action === 'delete');
  return deps.questions.confirm(`Make ${changes === 1 ? 'this change' : `these ${changes} changes`}?`, !deletes);
}

async function apply(run: RunContext, { plan, ctx, blueprint }: PreparedPlan, lock: Lock): Promise<CommandResult> {
  const { settings, emit, signal } = run;
  const { installId } = blueprint.ownership;
  const { result, journal } = await executePlan(run, { plan, ctx, installId, action: ctx.adopting ? 'adopt' : 'install' }, lock);
  if (result.outcome !== 'done')
    return resultOfFailure(
      result.outcome === 'left' ? { ...result, left: await leftBy(result, { run, journal, command: ctx.adopting ? 'adopt' : 'install' }) } : result,
    );
  await forgetRestored(ctx, [blueprint.loki, blueprint.alloy]);
  const ending: CommandResult = { outcome: 'ok', writes: result.writes };
  if (!settings.verify) return ending;
  let proof: Proof;
  try {
    proof = await prove(run, ctx);
  } catch (error) {
    if (!signal.aborted) throw error;
    // Nothing is rolled back any more, so this is not an interruption that restored the previous state.
    const message = 'Verification was interrupted; the installation is complete';
    return { ...ending, outcome: 'unhealthy', problems: [problem('INTERRUPTED', { message, fix: 'Run `loki-eks verify`' })] };
  }
  for (const text of whereToLook(blueprint)) emit({ type: 'note.given', text });
  // Everything is installed and stays; what does not work yet is for the user to judge, not a reason to roll it all back.
  return proof.found ? ending : { ...ending, outcome: 'unhealthy', problems: proof.problems };
}

/** In Grafana, if it was configured; else everything needed to configure one. */
function whereToLook({ grafana, login, gateway }: Blueprint): readonly string[] {
  if (grafana?.datasource) {
    const shown = grafana.dashboard ? ` and dashboard "${grafana.dashboard.name}"` : '';
    return [`In Grafana (${grafana.where}): data source "${grafana.datasource.name}"${shown}`];
  }
  const { namespace, name } = login.clients[0] ?? { namespace: '', name: '' };
  return [
    `Grafana data source: ${gateway.url}, user ${login.user}`,
    'As a provisioning file: loki-eks plan --show grafana',
    `Password: kubectl -n ${namespace} get secret ${name} -o jsonpath='{.data.password}' | base64 -d`,
  ];
}

/** What could not be rolled back, or, if nothing was to be rolled back, all changes of this run, and how to resume it. */
async function leftBy(
  { left, problems, writes }: RunResult,
  { run, journal, command }: { readonly run: RunContext; readonly journal: Journal; readonly command: 'install' | 'adopt' },
): Promise<RunResult['left']> {
  const code = problems[0]?.code ?? '';
  if (writes === 0 || afterFailure(run.settings.onFailure)({ code, message: '', fix: '' }) === 'undo') return left;
  const message = `Left in place: ${BEYOND_UNDO[code] ?? '--on-failure keep was set'}`;
  run.emit({ type: 'note.given', text: `To resume: loki-eks ${command}. To roll back: loki-eks ${command} --on-unfinished undo` });
  return (await journal.newestFirst()).map((entry) => ({ ...entry, problem: problem('LEFT_IN_PLACE', { message }) }));
}
