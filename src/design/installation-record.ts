/**
 * The record that an installation leaves in the cluster: what is written to it, and how much of it is trusted when it is read back.
 * Anyone who may write that one Secret can put anything into it, so a record only describes what was installed: values of known settings,
 * each validated by the rule of its flag. No file, program, chart, consent, or address that receives a token or password is read from it.
 */
import * as z from 'zod';
import type { Json } from '../engine/types.ts';
import { isMap, type Values } from './merge.ts';
import { ruleOf } from './rule-of.ts';
import type { Period } from './schema.ts';
import { conflicts } from './setting-conflicts.ts';
import { settingSpecs, type SettingSpec } from './setting-specs.ts';
import type { Settings } from './settings-type.ts';

export function recordedSettings(settings: Settings): Json {
  const written = settingSpecs.filter(({ record }) => record !== undefined).map(({ field }) => field);
  const kept = written.flatMap((field) => (settings[field] === undefined ? [] : [[field, settings[field]] as const]));
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1))) as Json;
}

/** A value of the record that is ignored, and why. */
export interface Ignored {
  readonly key: string;
  readonly why: string;
  /** How to set it anyway. */
  readonly fix?: string;
}

/** What is trusted of a document, and what is ignored. */
export interface Believed<T> {
  readonly value: T;
  readonly ignored: readonly Ignored[];
}

/** Settings to continue with: what the record says about the installation, and the caller's own for everything else. */
export function settingsFrom(document: Values, own: Settings): Believed<Settings> {
  const { value: recorded, ignored } = believedSettings(document);
  const { settings, clashing } = withoutClashes(own, recorded);
  const elsewhere = addressesIn(document, own);
  // Without its address, the cluster's Grafana would be mistaken for the one that was meant.
  const apart = elsewhere.length > 0 && own.grafanaUrl === undefined ? ({ grafana: 'none' } as const) : {};
  return { value: { ...settings, ...apart }, ignored: [...ignored, ...clashing, ...elsewhere] };
}

/** Informational values of a record, unchanged: they are not trusted, but that alone must not show up as a difference. */
export function writtenIn(document: Values, own: Settings): Values {
  const keys: readonly string[] = settingSpecs.filter(({ record }) => record === 'written').map(({ field }) => field);
  const apart = addressesIn(document, own).length > 0 ? ['grafana'] : [];
  return Object.fromEntries(Object.entries(document).filter(([key]) => keys.includes(key) || apart.includes(key)));
}

/** The settings that a record may hold, with the rules of their flags. */
export function believedSettings(document: Values, only?: readonly (keyof Settings)[]): Believed<Partial<Settings>> {
  const ignored: Ignored[] = [];
  const value: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(document)) {
    const spec = settingSpecs.find(({ field }) => field === key);
    if (spec?.record === 'written' && only === undefined) continue;
    if (spec?.record !== 'believed' || (only && !only.includes(spec.field))) {
      ignored.push({ key, why: spec ? 'it is never taken from a cluster' : 'there is no such setting', ...(spec && byFlag(spec)) });
      continue;
    }
    const read = ruleOf(spec).safeParse(raw);
    if (read.success) value[spec.field] = read.data;
    else ignored.push({ key, why: `${shown(raw)} ${read.error.issues[0]?.message ?? 'is not valid'}` });
  }
  return { value: value as Partial<Settings>, ignored };
}

const byFlag = ({ flag, placeholder, kind }: SettingSpec) => ({
  fix: `To use it, set it yourself with \`${flag}${kind === 'boolean' ? '' : ` ${placeholder}`}\``,
});

const ADDRESSES = ['grafanaUrl', 'gatewayUrl'] as const;

/** Addresses that the caller did not give: a token, or the gateway's password, would be sent there. */
function addressesIn(document: Values, own: Settings): readonly Ignored[] {
  return ADDRESSES.flatMap((key) => {
    const value = document[key];
    const spec = settingSpecs.find(({ field }) => field === key);
    if (value === undefined || own[key] !== undefined || !spec) return [];
    const why = `${shown(value)} is an address that receives credentials, which is never read from a cluster`;
    return [{ key, why, fix: `If it is yours, set \`${spec.flag} ${typeof value === 'string' ? shown(value).slice(1, -1) : spec.placeholder}\`` }];
  });
}

/** Individually valid values may contradict each other, or the caller's. The caller's win. */
function withoutClashes(own: Settings, recorded: Partial<Settings>): { readonly settings: Settings; readonly clashing: readonly Ignored[] } {
  let kept = recorded;
  const clashing: Ignored[] = [];
  const clashes = (some: Partial<Settings>) => conflicts({ ...own, ...some });
  const least = clashes({}).length;
  for (let found = clashes(kept); found.length > least; found = clashes(kept)) {
    const keys = Object.keys(kept) as (keyof Settings)[];
    const key = keys.find((one) => clashes(without(kept, one)).length < found.length) ?? keys[0];
    if (key === undefined) break;
    clashing.push({ key, why: found[0]?.message ?? 'it conflicts with other settings' });
    kept = without(kept, key);
  }
  return { settings: { ...own, ...kept }, clashing };
}

const without = (some: Partial<Settings>, key: keyof Settings): Partial<Settings> => Object.fromEntries(Object.entries(some).filter(([one]) => one !== key));

