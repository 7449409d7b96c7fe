/**
 * The one place that lets log data be deleted, emptied or set to expire. Every port that a step is given passes through here, so that no step
 * can go around it: what the user has not named in this run stays, whatever path leads there.
 */
import { canonical } from '../design/canonical.ts';
import { sizeOf } from '../design/quantities.ts';
import type { Json } from '../engine/types.ts';
import type { BucketContents, Buckets, LifecycleRule } from '../ports/buckets.ts';
import type { Clock } from '../ports/system.ts';
import { stop } from '../problems/problem.ts';

/** Log data that the user gives up in this run: named on its command line, or typed. Never read from a file, the environment or the cluster. */
export interface Consent {
  /** Buckets, by name. */
  readonly buckets?: ReadonlyMap<string, BucketConsent>;
}

/** `delete`: with the bucket. `expire`: by S3's lifecycle. `empty`: the objects only. */
export type BucketConsent =
  | { readonly how: 'empty' }
  | {
      readonly how: 'delete' | 'expire';
      /** What was in it when the user named it. */
      readonly contents: BucketContents;
      /** The command that deletes the bucket once S3 has emptied it. */
      readonly afterwards: string;
    };

/** `madeByThisRun`: an undo record says so. The guard then looks at the age of what is in it. */
export interface GuardedBuckets extends Buckets {
  empty(name: string, options: Parameters<Buckets['empty']>[1] & { readonly madeByThisRun?: true }): Promise<void>;
}

interface Guarded {
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly consent?: Consent;
}

export function guardData<C extends Guarded>(ctx: C): C & { readonly buckets: GuardedBuckets } {
  return { ...ctx, buckets: guardBuckets(ctx) };
}

export const mayEmpty = ({ consent }: Pick<Guarded, 'consent'>, bucket: string): boolean => consent?.buckets?.get(bucket)?.how === 'empty';

function guardBuckets(ctx: Guarded): GuardedBuckets {
  const { buckets, consent } = ctx;
  const consentTo = (name: string) => consent?.buckets?.get(name)?.how;
  return {
    ...buckets,
    empty: async (name, { madeByThisRun, ...options }) => {
      const how = consentTo(name);
      if (how !== 'delete' && how !== 'empty') await refuseUnnamed(ctx, { name, madeByThisRun });
      return buckets.empty(name, options);
    },
    setLifecycle: async (name, rules) => {
      if (rules.some(expires) && consentTo(name) !== 'expire') await refuseNewExpiry(ctx, { name, rules });
      return buckets.setLifecycle(name, rules);
    },
  };
}

/** A run that died is rolled back within hours; what Loki has collected for longer is log data, and nobody has named it. */
const ROLLED_BACK_WITHIN_MS = 6 * 3_600_000;

async function refuseUnnamed({ buckets, clock }: Guarded, { name, madeByThisRun }: { readonly name: string; readonly madeByThisRun?: true | undefined }) {
  const { objects, bytes, oldest, exact } = await buckets.contents(name, 100_000);
  if (objects === 0) return;
  const young = oldest !== undefined && clock.now().getTime() - oldest.getTime() < ROLLED_BACK_WITHIN_MS;
  if (madeByThisRun && young) return;
  const since = oldest === undefined ? '' : `, since ${oldest.toISOString().slice(0, 16)}Z`;
  throw stop('BUCKET_HOLDS_LOGS', {
    message: `s3://${name} holds ${exact ? '' : 'more than '}${objects} objects, ${sizeOf(bytes)}${since}`,
    fix: `loki-eks uninstall --delete-data --confirm-delete-data ${name}`,
  });
}

async function refuseNewExpiry({ buckets }: Guarded, { name, rules }: { readonly name: string; readonly rules: readonly LifecycleRule[] }) {
  const found = await buckets.look(name);
  const added = rules.filter((rule) => expires(rule) && !(found.is === 'ours-to-read' && found.lifecycle.some((other) => same(other, rule))));
  if (added.length === 0) return;
  throw stop('EXPIRY_UNCONFIRMED', {
    message: `The lifecycle rule ${added.map(({ ID }) => JSON.stringify(ID ?? '')).join(', ')} would expire objects of s3://${name}`,
    fix: expireAgain(name),
  });
}

/** How to let S3 empty a bucket that it no longer empties. */
export const expireAgain = (bucket: string): string => `loki-eks uninstall --expire-data --confirm-delete-data ${bucket}`;

/** Rules as they were, but for what would expire objects and is not in force now: to set a lifecycle back never deletes anything. */
export function withoutNewExpiry(rules: readonly LifecycleRule[], inForce: readonly LifecycleRule[]): readonly LifecycleRule[] {
  return rules.filter((rule) => !expires(rule) || inForce.some((other) => same(other, rule)));
}

const same = (a: LifecycleRule, b: LifecycleRule) => canonical(a as Json) === canonical(b as Json);

/** Whether S3 deletes anything that can be read, now or at some time. To take away a delete marker deletes nothing. */
function expires({ Status, Expiration, NoncurrentVersionExpiration }: LifecycleRule): boolean {
  const { Days, Date: date } = (Expiration ?? {}) as { readonly Days?: number; readonly Date?: string };
  return Status === 'Enabled' && (Days !== undefined || date !== undefined || NoncurrentVersionExpiration !== undefined);
}
