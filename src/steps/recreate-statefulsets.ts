/** Prepares the upgrade of a foreign release: recreates StatefulSets that can't be changed in place, flushes lines that are only in memory. */
import { parseAllDocuments } from 'yaml';
import { canonical } from '../design/canonical.ts';
import { getPath } from '../design/get-path.ts';
import { objectsIn, refIn, targetOf } from '../design/drift.ts';
import type { StepIO, Json } from '../engine/types.ts';
import { stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { flushForRestart } from './ingester-guard.ts';
import { MADE_BY_HELM } from './ownership-marks.ts';

type Needs = Pick<Context, 'releases' | 'kubernetes' | 'blueprint' | 'clock' | 'timeoutMs' | 'consent'> & { readonly facts?: { readonly kubeVersion: string } };
type Use = 'loki' | 'alloy';

/** Plain data, because it is part of an undo record. */
export type Recreation = {
  /** Names of the StatefulSets to recreate. */
  readonly replaced: readonly string[];
  /** Names of the volume claims that existed before. */
  readonly claims: readonly string[];
};

/** For an upgrade to what our chart renders. */
export async function recreationFor(ctx: Needs, use: Use): Promise<Recreation> {
  const { name, namespace, chart, values } = ctx.blueprint[use];
  return wayTo(ctx, use, ctx.releases.render({ name, namespace, chart, values, kubeVersion: ctx.facts?.kubeVersion ?? '' }));
}

/** For a rollback to a revision. `receipt`: what was recreated on upgrade, for when that revision is no longer kept. */
export async function undoRecreation(
  ctx: Needs,
  use: Use,
  { revision, receipt }: { readonly revision: number; readonly receipt?: Recreation },
): Promise<Recreation> {
  const { name, namespace } = ctx.blueprint[use];
  const manifest = await ctx.releases.manifest({ name, namespace, revision });
  return manifest === '' && receipt ? receipt : wayTo(ctx, use, manifest);
}

async function wayTo({ kubernetes, blueprint }: Needs, use: Use, manifests: string | Promise<string>): Promise<Recreation> {
  const [rendered, sets, claims] = await Promise.all([
    manifests,
    kubernetes.list({ apiVersion: 'apps/v1', kind: 'StatefulSet', ...partsOf(blueprint, use) }),
    kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...partsOf(blueprint, use), metadataOnly: true }),
  ]);
  const wanted = statefulSetsIn(rendered);
  const replaced = sets.filter((set) => {
    const next = wanted.get(set.metadata.name);
    return next !== undefined && fixedPart(set) !== fixedPart(next);
  });
  return { replaced: replaced.map(({ metadata }) => metadata.name).sort(), claims: claims.map(({ metadata }) => metadata.name).sort() };
}

const partsOf = (blueprint: Needs['blueprint'], use: Use) => ({
  namespace: blueprint[use].namespace,
  labels: `app.kubernetes.io/instance=${blueprint[use].name}`,
});

function statefulSetsIn(manifests: string): ReadonlyMap<string, Json> {
  // Parsing everything takes far longer than finding these.
  const documents = manifests
    .split(/^---$/m)
    .filter((text) => /kind"?: ?"?StatefulSet\b/.test(text))
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Json));
  return new Map(
    documents.flatMap((document) => (getPath(document, 'kind') === 'StatefulSet' ? [[String(getPath(document, 'metadata.name')), document] as const] : [])),
  );
}

/** The immutable fields of a StatefulSet, without what Kubernetes fills in itself. */
export function fixedPart(set: unknown): string {
  return canonical({
    serviceName: getPath(set, 'spec.serviceName') ?? '',
    selector: getPath(set, 'spec.selector.matchLabels') ?? {},
    podManagementPolicy: getPath(set, 'spec.podManagementPolicy') ?? 'OrderedReady',
    claims: claimsOf(set).map((claim) => ({
      name: getPath(claim, 'metadata.name') ?? '',
      labels: getPath(claim, 'metadata.labels') ?? {},
      annotations: getPath(claim, 'metadata.annotations') ?? {},
      spec: { volumeMode: 'Filesystem', ...(getPath(claim, 'spec') as object | undefined) } as Json,
    })),
  });
}

