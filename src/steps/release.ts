/** A Helm release of loki-eks: the pinned chart with our values, rolled out. Nothing is upgraded that is up to date. */
import { releasePermissions } from './release-permissions.ts';
import type { ReleasePlan } from '../design/blueprint.ts';
import { canonical } from '../design/canonical.ts';
import { diffLines } from '../design/diff.ts';
import { targetOf } from '../design/drift.ts';
import { getPath } from '../design/get-path.ts';
import { isMap } from '../design/merge.ts';
import type { Change, Inspection, StepIO, Json, UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { HelmTask, Release } from '../ports/releases.ts';
import { problem, ProblemError, stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { goOn, surplusOf, volumesUnkept, wronglyFlushed } from './ingester-guard.ts';
import { restoreBackup } from './object-backup.ts';
import { MARKED, unmark } from './ownership-marks.ts';
import { mayMark, isOwnedRelease } from './ownership.ts';
import { byWhom, CHANGED_BACK, changesBack, driftOf, keepDrifted, needsHelm, removeAdded, type Drift } from './release-drift.ts';
import { removeClaims, removeLeftClaims } from './volume-claims.ts';
import { dropClaims, dropLeft, isMissing, recreateStatefulSets, undoRecreation, recreationFor, type Recreation } from './recreate-statefulsets.ts';

type Needs = Pick<Context, 'releases' | 'kubernetes' | 'blueprint' | 'clock' | 'timeoutMs' | 'consent'> & {
  readonly adopting?: boolean;
  readonly facts?: { readonly kubeVersion: string };
};

export const release = (use: 'loki' | 'alloy'): Step<Needs, UndoRecord> => ({
  id: `release.${use}`,
  title: use === 'loki' ? 'Loki' : 'Alloy',
  scope: 'cluster',
  // The collector needs Loki's gateway only to deliver, and retries until it can: both are installed concurrently, once Loki's role is verified.
  needs: ['record', 'identity-proof', 'association', 'login', ...(use === 'loki' ? ['bucket.chunks', 'bucket.ruler', 'storage-class', 'service-account'] : [])],

  permissions: releasePermissions(use),

  async inspect(ctx): Promise<Inspection> {
    const { releases, blueprint, adopting } = ctx;
    const plan = blueprint[use];
    const target = `release ${plan.namespace}/${plan.name}`;
    const chart = `${plan.chart.name} ${plan.chart.version}`;
    const found = await releases.find(plan.name, plan.namespace);
    const unkept = volumesUnkept(plan.values as Json);
    if (unkept) return { is: 'blocked', problem: unkept };
    if (!found) return { is: 'differs', changes: [{ action: 'create', target, detail: chart }] };
    const ours = isOwnedRelease(found, blueprint.ownership);
    if (!ours && adopting) return adoption(ctx, use, found);
    if (!ours) {
      return {
        is: 'blocked',
        problem: problem('RELEASE_NOT_OURS', { message: `${target} (${found.chart} ${found.chartVersion}) was not created by loki-eks` }),
      };
    }
    const drift = await driftOf(ctx, found);
    const changes = [...changesFor(found, leaving(plan, drift, asStored(found)), target), ...changesBack(drift)];
    if (changes.length > 0) return { is: 'differs', changes: [...changes, ...(await fewerIngesters(ctx, use))] };
    const [unready, flushed] = await Promise.all([releases.unready(plan.name, plan.namespace), use === 'loki' ? wronglyFlushed(ctx, plan) : []]);
    if (unready.length + flushed.length === 0) return { is: 'matches' };
    return {
      is: 'differs',
      changes: [
        ...unready.map(({ workload, why }): Change => ({ action: 'keep', target: workload, detail: `wait: ${why}` })),
        ...flushed.map(({ metadata }): Change => ({
          action: 'update',
          target: `PersistentVolumeClaim ${plan.namespace}/${metadata.name}`,
          detail: 'no longer marked as flushed: its ingester keeps running',
        })),
      ],
    };
  },

  async apply(ctx, { record, say, signal }) {
    const { releases, blueprint, timeoutMs } = ctx;
    const { name, namespace } = blueprint[use];
    const task = { name, namespace, signal, say, timeoutMs };
    const found = await withoutPending(ctx, task);
    const adopted = found && (!isOwnedRelease(found, blueprint.ownership) || isCutAdoption(ctx, found));
    const drift = found && !adopted ? await driftOf(ctx, found) : undefined;
    if (found && drift && drift.drifted.length > 0) {
      for (const one of drift.drifted) say(`reverting ${targetOf(one.ref)}: ${byWhom(one)}`);
      await keepDrifted(ctx, { release: found, drift, record });
      await removeAdded(ctx, drift, say);
    }
    if (!found || adopted || !drift || needsHelm(drift) || changesFor(found, leaving(blueprint[use], drift, asStored(found)), name).length > 0) {
      const way = adopted ? await recreationFor(ctx, use) : undefined;
      await record(
        found && !unborn(found)
          ? { did: 'upgrade-release', namespace, revision: found.lastGood ?? found.revision, ...(way && { way: { ...way } }) }
          : { did: 'install-release', namespace },
      );
      // A release that only gets its marks does not restart anything.
      if (way && found && changesFor(marked(found, blueprint[use]), blueprint[use], name).length > 0)
        await recreateStatefulSets(ctx, use, { way, signal, say });
      await upgrade(ctx, use, { ...task, ...(drift && { drift }) });
    } else if (use === 'loki') await goOn(ctx, task);
    await releases.ready(task);
  },

  async undo(context, receipt, io) {
    if (receipt.did === MARKED) return unmark(context.kubernetes, receipt);
    if (receipt.did === CHANGED_BACK) {
      const { kubernetes, blueprint } = context;
      return restoreBackup(
        { kubernetes, ownership: blueprint.ownership },
        { namespace: String(receipt['namespace']), name: String(receipt['name']) },
        receipt['digest'],
      );
    }
    const ctx = where(context, use, receipt);
    const { name, namespace } = ctx.blueprint[use];
    const found = await ctx.releases.find(name, namespace);
    if (!found && receipt.did === 'install-release') return void (await removeLeftClaims(ctx, use));
    const revision = Number(receipt['revision']);
    const way = receipt['way'] as Recreation | undefined;
    const begun = way !== undefined && found?.revision === revision;
    if (!found) return;
    const cut = way !== undefined && (await isCutReturn(ctx, use, { found, revision }));
    if (begun || cut || isOwnedRelease(found, ctx.blueprint.ownership)) {
      if (receipt.did === 'install-release') return takeAway(ctx, use, io);
      // The rollback first reverts what an adoption has marked, and then the marks' own undo records do.
      const task = way ? backwards(ctx, use, { ...io, revision, receipt: way }) : { ...taskOf(ctx, use, io), revision };
      if (found.revision > revision || (way && (await isMissing(ctx, use, way)))) await whenFree(ctx, task, () => ctx.releases.rollback(task));
      if (cut) await dropLeft(ctx, use, { goal: revision, before: found.revision });
    }
    if (way) await dropClaims(ctx, use, way);
    // A run that was interrupted before helm began has marked the ingesters that it meant to stop.
    if (use === 'loki') await goOn(ctx, { name, namespace });
  },

  async remove(ctx, io) {
    const { name, namespace } = ctx.blueprint[use];
    const found = await ctx.releases.find(name, namespace);
    if (!found) return removeLeftClaims(ctx, use);
    if (!isOwnedRelease(found, ctx.blueprint.ownership)) return { is: 'kept', target: `release ${namespace}/${name}`, why: 'loki-eks did not create it' };
    await takeAway(ctx, use, io);
    return { is: 'removed' };
  },
});

/** Ignores missing marks: the exact chart of a foreign release is unknown, and its version says enough. */
const marked = (found: Release, plan: ReleasePlan): Release => ({ ...found, labels: { ...labelsOf(plan), ...found.labels } });

/** What adopting a foreign release does to it. */
async function adoption(ctx: Needs, use: 'loki' | 'alloy', found: Release): Promise<Inspection> {
  const plan = ctx.blueprint[use];
  const target = `release ${plan.namespace}/${plan.name}`;
  if (!mayMark(found.labels, ctx.blueprint.ownership)) {
    return { is: 'blocked', problem: problem('OWNED_BY_ANOTHER_INSTALLATION', { message: `${target} belongs to another installation of loki-eks` }) };
  }
  if (found.chart !== plan.chart.name) {
    return {
      is: 'blocked',
      problem: problem('RELEASE_OTHER_CHART', { message: `${target} uses chart ${found.chart} ${found.chartVersion}, not ${plan.chart.name}` }),
    };
  }
  const { replaced } = await recreationFor(ctx, use);
  const marks: Change = { action: 'update', target, detail: 'marks', diff: Object.entries(labelsOf(plan)).map(([key, value]) => `+ labels.${key}: ${value}`) };
  const anew = replaced.map((name): Change => ({
    action: 'update',
    target: `StatefulSet ${plan.namespace}/${name}`,
    detail: "recreated around its pods, because it can't be changed in place",
  }));
  return { is: 'differs', changes: [marks, ...changesFor(marked(found, plan), plan, target), ...anew, ...(await fewerIngesters(ctx, use))] };
}

/** Pods that stop when the replicas are reduced hold lines of their own. */
async function fewerIngesters(ctx: Needs, use: 'loki' | 'alloy'): Promise<readonly Change[]> {
  if (use === 'alloy') return [];
  const { name, namespace, chart, values } = ctx.blueprint[use];
  const surplus = await surplusOf(ctx, ctx.blueprint[use], () =>
    ctx.releases.render({ name, namespace, chart, values, kubeVersion: ctx.facts?.kubeVersion ?? '' }),
  );
  return surplus.map(({ set, from, to }) => ({
    action: 'update',
    target: `StatefulSet ${namespace}/${set}`,
    detail: `${from} to ${to} ingesters: those removed flush their log lines to S3 first; their volumes are kept`,
  }));
}

/** Settings may have changed since a run was interrupted: its release is looked up where that run put it. */
function where(ctx: Needs, use: 'loki' | 'alloy', { namespace }: UndoRecord): Needs {
  if (typeof namespace !== 'string') return ctx;
  return { ...ctx, blueprint: { ...ctx.blueprint, [use]: { ...ctx.blueprint[use], namespace } } };
}

/** A first revision that never finished: there is nothing to roll back to. */
const unborn = ({ status, lastGood }: Release) => lastGood === undefined && status.startsWith('pending-');

/** For a foreign release: sets that can't be changed in place are recreated, and foreign changes are overwritten. */
const backwards = (ctx: Needs, use: 'loki' | 'alloy', of: StepIO & { readonly revision: number; readonly receipt?: Recreation }) => ({
  ...taskOf(ctx, use, of),
  revision: of.revision,
  force: true,
  prepare: async () => {
    const way = await undoRecreation(ctx, use, of);
    if (way.replaced.length > 0) await recreateStatefulSets(ctx, use, { ...of, way, keeps: of.receipt?.claims });
  },
});

/** An interrupted rollback carries the marks of its target revision, which are not ours. */
async function isCutReturn(
  { releases, blueprint }: Needs,
  use: 'loki' | 'alloy',
  of: { readonly found: Release; readonly revision: number },
): Promise<boolean> {
  const { found, revision } = of;
  if (found.status === 'deployed' || found.revision <= revision) return false;
  const { name, namespace } = blueprint[use];
  return found.manifest !== undefined && found.manifest === (await releases.manifest({ name, namespace, revision }));
}

/** The first of our revisions never finished: the last good one may be foreign. */
const isCutAdoption = ({ blueprint }: Needs, { status }: Release): boolean => blueprint.record.adopted !== undefined && status !== 'deployed';

/** Helm does not upgrade a pending release. Rolling back first would undo what this run has marked, so an interrupted revision counts as failed. */
async function withoutPending(ctx: Needs, task: HelmTask): Promise<Release | undefined> {
  const found = await ctx.releases.find(task.name, task.namespace);
  if (!found?.status.startsWith('pending-') || found.lastGood === undefined || !isCutAdoption(ctx, found)) return found;
  await whenFree(ctx, task, () => ctx.releases.abandon(task));
  return ctx.releases.find(task.name, task.namespace);
}

/** Brings the release to its plan and waits until it is rolled out. */
export async function applyRelease(ctx: Needs, use: 'loki' | 'alloy', io: StepIO): Promise<void> {
  const task = taskOf(ctx, use, io);
  await upgrade(ctx, use, task);
  await ctx.releases.ready(task);
}

const BUSY_POLL_MS = 2000;

/** What a helm process that we waited for has finished is not done again. */
async function upgrade(ctx: Needs, use: 'loki' | 'alloy', { drift, ...task }: HelmTask & { readonly drift?: Drift }) {
  const { releases, blueprint } = ctx;
  const plan = drift ? leaving(blueprint[use], drift, asTheyStand(drift)) : blueprint[use];
  const { chart, values } = plan;
  await whenFree(ctx, task, async () => {
    const found = await releases.find(task.name, task.namespace);
    const stands = found && isOwnedRelease(found, blueprint.ownership) && changesFor(found, plan, task.name).length === 0;
    if (stands && !(drift && needsHelm(drift))) return;
    task.say(`helm installs ${chart.origin}`);
    await releases.upgrade({ ...task, chart, values, labels: labelsOf(plan), description: `loki-eks ${blueprint.ownership.installId}` });
  });
}

/** The helm process of a killed run lives on and ends by itself: what it is still creating can be neither changed nor deleted. */
async function whenFree({ clock, timeoutMs }: Needs, task: HelmTask, act: () => Promise<void>): Promise<void> {
  for (const until = clock.now().getTime() + timeoutMs; ; await clock.sleep(BUSY_POLL_MS, task.signal)) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'HELM_BUSY' || clock.now().getTime() > until) throw error;
      task.say(`waiting: ${error.problem.message}`);
    }
  }
}

