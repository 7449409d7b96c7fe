/** When a rendered Loki deletes log lines: all, those of a tenant, those of a stream. Read from the rendered chart, whichever value set it. */
import { parse } from 'yaml';
import type { Json } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { getPath } from './get-path.ts';
import { hoursIn } from './durations.ts';
import { objectsIn } from './drift.ts';
import { isMap } from './merge.ts';

interface Limits {
  /** Hours; `Infinity` means that nothing is deleted. Absent if it is set elsewhere. */
  readonly period?: number;
  /** By selector. */
  readonly streams?: ReadonlyMap<string, number>;
}

export interface Retention {
  /** For all tenants. */
  readonly limits: Limits;
  readonly tenants: ReadonlyMap<string, Limits>;
  /** What could set another retention, and can't be read here. */
  readonly unknown: readonly string[];
  /** The chart's objects include a Loki configuration. */
  readonly configured: boolean;
}

export interface Shorter {
  /** `all logs`, `logs of tenant a`, `logs of {app="x"}`. */
  readonly of: string;
  readonly from: number;
  readonly to: number;
}

const CONFIG = '/etc/loki/config/config.yaml';
const RUNTIME = '/etc/loki/runtime-config/runtime-config.yaml';

/** All existing logs. The days tagged by an earlier run, if nothing is installed. */
export const keptFor = (days: number): Retention => ({ limits: { period: days * 24 }, tenants: new Map(), unknown: [], configured: true });

/** Each step asks about the same two manifests; parsing one takes longer than everything else done with it. */
const AT_HAND = 4;
const read = new Map<string, Retention>();

/** Never throws: what is not a manifest of a Loki counts as unreadable. */
export function retentionOf(manifest: string): Retention {
  const found = read.get(manifest) ?? readRetention(manifest);
  read.delete(manifest);
  read.set(manifest, found);
  for (const oldest of read.keys()) if (read.size > AT_HAND) read.delete(oldest);
  return found;
}

function readRetention(manifest: string): Retention {
  const unknown: string[] = [];
  let objects: readonly KubeObject[];
  try {
    objects = objectsIn(manifest);
  } catch {
    return { limits: {}, tenants: new Map(), unknown: ["the chart's objects are no YAML"], configured: false };
  }
  const documents = objects.flatMap(filesIn);
  const configs = documents.filter((document) => 'limits_config' in document || 'compactor' in document || 'schema_config' in document);
  const overrides = documents.flatMap((document) => (isMap(document['overrides']) ? [document['overrides'] as Readonly<Record<string, Json>>] : []));
  const flags = flagsIn(objects);
  const configured = configs.length > 0;
  if (!configured) unknown.push("the chart renders no configuration of Loki, or a Secret that isn't part of it");
  const paths: readonly (readonly [string, unknown, string])[] = [
    ['-config.file', flags.get('config.file'), CONFIG],
    ['-runtime-config.file', flags.get('runtime-config.file'), RUNTIME],
    ['-limits.per-user-override-config', flags.get('limits.per-user-override-config'), ''],
    ...configs.flatMap((config): (readonly [string, unknown, string])[] => [
      ['runtime_config.file', getPath(config as Json, 'runtime_config.file'), RUNTIME],
      ['limits_config.per_tenant_override_config', getPath(config as Json, 'limits_config.per_tenant_override_config'), ''],
    ]),
  ];
  for (const [name, path, usual] of paths) if (path !== undefined && path !== '' && path !== usual) unknown.push(`${name} is ${String(path)}`);
  const read = (value: unknown, name: string): number | undefined => {
    if (value === undefined || value === null) return undefined;
    const hours = hoursIn(value);
    if (hours === undefined) unknown.push(`${name} is ${JSON.stringify(value)}`);
    return hours === undefined ? undefined : hours <= 0 ? Number.POSITIVE_INFINITY : hours;
  };
  const limitsIn = (node: unknown, name: string): Limits => {
    if (!isMap(node)) return {};
    const period = read(node['retention_period'], `${name}.retention_period`);
    const rules = node['retention_stream'];
    const streams = Array.isArray(rules)
      ? rules.filter(isMap).map((rule) => [String(rule['selector']).trim(), read(rule['period'], `${name}.retention_stream`)] as const)
      : undefined;
    return {
      ...(period !== undefined && { period }),
      ...(streams && { streams: shortest(streams.flatMap(([selector, hours]) => (hours === undefined ? [] : [[selector, hours] as const]))) }),
    };
  };
  const said = configs.map((config) => limitsIn(config['limits_config'], 'limits_config'));
  const flagged = read(flags.get('store.retention'), '-store.retention');
  const table = configs.flatMap((config) =>
    getPath(config as Json, 'table_manager.retention_deletes_enabled') === true
      ? [read(getPath(config as Json, 'table_manager.retention_period'), 'table_manager.retention_period')]
      : [],
  );
  if (isOn(flags.get('table-manager.retention-deletes-enabled')))
    table.push(read(flags.get('table-manager.retention-period') ?? 0, '-table-manager.retention-period'));
  const deletes = isOn(flags.get('compactor.retention-enabled')) || configs.some((config) => isOn(getPath(config as Json, 'compactor.retention_enabled')));
  const byTable = Math.min(Number.POSITIVE_INFINITY, ...table.filter((one) => one !== undefined));
  if (!deletes) return { limits: { period: byTable }, tenants: new Map(), unknown, configured };
  const compacted = flagged ?? Math.min(Number.POSITIVE_INFINITY, ...said.flatMap(({ period }) => (period === undefined ? [] : [period])));
  const streams = said.flatMap((one) => [...(one.streams ?? [])]);
  const limits = { period: Math.min(byTable, compacted), ...(streams.length > 0 && { streams: shortest(streams) }) };
  const tenants = overrides.flatMap((all) => Object.entries(all).map(([tenant, node]) => [tenant, limitsIn(node, `overrides.${tenant}`)] as const));
  return { limits, tenants: new Map(tenants.filter(([, { period, streams: own }]) => period !== undefined || own !== undefined)), unknown, configured };
}

