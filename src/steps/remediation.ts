/** Steps that only `doctor --fix` takes: for what re-running a step of install can't fix, or for a foreign installation. */
import { rule } from '../design/permissions.ts';
import { driftOf, objectsIn, refIn, targetOf } from '../design/drift.ts';
import type { Ownership } from '../design/ownership.ts';
import type { Change, UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject, Ref } from '../ports/kubernetes.ts';
import type { Chart, Release } from '../ports/releases.ts';
import { problem, stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { tenanted } from './remediation-datasource.ts';
import { deleteBackup, writeBackup, restoreBackup, readBackup } from './object-backup.ts';

export type RemediationNeeds = Pick<Context, 'kubernetes' | 'releases' | 'clock' | 'timeoutMs'> & { readonly blueprint: { readonly ownership: Ownership } };
type Needs = RemediationNeeds;
/** Foreign installations use other namespaces, which replace these. */
const EVERYWHERE = ['loki', 'collector'] as const;
const EACH = 'deployments.apps statefulsets.apps daemonsets.apps';
const RENDERED = `secrets configmaps services serviceaccounts poddisruptionbudgets.policy ${EACH}`;
type Place = { readonly namespace: string; readonly name: string };

const kept = ({ kubernetes, blueprint: { ownership } }: Needs) => ({ kubernetes, ownership });
const placeIn = (receipt: UndoRecord): Place => ({ namespace: String(receipt['namespace']), name: String(receipt['name']) });

/** Restores objects of releases that were changed or deleted outside of helm: a rollback to the current revision. */
export const restore = (places: readonly Place[] = []): Step<Needs, UndoRecord> => ({
  id: 'mend.restore',
  title: 'Restore objects from their Helm release',
  scope: 'cluster',
  permissions: EVERYWHERE.flatMap((where) => [
    rule(where, 'get list create update patch delete', RENDERED, {
      to: 'roll a Helm release back to its own revision, as helm does it',
      for: ['doctor --fix'],
    }),
    rule(where, 'patch', EACH, { to: 'restart what reads a restored ConfigMap', for: ['doctor --fix'] }),
  ]),

  async inspect(ctx) {
    const changes = (await Promise.all(places.map((place) => driftIn(ctx, place)))).flatMap(({ changes }) => changes);
    return changes.length > 0 ? { is: 'differs', changes } : { is: 'matches' };
  },

  async apply(ctx, { record, signal, say }) {
    for (const place of places) {
      const { release, refs } = await driftIn(ctx, place);
      if (!release || refs.length === 0) continue;
      const former = await readBackup(ctx, refs);
      await record({ did: 'restore-release', ...place, digest: former.digest });
      await writeBackup(kept(ctx), place, former);
      const task = { ...place, signal, say, timeoutMs: ctx.timeoutMs };
      await ctx.releases.rollback({ ...task, revision: release.revision, force: true });
      for (const workload of await readersOf(ctx, place, refs)) await restartOne(ctx, workload, record);
      await ctx.releases.ready(task);
    }
  },

  undo: (ctx, receipt) => (receipt.did === 'restart-workload' ? restartBack(ctx, receipt) : restoreBackup(kept(ctx), placeIn(receipt), receipt['digest'])),

  remove: async () => ({ is: 'absent' }),
});

/** To be called once nothing can be rolled back any more. */
export const forgetRestored = (ctx: Needs, places: readonly Place[]): Promise<unknown> =>
  Promise.all(places.map((place) => deleteBackup(kept(ctx), place).catch(() => undefined)));

interface Drift {
  readonly release?: Release;
  readonly refs: readonly Ref[];
  readonly changes: readonly Change[];
}

export async function driftIn({ kubernetes, releases }: Needs, { name, namespace }: Place): Promise<Drift> {
  const release = await releases.find(name, namespace);
  if (!release?.manifest || release.status !== 'deployed') return { refs: [], changes: [] };
  const found = await Promise.all(
    objectsIn(release.manifest).map(async (wanted) => {
      const ref = refIn(wanted, namespace);
      return { ref, change: driftOf(wanted, await kubernetes.get(ref), targetOf(ref)) };
    }),
  );
  const drifted = found.filter((one): one is { ref: Ref; change: Change } => one.change !== undefined);
  return { release, refs: drifted.map(({ ref }) => ref), changes: drifted.map(({ change }) => change) };
}

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

interface Template {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly serviceAccountName?: string; readonly volumes?: readonly { readonly configMap?: { readonly name: string } }[] };
}
const templateOf = ({ spec }: KubeObject): Template => (spec as { readonly template?: Template } | undefined)?.template ?? {};

