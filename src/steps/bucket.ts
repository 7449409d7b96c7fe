/** An S3 bucket for Loki: private, encrypted, TLS-only. An existing one is used as it is, never deleted and recreated. */
import { bucketPermissions } from './bucket-permissions.ts';
import type { Json, Change, Inspection, ApplyContext, StepIO, UndoRecord, Removal, Step } from '../engine/types.ts';
import type { BucketPlan } from '../design/blueprint.ts';
import { sizeOf } from '../design/quantities.ts';
import type { BucketLook, BucketState, Buckets, Encryption, LifecycleRule } from '../ports/buckets.ts';
import { stop, problem } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { willCreate } from './will-create.ts';
import { earlyExpiry, expireBucket, isExpiring } from './bucket-expiry.ts';
import { bucketGaps, foreignKey, type Gap } from './bucket-gaps.ts';
import { expireAgain, mayEmpty, withoutNewExpiry } from './data-guard.ts';
import { emptyingProgress } from './emptying-progress.ts';
import { mayMark, isOwnedByTags } from './ownership.ts';
import { lostLines, unsaidRetention, unsaidShortening } from './retention.ts';

type Needs = Pick<Context, 'buckets' | 'blueprint' | 'releases' | 'clock' | 'consent' | 'adopting' | 'said'> & { readonly facts?: Context['facts'] };

type BucketReceipt =
  | { readonly did: 'create-bucket'; readonly name: string }
  | { readonly did: 'empty-bucket'; readonly name: string }
  | { readonly did: `set-${Gap['slice']}`; readonly name: string; readonly before: Json };

