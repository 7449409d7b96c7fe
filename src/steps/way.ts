/** Making way for the upgrade of a release that somebody else installed: StatefulSets that can't be changed in place, lines that are only in memory. */
import { parseAllDocuments } from 'yaml';
import { canonical } from '../design/canonical.ts';
import { at } from '../design/document.ts';
import type { Helpers, Json } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { stop } from '../problems/problem.ts';
import type { Context } from './context.ts';
import { flushOnShutdown } from './flush.ts';

type Needs = Pick<Context, 'releases' | 'kubernetes' | 'blueprint' | 'clock'> & { readonly facts?: { readonly kubeVersion: string } };
type Use = 'loki' | 'alloy';

/** Plain data, because it is part of a receipt. */
export type Way = {
  /** Names of the StatefulSets that are made anew. */
  readonly replaced: readonly string[];
  /** Names of the volume claims that were there before. */
  readonly claims: readonly string[];
};

export async function wayFor({ releases, kubernetes, blueprint, facts }: Needs, use: Use): Promise<Way> {
  const { name, namespace, chart, values } = blueprint[use];
  const labels = `app.kubernetes.io/instance=${name}`;
  const [rendered, sets, claims] = await Promise.all([
    releases.render({ name, namespace, chart, values, kubeVersion: facts?.kubeVersion ?? '' }),
    kubernetes.list({ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, labels }),
    kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, labels, metadataOnly: true }),
  ]);
  const wanted = statefulSetsIn(rendered);
  const replaced = sets.filter((set) => {
    const next = wanted.get(set.metadata.name);
    return next !== undefined && fixedPart(set as unknown as Json) !== fixedPart(next);
  });
  return { replaced: replaced.map(({ metadata }) => metadata.name).sort(), claims: claims.map(({ metadata }) => metadata.name).sort() };
}

function statefulSetsIn(manifests: string): ReadonlyMap<string, Json> {
  const documents = parseAllDocuments(manifests).map((document) => document.toJS() as Json);
  return new Map(documents.flatMap((document) => (at(document, 'kind') === 'StatefulSet' ? [[String(at(document, 'metadata.name')), document] as const] : [])));
}

/** What Kubernetes lets nobody change on a StatefulSet, without what it fills in by itself. */
function fixedPart(set: Json): string {
  const claims = (at(set, 'spec.volumeClaimTemplates') ?? []) as readonly Json[];
  return canonical({
    serviceName: at(set, 'spec.serviceName') ?? '',
    selector: at(set, 'spec.selector.matchLabels') ?? {},
    podManagementPolicy: at(set, 'spec.podManagementPolicy') ?? 'OrderedReady',
    claims: claims.map((claim) => ({
      name: at(claim, 'metadata.name') ?? '',
      accessModes: at(claim, 'spec.accessModes') ?? [],
      storageClassName: at(claim, 'spec.storageClassName') ?? '',
      size: at(claim, 'spec.resources.requests.storage') ?? '',
    })),
  });
}

const GONE_MS = 60_000;

/** Deleted without their pods, which go on and are taken over by the sets that helm makes in their place. */
export async function makeWay(ctx: Needs, use: Use, { way, signal, say }: Helpers & { readonly way: Way }): Promise<void> {
  if (use === 'loki') await flushOnShutdown(ctx, { signal, say });
  const refs = refsOf(ctx, use, way);
  for (const ref of refs) {
    say(`StatefulSet ${ref.name} is made anew; its pods go on`);
    await ctx.kubernetes.delete(ref, { propagation: 'Orphan' });
  }
  const until = ctx.clock.now().getTime() + GONE_MS;
  for (const ref of refs) {
    for (let pause = 50; await ctx.kubernetes.get(ref); pause = Math.min(pause * 2, 1000)) {
      if (ctx.clock.now().getTime() > until) throw stop('PODS_REMAIN', { message: `StatefulSet ${ref.namespace}/${ref.name} is still there after a minute` });
      await ctx.clock.sleep(pause, signal);
    }
  }
}

export async function isMissing(ctx: Needs, use: Use, way: Way): Promise<boolean> {
  const found = await Promise.all(refsOf(ctx, use, way).map((ref) => ctx.kubernetes.get(ref)));
  return found.includes(undefined);
}

/** Claims that came with the sets that are gone again; one that a pod still uses goes with that pod. */
export async function dropClaims({ kubernetes, blueprint }: Needs, use: Use, way: Way): Promise<void> {
  const { name, namespace } = blueprint[use];
  const query = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace };
  const claims: readonly KubeObject[] = await kubernetes.list({ ...query, labels: `app.kubernetes.io/instance=${name}`, metadataOnly: true });
  const fresh = claims.filter(({ metadata }) => !way.claims.includes(metadata.name));
  await Promise.all(fresh.map(({ metadata }) => kubernetes.delete({ ...query, name: metadata.name })));
}

const refsOf = ({ blueprint }: Needs, use: Use, { replaced }: Way) =>
  replaced.map((name) => ({ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: blueprint[use].namespace, name }));