const DIGEST = 'loki-eks.dev/chart-digest';

/** Label values hold at most 63 characters; 32 hex digits are enough to distinguish charts. */
const labelsOf = (plan: ReleasePlan) => ({ ...plan.labels, [DIGEST]: plan.chart.sha256.slice(0, 32) });

function changesFor(found: Release, plan: ReleasePlan, target: string): readonly Change[] {
  const changes: Change[] = [];
  if (found.status !== 'deployed') changes.push({ action: 'update', target, detail: `it is ${found.status}` });
  // A chart that was not fetched is known only by its pin; whether the user's copy has the same bytes is not known then.
  const otherBytes = plan.chart.path !== '' && found.labels[DIGEST] !== plan.chart.sha256.slice(0, 32);
  if (found.chartVersion !== plan.chart.version || otherBytes) {
    changes.push({ action: 'update', target, diff: [`- chart ${found.chart} ${found.chartVersion}`, `+ chart ${plan.chart.name} ${plan.chart.version}`] });
  }
  const before = found.values as Json;
  const after = plan.values as Json;
  if (canonical(before) !== canonical(after)) changes.push({ action: 'update', target, detail: 'values', diff: diffLines(before, after) });
  return changes;
}

/** The replicas of a component, or nothing if they are unknown. */
type ReplicasOf = (key: string) => unknown;

