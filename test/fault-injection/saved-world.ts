/** A world as it was at some moment, to be returned to as often as one likes. Only for a world without pods: what runs can't be put back. */
import { cpSync, rmSync } from 'node:fs';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { createObjectTable, type ObjectTable } from '../../src/sandbox/aws/object-table.ts';
import type { Bucket } from '../../src/sandbox/aws/s3-state.ts';
import type { OpenWorld } from '../../src/sandbox/world.ts';

/** `folder`: what runs keep on disk, which belongs to the moment as well; a copy of it is kept at `copy`. Returns the way back. */
export function saveWorld(world: OpenWorld, { folder, copy }: { readonly folder: string; readonly copy: string }): () => void {
  const caches = world.store.registry.all().map((resource) => ({ resource, items: byKey(world.store.cache.items(resource)) }));
  const account = saveAccount(world);
  cpSync(folder, copy, { recursive: true });
  return () => {
    account();
    for (const { resource, items } of caches) putBack(world, resource, items);
    rmSync(folder, { recursive: true, force: true });
    cpSync(copy, folder, { recursive: true });
  };
}

type Resource = Parameters<OpenWorld['store']['cache']['items']>[0];

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const byKey = (objects: readonly KubeObject[]) => new Map(objects.map((object) => [keyOf(object), object]));

function putBack({ store: { cache } }: OpenWorld, resource: Resource, wanted: Map<string, KubeObject>): void {
  for (const object of cache.items(resource)) if (!wanted.has(keyOf(object))) cache.drop(resource, object);
  const now = byKey(cache.items(resource));
  for (const [key, object] of wanted) if (now.get(key) !== object) wanted.set(key, cache.put(resource, object));
}

function saveAccount({ account: { state } }: OpenWorld): () => void {
  const { s3, iam, eks } = state;
  const buckets = [...s3.buckets.values()].map(bucketOf);
  const plain = structuredClone({ roles: iam.roles, policies: iam.policies, providers: iam.providers, profiles: iam.profiles, deleted: s3.deleted });
  const associations = new Map([...eks.clusters].map(([name, cluster]) => [name, structuredClone(cluster.associations)]));
  return () => {
    refill(s3.buckets, new Map(buckets.map((bucket) => [bucket.name, bucketOf(bucket)])));
    const { roles, policies, providers, profiles, deleted } = structuredClone(plain);
    refill(iam.roles, roles);
    refill(iam.policies, policies);
    refill(iam.providers, providers);
    refill(iam.profiles, profiles);
    refill(s3.deleted, deleted);
    for (const [name, cluster] of eks.clusters) refill(cluster.associations, structuredClone(associations.get(name) ?? new Map()));
  };
}

const bucketOf = ({ settings, objects, uploads, ...bucket }: Bucket): Bucket => ({
  ...bucket,
  settings: new Map(settings),
  objects: tableOf(objects),
  uploads: new Map(uploads),
});

function tableOf(from: ObjectTable): ObjectTable {
  const table = createObjectTable();
  for (const key of from.keys('')) table.set(key, from.get(key) ?? []);
  return table;
}

function refill<K, V>(map: Map<K, V>, entries: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}
