/** S3's lifecycle: applies a bucket's rules to objects, versions, delete markers and uploads as days pass. */
import type { ObjectVersion, Versions } from './object-table.ts';
import type { Bucket, S3State } from './s3-state.ts';
import { newVersionId } from './s3-objects.ts';
import type { XmlNode } from './xml.ts';
import { childOf, childrenOf, readXml, textOf } from './xml.ts';

const DAY = 86_400_000;

/** What was deleted, across all buckets. */
export interface Expired {
  readonly objects: number;
  readonly versions: number;
  readonly markers: number;
  readonly uploads: number;
}

/**
 * Signatures and tokens depend on the real clock, so instead of advancing the clock everything in the buckets ages by a day, and after each day the
 * rules are applied, as S3 does once a day.
 */
export function letDaysPass(state: S3State, days: number): Expired {
  const sum = { objects: 0, versions: 0, markers: 0, uploads: 0 };
  for (let day = 0; day < days; day += 1) {
    for (const bucket of state.buckets.values()) {
      growOlder(bucket);
      follow(state, bucket, sum);
    }
  }
  return sum;
}

function growOlder(bucket: Bucket): void {
  for (const key of bucket.objects.keys('')) {
    const versions = bucket.objects.get(key) ?? [];
    bucket.objects.set(
      key,
      versions.map((version) => older(version)),
    );
  }
  for (const [id, upload] of bucket.uploads) bucket.uploads.set(id, { ...upload, started: new Date(upload.started.getTime() - DAY) });
}

const older = ({ modified, retainUntil, ...version }: ObjectVersion): ObjectVersion => ({
  ...version,
  modified: modified - DAY,
  ...(retainUntil !== undefined && { retainUntil: retainUntil - DAY }),
});

interface Rule {
  readonly prefix: string;
  readonly largerThan: number;
  readonly smallerThan: number;
  readonly expireDays?: number;
  readonly expireDate?: number;
  readonly expireMarkers: boolean;
  readonly olderDays?: number;
  readonly olderKept: number;
  readonly uploadDays?: number;
}

function follow(state: S3State, bucket: Bucket, sum: Record<keyof Expired, number>): void {
  const rules = rulesOf(bucket);
  if (rules.length === 0) return;
  const now = state.clock.now().getTime();
  for (const key of bucket.objects.keys('')) {
    const before = bucket.objects.get(key) ?? [];
    let versions = before;
    for (const rule of rules) if (key.startsWith(rule.prefix)) versions = applied(rule, versions, { state, bucket, now, sum });
    if (versions !== before) bucket.objects.set(key, versions);
  }
  for (const { prefix, uploadDays } of rules) {
    if (uploadDays === undefined) continue;
    for (const [id, { key, started }] of bucket.uploads) {
      if (!key.startsWith(prefix) || !due(started.getTime(), uploadDays, now)) continue;
      bucket.uploads.delete(id);
      sum.uploads += 1;
    }
  }
}

interface Doing {
  readonly state: S3State;
  readonly bucket: Bucket;
  readonly now: number;
  readonly sum: Record<keyof Expired, number>;
}

/** With versioning an expired object only gets a delete marker; the version below it becomes noncurrent. */
function applied(rule: Rule, versions: Versions, { state, bucket, now, sum }: Doing): Versions {
  let left = versions;
  const [newest] = left;
  if (newest && !newest.marker && fits(rule, newest) && expires(rule, newest, now) && (bucket.versioning !== 'off' || !locked(newest, now))) {
    sum.objects += 1;
    const versionId = bucket.versioning === 'Enabled' ? newVersionId(state) : 'null';
    const kept = left.filter((version) => version.versionId !== versionId);
    left = bucket.versioning === 'off' ? left.slice(1) : [{ versionId, marker: true, etag: '', size: 0, modified: now, body: new Uint8Array() }, ...kept];
  }
  if (rule.olderDays !== undefined) {
    const all = left;
    // A noncurrent version's age counts from the version that replaced it.
    left = all.filter(
      (version, at) => at <= rule.olderKept || locked(version, now) || !fits(rule, version) || !due(all[at - 1]!.modified, rule.olderDays!, now),
    );
    sum.versions += all.length - left.length;
  }
  const [last, ...more] = left;
  if (!rule.expireMarkers || !last?.marker || more.length > 0) return left;
  sum.markers += 1;
  return [];
}

/** S3 rounds up to the next midnight UTC. */
const due = (since: number, days: number, now: number): boolean => Math.ceil((since + days * DAY) / DAY) * DAY <= now;
const expires = ({ expireDays, expireDate }: Rule, { modified }: ObjectVersion, now: number): boolean =>
  (expireDays !== undefined && due(modified, expireDays, now)) || (expireDate !== undefined && expireDate <= now);
const fits = ({ largerThan, smallerThan }: Rule, { size, marker }: ObjectVersion): boolean => marker || (size > largerThan && size < smallerThan);
const locked = ({ retainUntil }: ObjectVersion, now: number): boolean => retainUntil !== undefined && retainUntil > now;

function rulesOf(bucket: Bucket): readonly Rule[] {
  const kept = bucket.settings.get('lifecycle');
  return childrenOf(kept === undefined ? undefined : readXml(`<Rules>${kept}</Rules>`), 'Rule').flatMap((rule) => ruleOf(rule) ?? []);
}

/** `undefined` for a rule that is disabled or filters by tags: the sandbox's objects have none. */
function ruleOf(node: XmlNode): Rule | undefined {
  const filter = childOf(node, 'Filter');
  const wanted = childOf(filter, 'And') ?? filter;
  if (textOf(node, 'Status') !== 'Enabled' || childOf(wanted, 'Tag')) return undefined;
  const number = (of: XmlNode | undefined, name: string) => (textOf(of, name) === undefined ? undefined : Number(textOf(of, name)));
  const [expiration, noncurrent] = [childOf(node, 'Expiration'), childOf(node, 'NoncurrentVersionExpiration')];
  return {
    prefix: textOf(wanted, 'Prefix') ?? textOf(node, 'Prefix') ?? '',
    largerThan: number(wanted, 'ObjectSizeGreaterThan') ?? -1,
    smallerThan: number(wanted, 'ObjectSizeLessThan') ?? Number.POSITIVE_INFINITY,
    expireDays: number(expiration, 'Days'),
    expireDate: textOf(expiration, 'Date') === undefined ? undefined : Date.parse(textOf(expiration, 'Date')!),
    expireMarkers: textOf(expiration, 'ExpiredObjectDeleteMarker') === 'true',
    olderDays: number(noncurrent, 'NoncurrentDays'),
    olderKept: number(noncurrent, 'NewerNoncurrentVersions') ?? 0,
    uploadDays: number(childOf(node, 'AbortIncompleteMultipartUpload'), 'DaysAfterInitiation'),
  };
}
