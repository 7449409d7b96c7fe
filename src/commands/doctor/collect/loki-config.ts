/** Loki's own configuration, from wherever its workloads mount it, and the buckets that it names. */
import { parse } from 'yaml';
import type { BucketEvidence } from '../analyze/loki-evidence.ts';
import type { Workload } from '../analyze/objects-evidence.ts';
import { getPath } from '../../../design/get-path.ts';
import type { Json } from '../../../engine/types.ts';
import type { Kubernetes } from '../../../ports/kubernetes.ts';
import { mountedFile, type MountedFile } from './objects.ts';

const configFlag = (workload: Workload) =>
  workload.template.containers.flatMap((container) => {
    const path = [...(container.command ?? []), ...(container.args ?? [])].map((word) => /^--?config\.file=(.+)$/.exec(word)?.[1]).find(Boolean);
    return path ? [{ container, path }] : [];
  })[0];

/** Whether it runs Loki itself: not its gateway, caches or canary. */
export const isLoki = (workload: Workload): boolean =>
  configFlag(workload) !== undefined && !/gateway$|canary|cache/.test(workload.component.replace('index-gateway', ''));

export async function configFile(kubernetes: Kubernetes, workloads: readonly Workload[]): Promise<MountedFile | undefined> {
  for (const workload of workloads.filter(isLoki)) {
    const flag = configFlag(workload);
    const file = flag && (await mountedFile(kubernetes, { namespace: workload.namespace, template: workload.template, ...flag }));
    if (file) return file;
  }
  return undefined;
}

export function parsed(text: string): Json | undefined {
  try {
    return parse(text) as Json;
  } catch {
    return undefined;
  }
}

const word = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Loki reads `common` first and the sections after it, so that the sections win. */
export function bucketsIn(config: Json | undefined): readonly Pick<BucketEvidence, 'use' | 'name' | 'region'>[] {
  if (otherStoreIn(config)) return [];
  const common = storeAt(config, 'common.storage.s3');
  const pick = (use: 'chunks' | 'ruler', own: Store) => {
    const name = (own.name || (use === 'chunks' ? common.name : '')).split(',')[0]!.trim();
    const region = own.region || common.region;
    return name ? [{ use, name, ...(region && { region }) }] : [];
  };
  const thanos = getPath(config, 'storage_config.use_thanos_objstore') === true;
  return [
    ...pick('chunks', thanos ? storeAt(config, 'storage_config.object_store.s3') : storeAt(config, 'storage_config.aws')),
    ...pick('ruler', thanos ? storeAt(config, 'ruler_storage.s3') : storeAt(config, 'ruler.storage.s3')),
  ];
}

interface Store {
  readonly name: string;
  readonly region: string;
}

/** By its keys, or by the URL form `s3://REGION/BUCKET`. */
function storeAt(config: Json | undefined, path: string): Store {
  const said = (key: string) => word(getPath(config, `${path}.${key}`));
  const [, host = '', bucket = ''] = /^s3:\/\/(?:[^@/]*@)?([^/]*)\/?(.*)$/.exec(said('s3')) ?? [];
  return { name: said('bucketnames') || said('bucket_name') || bucket, region: said('region') || (/^[a-z]{2}(-[a-z]+)+-\d$/.test(host) ? host : '') };
}

/** An endpoint outside of AWS: MinIO, Ceph and the like. */
export function otherStoreIn(config: Json | undefined): string | undefined {
  const paths = ['storage_config.aws', 'common.storage.s3', 'storage_config.object_store.s3'];
  const hosts = paths.flatMap((path) => [
    word(getPath(config, `${path}.endpoint`)),
    /^https?:\/\//.test(word(getPath(config, `${path}.s3`))) ? word(getPath(config, `${path}.s3`)) : '',
  ]);
  return hosts.find((host) => host !== '' && !/amazonaws\.com/.test(host))?.replace(/\/\/[^@/]*@/, '//');
}
