/**
 * The one place that lets log data be deleted, emptied or set to expire. Every port that a step gets is wrapped here, so that no step
 * can bypass it: data the user has not named in this run stays, on any code path.
 */
import type { Blueprint } from '../design/blueprint.ts';
import { canonical } from '../design/canonical.ts';
import { sizeOf } from '../design/quantities.ts';
import { inWords, retentionOf, shortened } from '../design/retention.ts';
import type { Json } from '../engine/types.ts';
import type { Buckets, LifecycleRule } from '../ports/buckets.ts';
import type { Kubernetes } from '../ports/kubernetes.ts';
import type { Releases } from '../ports/releases.ts';
import type { Roles } from '../ports/roles.ts';
import type { Clock } from '../ports/system.ts';
import { ProblemError, stop } from '../problems/problem.ts';
import type { Consent } from './consent.ts';
import type { GuardedBuckets } from '../context.ts';
import { guardReleases } from './ingester-guard.ts';
import { guardObjects } from './object-guard.ts';
import { unsaidShortening } from './retention.ts';
import { guardRoles } from './role-guard.ts';

interface PodPorts {
  readonly kubernetes: Kubernetes;
  readonly releases: Releases;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly consent?: Consent;
  readonly facts?: { readonly kubeVersion: string };
}

interface Guarded extends PodPorts {
  readonly buckets: Buckets;
  readonly roles: Roles;
  readonly blueprint: Blueprint;
  readonly said?: ReadonlySet<string>;
}

export function guardData<C extends Guarded>(ctx: C): C & { readonly buckets: GuardedBuckets } {
  const guarded = guardIngesters(ctx);
  return { ...guarded, buckets: guardBuckets(ctx), roles: guardRoles(ctx), releases: guardRetention(ctx, guarded.releases) };
}

/** For callers that use no bucket, as with foreign installations. */
export function guardIngesters<C extends PodPorts>(ctx: C): C {
  const kubernetes = guardObjects(ctx);
  return { ...ctx, kubernetes, releases: guardReleases({ ...ctx, kubernetes }) };
}

export const mayEmpty = ({ consent }: Pick<Guarded, 'consent'>, bucket: string): boolean => consent?.buckets?.get(bucket)?.how === 'empty';

/** Loki permanently deletes what is older than its retention: no revision gets a shorter retention without consent. */
function guardRetention(ctx: Guarded, releases: Releases): Releases {
  const { buckets, blueprint, clock } = ctx;
  return {
    ...releases,
    upgrade: async (task) => {
      const isLoki = task.name === blueprint.loki.name && task.namespace === blueprint.loki.namespace;
      const unsaid = isLoki ? await unsaidShortening({ ...ctx, releases }, task) : undefined;
      if (unsaid) throw new ProblemError(unsaid);
      return releases.upgrade(task);
    },
    rollback: async (task) => {
      const { name, namespace, revision } = task;
      const [found, manifest] = await Promise.all([releases.find(name, namespace), releases.manifest({ name, namespace, revision })]);
      const [now, then] = [retentionOf(found?.manifest ?? ''), retentionOf(manifest)];
      const [shortest] = now.configured && then.configured ? shortened(now, then).toSorted((a, b) => a.to - b.to) : [];
      if (shortest) {
        const bucket = blueprint.buckets.chunks.name;
        const { oldest } = await buckets.contents(bucket, 100_000);
        const hours = oldest === undefined ? 0 : (clock.now().getTime() - oldest.getTime()) / HOUR_MS;
        const days = shortest.of === 'all logs' && Number.isFinite(shortest.from) ? ` --retention-days ${Math.ceil(shortest.from / 24)}` : '';
        if (hours > shortest.to)
          throw stop('RETENTION_WOULD_SHORTEN', {
            message: `A rollback to revision ${revision} would shorten the retention of ${shortest.of} from ${inWords(shortest.from)} to ${inWords(shortest.to)}, and s3://${bucket} contains logs of ${Math.floor(hours / 24)} days`,
            fix: `Run \`loki-eks install${days} --on-unfinished continue\` to keep them`,
          });
      }
      return releases.rollback(task);
    },
  };
}

const HOUR_MS = 3_600_000;

type ForBuckets = Pick<Guarded, 'buckets' | 'clock' | 'consent'>;

function guardBuckets(ctx: ForBuckets): GuardedBuckets {
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

/** An interrupted run is rolled back within hours; what Loki has collected for longer is log data that was not named for deletion. */
const ROLLED_BACK_WITHIN_MS = 6 * 3_600_000;

async function refuseUnnamed({ buckets, clock }: ForBuckets, { name, madeByThisRun }: { readonly name: string; readonly madeByThisRun?: true | undefined }) {
  const { objects, bytes, oldest, exact } = await buckets.contents(name, 100_000);
  if (objects === 0) return;
  const young = oldest !== undefined && clock.now().getTime() - oldest.getTime() < ROLLED_BACK_WITHIN_MS;
  if (madeByThisRun && young) return;
  const since = oldest === undefined ? '' : `, since ${oldest.toISOString().slice(0, 16)}Z`;
  throw stop('BUCKET_HOLDS_LOGS', {
    message: `s3://${name} contains ${exact ? '' : 'more than '}${objects} objects, ${sizeOf(bytes)}${since}`,
    fix: `Run \`loki-eks uninstall --delete-data --confirm-delete-data ${name}\``,
  });
}

async function refuseNewExpiry({ buckets }: ForBuckets, { name, rules }: { readonly name: string; readonly rules: readonly LifecycleRule[] }) {
  const found = await buckets.look(name);
  const added = rules.filter((rule) => expires(rule) && !(found.is === 'ours-to-read' && found.lifecycle.some((other) => same(other, rule))));
  if (added.length === 0) return;
  throw stop('EXPIRY_UNCONFIRMED', {
    message: `The lifecycle rule ${added.map(({ ID }) => JSON.stringify(ID ?? '')).join(', ')} would expire objects in s3://${name}`,
    fix: `Run \`${expireAgain(name)}\``,
  });
}

/** How to let S3 empty a bucket again after its expiry was removed. */
export const expireAgain = (bucket: string): string => `loki-eks uninstall --expire-data --confirm-delete-data ${bucket}`;

/** The previous rules, except those that would expire objects and are not in force now: restoring a lifecycle never deletes anything. */
export function withoutNewExpiry(rules: readonly LifecycleRule[], inForce: readonly LifecycleRule[]): readonly LifecycleRule[] {
  return rules.filter((rule) => !expires(rule) || inForce.some((other) => same(other, rule)));
}

const same = (a: LifecycleRule, b: LifecycleRule) => canonical(a as Json) === canonical(b as Json);

/** Whether S3 deletes anything readable, now or later. Removing a delete marker deletes nothing. */
function expires({ Status, Expiration, NoncurrentVersionExpiration }: LifecycleRule): boolean {
  const { Days, Date: date } = (Expiration ?? {}) as { readonly Days?: number; readonly Date?: string };
  return Status === 'Enabled' && (Days !== undefined || date !== undefined || NoncurrentVersionExpiration !== undefined);
}
