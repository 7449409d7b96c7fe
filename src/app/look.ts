/** Discovery, blueprint, preflight and plan: everything that is known before anything is changed. */
import { checks } from '../checks/index.ts';
import { missingRights } from '../checks/rbac-suffices.ts';
import { examine, failures } from '../engine/examine.ts';
import { plan as planOf } from '../engine/plan.ts';
import type { Plan, Problem } from '../engine/types.ts';
import type { Blueprint } from '../design/blueprint.ts';
import type { Facts } from '../design/facts.ts';
import { ProblemError } from '../problems/problem.ts';
import { steps } from '../steps/index.ts';
import type { Context } from '../steps/context.ts';
import { consent } from './consent.ts';
import { contextFor } from './context.ts';
import { discover } from './discover.ts';
import { draft } from './draft.ts';
import type { Run } from './outside.ts';
import { reach, type Reached } from './reach.ts';
import { problemOf, toProblem } from './within.ts';

export interface Look {
  readonly reached: Reached;
  readonly blueprint: Blueprint;
  readonly ctx: Context;
  readonly plan: Plan<Context>;
  /** Everything that bars the way: failed checks first, then blocked steps. */
  readonly barred: readonly Problem[];
}

export async function look(run: Run, { rotateLogin = false }: { readonly rotateLogin?: boolean } = {}): Promise<Look> {
  const reached = await reach(run);
  const facts = await discovered(run, reached);
  const givenPassword = await readPassword(run);
  const made = await planned(run, { reached, facts, rotateLogin, ...(givenPassword && { givenPassword }) });
  for (const text of made.blueprint.notes ?? []) run.emit({ type: 'note.given', text });
  const results = await examine(checks, { ...made.ctx, settings: run.settings }, { at: 'preflight', emit: run.emit, signal: run.signal, toProblem });
  // What failed because the user stopped the program is no finding.
  run.signal.throwIfAborted();
  const failed = failures(results);
  const codes = new Set(failed.map(({ code }) => code));
  const blocked = made.plan.flatMap(({ finding }) => (finding.is === 'blocked' && !codes.has(finding.problem.code) ? [finding.problem] : []));
  return { reached, ...made, barred: [...failed, ...blocked] };
}

/** The steps' inspections once more: what was found before may have been changed by somebody since. */
export async function lookAgain(run: Run, seen: Look): Promise<Look> {
  const plan = await planOf(steps(seen.blueprint), seen.ctx, problemOf);
  const known = new Set(seen.barred.map(({ code }) => code));
  const fresh = plan.flatMap(({ finding }) => (finding.is === 'blocked' && !known.has(finding.problem.code) ? [finding.problem] : []));
  run.signal.throwIfAborted();
  return { ...seen, plan, barred: [...seen.barred, ...fresh] };
}

interface Basis {
  readonly reached: Reached;
  readonly facts: Facts;
  readonly givenPassword?: string;
  readonly rotateLogin: boolean;
}

/** Where only a consent is missing and somebody is there to give it, it is asked for and the plan is made once more. */
async function planned(run: Run, basis: Basis): Promise<Pick<Look, 'blueprint' | 'ctx' | 'plan'>> {
  const { reached, ...made } = basis;
  const blueprint = await draft(run, made.facts);
  const ctx = await contextFor(run, reached, { blueprint, ...made });
  const plan = await planOf(steps(blueprint), ctx, problemOf);
  const settings = await consent(run, plan);
  return settings ? planned({ ...run, settings }, basis) : { blueprint, ctx, plan };
}

/** A caller who may not even look is told everything that is missing, not only the first thing. */
async function discovered(run: Run, reached: Reached): Promise<Facts> {
  try {
    return await discover(run, reached, { fetchCharts: true });
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'KUBE_FORBIDDEN') throw error;
    const { namespace: loki, collectorNamespace: collector } = run.settings;
    const missing = await missingRights(reached.kubernetes, { caller: reached.caller.arn, loki, collector });
    throw missing ? new ProblemError(missing, { cause: error }) : error;
  }
}

/** The first line of the file, so that an editor's trailing newline is not part of the password. */
async function readPassword({ settings, outside }: Run): Promise<string | undefined> {
  if (!settings.passwordFile) return undefined;
  const password = (await outside.files.read(settings.passwordFile)).split(/\r?\n/)[0] ?? '';
  outside.hide(password);
  return password;
}
