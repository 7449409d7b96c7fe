/** What Grafana needs for this Loki: a data source with a login, and a dashboard. Each through a sidecar's object, or through Grafana's API. */
import { BY_STEPS, rule } from '../design/permissions.ts';
import { loginIn, withLogin } from '../design/grafana.ts';
import type { UndoRecord, Removal, Step } from '../engine/types.ts';
import { ProblemError } from '../problems/problem.ts';
import * as api from './grafana-api.ts';
import { type GrafanaNeeds, passwordIn, slotOf, wantedLogin } from './grafana-login.ts';
import { createObject, inspectObject, placeOf, reference, removeObjects, setText, textOf, undoObject, updateObject, type What } from './grafana-objects.ts';
import { filesLeft, forgotten, leave, leaving, LEFT, undoLeaving } from './grafana-moving.ts';
import { isOwnedByLabels } from './ownership.ts';

export const grafanaDatasource: Step<GrafanaNeeds, UndoRecord> = {
  id: 'grafana.datasource',
  title: 'Data source in Grafana',
  scope: 'cluster',
  needs: ['login'],
  permissions: [
    rule('cluster', 'list', 'secrets configmaps', { to: "find the objects that Grafana's sidecars read", for: ['orphan', 'uninstall'] }),
    rule('grafana', 'get list', 'secrets', { to: 'read the object that Grafana reads', for: BY_STEPS }),
    rule('grafana', 'get create patch delete', 'secrets', { to: 'write the object that Grafana reads, and roll that back', for: ['install', 'adopt'] }),
    rule('grafana', 'get patch delete', 'secrets', { to: 'release or delete that object', for: ['orphan', 'uninstall'] }),
  ],

  async inspect(ctx) {
    const plan = ctx.blueprint.grafana?.datasource;
    if (!plan) return { is: 'matches' };
    const login = await wantedLogin(ctx);
    if (plan.way.is === 'api') return api.inspectDatasource(ctx, plan, { password: login?.password, leaving: leaving(await filesLeft(ctx, 'datasource')) });
    const wanted = login && withLogin(ctx.blueprint.datasource, login);
    const finding = await inspectObject(ctx, { way: plan.way, wanted, what: 'datasource' });
    const creates = finding.is === 'differs' && finding.changes.some(({ action }) => action === 'create');
    const foreign = creates ? await api.foreignDatasource(ctx, plan) : undefined;
    return foreign ? { is: 'blocked', problem: foreign } : finding;
  },

  async apply(ctx, { record, signal, say }) {
    const plan = ctx.blueprint.grafana?.datasource;
    const login = await wantedLogin(ctx);
    if (!plan || !login) return;
    if (plan.way.is === 'api') {
      const files = await filesLeft(ctx, 'datasource');
      await leave(ctx, files, record);
      if (files.length > 0) say('waiting until Grafana has dropped the data source of its sidecar');
      if (files.length > 0) await forgotten(ctx, signal, async () => !(await api.hasForeign(ctx, plan)));
      return api.applyDatasource(ctx, { plan, login, record });
    }
    const text = withLogin(ctx.blueprint.datasource, login);
    const found = await ctx.kubernetes.get(reference(plan.way));
    if (!found) {
      await record({ did: 'create-object', ...placeOf(plan.way) });
      await createObject(ctx, plan.way, { what: 'datasource', text });
      return;
    }
    const before = textOf(found, plan.way);
    const had = loginIn(before);
    // The password itself must not get into the journal: the record says where in the cluster to find the previous one.
    const from = had && (await slotOf(ctx, had.password));
    await record({
      did: 'update-object',
      ...placeOf(plan.way),
      version: found.metadata.resourceVersion ?? null,
      labels: found.metadata.labels ?? {},
      ...(had && from && { user: had.user, from, document: withLogin(before, { user: had.user, password: '' }) }),
    });
    await updateObject(ctx, plan.way, { what: 'datasource', text });
  },

  async undo(ctx, receipt) {
    if (receipt.did === LEFT) return undoLeaving(ctx, receipt);
    if (receipt.did.endsWith('-api')) return api.undoDatasource(ctx, receipt, await passwordIn(ctx, String(receipt['from'] ?? 'password')));
    await undoObject(ctx, receipt, async () => {
      const password = await passwordIn(ctx, String(receipt['from']));
      if (typeof receipt['document'] !== 'string' || password === undefined) return undefined;
      return withLogin(receipt['document'], { user: String(receipt['user']), password });
    });
  },

  remove: (ctx) => removeWhat(ctx, 'datasource'),
};

