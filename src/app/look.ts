/** Discovery, blueprint, preflight and plan: everything that is known before anything is changed. */
import { checks } from '../checks/index.ts';
import { examine, failures } from '../engine/examine.ts';
import { plan as planOf } from '../engine/plan.ts';
import type { Plan, Problem } from '../engine/types.ts';
import type { Blueprint } from '../design/blueprint.ts';
import { steps } from '../steps/index.ts';
import type { Context } from '../steps/context.ts';
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

export async function look(run: Run): Promise<Look> {
  const reached = await reach(run);
  const facts = await discover(run, reached, { fetchCharts: true });
  const blueprint = await draft(run, facts);
  for (const text of blueprint.notes ?? []) run.emit({ type: 'note.given', text });
  const givenPassword = await readPassword(run);
  const ctx = await contextFor(run, reached, { blueprint, facts, ...(givenPassword && { givenPassword }) });
  const [results, plan] = await Promise.all([
    examine(checks, { ...ctx, settings: run.settings }, { at: 'preflight', emit: run.emit, signal: run.signal, toProblem }),
    planOf(steps(blueprint), ctx, problemOf),
  ]);
  const failed = failures(results);
  const codes = new Set(failed.map(({ code }) => code));
  const blocked = plan.flatMap(({ finding }) => (finding.is === 'blocked' && !codes.has(finding.problem.code) ? [finding.problem] : []));
  return { reached, blueprint, ctx, plan, barred: [...failed, ...blocked] };
}

/** The first line of the file, so that an editor's trailing newline is not part of the password. */
async function readPassword({ settings, outside }: Run): Promise<string | undefined> {
  if (!settings.passwordFile) return undefined;
  const password = (await outside.files.read(settings.passwordFile)).split(/\r?\n/)[0] ?? '';
  outside.hide(password);
  return password;
}
