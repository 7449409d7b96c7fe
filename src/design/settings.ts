/** Reads the settings from flags, environment, file and answers: one value for each, its origin, and all errors. */
import type { Problem } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import { nearest } from './nearest.ts';
import { ruleOf } from './rule-of.ts';
import { conflicts } from './setting-conflicts.ts';
import { clusterArn } from './setting-rules.ts';
import { settingSpecs, type SettingSpec } from './setting-specs.ts';
import type { Settings } from './settings-type.ts';

export { settingSpecs, type SettingSpec } from './setting-specs.ts';

export interface SettingSources {
  /** By key. `undefined` and an empty list mean "not given"; a list may be given as text, then commas split it. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** The whole environment; only `LOKI_EKS_*` is read. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The parsed file; may contain anything. */
  readonly file?: unknown;
  /** The file's name in messages. */
  readonly fileName?: string;
  /** Answers to questions, by key. */
  readonly answers?: Readonly<Record<string, unknown>>;
}

/** `flag --size`, `environment LOKI_EKS_SIZE`, `file loki-eks.yaml`, `question`, `default`, `cluster ARN` */
export type Origins = Readonly<Record<string, { readonly value: unknown; readonly from: string }>>;

export type SettingsResult =
  | { readonly is: 'read'; readonly settings: Settings; readonly origins: Origins; readonly warnings: readonly Problem[] }
  | {
      readonly is: 'invalid';
      readonly problems: readonly Problem[];
      /** Keys that are required, were not given, and can be asked for. */ readonly missing: readonly string[];
    };

interface Given {
  readonly raw: unknown;
  readonly from: string;
  /** How to correct it. */
  readonly fix: string;
}

/**
 * Reads every setting: flag, else environment, else file, else answer, else default. Never throws; all problems are reported at
 * once. A required key that was not given is a problem; if `cluster` is optional and not given it is the empty string.
 */
export function readSettings(sources: SettingSources, options: { readonly need?: readonly string[] } = {}): SettingsResult {
  const problems: Problem[] = fileProblems(sources);
  const missing: string[] = [];
  const origins: Record<string, { value: unknown; from: string }> = {};
  const fields: Record<string, unknown> = { cluster: '', confirmRecreate: [], tags: {}, allowCidr: [], lokiValues: [], alloyValues: [] };
  for (const spec of settingSpecs) {
    const given = find(spec, sources);
    if (given === undefined) {
      if (!options.need?.includes(spec.key)) continue;
      missing.push(spec.key);
      problems.push(
        problem('SETTING_MISSING', {
          message: `${spec.key} is missing: ${spec.description}`,
          fix: `Add \`${spec.flag} ${spec.placeholder}\`, or set ${spec.env}`,
        }),
      );
      continue;
    }
    const read = readValue(spec, given);
    problems.push(...read.problems);
    if (read.problems.length > 0) continue;
    fields[spec.field] = read.value;
    origins[spec.key] = { value: read.value, from: given.from };
  }
  problems.push(...splitArn(fields, origins));
  if (problems.length > 0) return { is: 'invalid', problems, missing };
  const settings = fields as unknown as Settings;
  const clashes = conflicts(settings);
  if (clashes.length > 0) return { is: 'invalid', problems: clashes, missing };
  return { is: 'read', settings, origins, warnings: strayVariables(sources.env ?? {}) };
}

function find(spec: SettingSpec, sources: SettingSources): Given | undefined {
  const flag = own(sources.flags, spec.key);
  if (flag !== undefined && !(Array.isArray(flag) && flag.length === 0)) {
    const items = spec.verbatim === true && typeof flag === 'string' ? [flag] : flag;
    return { raw: items, from: `flag ${spec.flag}`, fix: `Correct \`${spec.flag}\`` };
  }
  const variable = own(sources.env, spec.env);
  if (variable !== undefined) return { raw: variable, from: `environment ${spec.env}`, fix: `Correct the environment variable ${spec.env}, or unset it` };
  const file = sources.fileName ?? 'the settings file';
  const inFile = isMap(sources.file) ? own(sources.file, spec.key) : undefined;
  if (inFile !== undefined) return { raw: inFile, from: `file ${file}`, fix: `Correct ${spec.key} in ${file}` };
  const answer = own(sources.answers, spec.key);
  if (answer !== undefined) return { raw: answer, from: 'question', fix: `Answer again, or add \`${spec.flag} ${spec.placeholder}\`` };
  if (spec.default !== undefined) return { raw: spec.default, from: 'default', fix: `Add \`${spec.flag} ${spec.placeholder}\`` };
  return undefined;
}

