/** S3 as plain JSON without times and version ids, to compare the account before and after. */
import type { Json } from '../../engine/types.ts';
import type { Bucket, S3State } from './s3-state.ts';

export function s3Snapshot(state: S3State): Json {
  return Object.fromEntries([...state.buckets.values()].map((bucket) => [bucket.name, bucketJson(bucket)] as const));
}

function bucketJson(bucket: Bucket): Json {
  const objects = [...bucket.objects.keys('')].map((key) => {
    const versions = bucket.objects.get(key) ?? [];
    return [key, versions.map((version) => (version.marker ? 'deleted' : version.etag))] as const;
  });
  return {
    owner: bucket.owner,
    region: bucket.region,
    tags: bucket.tags,
    versioning: bucket.versioning,
    objectLock: bucket.objectLock,
    policy: (bucket.policy?.document ?? null) as unknown as Json,
    settings: Object.fromEntries(bucket.settings),
    objects: Object.fromEntries(objects),
    uploads: bucket.uploads.size,
  };
}
