/** What a bucket still lacks: our settings are merged into existing ones, by Sid and by rule ID. */
import type { BucketPlan } from '../design/blueprint.ts';
import { canonical } from '../design/canonical.ts';
import { diffLines } from '../design/diff.ts';
import type { Json } from '../engine/types.ts';
import type { BucketState } from '../ports/buckets.ts';
import { isExpiring, withoutExpiry } from './bucket-expiry.ts';

export interface Gap {
  readonly slice: 'tags' | 'public-access-block' | 'policy' | 'encryption' | 'lifecycle';
  readonly before: Json;
  readonly after: Json;
  readonly diff?: readonly string[];
}

export function bucketGaps(found: BucketState, plan: BucketPlan): readonly Gap[] {
  const gaps: Gap[] = [];
  const compare = (slice: Gap['slice'], before: Json, after: Json) => {
    if (canonical(before) !== canonical(after)) gaps.push({ slice, before, after, diff: diffLines(before, after) });
  };
  // First: an expiry that stays in force would delete what is written from now on.
  const lasting = isExpiring(found) ? withoutExpiry(found.lifecycle) : found.lifecycle;
  compare('lifecycle', asJson(found.lifecycle), mergedById(asJson(lasting), asJson(plan.lifecycle)));
  compare('tags', { ...found.tags }, { ...found.tags, ...plan.tags });
  if (!found.publicAccessBlocked) gaps.push({ slice: 'public-access-block', before: false, after: true });
  if (wantsEncryption(found, plan)) compare('encryption', (found.encryption as Json | undefined) ?? null, plan.encryption as Json);
  compare('policy', found.policy ?? null, mergedPolicy(found.policy, plan.policy));
  return gaps;
}

/** The bucket's encryption key if Loki's role would not be allowed to use it; S3's own key needs no permission. */
export function foreignKey({ encryption }: BucketState, plan: BucketPlan): string | undefined {
  if (encryption?.algorithm !== 'aws:kms' || plan.encryption.algorithm === 'aws:kms') return undefined;
  return encryption.key === '' || encryption.key.endsWith('alias/aws/s3') ? undefined : encryption.key;
}

/** A bucket that is already encrypted with a key is not reset to the default encryption. */
const wantsEncryption = (found: BucketState, plan: BucketPlan) => plan.encryption.algorithm === 'aws:kms' || found.encryption === undefined;

const asJson = (rules: readonly unknown[]): readonly Json[] => JSON.parse(JSON.stringify(rules)) as readonly Json[];

type Identified = { readonly ID?: string; readonly Sid?: string };

function mergedById(found: readonly Json[], wanted: readonly Json[]): readonly Json[] {
  const id = (item: Json) => (item as Identified).ID ?? (item as Identified).Sid;
  const ids = new Set(wanted.map(id));
  const others = found.filter((item) => !ids.has(id(item)));
  const same = wanted.every((item) => found.some((other) => canonical(other) === canonical(item)));
  return same ? found : [...others, ...wanted];
}

/** A single statement may appear without an enclosing list. */
type Policy = { readonly Version?: string; readonly Statement: Json | readonly Json[] };

const statementsOf = ({ Statement }: Policy): readonly Json[] => (Array.isArray(Statement) ? (Statement as readonly Json[]) : [Statement as Json]);

function mergedPolicy(found: Json | undefined, wanted: Json): Json {
  if (found === undefined || found === null) return wanted;
  const mine = found as unknown as Policy;
  const before = statementsOf(mine);
  const after = mergedById(before, statementsOf(wanted as unknown as Policy));
  return after === before ? found : ({ ...mine, Statement: after } as unknown as Json);
}
