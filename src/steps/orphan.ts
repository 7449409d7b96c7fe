/** The steps of an installation, applied to orphan it: ownership marks are removed, nothing else changes. Undone by the steps themselves. */
import type { Blueprint } from '../design/blueprint.ts';
import { diffLines } from '../design/diff.ts';
import { adoptedTag, retentionTag, type Ownership } from '../design/ownership.ts';
import type { Change, Inspection, ApplyContext, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';
import { ours as objectsOf, type What } from './grafana-objects.ts';
import { removals } from './index.ts';
import { mark, markChange, noMarks, orphanMarks, type Marking } from './ownership-marks.ts';
import { named, isOwnedByLabels, isOwnedByTags } from './ownership.ts';
import { FORGOTTEN, RECORD } from './installation-record.ts';

interface OrphanAction {
  /** What would lose its marks. */
  readonly marked: (ctx: Context) => Promise<readonly Change[]>;
  readonly release: (ctx: Context, io: ApplyContext) => Promise<void>;
}

/** The record is deleted last: as long as it exists, the next run knows what this one was orphaning. */
export function orphanActions(blueprint: Pick<Blueprint, 'identity' | 'grafana'>): readonly Step<Context>[] {
  const all = removals(blueprint).filter(({ id }) => id in ACTIONS);
  const before = all.filter(({ id }) => id !== 'record').map(({ id }) => id);
  const withDeed = (step: Step<Context>): Step<Context> => {
    const { marked, release } = ACTIONS[step.id]!;
    const inspect = async (ctx: Context): Promise<Inspection> => {
      const changes = await marked(ctx);
      return changes.length > 0 ? { is: 'differs', changes } : { is: 'matches' };
    };
    return { ...step, needs: step.id === 'record' ? before : [], inspect, apply: release };
  };
  return [...all.filter(({ id }) => id !== 'record'), ...all.filter(({ id }) => id === 'record')].map(withDeed);
}

interface Off extends Partial<Marking> {
  readonly of?: (object: KubeObject, ownership: Ownership) => Marking;
}

/** Kubernetes objects, found by reference or by what they are part of. */
function objects(
  find: (ctx: Context) => Promise<readonly (KubeObject | undefined)[]>,
  { of = (_, ownership) => noMarks(ownership), ...more }: Off = {},
): OrphanAction {
  const off = (object: KubeObject, ownership: Ownership): Marking => {
    const { labels, annotations } = of(object, ownership);
    return { labels: { ...labels, ...more.labels }, annotations: { ...annotations, ...more.annotations } };
  };
  const ours = async (ctx: Context) =>
    (await find(ctx)).filter((found): found is KubeObject => found !== undefined && isOwnedByLabels(found, ctx.blueprint.ownership));
  return {
    marked: async (ctx) => (await ours(ctx)).map((object) => markChange(object, off(object, ctx.blueprint.ownership))),
    release: async (ctx, { record }) => {
      for (const object of await ours(ctx)) await mark(ctx.kubernetes, object, { marking: off(object, ctx.blueprint.ownership), record });
    },
  };
}

const keysOf = ({ tags }: Ownership) => [...Object.keys(tags), retentionTag, adoptedTag];
const without = (tags: Readonly<Record<string, string>>, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));
const only = (tags: Readonly<Record<string, string>>, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => keys.includes(key)));

function tagged(target: string, tags: Readonly<Record<string, string>>, ownership: Ownership): readonly Change[] {
  if (!isOwnedByTags(tags, ownership)) return [];
  return [{ action: 'update', target, detail: 'marks', diff: diffLines({ ...tags }, without(tags, keysOf(ownership))) }];
}

const bucket = (use: 'chunks' | 'ruler'): OrphanAction => {
  const tagsOf = async ({ buckets, blueprint }: Context) => {
    const found = await buckets.look(blueprint.buckets[use].name);
    return found.is === 'ours-to-read' && isOwnedByTags(found.tags, blueprint.ownership) ? found.tags : undefined;
  };
  return {
    marked: async (ctx) => tagged(`s3://${ctx.blueprint.buckets[use].name}`, (await tagsOf(ctx)) ?? {}, ctx.blueprint.ownership),
    release: async (ctx, { record }) => {
      const { name } = ctx.blueprint.buckets[use];
      const tags = await tagsOf(ctx);
      if (!tags) return;
      await record({ did: 'set-tags', name, before: tags });
      await ctx.buckets.setTags(name, without(tags, keysOf(ctx.blueprint.ownership)));
    },
  };
};

const role: OrphanAction = {
  marked: async ({ roles, blueprint }) => tagged(blueprint.role.arn, (await roles.find(blueprint.role.name))?.tags ?? {}, blueprint.ownership),
  release: async ({ roles, blueprint }, { record }) => {
    const { name } = blueprint.role;
    const tags = (await roles.find(name))?.tags ?? {};
    if (!isOwnedByTags(tags, blueprint.ownership)) return;
    const keys = keysOf(blueprint.ownership);
    await record({ did: 'tag-role', name, before: only(tags, keys), added: [] });
    await roles.untag(name, keys);
  },
};