const isOn = (value: unknown): boolean => value === true || value === 'true' || value === '';

const shortest = (all: readonly (readonly [string, number])[]): ReadonlyMap<string, number> => {
  const found = new Map<string, number>();
  for (const [selector, hours] of all) found.set(selector, Math.min(hours, found.get(selector) ?? Number.POSITIVE_INFINITY));
  return found;
};

/** YAML files in a ConfigMap or a Secret. */
function filesIn(object: KubeObject): readonly Readonly<Record<string, unknown>>[] {
  if (object.kind !== 'ConfigMap' && object.kind !== 'Secret') return [];
  const texts = (['data', 'stringData'] as const).flatMap((field) =>
    Object.entries((object[field] ?? {}) as Readonly<Record<string, unknown>>)
      .filter(([name]) => /\.ya?ml$/.test(name))
      .map(([, text]) => (field === 'data' && object.kind === 'Secret' ? Buffer.from(String(text), 'base64').toString() : String(text))),
  );
  return texts.flatMap((text) => {
    try {
      const found: unknown = parse(text, { uniqueKeys: false });
      return isMap(found) ? [found] : [];
    } catch {
      return [];
    }
  });
}

/** Loki's own flags, by name; they override its files. Of several workloads the last one that sets a flag wins. */
function flagsIn(objects: readonly KubeObject[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const object of objects) {
    const pod = getPath(object as unknown as Json, 'spec.template.spec') as
      | { readonly containers?: readonly { readonly args?: readonly unknown[]; readonly command?: readonly unknown[] }[] }
      | undefined;
    for (const { args = [], command = [] } of pod?.containers ?? []) {
      const words = [...(command ?? []), ...(args ?? [])].map(String);
      words.forEach((word, index) => {
        const [, name, value] = /^--?([a-z][\w.-]*)(?:=([^]*))?$/.exec(word) ?? [];
        if (name !== undefined) found.set(name, value ?? (words[index + 1]?.startsWith('-') === false ? words[index + 1]! : ''));
      });
    }
  }
  return found;
}

/** Where lines are deleted sooner than before. */
export function shortened(before: Retention, after: Retention): readonly Shorter[] {
  const tenants = ['', ...new Set([...before.tenants.keys(), ...after.tenants.keys()])];
  const selectors = [
    '',
    ...new Set([before, after].flatMap((one) => [one.limits, ...one.tenants.values()].flatMap(({ streams }) => [...(streams?.keys() ?? [])]))),
  ];
  const found = tenants.flatMap((tenant) =>
    selectors.flatMap((selector): readonly Shorter[] => {
      const [from, to] = [periodFor(before, tenant, selector), periodFor(after, tenant, selector)];
      const of = [selector && ` of ${selector}`, tenant && ` of tenant ${tenant}`].join('');
      return to < from ? [{ of: of === '' ? 'all logs' : `logs${of}`, from, to }] : [];
    }),
  );
  // What applies to all is not repeated for each.
  const all = found.find(({ of }) => of === 'all logs');
  return found.filter((one) => one === all || one.from !== all?.from || one.to !== all?.to);
}

/** As Loki decides: a tenant's own rules replace the global ones. */
function periodFor({ limits, tenants }: Retention, tenant: string, selector: string): number {
  const own = tenants.get(tenant);
  return (own?.streams ?? limits.streams)?.get(selector) ?? own?.period ?? limits.period ?? Number.POSITIVE_INFINITY;
}

/** `7 days`, `36 hours`, `forever`. */
export const inWords = (hours: number): string =>
  hours === Number.POSITIVE_INFINITY
    ? 'forever'
    : hours % 24 === 0
      ? `${hours / 24} ${hours === 24 ? 'day' : 'days'}`
      : `${Math.round(hours * 100) / 100} ${hours === 1 ? 'hour' : 'hours'}`;
