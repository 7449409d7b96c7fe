/** Verification through Grafana: its own data source finds the line. "Save & test" queries 1+1, which involves no log and no tenant. */
import type { Problem, PrintedLine } from '../../engine/types.ts';
import type { Grafana } from '../../ports/grafana.ts';
import { problem, ProblemError } from '../../problems/problem.ts';
import { verifyChecks } from './verify-checks.ts';
import type { VerifyRow } from './result.ts';
import type { ProbeSession } from './probe-session.ts';

/** A sidecar writes its file in seconds; if the kubelet has to propagate it, it takes a minute or two. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 1000;

export async function shownByGrafana({ ctx, run }: ProbeSession, printed: PrintedLine): Promise<VerifyRow> {
  const known = { proof: 'grafana' as const, title: verifyChecks.grafana.title };
  const plan = ctx.blueprint.grafana;
  if (!plan?.datasource) return { ...known, state: 'skipped', why: 'no Grafana has a data source managed by loki-eks' };
  if (!ctx.grafana) {
    const admin =
      plan.reach.is === 'pod' && plan.reach.admin
        ? `, or --grafana-admin to use Secret ${plan.reach.admin.password.namespace}/${plan.reach.admin.password.name}`
        : '';
    return { ...known, state: 'skipped', why: `requires Grafana credentials: --grafana-token-file FILE with a service account token${admin}` };
  }
  const { uid, name } = plan.datasource;
  const asked = { uid, query: printed.query };
  const began = ctx.clock.now().getTime();
  for (;;) {
    const seen = await look(ctx.grafana, asked);
    if (seen.lines.includes(printed.line)) return { ...known, state: 'proved', detail: `data source "${name}" in ${plan.where} returns the log line` };
    // A login or role that is refused will be refused again; a file may still be propagating.
    const final = seen.problem && /^GRAFANA_(LOGIN_REFUSED|FORBIDDEN|UNREACHABLE)$/.test(seen.problem.code);
    if (final || ctx.clock.now().getTime() - began > PATIENCE_MS) {
      const message = `The log line is in Loki, but data source "${name}" of ${plan.where} does not return it`;
      return {
        ...known,
        state: 'failed',
        problem: seen.problem ?? problem('GRAFANA_LINE_NOT_FOUND', { message, evidence: [`queried through Grafana: ${printed.query}`] }),
      };
    }
    await ctx.clock.sleep(PAUSE_MS, run.signal);
  }
}

interface Seen {
  readonly lines: readonly string[];
  readonly problem?: Problem;
}

async function look(grafana: Grafana, { uid, query }: { readonly uid: string; readonly query: string }): Promise<Seen> {
  try {
    return { lines: await grafana.lines(uid, { logql: query, sinceMs: 900_000, limit: 10 }) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { lines: [], problem: error.problem };
  }
}