const asStored =
  ({ values }: Release): ReplicasOf =>
  (key) =>
    getPath(values as Json, `${key}.replicas`);

const asTheyStand =
  ({ autoscaled }: Drift): ReplicasOf =>
  (key) =>
    getPath(autoscaled.find((workload) => keyOf(workload) === key)?.['spec'] as Json, 'replicas');

/** The values of `query-frontend` are under `queryFrontend`. */
const keyOf = ({ metadata: { labels = {} } }: KubeObject): string =>
  (labels['app.kubernetes.io/component'] ?? '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The plan without the replicas of autoscaled components: an upgrade starts and stops none of their pods. */
function leaving(plan: ReleasePlan, { autoscaled }: Drift, replicasOf: ReplicasOf): ReleasePlan {
  const values = { ...plan.values };
  for (const key of new Set(autoscaled.map(keyOf))) {
    const replicas = replicasOf(key);
    if (isMap(values[key]) && typeof replicas === 'number') values[key] = { ...values[key], replicas };
  }
  return { ...plan, values };
}

const taskOf = ({ blueprint, timeoutMs }: Needs, use: 'loki' | 'alloy', io: StepIO) => ({
  name: blueprint[use].name,
  namespace: blueprint[use].namespace,
  timeoutMs,
  ...io,
});

/** The guard stops no ingester before it is flushed. Helm leaves volume claims behind; their data is in the bucket by then. */
async function takeAway(ctx: Needs, use: 'loki' | 'alloy', io: StepIO): Promise<void> {
  const { name, namespace } = ctx.blueprint[use];
  const task = taskOf(ctx, use, io);
  await whenFree(ctx, task, () => ctx.releases.uninstall(task));
  const labels = `app.kubernetes.io/instance=${name}`;
  const until = ctx.clock.now().getTime() + ctx.timeoutMs;
  for (let pause = 100; ; pause = Math.min(pause * 2, 2000)) {
    const pods = await ctx.kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels, metadataOnly: true });
    if (pods.length === 0) break;
    io.say(`waiting for ${pods.length} pods to terminate`);
    if (ctx.clock.now().getTime() > until)
      throw stop('PODS_REMAIN', { message: `${pods.length} pods of ${name} have not terminated: ${pods[0]?.metadata.name} …` });
    await ctx.clock.sleep(pause, io.signal);
  }
  await removeClaims(ctx, use);
}
