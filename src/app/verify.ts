/** The proof: a pod prints a line that nobody has printed before, and the line comes back through the gateway. */
import type { Json, Problem, Verdict } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Entry, Login } from '../ports/logs.ts';
import type { Context } from '../steps/context.ts';
import { problem, ProblemError, stop } from '../problems/problem.ts';
import { contextFor } from './context.ts';
import { discover } from './discover.ts';
import { draft } from './draft.ts';
import { installed } from './installed.ts';
import type { Run, UseCase } from './outside.ts';
import { neverRan, nodeOf, probePod, PROBE_CONTAINER } from './probe-pod.ts';
import { reach } from './reach.ts';
import { within } from './within.ts';

export const verify: UseCase<Readonly<Record<never, never>>> = (run) =>
  within(run, 'verify', async () => {
    const reached = await reach(run);
    const known = await installed(run, reached.kubernetes);
    if (!known) return { outcome: 'unhealthy', problems: [notInstalled(run)] };
    const looking = { ...run, settings: known.settings };
    const facts = await discover(looking, reached, { fetchCharts: false });
    const blueprint = await draft(looking, facts, known.userValues);
    const proof = await prove(run, await contextFor(looking, reached, { blueprint, facts }));
    return proof.found ? { outcome: 'ok' } : { outcome: 'unhealthy', problems: proof.problems };
  });

export const notInstalled = ({ settings }: Pick<Run, 'settings'>) =>
  problem('NOT_INSTALLED', { message: `loki-eks is not installed in namespace ${settings.namespace} of this cluster`, fix: 'loki-eks install' });

export interface Proof {
  readonly found: boolean;
  readonly problems: readonly Problem[];
}

const CHECK = { id: 'logs.line-comes-back', title: 'A line printed by a pod comes back' } as const;

/** Alloy looks for new files every ten seconds, and a batch waits a second: a minute covers a slow node. */
const PATIENCE_MS = 90_000;

/** Throws only when interrupted: what bars the proof is its result, because what was installed stays. */
export async function prove({ emit, signal, outside }: Pick<Run, 'emit' | 'signal' | 'outside'>, ctx: Context): Promise<Proof> {
  const token = Buffer.from(outside.random.bytes(9)).toString('hex');
  const line = `loki-eks verify ${token}`;
  const pod = probePod(ctx, { name: `loki-eks-verify-${token.slice(0, 8)}`, line });
  const query = `{namespace="${ctx.blueprint.verify.namespace}", pod="${pod.metadata.name}"} |= "${token}"`;
  const began = ctx.clock.now().getTime();
  emit({ type: 'checks.started', at: 'verify', checks: [CHECK] });
  const seen = await attempt(ctx, { pod, query, signal });
  const entry = seen.entries.find((found) => found.line === line);
  const node = nodeOf(seen.pod);
  const problems = faults(ctx, { ...seen, entry, line, query });
  const result = {
    found: entry !== undefined && problems.length === 0,
    line,
    seconds: (ctx.clock.now().getTime() - began) / 1000,
    query,
    labels: { ...(entry ?? seen.entries[0])?.labels },
    tenant: ctx.blueprint.tenant,
    node,
    problems: problems as unknown as Json,
  };
  const [first] = problems;
  const verdict: Verdict = first ? { is: 'fail', problem: first } : { is: 'pass', saw: `on ${node}, after ${result.seconds.toFixed(1)} s` };
  emit({ type: 'check.finished', check: CHECK.id, title: CHECK.title, verdict });
  emit({ type: 'verify.finished', result });
  return { found: result.found, problems };
}

interface Search {
  readonly entries: readonly Entry[];
  readonly problem?: Problem;
}

interface Seen extends Search {
  /** The pod as it was last; absent when it could not be made. */
  readonly pod?: KubeObject;
}

async function attempt(ctx: Context, { pod, query, signal }: { pod: KubeObject; query: string; signal: AbortSignal }): Promise<Seen> {
  const { apiVersion, kind, metadata } = pod;
  const place = { apiVersion, kind, namespace: ctx.blueprint.verify.namespace, name: metadata.name };
  try {
    const login = await readLogin(ctx);
    await ctx.kubernetes.create(pod);
    const found = await search(ctx, { query, login, tenant: ctx.blueprint.tenant, signal });
    return { ...found, pod: await ctx.kubernetes.get(place) };
  } catch (error) {
    if (!(error instanceof ProblemError) || signal.aborted) throw error;
    return { entries: [], problem: error.problem };
  } finally {
    // Left behind it would end by itself, and is no reason to call the proof into question.
    await ctx.kubernetes.delete(place).catch(() => undefined);
  }
}

async function search(ctx: Context, { query, login, tenant, signal }: { query: string; login: Login; tenant: string; signal: AbortSignal }): Promise<Search> {
  const until = ctx.clock.now().getTime() + PATIENCE_MS;
  let last: Search = { entries: [] };
  for (let pause = 250; ; pause = Math.min(pause * 1.5, 3000)) {
    try {
      last = { entries: await ctx.logs.query(query, { sinceMs: 600_000, limit: 10, login, tenant }) };
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      last = { entries: [], problem: error.problem };
    }
    if (last.entries.length > 0 || ctx.clock.now().getTime() > until) return last;
    await ctx.clock.sleep(pause, signal);
  }
}

/** Coming back is not enough: labels must be the ones dashboards use, the CRI prefix gone, and once is once. */
function faults(
  { blueprint }: Context,
  { entries, entry, line, query, pod, problem: met }: Seen & { entry: Entry | undefined; line: string; query: string },
): readonly Problem[] {
  if (met) return [met];
  if (entries.length === 0) {
    const why = neverRan(pod);
    const message = why
      ? `The pod that prints the line did not run: ${why}`
      : `The line printed on ${nodeOf(pod)} did not come back in ${PATIENCE_MS / 1000} s`;
    return [problem('LINE_NOT_FOUND', { message, evidence: [query] })];
  }
  if (!entry) return [problem('LINE_CHANGED', { message: `The line came back changed: ${entries[0]?.line}`, evidence: [`printed: ${line}`] })];
  if (entries.length > 1) return [problem('LINE_TWICE', { message: `The line came back ${entries.length} times` })];
  const wanted: Readonly<Record<string, string>> = {
    namespace: blueprint.verify.namespace,
    container: PROBE_CONTAINER,
    job: `${blueprint.verify.namespace}/${PROBE_CONTAINER}`,
    cluster: blueprint.clusterLabel,
  };
  const wrong = Object.entries(wanted).filter(([label, value]) => entry.labels[label] !== value);
  if (wrong.length === 0) return [];
  return [
    problem('LABELS_WRONG', {
      message: `Labels are not as expected: ${wrong.map(([label]) => label).join(', ')}`,
      evidence: wrong.map(([label, value]) => `${label}: expected "${value}", got "${entry.labels[label] ?? ''}"`),
    }),
  ];
}

/** The reader's login, as Grafana would read it. */
export async function readLogin({ kubernetes, blueprint }: Pick<Context, 'kubernetes' | 'blueprint'>): Promise<Login> {
  const place = blueprint.login.clients[0];
  const secret = place && (await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', ...place }));
  const data = (secret?.['data'] ?? {}) as Readonly<Record<string, string>>;
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  if (!place || !data['password']) {
    throw stop('LOGIN_MISSING', { message: `Secret ${place?.namespace}/${place?.name} with the gateway's login is not there`, fix: 'loki-eks install' });
  }
  return { user: text('username'), password: text('password') };
}