const provider: OrphanAction = {
  marked: async ({ oidcProviders, blueprint: { oidcProvider, ownership } }) =>
    oidcProvider ? tagged(oidcProvider.arn, (await oidcProviders.find(oidcProvider.arn))?.tags ?? {}, ownership) : [],
  release: async ({ oidcProviders, blueprint: { oidcProvider, ownership } }, { record }) => {
    const found = oidcProvider && (await oidcProviders.find(oidcProvider.arn));
    if (!found || !isOwnedByTags(found.tags, ownership)) return;
    await record({ did: 'untag-provider', arn: found.arn, before: only(found.tags, keysOf(ownership)) });
    await oidcProviders.untag(found.arn, keysOf(ownership));
  },
};

const findAssociation = ({ associations, blueprint: { cluster, serviceAccount } }: Context) =>
  associations.find({ cluster: cluster.name, namespace: serviceAccount.namespace, serviceAccount: serviceAccount.name });

const association: OrphanAction = {
  marked: async (ctx) => {
    const found = await findAssociation(ctx);
    return found ? tagged(`Pod Identity association ${found.id}`, found.tags, ctx.blueprint.ownership) : [];
  },
  release: async (ctx, { record }) => {
    const { ownership } = ctx.blueprint;
    const found = await findAssociation(ctx);
    if (!found || !isOwnedByTags(found.tags, ownership)) return;
    await record({ did: 'untag-association', before: only(found.tags, keysOf(ownership)) });
    await ctx.associations.untag(found.arn, keysOf(ownership));
  },
};

const recordSecret = ({ kubernetes, blueprint: { loki } }: Context) =>
  kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace: loki.namespace, name: RECORD });

const forgetting: OrphanAction = {
  marked: async (ctx) => {
    const found = await recordSecret(ctx);
    return found && isOwnedByLabels(found, ctx.blueprint.ownership) ? [{ action: 'delete', target: named(found), detail: 'the installation record' }] : [];
  },
  release: async (ctx, { record }) => {
    const found = await recordSecret(ctx);
    if (!found || !isOwnedByLabels(found, ctx.blueprint.ownership)) return;
    await record({ did: FORGOTTEN });
    await ctx.kubernetes.delete({ apiVersion: 'v1', kind: 'Secret', namespace: found.metadata.namespace ?? '', name: found.metadata.name });
  },
};

/** Helm's own Secrets, one per revision: removing a label from them changes nothing in the installation. */
const release = (use: 'loki' | 'alloy'): OrphanAction =>
  objects(
    async ({ kubernetes, blueprint }) => {
      const { name, namespace } = blueprint[use];
      const revisions = await kubernetes.list({ apiVersion: 'v1', kind: 'Secret', namespace, labels: `owner=helm,name=${name}`, metadataOnly: true });
      return revisions.map((object) => ({ ...object, apiVersion: 'v1', kind: 'Secret' }));
    },
    { labels: { 'loki-eks.dev/chart-digest': null } },
  );

const grafanaObjects = async (ctx: Context, what: What) =>
  (await Promise.all((['Secret', 'ConfigMap'] as const).map((kind) => objectsOf(ctx, { kind, what })))).flat();

const namespace = (use: 'loki' | 'collector'): OrphanAction =>
  objects(async ({ kubernetes, blueprint }) => [await kubernetes.get({ apiVersion: 'v1', kind: 'Namespace', name: blueprint.namespaces[use].metadata.name })]);

const ACTIONS: Readonly<Record<string, OrphanAction>> = {
  'bucket.chunks': bucket('chunks'),
  'bucket.ruler': bucket('ruler'),
  'oidc-provider': provider,
  role,
  'storage-class': objects(({ kubernetes }) => kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }), { of: orphanMarks }),
  'namespace.loki': namespace('loki'),
  'namespace.collector': namespace('collector'),
  record: forgetting,
  login: objects(
    ({ kubernetes, blueprint: { login } }) =>
      Promise.all([...login.clients, login.htpasswd].map((place) => kubernetes.get({ apiVersion: 'v1', kind: 'Secret', ...place }))),
    { of: orphanMarks },
  ),
  'service-account': objects(
    async ({ kubernetes, blueprint: { serviceAccount } }) => [
      await kubernetes.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: serviceAccount.namespace, name: serviceAccount.name }),
    ],
    { annotations: { 'loki-eks.dev/identity-proved': null }, of: orphanMarks },
  ),
  association,
  'grafana.datasource': objects(async (ctx) => grafanaObjects(ctx, 'datasource')),
  'grafana.dashboard': objects(async (ctx) => grafanaObjects(ctx, 'dashboard')),
  'release.loki': release('loki'),
  'release.alloy': release('alloy'),
};