async function workloadsIn({ kubernetes }: Needs, { name, namespace }: Place): Promise<readonly KubeObject[]> {
  const labels = `app.kubernetes.io/instance=${name}`;
  return (await Promise.all(KINDS.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, namespace, labels })))).flat();
}

/** A program reads its configuration at startup, so workloads that mount a restored ConfigMap are restarted. */
async function readersOf(ctx: Needs, place: Place, refs: readonly Ref[]): Promise<readonly KubeObject[]> {
  const maps = new Set(refs.filter(({ kind }) => kind === 'ConfigMap').map(({ name }) => name));
  if (maps.size === 0) return [];
  return (await workloadsIn(ctx, place)).filter((one) => templateOf(one).spec?.volumes?.some(({ configMap }) => configMap && maps.has(configMap.name)));
}

const RESTARTED = 'kubectl.kubernetes.io/restartedAt';
const restartPatch = (at: string | null) => ({ spec: { template: { metadata: { annotations: { [RESTARTED]: at } } } } });

/** As `kubectl rollout restart` does it: pods are replaced one by one. */
async function restartOne({ kubernetes, clock }: Needs, workload: KubeObject, record: (receipt: UndoRecord) => Promise<void>): Promise<void> {
  const { kind, metadata } = workload;
  const place = { namespace: metadata.namespace ?? '', name: metadata.name };
  await record({ did: 'restart-workload', kind, ...place, before: templateOf(workload).metadata?.annotations?.[RESTARTED] ?? null });
  await kubernetes.patch({ apiVersion: 'apps/v1', kind, ...place }, restartPatch(clock.now().toISOString()));
}

async function restartBack({ kubernetes }: Needs, receipt: UndoRecord): Promise<void> {
  const ref = { apiVersion: 'apps/v1', kind: String(receipt['kind']), ...placeIn(receipt) };
  const found = await kubernetes.get(ref);
  const before = receipt['before'];
  if (found && (templateOf(found).metadata?.annotations?.[RESTARTED] ?? null) !== before) {
    await kubernetes.patch(ref, restartPatch(typeof before === 'string' ? before : null));
  }
}

/** Pods of a service account that lack what its annotation promises: they are older than it, and are restarted. */
export const restart = (of?: Place & { readonly serviceAccount: string }): Step<Needs, UndoRecord> => ({
  id: 'mend.restart',
  title: 'Restart pods to pick up their IAM role',
  scope: 'cluster',
  permissions: EVERYWHERE.map((where) => rule(where, 'get list patch', EACH, { to: 'restart pods whose role has changed', for: ['doctor --fix'] })),

  async inspect(ctx) {
    const stale = of ? await staleWorkloads(ctx, of) : [];
    const changes = stale.map(({ kind, metadata }): Change => ({
      action: 'update',
      target: `${kind} ${metadata.namespace}/${metadata.name}`,
      detail: 'restart its pods',
    }));
    return changes.length > 0 ? { is: 'differs', changes } : { is: 'matches' };
  },

  async apply(ctx, { record, signal, say }) {
    if (!of) return;
    const { name, namespace } = of;
    for (const workload of await staleWorkloads(ctx, of)) await restartOne(ctx, workload, record);
    await ctx.releases.ready({ name, namespace, signal, say, timeoutMs: ctx.timeoutMs });
  },

  undo: (ctx, receipt) => restartBack(ctx, receipt),
  remove: async () => ({ is: 'absent' }),
});

