/** The periods of Loki's schema. What was written under a period is readable only while that period stays listed unchanged. */
import type { Json } from '../engine/types.ts';
import { canonical } from './canonical.ts';
import { getPath } from './get-path.ts';
import { isMap } from './merge.ts';

/** As Loki's `schema_config.configs` has them. */
export type Period = { readonly from?: string; readonly store?: string; readonly schema?: string } & { readonly [key: string]: Json };

/** All lines in flight and all clock skew must be before it, in every time zone. */
const AHEAD_DAYS = 2;

/**
 * Loki's schema periods: the existing ones, verbatim, and after them ours only if theirs is an older schema, and then starting on a day in
 * the future. `today` is a day in UTC, `2026-01-31`.
 */
export function periods(of: { readonly ours: readonly Period[]; readonly kept: readonly Period[]; readonly today: string }): readonly Period[] {
  const { ours, today } = of;
  // In a running Loki's configuration the keys may have another order, and a different text would count as a change.
  const kept = of.kept.map((period) => ours.find((own) => canonical(own) === canonical(period)) ?? period);
  const newest = ours.at(-1);
  const last = kept.at(-1);
  if (last === undefined || newest === undefined) return ours;
  if (versionOf(last) >= versionOf(newest) && last.store === newest.store) return kept;
  return [...kept, { ...newest, from: laterOf(dayAfter(today, AHEAD_DAYS), dayAfter(dayOf(last.from) ?? today, 1)) }];
}

/** Loki supports structured metadata since v13; it does not start if an older period is in force and they are allowed. */
export const takesMetadata = (all: readonly Period[]): boolean => all.every((period) => versionOf(period) >= 13 && period.store === 'tsdb');

const versionOf = ({ schema }: Period): number => Number(/^v(\d+)$/.exec(schema ?? '')?.[1] ?? 0);

/** A day as Loki writes it, also at the start of a timestamp; `undefined` for anything else. */
function dayOf(from: unknown): string | undefined {
  const text = from instanceof Date && !Number.isNaN(from.getTime()) ? from.toISOString() : from;
  const day = typeof text === 'string' ? /^\d{4}-\d{2}-\d{2}(?=$|T)/.exec(text)?.[0] : undefined;
  return day !== undefined && !Number.isNaN(Date.parse(day)) ? day : undefined;
}

const laterOf = (a: string, b: string) => (a > b ? a : b);

function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The effect of changed periods on existing lines, in words; nothing if all of them stay readable. */
export function lostPeriods(of: { readonly before: readonly Period[]; readonly after: readonly Period[]; readonly today: string }): readonly string[] {
  const { before, after, today } = of;
  const begun = (period: Period) => String(period.from ?? '') <= today;
  const has = (all: readonly Period[], period: Period) => all.some((other) => canonical(other) === canonical(period));
  return [
    ...before.filter((period) => begun(period) && !has(after, period)).map((period) => `the period from ${inWords(period)} would be changed or removed`),
    ...after.filter((period) => begun(period) && !has(before, period)).map((period) => `a period from ${inWords(period)} would start in the past`),
  ];
}

const inWords = (period: Period): string => `${period.from} (${period.store}, ${period.schema}, prefix ${String(getPath(period, 'index.prefix') ?? '?')})`;

/** What is invalid in the chart values' list of periods, in words. */
export function invalidPeriod(values: unknown): string | undefined {
  const listed = getPath(values as Json, 'loki.schemaConfig.configs');
  if (listed === undefined || listed === null) return undefined;
  if (!Array.isArray(listed)) return `loki.schemaConfig.configs is ${JSON.stringify(listed).slice(0, 60)}, not a list of periods`;
  const index = (listed as readonly unknown[]).findIndex((one) => !isMap(one) || dayOf(one['from']) === undefined);
  if (index < 0) return undefined;
  const strange = listed[index] as unknown;
  return isMap(strange)
    ? `loki.schemaConfig.configs[${index}].from is ${JSON.stringify(strange['from'] ?? null)}, not a day such as 2024-04-01`
    : `loki.schemaConfig.configs[${index}] is ${JSON.stringify(strange)}, not a period`;
}

/** The effective periods and buckets of chart values or of a Loki configuration. */
export interface Kept {
  readonly schema: readonly Period[];
  readonly chunksBucket?: string;
  readonly rulerBucket?: string;
}

/** From Loki's configuration file. It reads `common` first and the sections after it, so that the sections win. */
export function keptInConfig(config: Json | undefined): Kept {
  const common = word(getPath(config, 'common.storage.s3.bucketnames'));
  const chunksBucket = word(getPath(config, 'storage_config.aws.bucketnames')) || common;
  const rulerBucket = word(getPath(config, 'ruler.storage.s3.bucketnames')) || common;
  return { schema: list(getPath(config, 'schema_config.configs')), ...(chunksBucket && { chunksBucket }), ...(rulerBucket && { rulerBucket }) };
}

/** From the values of the Loki chart. `structuredConfig` is merged over everything else. */
export function keptInValues(values: Json): Kept {
  const of = (path: string) => getPath(values, `loki.structuredConfig.${path}`);
  const chunksBucket =
    word(of('storage_config.aws.bucketnames')) ||
    word(getPath(values, 'loki.storage_config.aws.bucketnames')) ||
    word(getPath(values, 'loki.storage.bucketNames.chunks'));
  const rulerBucket =
    word(of('ruler.storage.s3.bucketnames')) ||
    word(getPath(values, 'loki.rulerConfig.storage.s3.bucketnames')) ||
    word(getPath(values, 'loki.storage.bucketNames.ruler'));
  const schema = list(of('schema_config.configs') ?? getPath(values, 'loki.schemaConfig.configs'));
  return { schema, ...(chunksBucket && { chunksBucket }), ...(rulerBucket && { rulerBucket }) };
}

const word = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
/** What is not a map is not a period; Loki itself reports a list that contains one. */
const list = (value: Json | undefined): readonly Period[] =>
  Array.isArray(value) ? (value as readonly unknown[]).filter((one): one is Period => isMap(one)) : [];