function readValue(spec: SettingSpec, given: Given): { readonly value?: unknown; readonly problems: readonly Problem[] } {
  if (given.raw === null || (typeof given.raw === 'string' && given.raw.trim() === '')) {
    return {
      problems: [
        problem('SETTING_EMPTY', {
          message: `${place(spec, given)} is empty`,
          fix: `Set a value, or remove it: ${given.fix.replace(/^./, (letter) => letter.toLowerCase())}`,
        }),
      ],
    };
  }
  const shaped = shape(spec, given.raw);
  if ('fault' in shaped) return { problems: [problem('SETTING_INVALID', { message: `${spec.key} (${given.from}): ${shaped.fault}`, fix: given.fix })] };
  const parsed = ruleOf(spec).safeParse(shaped.value);
  if (parsed.success) return { value: parsed.data, problems: [] };
  // A value may violate several rules; one reason is enough.
  const issues = parsed.error.issues.filter(({ path }, index, all) => all.findIndex((other) => other.path.join() === path.join()) === index);
  return {
    problems: issues.map((issue) => {
      const path = [spec.key, ...issue.path.map(String)].join('.');
      const wrong = issue.path.length > 0 ? at(shaped.value, issue.path) : shaped.value;
      return problem('SETTING_INVALID', { message: `${path} ${show(wrong)} (${given.from}) ${issue.message}`, fix: given.fix });
    }),
  };
}

function place({ key }: SettingSpec, { from }: Given): string {
  if (from === 'question') return `The answer for ${key}`;
  return from.startsWith('file ') ? `${key} in ${from.slice(5)}` : from.replace('environment ', 'environment variable ');
}

/** Text from a flag or the environment becomes the list or map that the rule expects. */
function shape(spec: SettingSpec, raw: unknown): { readonly value: unknown } | { readonly fault: string } {
  if (spec.kind === 'list') {
    const items = typeof raw === 'string' ? raw.split(',') : raw;
    if (!Array.isArray(items)) return { value: items };
    const split = spec.verbatim === true ? items : items.flatMap((item: unknown) => (typeof item === 'string' ? item.split(',') : [item]));
    const trimmed = split.map((item: unknown) => (typeof item === 'string' ? item.trim() : item));
    return trimmed.includes('') ? { fault: 'an item of the list is empty' } : { value: trimmed };
  }
  if (spec.kind !== 'map' || isMap(raw)) return { value: raw };
  const pairs = typeof raw === 'string' ? [raw] : raw;
  if (!Array.isArray(pairs) || !pairs.every((pair) => typeof pair === 'string')) return { fault: 'must be key=value' };
  const map = new Map<string, string>();
  for (const pair of pairs.flatMap((text) => text.split(','))) {
    const equals = pair.indexOf('=');
    if (equals < 1) return { fault: `${show(pair)} must be key=value` };
    map.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
  }
  return { value: Object.fromEntries(map) };
}

/** An ARN includes the region, so it may be given alone. */
function splitArn(fields: Record<string, unknown>, origins: Record<string, { value: unknown; from: string }>): readonly Problem[] {
  const arn = clusterArn.exec(String(fields['cluster']));
  if (arn === null) return [];
  const [, region, , name] = arn;
  const other = fields['region'];
  if (other !== undefined && other !== region) {
    return [
      problem('SETTING_CONFLICT', {
        message: `The cluster's ARN is in ${region}, but region is ${String(other)} (${origins['region']?.from})`,
        fix: `Remove region, or set it to ${region}`,
      }),
    ];
  }
  fields['cluster'] = name;
  fields['region'] = region;
  origins['cluster'] = { value: name, from: origins['cluster']?.from ?? 'cluster ARN' };
  origins['region'] ??= { value: region, from: 'cluster ARN' };
  return [];
}

function fileProblems(sources: SettingSources): Problem[] {
  const { file } = sources;
  if (file === undefined || file === null) return [];
  const name = sources.fileName ?? 'the settings file';
  if (!isMap(file))
    return [problem('CONFIG_INVALID', { message: `${name} is not a map of settings`, fix: 'Write it as `key: value` lines, for example `retentionDays: 28`' })];
  const known = settingSpecs.map((spec) => spec.key);
  return Object.keys(file)
    .filter((key) => !known.includes(key))
    .map((key) => unknown('SETTING_UNKNOWN', `${name}: unknown key ${show(key)}`, { meant: nearest(key, known), verb: `in ${name}` }));
}

/** Other programs may set variables of this form, so an unknown one only causes a warning. */
function strayVariables(env: Readonly<Record<string, string | undefined>>): readonly Problem[] {
  const known = settingSpecs.map((spec) => spec.env);
  return Object.keys(env)
    .filter((name) => name.startsWith('LOKI_EKS_') && !known.includes(name))
    .map((name) => ({
      name,
      meant: nearest(
        name.slice(9),
        known.map((one) => one.slice(9)),
      ),
    }))
    .filter(({ meant }) => meant !== undefined && env[`LOKI_EKS_${meant}`] === undefined)
    .map(({ name, meant }) => unknown('SETTING_UNKNOWN', `Unknown environment variable ${name}`, { meant: `LOKI_EKS_${meant}`, verb: 'in the environment' }));
}

function unknown(code: 'SETTING_UNKNOWN', message: string, hint: { readonly meant?: string; readonly verb: string }): Problem {
  return problem(code, {
    message: hint.meant === undefined ? message : `${message}; did you mean ${hint.meant}?`,
    fix: hint.meant === undefined ? `Remove it ${hint.verb}; \`loki-eks install --help\` lists all settings` : `Use ${hint.meant} ${hint.verb}`,
  });
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (of: Readonly<Record<string, unknown>> | undefined, key: string): unknown => (of !== undefined && Object.hasOwn(of, key) ? of[key] : undefined);

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined), value);
}

/** A value as shown in a message: short, and quoted as JSON. */
function show(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? typeof value;
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
