/** Relabeling rules, as Prometheus and Alloy apply them. */
import { createHash } from 'node:crypto';

export type Labels = Readonly<Record<string, string>>;

export interface RelabelRule {
  readonly source_labels: readonly string[];
  readonly separator: string;
  readonly regex: string;
  readonly modulus: number;
  readonly target_label: string;
  readonly replacement: string;
  readonly action: string;
}

export const RULE_DEFAULTS: RelabelRule = {
  source_labels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0,
  target_label: '',
  replacement: '$1',
  action: 'replace',
};

export const RELABEL_ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const;

/** A Go (RE2) expression as a JavaScript one. Throws SyntaxError for what neither supports. */
export function goRegExp(source: string, options: { readonly anchored: boolean }): RegExp {
  const key = `${options.anchored}${source}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made = compile(source, options);
  compiled.set(key, made);
  return made;
}

/** A configuration has a few expressions and runs them on every target and line. */
const compiled = new Map<string, RegExp>();

function compile(source: string, options: { readonly anchored: boolean }): RegExp {
  let flags = '';
  let text = source.replaceAll('(?P<', '(?<');
  // Go allows flags anywhere; JavaScript only for the whole expression. In practice they come first.
  for (let lead = /^(\^?)\(\?([ims]+)\)/.exec(text); lead !== null; lead = /^(\^?)\(\?([ims]+)\)/.exec(text)) {
    flags += lead[2] as string;
    text = (lead[1] as string) + text.slice(lead[0].length);
  }
  text = text
    .replaceAll('[[:alpha:]]', '[A-Za-z]')
    .replaceAll('[[:alnum:]]', '[A-Za-z0-9]')
    .replaceAll('[[:digit:]]', '\\d')
    .replaceAll('[[:space:]]', '\\s')
    .replaceAll('\\z', '$')
    .replaceAll('\\A', '^');
  const unique = [...new Set(flags)].join('');
  return new RegExp(options.anchored ? `^(?:${text})$` : text, unique);
}

/** Go's Expand: `$1`, `${1}`, `$name`, `$$`; a group that is missing or did not match is empty. */
export function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced: string | undefined, bare: string | undefined) => {
    if (whole === '$$') return '$';
    const name = braced ?? bare ?? '';
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? '';
  });
}

/** The labels after all rules, or `undefined` when a rule drops them. */
export function relabel(labels: Labels, rules: readonly RelabelRule[]): Labels | undefined {
  let current: Labels | undefined = labels;
  for (const rule of rules) {
    current = apply(current, rule);
    if (current === undefined) return undefined;
  }
  return current;
}

function put(labels: Labels, name: string, value: string): Labels {
  const { [name]: _, ...others } = labels;
  return value === '' ? others : { ...others, [name]: value };
}

function apply(labels: Labels, rule: RelabelRule): Labels | undefined {
  const value = rule.source_labels.map((name) => labels[name] ?? '').join(rule.separator);
  const pattern = goRegExp(rule.regex, { anchored: true });
  const match = pattern.exec(value);
  const target = labels[rule.target_label] ?? '';
  switch (rule.action) {
    case 'keep':
      return match === null ? undefined : labels;
    case 'drop':
      return match === null ? labels : undefined;
    case 'keepequal':
      return value === target ? labels : undefined;
    case 'dropequal':
      return value === target ? undefined : labels;
    case 'hashmod':
      return put(labels, rule.target_label, String(createHash('md5').update(value).digest().readBigUInt64BE(8) % BigInt(rule.modulus)));
    case 'lowercase':
      return put(labels, rule.target_label, value.toLowerCase());
    case 'uppercase':
      return put(labels, rule.target_label, value.toUpperCase());
    case 'labelmap':
      return Object.entries(labels).reduce((all, [name, text]) => {
        const found = pattern.exec(name);
        return found === null ? all : put(all, expand(rule.replacement, found), text);
      }, labels);
    case 'labeldrop':
      return Object.fromEntries(Object.entries(labels).filter(([name]) => !pattern.test(name)));
    case 'labelkeep':
      return Object.fromEntries(Object.entries(labels).filter(([name]) => pattern.test(name)));
    default:
      return replace(labels, { rule, match });
  }
}

function replace(labels: Labels, of: { readonly rule: RelabelRule; readonly match: RegExpExecArray | null }): Labels {
  if (of.match === null) return labels;
  const name = expand(of.rule.target_label, of.match);
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return labels;
  return put(labels, name, expand(of.rule.replacement, of.match));
}
