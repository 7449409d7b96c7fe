/** Guards unflushed data against direct changes to the cluster, without helm: to claims, pods, and whatever deletes them. */
import { getPath } from '../design/get-path.ts';
import type { StepIO, Json } from '../engine/types.ts';
import type { KubeObject, Kubernetes, Ref } from '../ports/kubernetes.ts';
import type { Clock } from '../ports/system.ts';
import type { Consent } from './consent.ts';
import { flushAll, resume } from './flush.ts';
import { endIngesters, goOn, orGoOn, unflushedProblem } from './ingester-guard.ts';
import { isIngester, mayHoldLines, placeIn, type Ingester } from './ingesters.ts';

interface Guarded {
  readonly kubernetes: Kubernetes;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly consent?: Consent;
}

export function guardObjects(ctx: Guarded): Kubernetes {
  const { kubernetes } = ctx;
  return {
    ...kubernetes,
    delete: async (ref, options) => {
      if (options?.propagation === 'Orphan') return kubernetes.delete(ref, options);
      refuseClaims(ctx, await claimsGoingWith(kubernetes, ref));
      await endWithoutClaims(ctx, await podsGoingWith(kubernetes, ref));
      return kubernetes.delete(ref, options);
    },
    patch: (ref, change) => withFewer(ctx, { ref, replicas: getPath(change as Json, 'spec.replicas') }, () => kubernetes.patch(ref, change)),
    replace: (object) => {
      const { apiVersion, kind, metadata } = object;
      const ref: Ref = { apiVersion, kind, name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) };
      return withFewer(ctx, { ref, replicas: getPath(object, 'spec.replicas') ?? null }, () => kubernetes.replace(object));
    },
  };
}

/** The pods of a set stop with it, and its claims may be deleted too. */
async function claimsGoingWith(kubernetes: Kubernetes, ref: Ref): Promise<readonly KubeObject[]> {
  const { kind, name } = ref;
  if (kind === 'PersistentVolumeClaim') return [await kubernetes.get(ref)].filter((claim) => claim !== undefined);
  const namespace = kind === 'Namespace' ? name : ref.namespace;
  if (namespace === undefined || !['Namespace', 'StatefulSet'].includes(kind)) return [];
  const claims = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace });
  return kind === 'Namespace' ? claims : claims.filter(({ metadata }) => new RegExp(`-${name.replaceAll(/[^\w-]/g, '\\$&')}-\\d+$`).test(metadata.name));
}

function refuseClaims({ consent }: Guarded, claims: readonly KubeObject[]): void {
  const holding = claims.filter(mayHoldLines);
  if (holding.length === 0 || consent?.unflushed) return;
  throw unflushedProblem(
    holding.map(({ metadata: { namespace, name } }) => ({
      ingester: `PersistentVolumeClaim ${namespace}/${name}`,
      why: 'its write-ahead log was not flushed',
    })),
    { of: claims.length },
  );
}

async function podsGoingWith(kubernetes: Kubernetes, ref: Ref): Promise<readonly KubeObject[]> {
  const { kind, name } = ref;
  if (kind === 'Pod') return [await kubernetes.get(ref)].filter((pod) => pod !== undefined);
  const namespace = kind === 'Namespace' ? name : ref.namespace;
  if (namespace === undefined || !['Namespace', 'StatefulSet'].includes(kind)) return [];
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace });
  return kind === 'Namespace' ? pods : pods.filter((pod) => placeIn(pod).set === name);
}

/** The data of an ingester without a volume is lost with its pod. */
async function endWithoutClaims(ctx: Guarded, pods: readonly KubeObject[]): Promise<void> {
  const ending = pods.filter((pod) => isIngester(pod) && !usesClaims(pod)).map((pod): Ingester => ({ pod, claims: [] }));
  const unflushed = await flushAll(ctx, ending, { ...unheard(), ending: true });
  if (unflushed.length === 0 || ctx.consent?.unflushed) return;
  await resume(ctx, ending);
  throw unflushedProblem(unflushed, { of: ending.length });
}

const usesClaims = (pod: KubeObject): boolean =>
  ((getPath(pod, 'spec.volumes') ?? []) as readonly Json[]).some((volume) => getPath(volume, 'persistentVolumeClaim') !== undefined);

interface Scaling {
  readonly ref: Ref;
  /** `undefined`: unchanged. `null`: the default. */
  readonly replicas: Json | undefined;
}

/** Ingesters that a StatefulSet no longer includes are stopped as when helm scales it down. */
async function withFewer(ctx: Guarded, { ref, replicas }: Scaling, act: () => Promise<KubeObject>): Promise<KubeObject> {
  const set = ref.kind === 'StatefulSet' && replicas !== undefined ? await ctx.kubernetes.get(ref) : undefined;
  const name = set && releaseOf(set);
  if (name === undefined) return act();
  const release = { name, namespace: ref.namespace ?? '' };
  const staying = (of: string) => (of === ref.name ? Number(replicas ?? 1) : Number.POSITIVE_INFINITY);
  return orGoOn(ctx, release, async () => {
    await endIngesters(ctx, { ...release, ...unheard() }, { staying, withClaims: false });
    const changed = await act();
    await goOn(ctx, release);
    return changed;
  });
}

/** As labelled on its pods, by which they are found. */
const releaseOf = (set: KubeObject): string | undefined =>
  (set as unknown as { readonly spec?: { readonly template?: { readonly metadata?: KubeObject['metadata'] } } }).spec?.template?.metadata?.labels?.[
    'app.kubernetes.io/instance'
  ];

/** A port has no channel to report progress to the user. */
const unheard = (): StepIO => ({ signal: new AbortController().signal, say: () => {} });