const GONE_MS = 60_000;

/** `keeps`: names of the claims that stay in use. Sets are deleted without their pods, which keep running until helm's new sets adopt them. */
export async function recreateStatefulSets(
  ctx: Needs,
  use: Use,
  { way, keeps, signal, say }: StepIO & { readonly way: Recreation; readonly keeps?: readonly string[] | undefined },
): Promise<void> {
  if (use === 'loki') await flushForRestart(ctx, ctx.blueprint.loki, { signal, say, keeps });
  const refs = refsOf(ctx, use, way);
  for (const ref of refs) {
    say(`StatefulSet ${ref.name} is recreated; its pods keep running`);
    await ctx.kubernetes.delete(ref, { propagation: 'Orphan' });
  }
  const until = ctx.clock.now().getTime() + GONE_MS;
  for (const ref of refs) {
    for (let pause = 50; await ctx.kubernetes.get(ref); pause = Math.min(pause * 2, 1000)) {
      if (ctx.clock.now().getTime() > until) throw stop('PODS_REMAIN', { message: `StatefulSet ${ref.namespace}/${ref.name} still exists after a minute` });
      await ctx.clock.sleep(pause, signal);
    }
  }
}

export async function isMissing(ctx: Needs, use: Use, way: Recreation): Promise<boolean> {
  const found = await Promise.all(refsOf(ctx, use, way).map((ref) => ctx.kubernetes.get(ref)));
  return found.includes(undefined);
}

/** Claims created with sets that no longer exist, and that no set needs; one still used by a pod is deleted with that pod. */
export async function dropClaims({ kubernetes, blueprint }: Needs, use: Use, way: Recreation): Promise<void> {
  const query = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...partsOf(blueprint, use) };
  const [claims, sets] = await Promise.all([
    kubernetes.list({ ...query, metadataOnly: true }),
    kubernetes.list({ apiVersion: 'apps/v1', kind: 'StatefulSet', ...partsOf(blueprint, use) }),
  ]);
  const asked = sets.flatMap((set) => claimsOf(set).map((claim) => new RegExp(`^${String(getPath(claim, 'metadata.name'))}-${set.metadata.name}-\\d+$`)));
  const fresh = claims.filter(({ metadata: { name } }) => !way.claims.includes(name) && !asked.some((pattern) => pattern.test(name)));
  const { apiVersion, kind, namespace } = query;
  await Promise.all(fresh.map(({ metadata: { name } }) => kubernetes.delete({ apiVersion, kind, namespace, name })));
}

/**
 * What the revisions in between created and `goal` lacks: after an interrupted rollback, helm compares with the last revision and no longer
 * sees these objects.
 */
export async function dropLeft({ releases, kubernetes, blueprint }: Needs, use: Use, of: { readonly goal: number; readonly before: number }): Promise<void> {
  const { name, namespace } = blueprint[use];
  const refsIn = async (revision: number) => objectsIn(await releases.manifest({ name, namespace, revision })).map((object) => refIn(object, namespace));
  const stays = new Set((await refsIn(of.goal)).map(targetOf));
  for (let revision = of.goal + 1; revision < of.before; revision++) {
    for (const ref of await refsIn(revision)) {
      if (stays.has(targetOf(ref)) || HOLDS_DATA.test(ref.kind)) continue;
      const found = await kubernetes.get(ref);
      const { [MADE_BY_HELM]: by, 'meta.helm.sh/release-namespace': where = namespace } = found?.metadata.annotations ?? {};
      if (by === name && where === namespace) await kubernetes.delete(ref);
    }
  }
}

const HOLDS_DATA = /^(Namespace|PersistentVolume|StorageClass|CustomResourceDefinition)/;

const claimsOf = (set: unknown) => (getPath(set, 'spec.volumeClaimTemplates') ?? []) as readonly Json[];

const refsOf = ({ blueprint }: Needs, use: Use, { replaced }: Recreation) =>
  replaced.map((name) => ({ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: blueprint[use].namespace, name }));
