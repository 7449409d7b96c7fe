/** Two worlds compared: what is left out, and why, is all here. */
import type { Json } from '../../src/engine/types.ts';
import type { OpenWorld } from '../../src/sandbox/world.ts';
import { FLUSHED } from '../../src/steps/ingesters.ts';
import { storedIn } from './small-helm.ts';

/** The whole account and cluster: equal texts are equal worlds. */
export const exact = (world: OpenWorld): string => JSON.stringify(world.snapshot(), null, 1);

/** Made by controllers out of the objects that are compared, with names or counts that tell how often something was rolled out. */
const DERIVED = /^(pods\.|replicasets\.|controllerrevisions\.|endpoints\.|endpointslices\.|persistentvolumes\.)/;

type Docs = Readonly<Record<string, Doc>>;
interface Doc {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly [field: string]: unknown;
}

/**
 * The same without history and logs: of a helm release only the newest revision counts, by its contents; of a Secret not what it was before; of a
 * workload not how often it was rolled out, and no address that the cluster gave.
 */
export function settled(world: OpenWorld): string {
  const { account, cluster } = world.snapshot() as unknown as { readonly account: Json; readonly cluster: Readonly<Record<string, Docs>> };
  const caches = Object.entries(cluster)
    .filter(([cache]) => !DERIVED.test(cache))
    .map(([cache, docs]) => [cache, cache.startsWith('secrets.') ? secrets(docs) : bodies(docs)] as const);
  return JSON.stringify({ account: withoutLogs(account), cluster: Object.fromEntries(caches) }, null, 1);
}

/** What Loki has written bears the time in its name. */
function withoutLogs(account: Json): Json {
  const { s3, ...others } = account as unknown as { readonly s3: Readonly<Record<string, object>> };
  return { ...others, s3: Object.fromEntries(Object.entries(s3).map(([name, bucket]) => [name, { ...bucket, objects: {} }])) } as unknown as Json;
}

function bodies(docs: Docs): object {
  return Object.fromEntries(
    Object.entries(docs).map(([name, doc]) => {
      const annotations = { ...(doc.metadata['annotations'] as Record<string, string> | undefined) };
      // When it was flushed; that it was counts.
      if (FLUSHED in annotations) annotations[FLUSHED] = 'given';
      for (const key of Object.keys(annotations))
        if (/^(deployment\.kubernetes\.io|deprecated\.daemonset|volume\.kubernetes\.io|pv\.)/.test(key)) delete annotations[key];
      const spec = doc['spec'] as Readonly<Record<string, unknown>> | undefined;
      return [
        name,
        {
          ...doc,
          status: undefined,
          metadata: { ...doc.metadata, annotations },
          ...(spec && { spec: { ...spec, volumeName: undefined, ...addressless(spec) } }),
        },
      ];
    }),
  );
}

/** The cluster gives addresses, and ports of nodes, in the order in which Services come. */
const addressless = ({ clusterIP, ports }: Readonly<Record<string, unknown>>) => ({
  ...(clusterIP !== undefined && clusterIP !== 'None' && { clusterIP: 'given', clusterIPs: ['given'] }),
  ...(clusterIP !== undefined && { ports: (ports as readonly object[]).map((port) => ('nodePort' in port ? { ...port, nodePort: 'given' } : port)) }),
});

function secrets(docs: Docs): object {
  const kept: Record<string, unknown> = {};
  const newest = new Map<string, number>();
  for (const [name, doc] of Object.entries(docs)) {
    if (doc.type !== 'helm.sh/release.v1') {
      kept[name] = { ...doc, data: Object.fromEntries(Object.entries(doc.data ?? {}).filter(([key]) => !/^former(\.|$)/.test(key))) };
      continue;
    }
    const revision = storedIn(doc as unknown as { readonly data: { readonly release: string } });
    const id = `release ${revision.namespace}/${revision.name}`;
    if ((newest.get(id) ?? 0) > revision.version) continue;
    newest.set(id, revision.version);
    const { config, chart, manifest, labels, info } = revision;
    kept[id] = { status: info.status, config, chart, manifest, labels };
  }
  return Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first lines in which two texts differ, for whoever has to find out why. */
export function difference(wanted: string, found: string): string {
  const [a, b] = [wanted.split('\n'), found.split('\n')];
  const [inA, inB] = [new Set(a), new Set(b)];
  const lost = a.filter((line) => !inB.has(line)).slice(0, 6);
  const extra = b.filter((line) => !inA.has(line)).slice(0, 6);
  return [...lost.map((line) => `- ${line.trim().slice(0, 200)}`), ...extra.map((line) => `+ ${line.trim().slice(0, 200)}`)].join('\n');
}
