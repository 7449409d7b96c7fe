/** Discovery, blueprint, preflight and plan: everything that is done before anything is changed. */
import { checks } from '../checks/index.ts';
import { callerOf, missingRights } from '../checks/rbac-suffices.ts';
import { runChecks, failures } from '../engine/run-checks.ts';
import { changesIn, plan as planOf } from '../engine/plan.ts';
import type { Inspection, Plan, Problem, Step } from '../engine/types.ts';
import type { Blueprint } from '../design/blueprint.ts';
import type { Facts } from '../design/facts.ts';
import { withAdopted, type Adopted } from '../design/installation-record.ts';
import type { Kept } from '../design/schema.ts';
import { ProblemError } from '../problems/problem.ts';
import { willCreate } from '../steps/will-create.ts';
import { steps } from '../steps/index.ts';
import { record } from '../steps/installation-record.ts';
import type { Context } from '../context.ts';
import { consent } from './consent.ts';
import { contextFor } from './step-context.ts';
import { discover, findCharts } from './discover.ts';
import { loadBlueprint } from './load-blueprint.ts';
import { readPassword } from './read-password.ts';
import type { RunContext } from '../deps.ts';
import { connect, type Session } from './connect.ts';
import { problemOf, toProblem, type CommandResult } from './run-command.ts';

export interface PreparedPlan {
  readonly session: Session;
  readonly blueprint: Blueprint;
  readonly ctx: Context;
  readonly plan: Plan<Context>;
  /** Before the first read. */
  readonly began: Date;
  /** Everything that blocks the run: failed checks first, then blocked steps. */
  readonly blockers: readonly Problem[];
  /** Only for an installation to be adopted. */
  readonly runs?: Running;
}

/** The outcome of a run that only reads. */
export function resultOfPlan({ blockers, plan }: Pick<PreparedPlan, 'blockers' | 'plan'>): CommandResult {
  if (blockers.length > 0) return { outcome: 'refused', problems: blockers };
  return { outcome: changesIn(plan) > 0 ? 'ok' : 'nothing-to-do', writes: 0 };
}

export interface PrepareOptions {
  readonly rotateLogin?: boolean;
  /** Reads names and settings from the installation to be adopted. */
  readonly adopt?: (run: RunContext, session: Session) => Promise<Adoption | undefined>;
}

/** What an adoption has read; `password` is the one that the gateway accepts today. */
export interface Adoption {
  readonly adopted: Adopted;
  readonly inUse: Kept;
  readonly password?: string;
  readonly runs: Running;
}

/** The running state that a plan of values and marks does not show. */
export interface Running {
  /** Desired pods by component label: `query-frontend`. */
  readonly pods: Readonly<Record<string, number>>;
  /** Whether the gateway has a load balancer. */
  readonly loadBalancer: boolean;
}

export async function prepare(asked: RunContext, { rotateLogin = false, adopt }: PrepareOptions = {}): Promise<PreparedPlan> {
  const typed = await readPassword(asked);
  const charts = findCharts(asked, { fetchCharts: true });
  // An unreachable account or cluster is reported first.
  charts.catch(() => undefined);
  const began = asked.deps.clock.now();
  const session = await connect(asked, 'installation');
  // Later renderings and installs find it on disk.
  session.releases.helm().catch(() => undefined);
  const [found, adoption] = await Promise.all([discovered(asked, session, charts), adopt?.(asked, session)]);
  const facts = { ...found, ...(adoption && { adopted: adoption.adopted, inUse: adoption.inUse }) };
  const run = { ...asked, settings: withAdopted(asked.settings, { adopted: facts.adopted, said: asked.said }) };
  const givenPassword = typed ?? adoption?.password;
  const input: Basis = { session, facts, rotateLogin, adopting: adoption !== undefined, ...(givenPassword && { givenPassword }) };
  const { planningCtx, ...drafted } = await planContext(run, input);
  for (const text of drafted.blueprint.notes ?? []) run.emit({ type: 'note.given', text });
  const examined = { ...planningCtx, settings: run.settings };
  const [first, results] = await Promise.all([
    planOf(stepsOf(drafted), planningCtx, problemOf),
    runChecks(checks, examined, { at: 'preflight', emit: run.emit, signal: run.signal, toProblem }),
  ]);
  // What failed because the user stopped the program is not a finding.
  run.signal.throwIfAborted();
  const made = await agreed(run, input, { ...drafted, plan: first });
  const failed = failures(results);
  const codes = new Set(failed.map(({ code }) => code));
  const blocked = made.plan.flatMap(({ finding }) => (finding.is === 'blocked' && !codes.has(finding.problem.code) ? [finding.problem] : []));
  return { session, ...made, began, blockers: [...failed, ...blocked], ...(adoption && { runs: adoption.runs }) };
}

