/** Data source and dashboard through Grafana's API: only those with our mark are ours, and nothing else is changed. */
import type { Blueprint, GrafanaPlan } from '../design/blueprint.ts';
import { canonical } from '../design/canonical.ts';
import type { Change, Inspection, Json, Problem, UndoRecord, Removal } from '../engine/types.ts';
import type { Grafana, GrafanaDatasource, GrafanaSecrets } from '../ports/grafana.ts';
import { problem, ProblemError, stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import type { What } from './grafana-objects.ts';

type Needs = Pick<Context, 'blueprint' | 'grafana'>;
type DatasourcePlan = NonNullable<GrafanaPlan['datasource']>;
type DashboardPlan = NonNullable<GrafanaPlan['dashboard']>;
type Login = { readonly user: string; readonly password: string };
type Record = (receipt: UndoRecord) => Promise<void>;
type Board = { readonly [key: string]: Json };

function session({ grafana, blueprint }: Needs): Grafana {
  if (!grafana) throw stop('GRAFANA_TOKEN_MISSING', { message: `A token is required for ${blueprint.grafana?.where ?? 'Grafana'}` });
  return grafana;
}

/** Kept in the data source's settings, where Grafana preserves unknown fields. */
const markOf = ({ ownership, cluster, tenant }: Blueprint) => ({ installId: ownership.installId, cluster: cluster.arn, tenant });

const isOurs = ({ jsonData }: GrafanaDatasource, { ownership }: Blueprint): boolean =>
  (jsonData['lokiEks'] as { readonly installId?: string } | undefined)?.installId === ownership.installId;

function wantedDatasource(blueprint: Blueprint, { uid, name, parts }: DatasourcePlan, user: string): GrafanaDatasource {
  const jsonData = { httpHeaderName1: 'X-Scope-OrgID', lokiEks: markOf(blueprint) };
  return { uid, name, type: 'loki', access: 'proxy', url: parts.url, basicAuth: true, basicAuthUser: user, jsonData };
}

const secretsOf = (password: string, tenant: string): GrafanaSecrets => ({ basicAuthPassword: password, httpHeaderValue1: tenant });

/** `leaving`: objects created for a sidecar; they, and what Grafana read from them, are ours and are deleted. */
export async function inspectDatasource(
  ctx: Needs,
  plan: DatasourcePlan,
  { password, leaving }: { readonly password: string | undefined; readonly leaving: readonly Change[] },
): Promise<Inspection> {
  const { blueprint } = ctx;
  const target = `data source "${plan.name}" in ${blueprint.grafana?.where}`;
  const all = await session(ctx).datasources();
  const found = all.find(({ uid }) => uid === plan.uid);
  const unmarked = found && !isOurs(found, blueprint);
  const other = all.find(({ name, uid }) => name === plan.name && uid !== plan.uid);
  if (other) return { is: 'blocked', problem: taken(`data source "${other.name}" with uid ${other.uid}`, blueprint) };
  if (unmarked && leaving.length === 0) return { is: 'blocked', problem: provisioned(found, blueprint) };
  if (leaving.length > 0) return { is: 'differs', changes: [{ action: found ? 'update' : 'create', target, detail: 'through the API' }, ...leaving] };
  if (!found) return { is: 'differs', changes: [{ action: 'create', target }] };
  const same = canonical(found) === canonical(wantedDatasource(blueprint, plan, blueprint.login.user));
  if (same && password !== undefined && (await loginTaken(ctx, plan.uid))) return { is: 'matches' };
  return { is: 'differs', changes: [{ action: 'update', target, ...(same && { detail: 'login' }) }] };
}

/** A foreign data source that our file would overwrite, as far as we may read them; an unreachable Grafana is no reason to stop. */
export async function foreignDatasource({ grafana, blueprint }: Needs, { uid, name }: DatasourcePlan): Promise<Problem | undefined> {
  try {
    const foreign = (await grafana?.datasources())?.find((one) => one.name === name && one.uid !== uid);
    return foreign && taken(`data source "${foreign.name}" with uid ${foreign.uid}`, blueprint);
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'GRAFANA_UNREACHABLE') return undefined;
    throw error;
  }
}

const taken = (what: string, { grafana }: Blueprint) =>
  problem('GRAFANA_DATASOURCE_EXISTS', {
    message: `${what} in ${grafana?.where} was not created by loki-eks`,
    fix: 'Rename or delete it, or add `--grafana none`',
  });

/** Its uid is one that only loki-eks assigns, but it lacks the API's mark: it was provisioned from a file that we can't find and delete. */
const provisioned = ({ name, uid }: GrafanaDatasource, { grafana }: Blueprint) =>
  problem('GRAFANA_DATASOURCE_EXISTS', {
    message: `data source "${name}" with uid ${uid} in ${grafana?.where} comes from a provisioning file`,
    fix: 'Remove that file and restart Grafana, or add `--grafana none`; then run `loki-eks install`',
  });

export async function hasForeign(ctx: Needs, { uid }: DatasourcePlan): Promise<boolean> {
  const found = (await session(ctx).datasources()).find((one) => one.uid === uid);
  return found !== undefined && !isOurs(found, ctx.blueprint);
}

/** Grafana never returns a password, so it is asked to use it; a Loki that does not respond says nothing about the login. */
async function loginTaken(ctx: Needs, uid: string): Promise<boolean> {
  const { cluster } = ctx.blueprint;
  try {
    await session(ctx).lines(uid, { logql: `{cluster=${JSON.stringify(cluster.name)}}`, sinceMs: 60_000, limit: 1 });
    return true;
  } catch (error) {
    return !(error instanceof ProblemError && REFUSALS.has(error.problem.code));
  }
}