export const bucket = (use: 'chunks' | 'ruler'): Step<Needs, UndoRecord> => ({
  id: `bucket.${use}`,
  title: use === 'chunks' ? 'S3 bucket for log chunks' : 'S3 bucket for alert rules',
  scope: 'aws',
  needs: [],
  holds: 'data',
  permissions: bucketPermissions(use),

  async inspect(ctx): Promise<Inspection> {
    const plan = ctx.blueprint.buckets[use];
    const found = await ctx.buckets.look(plan.name);
    if (found.is === 'absent') {
      return { is: 'differs', changes: [{ action: 'create', target: `s3://${plan.name}`, detail: `${plan.namespace} namespace` }] };
    }
    if (found.is === 'foreign') return blocked('BUCKET_TAKEN', `s3://${plan.name} belongs to another AWS account, or you are not allowed to inspect it`);
    if (found.is === 'elsewhere') {
      return blocked('BUCKET_WRONG_REGION', `s3://${plan.name} is in ${found.region}, but the cluster is in ${ctx.blueprint.region}`);
    }
    if (!isOwnedByTags(found.tags, ctx.blueprint.ownership) && ctx.adopting) {
      if (!mayMark(found.tags, ctx.blueprint.ownership))
        return blocked('OWNED_BY_ANOTHER_INSTALLATION', `s3://${plan.name} belongs to another installation of loki-eks`);
    } else if (!isOwnedByTags(found.tags, ctx.blueprint.ownership)) {
      return blocked('BUCKET_NOT_OURS', `s3://${plan.name} exists but was not created by loki-eks for this cluster`);
    }
    const key = foreignKey(found, plan);
    if (key) {
      const message = `s3://${plan.name} is encrypted with ${key}, which Loki's role would not be allowed to use`;
      return { is: 'blocked', problem: problem('BUCKET_KEY_NEEDED', { message, fix: `Run \`loki-eks install --kms-key ${key}\`` }) };
    }
    const blockers =
      earlyExpiry(found, use, ctx.blueprint) ??
      unsaidRetention(found.tags, ctx) ??
      (use === 'chunks' ? await unsaidShortening(ctx, ctx.blueprint.loki) : undefined);
    if (blockers) return { is: 'blocked', problem: blockers };
    const changes: Change[] = bucketGaps(found, plan).map(({ slice, diff }) => ({
      action: 'update' as const,
      target: `s3://${plan.name}`,
      detail: slice === 'lifecycle' && isExpiring(found) ? STOPS_EXPIRING : slice.replaceAll('-', ' '),
      ...(diff && { diff }),
    }));
    const existing = await whenItExists(ctx, plan, found);
    if ('is' in existing) return existing;
    changes.unshift(...existing.changes);
    changes.push(...lostLines(found.tags, ctx.blueprint));
    return changes.length > 0
      ? { is: 'differs', changes }
      : { is: 'matches', ...(found.versioning === 'on' && { note: 'versioning is on: retention frees no space' }) };
  },

  async apply(ctx, io) {
    const plan = ctx.blueprint.buckets[use];
    const before = willCreate(io.found) ? ABSENT : await ctx.buckets.look(plan.name);
    const fresh = before.is === 'absent';
    const found = fresh ? await make(ctx.buckets, plan, io) : before;
    if (found.is !== 'ours-to-read') throw stop('BUCKET_TAKEN', { message: `s3://${plan.name} can't be read after it was created` });
    if (!fresh) await emptyIfAsked(ctx, plan, io);
    for (const gap of bucketGaps(found, plan)) {
      io.signal.throwIfAborted();
      // Undo deletes a new bucket as a whole, so its settings need no undo records of their own.
      if (!fresh) await io.record({ did: `set-${gap.slice}`, name: plan.name, before: gap.before });
      io.say(gap.slice === 'lifecycle' && isExpiring(found) ? STOPS_EXPIRING : gap.slice.replaceAll('-', ' '));
      await setSlice(ctx.buckets, plan.name, gap.slice, gap.after);
    }
  },

  async undo({ buckets, blueprint }, receipt, io) {
    const did = receipt as BucketReceipt;
    const found = await buckets.look(did.name);
    if (found.is !== 'ours-to-read') return undefined;
    if (did.did === 'empty-bucket') throw stop('BUCKET_WAS_EMPTIED', { message: `The objects deleted from s3://${did.name} can't be restored` });
    if (did.did === 'set-lifecycle') return lifecycleBack(buckets, found, did.before as unknown as readonly LifecycleRule[]);
    if (did.did !== 'create-bucket') return setSlice(buckets, did.name, did.did.slice('set-'.length) as Gap['slice'], did.before);
    const bare = Object.keys(found.tags).length === 0;
    if (!bare && !isOwnedByTags(found.tags, blueprint.ownership)) return undefined;
    await buckets.empty(did.name, { madeByThisRun: true, signal: io.signal, progress: (n) => io.say(`${n} objects of this run removed`) });
    return buckets.delete(did.name);
  },

  async remove({ buckets, blueprint, clock, consent }, io) {
    const { name } = blueprint.buckets[use];
    const found = await buckets.look(name);
    if (found.is === 'absent') return { is: 'absent' };
    if (found.is !== 'ours-to-read' || !isOwnedByTags(found.tags, blueprint.ownership)) {
      return { is: 'kept', target: `s3://${name}`, logs: true, why: 'loki-eks did not create it' };
    }
    const given = consent?.buckets?.get(name);
    if (given?.how === 'expire') return expireBucket(buckets, found, { say: io.say, how: given.afterwards });
    const words = emptyingProgress(given?.how === 'delete' ? given.contents : undefined, () => clock.now());
    await buckets.empty(name, { signal: io.signal, progress: (deleted) => said(words(deleted), io) });
    await buckets.delete(name);
    return { is: 'removed' };
  },
});

const STOPS_EXPIRING = 'lifecycle: S3 no longer empties it; objects that have already expired are gone';

const said = (text: string | undefined, { say }: Pick<StepIO, 'say'>): void => (text === undefined ? undefined : say(text));

const blocked = (
  code: 'BUCKET_TAKEN' | 'BUCKET_WRONG_REGION' | 'BUCKET_NOT_OURS' | 'BUCKET_EXISTS' | 'OWNED_BY_ANOTHER_INSTALLATION',
  message: string,
): Inspection => ({
  is: 'blocked',
  problem: problem(code, { message }),
});

/** Objects that S3 no longer expires stay: restoring the expiry would delete what was collected since. */
async function lifecycleBack(buckets: Buckets, found: BucketState, before: readonly LifecycleRule[]): Promise<Removal | undefined> {
  const rules = withoutNewExpiry(before, found.lifecycle);
  await buckets.setLifecycle(found.name, rules);
  if (rules.length === before.length) return undefined;
  return { is: 'kept', target: `s3://${found.name}`, logs: true, why: 'S3 no longer empties it, and it may contain new logs', how: expireAgain(found.name) };
}