/** How long reads from AWS are reused, where they are reused at all. */
const BELIEVED_MS = 15_000;

/**
 * Inspects again, now that this run holds the lock: someone may have changed things since the first inspection. Earlier reads from AWS are
 * reused only for a first installation: while the cluster has no record, no run has put Loki on these buckets, and creating what exists by
 * now fails. See docs/decisions/0007.
 */
export async function replan(run: RunContext, seen: PreparedPlan, { all }: { readonly all: boolean }): Promise<PreparedPlan> {
  const wanted = seen.plan.map(({ step }) => step);
  const inspect = (scope: Step<Context>['scope']) =>
    planOf(
      wanted.filter((step) => step.scope === scope),
      seen.ctx,
      problemOf,
    );
  const inside = await inspect('cluster');
  const young = run.deps.clock.now().getTime() - seen.began.getTime() < BELIEVED_MS;
  const believed = !all && young && !seen.ctx.adopting && [seen.plan, inside].every(hasNoRecord);
  const others = believed ? seen.plan : await inspect('aws');
  const findings = new Map([...others, ...inside].map(({ step, finding }) => [step.id, finding]));
  const plan = wanted.map((step) => ({ step, finding: findings.get(step.id) as Inspection }));
  const known = new Set(seen.blockers.map(({ code }) => code));
  const fresh = plan.flatMap(({ finding }) => (finding.is === 'blocked' && !known.has(finding.problem.code) ? [finding.problem] : []));
  run.signal.throwIfAborted();
  return { ...seen, plan, blockers: [...seen.blockers, ...fresh] };
}

const hasNoRecord = (plan: Plan<Context>): boolean => plan.some(({ step, finding }) => step.id === record.id && willCreate(finding));

interface Basis {
  readonly session: Session;
  readonly facts: Facts;
  readonly givenPassword?: string;
  readonly rotateLogin: boolean;
  readonly adopting: boolean;
}

/** `ctx` is for changes; `lookingCtx` has the prefetched reads. */
async function planContext(run: RunContext, { session, ...made }: Basis): Promise<Pick<PreparedPlan, 'blueprint' | 'ctx'> & { readonly planningCtx: Context }> {
  const blueprint = await loadBlueprint(run, made.facts);
  const [ctx, planningCtx] = await Promise.all([session.aws, session.looking].map((aws) => contextFor(run, { ...session, aws }, { blueprint, ...made })));
  return { blueprint, ctx: ctx as Context, planningCtx: planningCtx as Context };
}

type Made = Pick<PreparedPlan, 'blueprint' | 'ctx' | 'plan'>;

/** If only a consent is missing and the run is interactive, asks for it and plans again. */
async function agreed(run: RunContext, input: Basis, made: Made): Promise<Made> {
  const consented = await consent(run, made);
  if (!consented) return made;
  const { planningCtx, ...again } = await planContext(consented, input);
  return agreed(consented, input, { ...again, plan: await planOf(stepsOf(again), planningCtx, problemOf) });
}

const stepsOf = ({ blueprint, ctx }: Pick<PreparedPlan, 'blueprint' | 'ctx'>) => (ctx.adopting ? rememberedFirst(steps(blueprint)) : steps(blueprint));

/** Names that can't be derived must be recorded before anything gets our marks: whatever happens to the run, they can be found again. */
function rememberedFirst(all: readonly Step<Context>[]): readonly Step<Context>[] {
  const [first, others] = [all.filter(({ remembers }) => remembers), all.filter(({ remembers }) => !remembers)];
  const ids = first.map(({ id }) => id);
  return [...first, ...others.map((step) => ({ ...step, ...(step.needs && { needs: [...new Set([...step.needs, ...ids])] }) }))];
}

/** A caller who lacks read permissions is told about all of them, not only the first. */
async function discovered(run: RunContext, session: Session, charts: Promise<Facts['charts']>): Promise<Facts> {
  try {
    return await discover(run, session, { charts });
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'KUBE_FORBIDDEN') throw error;
    const { namespace: loki, collectorNamespace: collector } = run.settings;
    const missing = await missingRights(session.kubernetes, { ...callerOf(run.settings, session.caller.arn), loki, collector });
    throw missing ? new ProblemError(missing, { cause: error }) : error;
  }
}