interface PodBody {
  readonly spec?: {
    readonly serviceAccountName?: string;
    readonly containers?: readonly { readonly env?: readonly { readonly name: string; readonly value?: string }[] }[];
  };
}

async function staleWorkloads(ctx: Needs, of: Place & { readonly serviceAccount: string }): Promise<readonly KubeObject[]> {
  const { kubernetes } = ctx;
  const { namespace, serviceAccount } = of;
  const account = await kubernetes.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: serviceAccount });
  const arn = account?.metadata.annotations?.['eks.amazonaws.com/role-arn'];
  if (!arn) return [];
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: `app.kubernetes.io/instance=${of.name}` });
  const bare = pods.filter((pod) => {
    const { spec } = pod as KubeObject & PodBody;
    return (
      spec?.serviceAccountName === serviceAccount &&
      !spec.containers?.some(({ env = [] }) => env.some((one) => one.name === 'AWS_ROLE_ARN' && one.value === arn))
    );
  });
  const workloads = await workloadsIn(ctx, of);
  return workloads.filter((one) => templateOf(one).spec?.serviceAccountName === serviceAccount && bare.some((pod) => selects(one, pod)));
}

function selects({ spec }: KubeObject, { metadata: { labels = {} } }: KubeObject): boolean {
  const wanted = (spec as { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } } | undefined)?.selector?.matchLabels ?? {};
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** A foreign release with one more value: its own chart, its own values. */
export interface Revalue extends Place {
  readonly chart: Chart;
  readonly values: Readonly<Record<string, unknown>>;
  /** The revision that was inspected: any other one was made by someone else in the meantime. */
  readonly revision: number;
  readonly labels: Readonly<Record<string, string>>;
  /** What the new values change in its objects. */
  readonly changes: readonly Change[];
  readonly code: string;
}

export const revalue = (all: readonly Revalue[] = []): Step<Needs, UndoRecord> => ({
  id: 'mend.values',
  title: 'Values of Helm releases not managed by loki-eks',
  scope: 'cluster',
  permissions: EVERYWHERE.map((where) =>
    rule(where, 'get list create update patch delete', RENDERED, {
      to: 'upgrade a Helm release of others with corrected values, once agreed',
      for: ['doctor --fix'],
    }),
  ),

  async inspect({ releases }) {
    for (const { name, namespace, revision } of all) {
      const found = await releases.find(name, namespace);
      if (found?.revision !== revision) {
        const message = `Helm release ${namespace}/${name} is at revision ${found?.revision ?? 'none'}, but was at ${revision} when it was checked`;
        return { is: 'blocked', problem: problem('PLAN_OUTDATED', { message }) };
      }
    }
    return all.length > 0 ? { is: 'differs', changes: all.flatMap(({ changes }) => changes) } : { is: 'matches' };
  },

  async apply(ctx, { record, signal, say }) {
    for (const { name, namespace, chart, values, labels, revision, code } of all) {
      const task = { name, namespace, signal, say, timeoutMs: ctx.timeoutMs };
      if ((await ctx.releases.find(name, namespace))?.revision !== revision) throw stop('PLAN_OUTDATED');
      await record({ did: 'upgrade-foreign-release', namespace, name, revision });
      say(`helm upgrades ${namespace}/${name}`);
      await ctx.releases.upgrade({ ...task, chart, values, labels, description: `loki-eks doctor --fix ${code}` });
      await ctx.releases.ready(task);
    }
  },

  async undo(ctx, receipt, { signal, say }) {
    const place = placeIn(receipt);
    const revision = Number(receipt['revision']);
    const found = await ctx.releases.find(place.name, place.namespace);
    if (found && found.revision > revision) await ctx.releases.rollback({ ...place, revision, signal, say, timeoutMs: ctx.timeoutMs });
  },

  remove: async () => ({ is: 'absent' }),
});

/** For rolling back what a journal holds. */
export const remediations = (): readonly Step<Needs, UndoRecord>[] => [restore(), restart(), revalue(), tenanted()];
