/** All generated names. They are deterministic: the same settings and cluster always give the same ones. */
import type { Settings } from './settings-type.ts';

/** Release, chart fullname and service account names are fixed, so that trust policy, URLs and selectors never depend on a value. */
export const lokiRelease = 'loki';
export const alloyRelease = 'alloy';
export const lokiServiceAccount = 'loki';
export const gatewayService = 'loki-gateway';
export const htpasswdSecret = 'loki-gateway-htpasswd';
export const loginSecret = 'loki-gateway-login';
export const exposedService = 'loki-gateway-exposed';
export const ownStorageClass = 'loki-eks-gp3';
export const rolePolicy = 'loki-s3';

/** Regions where S3 has no account-regional namespace. */
const regionsWithoutNamespace = new Set(['me-south-1', 'me-central-1']);

/** The S3 namespace that is actually available. */
export function bucketNamespace({ wanted, region }: { readonly wanted: Settings['bucketNamespace']; readonly region: string }): Settings['bucketNamespace'] {
  return regionsWithoutNamespace.has(region) ? 'global' : wanted;
}

export interface BucketNameParts {
  readonly prefix: string;
  readonly use: 'chunks' | 'ruler';
  readonly installId: string;
  readonly namespace: Settings['bucketNamespace'];
  readonly account: string;
  readonly region: string;
}

/** `<prefix>-chunks-<id>`; in the account-regional namespace S3 requires the suffix `-<account>-<region>-an`. */
export function bucketName({ prefix, use, installId, namespace, account, region }: BucketNameParts): string {
  const name = `${prefix}-${use}-${installId}`;
  return namespace === 'account-regional' ? `${name}-${account}-${region}-an` : name;
}

/** A name in the account-regional namespace is recognized by its suffix. */
export function namespaceOf(name: string, of: { readonly account: string; readonly region: string }): Settings['bucketNamespace'] {
  return name.endsWith(`-${of.account}-${of.region}-an`) ? 'account-regional' : 'global';
}

const longestBucketName = 63;
const longestRegion = 'ap-northeast-2';

/** The maximum length of the bucket prefix. Without a region the longest region name is assumed. */
export function longestPrefix(of: { readonly bucketNamespace: Settings['bucketNamespace']; readonly region?: string }): number {
  const region = of.region ?? longestRegion;
  const bare = bucketName({
    prefix: '',
    use: 'chunks',
    installId: '00000000',
    namespace: bucketNamespace({ wanted: of.bucketNamespace, region }),
    account: '000000000000',
    region,
  });
  return longestBucketName - bare.length;
}

/** IAM role names have at most 64 characters and are unique in the account regardless of path and case; the id keeps two clusters apart. */
export function roleName(cluster: string, installId: string): string {
  return `loki-eks-${cluster.slice(0, 40)}-${installId}`;
}