export const grafanaDashboard: Step<GrafanaNeeds, UndoRecord> = {
  id: 'grafana.dashboard',
  title: 'Dashboard in Grafana',
  scope: 'cluster',
  needs: ['grafana.datasource'],
  permissions: [
    rule('cluster', 'list', 'secrets configmaps', { to: "find the objects that Grafana's sidecars read", for: ['orphan', 'uninstall'] }),
    rule('grafana', 'list', 'configmaps', { to: 'find a dashboard that is there already', for: BY_STEPS }),
    rule('loki', 'get', 'configmaps', { to: 'read the object that Grafana reads', for: BY_STEPS }),
    rule('loki', 'get create patch delete', 'configmaps', { to: 'write the object that Grafana reads, and roll that back', for: ['install', 'adopt'] }),
    rule('loki', 'get patch delete', 'configmaps', { to: 'release or delete that object', for: ['orphan', 'uninstall'] }),
  ],

  async inspect(ctx) {
    const plan = ctx.blueprint.grafana?.dashboard;
    if (!plan) return { is: 'matches' };
    return plan.way.is === 'api'
      ? api.inspectDashboard(ctx, plan, leaving(await filesLeft(ctx, 'dashboard')))
      : inspectObject(ctx, { way: plan.way, wanted: plan.json, what: 'dashboard' });
  },

  async apply(ctx, { record, signal }) {
    const plan = ctx.blueprint.grafana?.dashboard;
    if (!plan) return;
    if (plan.way.is === 'api') {
      const files = await filesLeft(ctx, 'dashboard');
      await leave(ctx, files, record);
      // One that remains is in another Grafana than the sidecar's, and was created by the API earlier.
      if (files.length > 0) await forgotten(ctx, signal, async () => (await ctx.grafana?.dashboard(plan.uid)) === undefined);
      return api.applyDashboard(ctx, plan, record);
    }
    const found = await ctx.kubernetes.get(reference(plan.way));
    const content = { what: 'dashboard', text: plan.json } as const;
    if (!found) {
      await record({ did: 'create-object', ...placeOf(plan.way) });
      await createObject(ctx, plan.way, content);
      return;
    }
    const version = found.metadata.resourceVersion ?? null;
    await record({ did: 'update-object', ...placeOf(plan.way), version, labels: found.metadata.labels ?? {}, document: textOf(found, plan.way) });
    await updateObject(ctx, plan.way, content);
  },

  async undo(ctx, receipt) {
    if (receipt.did === LEFT) return undoLeaving(ctx, receipt);
    if (receipt.did.endsWith('-api')) return api.undoDashboard(ctx, receipt);
    await undoObject(ctx, receipt, async () => (typeof receipt['document'] === 'string' ? receipt['document'] : undefined));
  },

  remove: (ctx) => removeWhat(ctx, 'dashboard'),
};

/** For the rotation: our data source uses this login from now on. Does nothing if there is none of ours. */
export async function moveDatasource(ctx: GrafanaNeeds, login: { readonly user: string; readonly password: string }): Promise<void> {
  const plan = ctx.blueprint.grafana?.datasource;
  if (!plan) return;
  if (plan.way.is === 'api') return api.moveDatasource(ctx, plan, login);
  const found = await ctx.kubernetes.get(reference(plan.way));
  if (!found || !isOwnedByLabels(found, ctx.blueprint.ownership)) return;
  const text = withLogin(ctx.blueprint.datasource, login);
  if (textOf(found, plan.way) !== text) await setText(ctx, plan.way, text);
}

/** A sidecar's file is deleted first: Grafana can't delete what it provisioned from it, but drops it once the file is gone. */
async function removeWhat(ctx: GrafanaNeeds, what: What): Promise<Removal> {
  const plan = ctx.blueprint.grafana?.[what];
  const objects = await removeObjects(ctx, what);
  if (plan?.way.is !== 'api') return objects;
  const inApi = await api.remove(ctx, what, plan).catch((error: unknown): Removal => {
    if (objects.is === 'removed' && error instanceof ProblemError && error.problem.code === 'GRAFANA_FAILED') return { is: 'absent' };
    throw error;
  });
  return inApi.is === 'absent' ? objects : inApi;
}
