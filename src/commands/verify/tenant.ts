/** A line belongs to its tenant: queried as another one, Loki returns nothing, and no client can choose its tenant through the gateway. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { problem } from '../../problems/problem.ts';
import { isReady } from './probe-pod.ts';
import { verifyChecks } from './verify-checks.ts';
import type { PrintedLine } from '../../engine/types.ts';
import type { VerifyRow } from './result.ts';
import type { ProbeSession } from './probe-session.ts';

const LOKI_PORT = 3100;

/** The gateway sets the tenant itself, so Loki is queried directly for what another tenant would see. */
export async function seesOnlyItsOwn({ ctx, probes, login }: ProbeSession, printed: PrintedLine): Promise<VerifyRow> {
  const known = { proof: 'tenant' as const, title: verifyChecks.tenant.title };
  const { tenant } = ctx.blueprint;
  const other = `loki-eks-nobody-${probes.token.slice(0, 8)}`;
  const frontend = await readyFrontend(ctx);
  if (!frontend) return { ...known, state: 'skipped', why: 'no Loki query frontend is ready for a direct query' };
  const direct = (as: string) => queryLines(ctx, { pod: frontend, query: printed.query, tenant: as });
  const [own, strange, throughGateway] = await Promise.all([
    direct(tenant),
    direct(other),
    ctx.logs.query(printed.query, { sinceMs: 900_000, limit: 10, login, tenant: other }),
  ]);
  if (typeof own === 'string' || own === 0) return { ...known, state: 'skipped', why: `Loki asked directly as tenant ${tenant} shows ${own || 'no'} line` };
  if (typeof strange === 'number' && strange > 0) {
    const message = `Tenant "${other}" can read a log line of tenant "${tenant}"`;
    return { ...known, state: 'failed', problem: problem('TENANTS_NOT_ISOLATED', { message, evidence: [printed.query] }) };
  }
  const nothing = typeof strange === 'string' ? `rejects tenant "${other}" (${strange})` : `returns nothing to tenant "${other}"`;
  const gateway =
    throughGateway.length > 0
      ? `the gateway enforces tenant "${tenant}" regardless of the tenant a client sends`
      : `through the gateway, a client that sends another tenant gets nothing either`;
  return { ...known, state: 'proved', detail: `queried directly, Loki ${nothing}; ${gateway}` };
}

async function readyFrontend({ kubernetes, blueprint }: ProbeSession['ctx']): Promise<KubeObject | undefined> {
  const { name, namespace } = blueprint.loki;
  const labels = `app.kubernetes.io/instance=${name},app.kubernetes.io/component=query-frontend`;
  return (await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels })).find(isReady);
}

/** The number of lines, or the HTTP status of an error. */
async function queryLines(
  { kubernetes, blueprint, clock }: ProbeSession['ctx'],
  { pod, query, tenant }: { readonly pod: KubeObject; readonly query: string; readonly tenant: string },
): Promise<number | string> {
  const now = clock.now().getTime();
  const search = new URLSearchParams({ query, limit: '10', start: `${now - 900_000}000000`, end: `${now + 60_000}000000` });
  const to = { namespace: blueprint.loki.namespace, pod: pod.metadata.name, port: LOKI_PORT };
  const headers = { 'x-scope-orgid': tenant };
  const { status, body } = await kubernetes.forward(to, { method: 'GET', path: `/loki/api/v1/query_range?${search}`, headers });
  if (status !== 200) return `HTTP ${status} ${body.trim().slice(0, 100)}`;
  const { data } = JSON.parse(body) as { readonly data?: { readonly result?: readonly { readonly values?: readonly unknown[] }[] } };
  return (data?.result ?? []).reduce((sum, { values = [] }) => sum + values.length, 0);
}