const REFUSALS = new Set(['DATASOURCE_NO_LOGIN', 'DATASOURCE_LOGIN_REFUSED', 'READER_TENANT_MISSING']);

export async function applyDatasource(ctx: Needs, of: { readonly plan: DatasourcePlan; readonly login: Login; readonly record: Record }): Promise<void> {
  const { plan, login, record } = of;
  const grafana = session(ctx);
  const wanted = wantedDatasource(ctx.blueprint, plan, login.user);
  const secrets = secretsOf(login.password, ctx.blueprint.tenant);
  const found = (await grafana.datasources()).find(({ uid }) => uid === plan.uid);
  if (!found) {
    await record({ did: 'create-api', uid: plan.uid });
    return grafana.createDatasource(wanted, secrets);
  }
  if (!isOurs(found, ctx.blueprint)) throw new ProblemError(provisioned(found, ctx.blueprint));
  const from = (await loginTaken(ctx, plan.uid)) ? 'password' : 'former.password';
  await record({ did: 'update-api', uid: plan.uid, from, former: found as unknown as Json });
  return grafana.updateDatasource(wanted, secrets);
}

export async function moveDatasource(ctx: Needs, plan: DatasourcePlan, login: Login): Promise<void> {
  const found = (await session(ctx).datasources()).find(({ uid }) => uid === plan.uid);
  if (!found || !isOurs(found, ctx.blueprint)) return;
  await session(ctx).updateDatasource(wantedDatasource(ctx.blueprint, plan, login.user), secretsOf(login.password, ctx.blueprint.tenant));
}

/** `password`: its previous one. */
export async function undoDatasource(ctx: Needs, receipt: UndoRecord, password: string | undefined): Promise<void> {
  const grafana = session(ctx);
  const found = (await grafana.datasources()).find(({ uid }) => uid === receipt['uid']);
  if (!found || !isOurs(found, ctx.blueprint)) return;
  if (receipt.did === 'create-api') return grafana.deleteDatasource(found.uid);
  const former = receipt['former'] as unknown as GrafanaDatasource;
  const { tenant } = (former.jsonData['lokiEks'] ?? {}) as { readonly tenant?: string };
  await grafana.updateDatasource(former, {
    ...(password !== undefined && { basicAuthPassword: password }),
    ...(tenant !== undefined && { httpHeaderValue1: tenant }),
  });
}

const tagOf = ({ ownership }: Blueprint) => `loki-eks-${ownership.installId}`;
const isOurBoard = ({ tags }: Board, blueprint: Blueprint): boolean => Array.isArray(tags) && tags.includes(tagOf(blueprint));
/** Grafana adds a version counter and an id of its own. */
const plain = (found: Board): string => {
  const { id: _, version: __, ...board } = found;
  return canonical(board);
};

export async function inspectDashboard(ctx: Needs, plan: DashboardPlan, leaving: readonly Change[]): Promise<Inspection> {
  const target = `dashboard "${plan.name}" in ${ctx.blueprint.grafana?.where}`;
  // The data source step is blocked for the same reason.
  if (!ctx.grafana) return { is: 'matches', note: 'not checked' };
  const found = await ctx.grafana.dashboard(plan.uid);
  if (leaving.length > 0 && (!found || isOurBoard(found, ctx.blueprint)))
    return { is: 'differs', changes: [{ action: found ? 'update' : 'create', target, detail: 'through the API' }, ...leaving] };
  if (!found) return { is: 'differs', changes: [{ action: 'create', target }] };
  if (!isOurBoard(found, ctx.blueprint)) return { is: 'blocked', problem: taken(`dashboard with uid ${plan.uid}`, ctx.blueprint) };
  return plain(found) === plain(JSON.parse(plan.json) as Board) ? { is: 'matches' } : { is: 'differs', changes: [{ action: 'update', target }] };
}

export async function applyDashboard(ctx: Needs, plan: DashboardPlan, record: Record): Promise<void> {
  const found = await session(ctx).dashboard(plan.uid);
  await record(found ? { did: 'update-api', uid: plan.uid, former: found } : { did: 'create-api', uid: plan.uid });
  await session(ctx).saveDashboard(JSON.parse(plan.json) as Board);
}

export async function undoDashboard(ctx: Needs, receipt: UndoRecord): Promise<void> {
  const grafana = session(ctx);
  const found = await grafana.dashboard(String(receipt['uid']));
  if (!found || !isOurBoard(found, ctx.blueprint)) return;
  if (receipt.did === 'create-api') return grafana.deleteDashboard(String(receipt['uid']));
  const former = receipt['former'] as Board;
  if (plain(found) !== plain(former)) await grafana.saveDashboard(former);
}

/** Without a token we can only report what stays. */
export async function remove(ctx: Needs, what: What, { uid, name }: { readonly uid: string; readonly name: string }): Promise<Removal> {
  const { grafana, blueprint } = ctx;
  const target = `${what === 'datasource' ? 'data source' : 'dashboard'} "${name}" in ${blueprint.grafana?.where}`;
  if (!grafana)
    return {
      is: 'kept',
      target,
      why: 'it requires a Grafana token',
      how: `loki-eks uninstall --grafana-url ${blueprint.grafana?.where} --grafana-token-file FILE, or delete it in Grafana`,
    };
  if (what === 'dashboard') {
    const found = await grafana.dashboard(uid);
    if (!found || !isOurBoard(found, blueprint)) return { is: 'absent' };
    await grafana.deleteDashboard(uid);
    return { is: 'removed' };
  }
  const found = (await grafana.datasources()).find((one) => one.uid === uid);
  if (!found || !isOurs(found, blueprint)) return { is: 'absent' };
  await grafana.deleteDatasource(uid);
  return { is: 'removed' };
}
