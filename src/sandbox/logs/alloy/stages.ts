/** The stages of `loki.process`: what happens to an entry between reading and sending. */
import { type AlloyValue } from './evaluate.ts';
import { expand, goRegExp, type Labels } from './relabel.ts';

export interface LogEntry {
  readonly labels: Labels;
  readonly line: string;
  /** Nanoseconds since the epoch. */
  readonly nanos: bigint;
  readonly extracted: Readonly<Record<string, string>>;
}

/** A stage with its arguments evaluated. */
export interface StageSpec {
  readonly name: string;
  readonly args: Readonly<Record<string, AlloyValue>>;
  readonly stages: readonly StageSpec[];
}

/** No entry: dropped or held back. */
export type Stage = (entry: LogEntry) => readonly LogEntry[];

const words = (value: AlloyValue | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries((value ?? {}) as Readonly<Record<string, AlloyValue>>).map(([name, text]) => [name, text === null ? '' : String(text)]));
const list = (value: AlloyValue | undefined): readonly string[] => ((value ?? []) as readonly AlloyValue[]).map(String);
const word = (value: AlloyValue | undefined): string => (value === undefined || value === null ? '' : String(value));

/** RFC 3339 with nanoseconds; `undefined` when it does not parse. */
export function parseNanos(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const millis = Date.parse(`${match[1]}${match[3]}`);
  return Number.isNaN(millis) ? undefined : BigInt(millis) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0') || '0');
}

export function pipelineOf(specs: readonly StageSpec[]): Stage {
  const stages = specs.map(stageOf);
  return (entry) => stages.reduce<readonly LogEntry[]>((entries, stage) => entries.flatMap((one) => [...stage(one)]), [entry]);
}

function stageOf(spec: StageSpec): Stage {
  const make = STAGES[spec.name];
  return make === undefined ? (entry) => [entry] : make(spec);
}

const source = (entry: LogEntry, name: AlloyValue | undefined): string => (word(name) === '' ? entry.line : (entry.extracted[word(name)] ?? ''));
const extend = (entry: LogEntry, more: Readonly<Record<string, string>>): readonly LogEntry[] => [{ ...entry, extracted: { ...entry.extracted, ...more } }];
const relabeled = (entry: LogEntry, labels: Labels): readonly LogEntry[] => [{ ...entry, labels }];

/** Containerd splits long lines: parts flagged `P` wait for the `F` of the same stream. Unlimited by default. */
function cri({ args }: StageSpec): Stage {
  const parts = new Map<string, LogEntry>();
  const most = typeof args['max_partial_lines'] === 'number' ? args['max_partial_lines'] : 100;
  const bytes = args['max_partial_line_size_truncate'] === true ? Number(args['max_partial_line_size'] ?? 0) : Number.POSITIVE_INFINITY;
  const bounded = (line: string): string =>
    line.length <= bytes / 4 || Buffer.byteLength(line) <= bytes ? line : Buffer.from(line).subarray(0, bytes).toString('utf8');
  return (entry) => {
    const match = /^(\S+?) (stdout|stderr) (\S+?) ([\s\S]*)$/.exec(entry.line);
    const nanos = match === null ? undefined : parseNanos(match[1] as string);
    if (match === null || nanos === undefined) return [entry];
    const [, , stream = '', flag, content = ''] = match;
    const labels = { ...entry.labels, stream };
    const key = JSON.stringify(labels);
    const before = parts.get(key);
    if (flag !== 'P') {
      parts.delete(key);
      return [{ ...entry, labels, nanos, line: before === undefined ? content : bounded(before.line + content) }];
    }
    if (parts.size >= most) {
      const held = [...parts.values()];
      parts.clear();
      parts.set(key, { ...entry, labels, nanos, line: bounded(content) });
      return held;
    }
    parts.set(key, { ...entry, labels, nanos, line: bounded((before?.line ?? '') + content) });
    return [];
  };
}

