/** Lifecycle rules: our own, by which S3 empties a bucket, and the effect that foreign rules would have on Loki's objects. */
import type { Blueprint } from '../design/blueprint.ts';
import type { StepIO, Problem, Removal } from '../engine/types.ts';
import type { Buckets, BucketState, LifecycleRule } from '../ports/buckets.ts';
import { problem } from '../problems/problem.ts';

/** Two rules, because S3 accepts days and the removal of leftover delete markers only in separate ones. */
export const EXPIRY: readonly LifecycleRule[] = [
  {
    ID: 'loki-eks-expire-all',
    Status: 'Enabled',
    Filter: { Prefix: '' },
    Expiration: { Days: 1 },
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
  },
  { ID: 'loki-eks-expire-markers', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { ExpiredObjectDeleteMarker: true } },
];

const OURS = new Set(EXPIRY.map(({ ID }) => ID));

/** An S3 lifecycle rule empties it. */
export const isExpiring = ({ lifecycle }: Pick<BucketState, 'lifecycle'>): boolean => lifecycle.some(({ ID }) => OURS.has(ID));

export const withoutExpiry = (rules: readonly LifecycleRule[]): readonly LifecycleRule[] => rules.filter(({ ID }) => !OURS.has(ID));

/** In a versioned bucket, objects become noncurrent only through the delete markers that the first day's expiry adds. */
export const howLong = ({ versioning }: Pick<BucketState, 'versioning'>): string => (versioning === 'off' ? 'about two days' : 'about four days');

/** Lets S3 empty it. Foreign rules are kept; rules that exist already are not written again. */
export async function expireBucket(buckets: Buckets, found: BucketState, { say, how }: Pick<StepIO, 'say'> & { readonly how?: string }): Promise<Removal> {
  const target = `s3://${found.name}`;
  const why = `S3 empties it within ${howLong(found)}${found.objectLock ? ', except objects under Object Lock' : ''}; then it can be deleted`;
  const kept = { is: 'kept', target, logs: true, why, ...(how && { how }) } as const;
  const enabled = EXPIRY.every(({ ID }) => found.lifecycle.some((rule) => rule.ID === ID && rule.Status === 'Enabled'));
  if (enabled) return kept;
  say('adding lifecycle rules that expire all objects');
  await buckets.setLifecycle(found.name, [...withoutExpiry(found.lifecycle), ...EXPIRY]);
  return { ...kept, changed: true };
}

/** What Loki stores where. The compactor deletes chunks and index in step with each other; alert rules are never deleted. */
const rootsOf = (use: 'chunks' | 'ruler', tenant: string): readonly string[] => (use === 'chunks' ? [`${tenant}/`, 'index/'] : ['rules/']);

interface Narrow {
  readonly Prefix?: string;
  readonly Tag?: object;
  readonly Tags?: readonly object[];
}
type Expiring = LifecycleRule & {
  readonly Prefix?: string;
  readonly Filter?: Narrow & { readonly And?: Narrow };
  readonly Expiration?: { readonly Days?: number; readonly Date?: string };
};

/** A foreign rule that would delete objects before Loki does: index and chunks would no longer match. */
export function earlyExpiry(
  found: BucketState,
  use: 'chunks' | 'ruler',
  { retentionDays, tenant }: Pick<Blueprint, 'retentionDays' | 'tenant'>,
): Problem | undefined {
  for (const rule of withoutExpiry(found.lifecycle) as readonly Expiring[]) {
    const { Days, Date: date } = rule.Expiration ?? {};
    if (rule.Status !== 'Enabled' || (Days === undefined && date === undefined) || !touches(rule, rootsOf(use, tenant))) continue;
    if (use === 'chunks' && Days !== undefined && Days > retentionDays) continue;
    const when = Days === undefined ? `on ${date}` : `after ${Days} day${Days === 1 ? '' : 's'}`;
    const keeps = use === 'chunks' ? `Loki keeps logs for ${retentionDays} days` : 'alert rules are kept forever';
    const shorter = use === 'chunks' && Days !== undefined && Days > 1 ? `, or run \`loki-eks install --retention-days ${Days - 1}\`` : '';
    return problem('BUCKET_EXPIRES_EARLY', {
      message: `The lifecycle rule ${JSON.stringify(rule.ID ?? '')} of s3://${found.name} expires objects ${when}, but ${keeps}`,
      fix: `Remove that rule from the output of \`aws s3api get-bucket-lifecycle-configuration --bucket ${found.name}\` and put it with \`put-bucket-lifecycle-configuration\`${shorter}`,
    });
  }
  return undefined;
}

/** Loki's objects carry no tags, so a rule that filters by tag matches none of them. */
function touches({ Prefix, Filter }: Expiring, roots: readonly string[]): boolean {
  const narrow: Narrow = Filter?.And ?? Filter ?? {};
  if (narrow.Tag !== undefined || (narrow.Tags ?? []).length > 0) return false;
  const prefix = narrow.Prefix ?? Prefix ?? '';
  return roots.some((root) => root.startsWith(prefix) || prefix.startsWith(root));
}
