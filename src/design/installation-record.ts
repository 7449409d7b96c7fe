/**
 * The record that an installation leaves in the cluster: what is written into it, and how much of it is believed when it is read back.
 * Whoever may write one Secret may write anything into it, so a record only says what was installed: values of known settings, each
 * judged by the rule of its flag. No file, program, chart, consent, or address that a token or password goes to is ever taken from it.
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

/** A value of the record that is not taken from it, and why. */
export interface Ignored {
  readonly key: string;
  readonly why: string;
  /** How to have it all the same. */
  readonly fix?: string;
}

/** What is believed of a document, and what is not. */
export interface Believed<T> {
  readonly value: T;
  readonly ignored: readonly Ignored[];
}

/** Settings to go on from: what the record says of the installation, and the caller's own for everything else. */
export function settingsFrom(document: Values, own: Settings): Believed<Settings> {
  const { value: recorded, ignored } = believedSettings(document);
  const { settings, clashing } = withoutClashes(own, recorded);
  const elsewhere = addressesIn(document, own);
  // With an address left out, the Grafana of the cluster would be taken for the one that was meant.
  const apart = elsewhere.length > 0 && own.grafanaUrl === undefined ? ({ grafana: 'none' } as const) : {};
  return { value: { ...settings, ...apart }, ignored: [...ignored, ...clashing, ...elsewhere] };
}

/** What a record says for people to read, as it says it: where nothing else differs, it is no difference that this is not believed. */
export function writtenIn(document: Values, own: Settings): Values {
  const keys: readonly string[] = settingSpecs.filter(({ record }) => record === 'written').map(({ field }) => field);
  const apart = addressesIn(document, own).length > 0 ? ['grafana'] : [];
  return Object.fromEntries(Object.entries(document).filter(([key]) => keys.includes(key) || apart.includes(key)));
}

/** The settings that a record may hold, by the rules of their flags. */
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

/** Addresses that the caller did not give: a token, or the password of the gateway, would be sent there. */
function addressesIn(document: Values, own: Settings): readonly Ignored[] {
  return ADDRESSES.flatMap((key) => {
    const value = document[key];
    const spec = settingSpecs.find(({ field }) => field === key);
    if (value === undefined || own[key] !== undefined || !spec) return [];
    const why = `${shown(value)} is an address that receives credentials, which is never read from a cluster`;
    return [{ key, why, fix: `If it is yours, set \`${spec.flag} ${typeof value === 'string' ? shown(value).slice(1, -1) : spec.placeholder}\`` }];
  });
}

/** Values that are right by themselves may contradict each other, or the caller's. The caller's stay. */
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

/** What is learned from the installation that is adopted, or said when it is. */
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

/** What an installation has taken over: names and settings that hold from then on, unless somebody says otherwise. */
export interface Adopted {
  readonly settings: Partial<Pick<Settings, (typeof adoptable)[number]>>;
  /** The Secret of the gateway's password file, where it is not named as ours is. */
  readonly passwordSecret?: string;
  /** Users of that file other than ours; their lines stay in it. */
  readonly otherUsers?: readonly string[];
  /** Periods of the schema, as the adopted Loki had them; see `schema.ts`. */
  readonly schema?: readonly Period[];
}

/** What somebody said wins; what nobody said is as it was adopted, and a default only where nothing was. */
export function withAdopted(settings: Settings, of: { readonly adopted: Adopted | undefined; readonly said: ReadonlySet<string> | undefined }): Settings {
  const learned = Object.entries(of.adopted?.settings ?? {}).filter(([key]) => !of.said?.has(key));
  return { ...settings, ...Object.fromEntries(learned) };
}

/** Names in it can't be derived and logs are found by them, so one that is wrong is not left out: it is a fault, in `faults`. */
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

/** It stands in Loki's configuration, which helm fills in as a template: no braces, quotes or line ends. */
const word = z.string().regex(/^[\w ./:@*+-]{0,256}$/, { error: 'may hold letters, digits, spaces and . / : @ * + - _, at most 256' });
const scalar = z.union([word, z.number(), z.boolean(), z.null()], { error: 'is neither a word nor a number' });
const name = z.string().regex(/^[A-Za-z]\w{0,63}$/, { error: 'is no name of a field' });
const table = z.record(name, z.union([scalar, z.record(name, scalar)]));

/** Of Loki's `schema_config.configs`. */
const period = z
  .record(name, z.union([scalar, table]), { error: 'is no period of a schema' })
  .refine(({ from }) => typeof from === 'string' && /^\d{4}-\d{2}-\d{2}/.test(from), { error: 'has no day in "from"' })
  .refine(({ schema }) => typeof schema === 'string' && /^v\d{1,3}$/.test(schema), { error: 'has no version in "schema"' });

const ADOPTED = {
  passwordSecret: z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, { error: 'is no name of a Secret' }),
  otherUsers: z.array(z.string().regex(/^[^:\s]{1,255}$/, { error: 'is no user name' }), { error: 'is no list of user names' }).max(1000),
  schema: z.array(period, { error: 'is no list of periods' }).max(100),
};

/** Why these periods of a running Loki, or of a record, can't be carried on; `undefined` when they can. */
export function periodFault(periods: unknown): string | undefined {
  const read = ADOPTED.schema.safeParse(periods);
  const issue = read.error?.issues[0];
  return issue && `${['schema_config.configs', ...issue.path].join('.')} ${issue.message}`;
}

/** Far more than any record holds; it bounds what walks through it. */
const DEPTH = 64;
const BYTES = 1 << 20;

/** A document of the record; `why` it is none. */
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

/** By its text, because a walk through the document would have to be bounded itself. Braces within strings only make it stricter. */
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