/** What is read from the adopted installation, or given when it is adopted. */
export const adoptable = [
  'tenant',
  'clusterLabel',
  'retentionDays',
  'identity',
  'chunksBucket',
  'rulerBucket',
  'roleName',
  'iamPath',
  'kmsKey',
  'gatewayUser',
] as const satisfies readonly (keyof Settings)[];

/** What an installation has adopted: names and settings that hold from then on, unless set explicitly. */
export interface Adopted {
  readonly settings: Partial<Pick<Settings, (typeof adoptable)[number]>>;
  /** The Secret of the gateway's password file, if its name is not our default. */
  readonly passwordSecret?: string;
  /** Other users in that file; their lines are kept. */
  readonly otherUsers?: readonly string[];
  /** Periods of the schema, as the adopted Loki had them; see `schema.ts`. */
  readonly schema?: readonly Period[];
}

/** Explicit values win; otherwise the adopted value, and the default only if there is none. */
export function withAdopted(settings: Settings, of: { readonly adopted: Adopted | undefined; readonly said: ReadonlySet<string> | undefined }): Settings {
  const learned = Object.entries(of.adopted?.settings ?? {}).filter(([key]) => !of.said?.has(key));
  return { ...settings, ...Object.fromEntries(learned) };
}

/** Names in it can't be derived and logs are found by them, so an invalid one is not ignored: it is listed in `faults`. */
export function adoptedIn(document: Values): Believed<Adopted> & { readonly faults: readonly Ignored[] } {
  const ignored: Ignored[] = [];
  const faults: Ignored[] = [];
  const settings = believedSettings(isMap(document['settings']) ? document['settings'] : {}, adoptable);
  const value: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(document)) {
    if (key === 'settings') {
      if (!isMap(raw)) faults.push({ key, why: `${shown(raw)} is not a map of settings` });
      continue;
    }
    const rule = Object.hasOwn(ADOPTED, key) ? ADOPTED[key as keyof typeof ADOPTED] : undefined;
    const read = rule?.safeParse(raw);
    if (read?.success) value[key] = read.data;
    else if (read) faults.push({ key: [key, ...(read.error.issues[0]?.path ?? [])].join('.'), why: read.error.issues[0]?.message ?? 'is not valid' });
    else ignored.push({ key, why: 'nothing of that name is recorded' });
  }
  for (const one of settings.ignored) ((adoptable as readonly string[]).includes(one.key) ? faults : ignored).push(one);
  return { value: { ...value, settings: settings.value } as Adopted, ignored, faults };
}

/** It is part of Loki's configuration, which helm renders as a template: no braces, quotes or line ends. */
const word = z.string().regex(/^[\w ./:@*+-]{0,256}$/, { error: 'may hold letters, digits, spaces and . / : @ * + - _, at most 256' });
const scalar = z.union([word, z.number(), z.boolean(), z.null()], { error: 'is neither a word nor a number' });
const name = z.string().regex(/^[A-Za-z]\w{0,63}$/, { error: 'is no name of a field' });
const table = z.record(name, z.union([scalar, z.record(name, scalar)]));

/** For Loki's `schema_config.configs`. */
const period = z
  .record(name, z.union([scalar, table]), { error: 'is no period of a schema' })
  .refine(({ from }) => typeof from === 'string' && /^\d{4}-\d{2}-\d{2}/.test(from), { error: 'has no day in "from"' })
  .refine(({ schema }) => typeof schema === 'string' && /^v\d{1,3}$/.test(schema), { error: 'has no version in "schema"' });

const ADOPTED = {
  passwordSecret: z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, { error: 'is no name of a Secret' }),
  otherUsers: z.array(z.string().regex(/^[^:\s]{1,255}$/, { error: 'is no user name' }), { error: 'is no list of user names' }).max(1000),
  schema: z.array(period, { error: 'is no list of periods' }).max(100),
};

/** Why these periods of a running Loki, or of a record, can't be kept; `undefined` if they can. */
export function periodFault(periods: unknown): string | undefined {
  const read = ADOPTED.schema.safeParse(periods);
  const issue = read.error?.issues[0];
  return issue && `${['schema_config.configs', ...issue.path].join('.')} ${issue.message}`;
}

/** Far more than any record holds; it bounds the traversal. */
const DEPTH = 64;
const BYTES = 1 << 20;

/** A document of the record, or in `why` the reason that it is invalid. */
export function documentIn(text: string): { readonly document: Values } | { readonly why: string } {
  if (text.length > BYTES) return { why: `has ${text.length} characters; a record has at most ${BYTES}` };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { why: `is not JSON: ${shown(text)}` };
  }
  if (!isMap(document)) return { why: `is ${Array.isArray(document) ? 'a list' : shown(document)}, not a map` };
  return deeper(text) ? { why: `is nested more than ${DEPTH} levels deep` } : { document };
}

/** Measured on the text, because traversing the document would need a bound itself. Braces within strings only make it stricter. */
function deeper(text: string): boolean {
  let depth = 0;
  for (const one of text) {
    if (one === '{' || one === '[') depth++;
    if (one === '}' || one === ']') depth--;
    if (depth > DEPTH) return true;
  }
  return false;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