/** `fail` and `recreate` concern a bucket left from before: while Loki runs on it, it is in use, and `recreate` is refused. */
async function whenItExists(ctx: Needs, plan: BucketPlan, found: BucketState): Promise<Inspection | { readonly changes: readonly Change[] }> {
  if (plan.whenExists === 'reuse') return { changes: [] };
  const { name, namespace } = ctx.blueprint.loki;
  const inUse = (await ctx.releases.find(name, namespace)) !== undefined;
  if (plan.whenExists === 'fail') {
    return inUse ? { changes: [] } : blocked('BUCKET_EXISTS', `s3://${found.name} already exists and --existing-buckets is "fail"`);
  }
  const { objects, bytes, exact } = await ctx.buckets.contents(found.name, 100_000);
  if (objects === 0) return { changes: [] };
  const holds = `${exact ? '' : 'more than '}${objects} objects, ${sizeOf(bytes)}`;
  if (inUse) {
    return { is: 'blocked', problem: problem('BUCKET_IN_USE', { message: `s3://${found.name} (${holds}) can't be emptied while Loki is writing to it` }) };
  }
  if (!mayEmpty(ctx, found.name)) {
    return {
      is: 'blocked',
      problem: problem('RECREATE_UNCONFIRMED', {
        message: `s3://${found.name} contains ${holds}, which "recreate" would delete`,
        fix: `Run \`loki-eks install --existing-buckets recreate --confirm-recreate ${found.name}\``,
        data: { bucket: found.name },
      }),
    };
  }
  return { changes: [{ action: 'delete', target: `s3://${found.name}/*`, detail: `${holds}: deleted permanently` }] };
}

async function emptyIfAsked(ctx: Needs, plan: BucketPlan, io: ApplyContext<UndoRecord>): Promise<void> {
  if (plan.whenExists !== 'recreate' || !mayEmpty(ctx, plan.name)) return;
  if ((await ctx.buckets.contents(plan.name, 1)).objects === 0) return;
  await io.record({ did: 'empty-bucket', name: plan.name });
  const words = emptyingProgress(undefined, () => ctx.clock.now());
  await ctx.buckets.empty(plan.name, { signal: io.signal, progress: (deleted) => said(words(deleted), io) });
}

const ABSENT: BucketLook = { is: 'absent' };

/**
 * A new bucket has neither policy nor lifecycle rules, so those are written while everything else is read: S3 applies its own defaults to
 * new buckets, and may not keep the tags. Returns the state that was read, plus what was written alongside.
 */
async function make(buckets: Buckets, plan: BucketPlan, { record, say, signal }: ApplyContext<UndoRecord>): Promise<BucketLook> {
  await record({ did: 'create-bucket', name: plan.name });
  await buckets.create(plan.name, { namespace: plan.namespace, tags: plan.tags });
  signal.throwIfAborted();
  say('lifecycle, policy');
  const [look, ...set] = await Promise.allSettled([
    buckets.look(plan.name),
    buckets.setLifecycle(plan.name, plan.lifecycle),
    buckets.setPolicy(plan.name, plan.policy),
  ]);
  for (const one of [...set, look]) if (one.status === 'rejected') throw one.reason;
  const found = (look as PromiseFulfilledResult<BucketLook>).value;
  return found.is === 'ours-to-read' ? { ...found, lifecycle: plan.lifecycle, policy: plan.policy } : found;
}

async function setSlice(buckets: Buckets, name: string, slice: Gap['slice'], value: Json): Promise<void> {
  switch (slice) {
    case 'tags':
      return buckets.setTags(name, value as Readonly<Record<string, string>>);
    case 'public-access-block':
      // Never reopened: a bucket that was public before stays private.
      return value === true ? buckets.blockPublicAccess(name) : undefined;
    case 'policy':
      return buckets.setPolicy(name, value ?? undefined);
    case 'encryption':
      return value === null ? undefined : buckets.setEncryption(name, value as unknown as Encryption);
    case 'lifecycle':
      return buckets.setLifecycle(name, value as unknown as readonly LifecycleRule[]);
  }
}