function docker(entry: LogEntry): readonly LogEntry[] {
  const parsed = jsonOf(entry.line);
  if (typeof parsed?.['log'] !== 'string') return [entry];
  const nanos = parseNanos(word(parsed['time'] as AlloyValue)) ?? entry.nanos;
  return [{ ...entry, line: parsed['log'].replace(/\n$/, ''), nanos, labels: { ...entry.labels, stream: word(parsed['stream'] as AlloyValue) } }];
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** The dotted paths of JMESPath; the rest of that language is not simulated. */
function dig(value: unknown, path: string): string | undefined {
  const found = path.split('.').reduce<unknown>((at, name) => (at as Readonly<Record<string, unknown>> | undefined)?.[name.replaceAll('"', '')], value);
  return found === undefined || found === null ? undefined : typeof found === 'object' ? JSON.stringify(found) : String(found);
}

function extracting(pairs: readonly (readonly [string, string | undefined])[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

function drop({ args }: StageSpec): Stage {
  const expression = word(args['expression']);
  const pattern = expression === '' ? undefined : goRegExp(expression, { anchored: false });
  const longer = /^(\d+)\s*([KM]?i?B)?$/i.exec(word(args['longer_than']));
  const limit =
    longer === null ? Number.POSITIVE_INFINITY : Number(longer[1]) * (/^k/i.test(longer[2] ?? '') ? 1024 : /^m/i.test(longer[2] ?? '') ? 1024 ** 2 : 1);
  return (entry) => {
    const text = source(entry, args['source']);
    const hits = [
      pattern === undefined || pattern.test(text),
      args['value'] === undefined || text === word(args['value']),
      entry.line.length > limit || longer === null,
    ];
    const asked = pattern !== undefined || args['value'] !== undefined || longer !== null || word(args['source']) !== '';
    const present = word(args['source']) === '' || entry.extracted[word(args['source'])] !== undefined;
    return asked && present && hits.every(Boolean) ? [] : [entry];
  };
}

function match({ args, stages }: StageSpec): Stage {
  const inner = pipelineOf(stages);
  const wanted = matchersOf(word(args['selector']));
  return (entry) => {
    if (!wanted(entry)) return [entry];
    return args['action'] === 'drop' ? [] : inner(entry);
  };
}

/** `{app="x"} |= "text"`: matchers and line filters, all of which must match. */
export function matchersOf(selector: string): (entry: Pick<LogEntry, 'labels' | 'line'>) => boolean {
  const tests: ((entry: Pick<LogEntry, 'labels' | 'line'>) => boolean)[] = [];
  const close = selector.indexOf('}');
  for (const [, name = '', operator, quoted = '""'] of selector.slice(0, close).matchAll(/([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)/g)) {
    const value = quoted.startsWith('`') ? quoted.slice(1, -1) : (JSON.parse(quoted) as string);
    const test = operator === '=' || operator === '!=' ? (text: string) => text === value : (text: string) => goRegExp(value, { anchored: true }).test(text);
    tests.push((entry) => test(entry.labels[name] ?? '') === (operator === '=' || operator === '=~'));
  }
  for (const [, operator, quoted = '""'] of selector.slice(close + 1).matchAll(/(\|=|!=|\|~|!~)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)/g)) {
    const value = quoted.startsWith('`') ? quoted.slice(1, -1) : (JSON.parse(quoted) as string);
    const test =
      operator === '|=' || operator === '!=' ? (text: string) => text.includes(value) : (text: string) => goRegExp(value, { anchored: false }).test(text);
    tests.push((entry) => test(entry.line) === operator?.startsWith('|'));
  }
  return (entry) => tests.every((test) => test(entry));
}

function timestamp({ args }: StageSpec): Stage {
  const format = word(args['format']);
  const units: Readonly<Record<string, bigint>> = { Unix: 1_000_000_000n, UnixMs: 1_000_000n, UnixUs: 1000n, UnixNs: 1n };
  return (entry) => {
    const text = entry.extracted[word(args['source'])];
    if (text === undefined) return [entry];
    const unit = units[format];
    const nanos = unit === undefined ? parseNanos(text) : /^\d+$/.test(text) ? BigInt(text) * unit : undefined;
    return [{ ...entry, nanos: nanos ?? entry.nanos }];
  };
}

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

const STAGES: Readonly<Record<string, (spec: StageSpec) => Stage>> = {
  'stage.cri': cri,
  'stage.docker': () => docker,
  'stage.static_labels':
    ({ args }) =>
    (entry) =>
      relabeled(entry, { ...entry.labels, ...words(args['values']) }),
  'stage.label_drop':
    ({ args }) =>
    (entry) =>
      relabeled(entry, Object.fromEntries(Object.entries(entry.labels).filter(([name]) => !list(args['values']).includes(name)))),
  'stage.label_keep':
    ({ args }) =>
    (entry) =>
      relabeled(entry, Object.fromEntries(Object.entries(entry.labels).filter(([name]) => list(args['values']).includes(name)))),
  'stage.labels':
    ({ args }) =>
    (entry) =>
      relabeled(entry, {
        ...entry.labels,
        ...extracting(Object.entries(words(args['values'])).map(([name, from]) => [name, entry.extracted[from === '' ? name : from]])),
      }),
  'stage.tenant':
    ({ args }) =>
    (entry) => {
      const tenant = word(args['value']) || (word(args['label']) === '' ? entry.extracted[word(args['source'])] : entry.labels[word(args['label'])]);
      return tenant === undefined || tenant === '' ? [entry] : relabeled(entry, { ...entry.labels, __tenant_id__: tenant });
    },
  'stage.drop': drop,
  'stage.match': match,
  'stage.json':
    ({ args }) =>
    (entry) => {
      const parsed = jsonOf(source(entry, args['source']));
      if (parsed === undefined) return args['drop_malformed'] === true ? [] : [entry];
      return extend(entry, extracting(Object.entries(words(args['expressions'])).map(([name, path]) => [name, dig(parsed, path === '' ? name : path)])));
    },
  'stage.logfmt':
    ({ args }) =>
    (entry) => {
      const found = Object.fromEntries(
        [...source(entry, args['source']).matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)].map(([, name, quoted, bare]) => [
          name as string,
          quoted ?? bare ?? '',
        ]),
      );
      return extend(entry, extracting(Object.entries(words(args['mapping'])).map(([name, from]) => [name, found[from === '' ? name : from]])));
    },
  'stage.regex': ({ args }) => {
    const pattern = goRegExp(word(args['expression']), { anchored: false });
    return (entry) => extend(entry, extracting(Object.entries(pattern.exec(source(entry, args['source']))?.groups ?? {})));
  },
  'stage.replace': ({ args }) => {
    const pattern = goRegExp(word(args['expression']), { anchored: false });
    return (entry) => {
      const found = pattern.exec(entry.line);
      return found === null ? [entry] : [{ ...entry, line: entry.line.replace(found[1] ?? found[0], expand(word(args['replace']), found)) }];
    };
  },
  'stage.timestamp': timestamp,
  'stage.output':
    ({ args }) =>
    (entry) => [{ ...entry, line: entry.extracted[word(args['source'])] ?? entry.line }],
  'stage.decolorize': () => (entry) => [{ ...entry, line: entry.line.replace(COLOUR, '') }],
};
