/** Whether log data goes, seen from the world itself and not from the product: objects, rules that expire them, and what ingesters hold. */
import type { OpenWorld } from '../../src/sandbox/world.ts';
import { heldBy } from './still-cluster.ts';

/** `buckets`: named for deletion in this run. Returns what was lost beside them since. */
export function watchData(world: OpenWorld, { buckets }: { readonly buckets: readonly string[] }): () => readonly string[] {
  const before = bucketsOf(world);
  const lines: string[] = [];
  const forget = world.store.subscribe(({ type, object }) => {
    if (type === 'DELETED' && heldBy(object) > 0) lines.push(`${heldBy(object)} chunks of ${object.kind} ${object.metadata.namespace}/${object.metadata.name}`);
  });
  return () => {
    forget();
    const now = bucketsOf(world);
    const lost = [...before].flatMap(([name, { keys, expires }]) => {
      if (buckets.includes(name)) return [];
      const { keys: left, expires: expiresNow } = now.get(name) ?? { keys: new Set<string>(), expires: false };
      const gone = [...keys].filter((key) => !left.has(key));
      return [...(gone.length > 0 ? [`${gone.length} objects of ${name}`] : []), ...(expiresNow && !expires ? [`${name} is set to expire`] : [])];
    });
    return [...lost, ...lines];
  };
}

function bucketsOf({ account: { state } }: OpenWorld): ReadonlyMap<string, { readonly keys: ReadonlySet<string>; readonly expires: boolean }> {
  return new Map(
    [...state.s3.buckets].map(([name, { objects, settings }]) => [
      name,
      { keys: new Set([...objects.keys('')].filter((key) => !key.startsWith(PROBES))), expires: EXPIRES.test(settings.get('lifecycle') ?? '') },
    ]),
  );
}

const EXPIRES = /<Expiration>\s*<(Days|Date)>|<NoncurrentVersionExpiration>/;

/** Written by the proof of the role, which a run that follows a dead one takes away: no line is in it. */
const PROBES = 'loki-eks-probe/';
