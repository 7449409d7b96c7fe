/**
 * Finds secrets in foreign documents and texts: by their name, by their format, by their position. Plans, diffs and support bundles use this.
 * All of it runs in linear time: names are found first and extended by hand, so that no text is scanned twice.
 */

export type SecretRule = 'named-secret' | 'private-key' | 'password-hash' | 'aws-key' | 'aws-signature' | 'token' | 'address-login';
/** Replaces what is redacted. */
export type Mark = (rule: SecretRule) => string;

export const hidden: Mark = () => '(hidden)';

const ALWAYS = /passw(?:or)?d|passphrase|secret|credential|(?:api|access|private|signing|encryption)key|httpheadervalue|authorization|cookie|connectionstring/;
/** Secret only as the last word of a name. */
const ENDING = /tokens?$/;
const ALONE = new Set(['pass', 'pwd', 'dsn', 'psk']);
/** Last words of names that say where a secret is or what it looks like. */
const ABOUT = new Set(
  'name names ref refs file files path paths provider providers type types ttl namespace url uri endpoint issuer audience enabled policy length size count expiry expiration seconds days timeout class version store mount manager'.split(
    ' ',
  ),
);
const HARMLESS_NAME =
  /^(existing_secret|(?:automount_)?service_account_token|(?:image_)?pull_secrets|(?:proxy|fastcgi|uwsgi|grpc)_pass|old_?pwd|secretsmanager)$|key_?id$/;

/** `gatewayPassword`, `DB_PASS`, `--auth.token`; not `password_file`, `secretName`. */
export function isSecretName(name: string): boolean {
  const parts = name
    .slice(-200)
    .replace(/([a-z\d])(?=[A-Z])/g, '$1_')
    .toLowerCase()
    .split(/[_.-]+/)
    .filter((part) => part !== '');
  const last = parts.at(-1) ?? '';
  const whole = parts.join('_');
  if (ABOUT.has(last) || HARMLESS_NAME.test(whole) || /(?<!pro)file$|secretref$/.test(last)) return false;
  const joined = parts.join('');
  return ALWAYS.test(joined) || ENDING.test(joined) || ALONE.has(last);
}

/** Fields by which an object is referenced. */
const REFERS = new Set(['name', 'namespace', 'key', 'optional', 'defaultMode', 'kind', 'apiVersion']);

/** A secret name also hides what is nested below it; only a volume's `secret` is a reference, whatever it contains. */
export function isSecret(path: readonly string[]): boolean {
  const names = path.filter((segment) => !segment.startsWith('['));
  const last = names.length - 1;
  return names.some((name, index) => isSecretName(name) && !(index < last && (name === 'secret' || (/secrets?$/i.test(name) && REFERS.has(names[last]!)))));
}

/** Whether this is the `value` of a pair whose `name` denotes a secret: environment variables, headers, parameters. */
export function isSecretPair(map: Readonly<Record<string, unknown>>, key: string): boolean {
  if (key.toLowerCase() !== 'value') return false;
  return Object.entries(map).some(([other, name]) => /^(?:name|key|header)$/i.test(other) && typeof name === 'string' && isSecretName(name));
}

/** Whether this list item is the value of the flag before it: `["--password", "…"]`. */
export const isSecretWord = (list: readonly unknown[], index: number): boolean => {
  const [flag, word] = [list[index - 1], list[index]];
  return typeof flag === 'string' && typeof word === 'string' && /^--?[\w.-]+$/.test(flag) && isSecretName(flag) && !word.startsWith('-');
};

/** Values that are not secrets, whatever their name is. */
const isPlainly = (name: string, value: unknown): boolean =>
  value === null || value === '' || typeof value === 'boolean' || (typeof value === 'number' && ENDING.test(name.toLowerCase()));

/** The same document without its secrets, and without secrets inside its strings. */
export function withoutSecrets(document: unknown, mark: Mark = hidden): unknown {
  const walk = (value: unknown, path: readonly string[], secret: boolean): unknown => {
    if (Array.isArray(value)) return value.map((one, index) => walk(one, [...path, `[${index}]`], secret || isSecretWord(value, index)));
    if (typeof value === 'object' && value !== null) {
      const map = value as Readonly<Record<string, unknown>>;
      return Object.fromEntries(
        Object.entries(map).map(([key, inner]) => [key, walk(inner, [...path, key], isSecret([...path, key]) || isSecretPair(map, key))]),
      );
    }
    if (secret && !isPlainly(path.findLast((segment) => !segment.startsWith('[')) ?? '', value)) {
      const harmless = typeof value === 'string' && HARMLESS.test(value.slice(0, 200));
      return harmless || typeof value === 'function' || value === undefined ? value : mark('named-secret');
    }
    return typeof value === 'string' ? redactText(value, mark) : value;
  };
  return walk(document, [], false);
}

interface Form {
  readonly rule: SecretRule;
  readonly form: RegExp;
  /** How much of the match stays before it. */
  readonly keep?: RegExp;
  /** Whether a match is one; all of them when absent. */
  readonly holds?: (found: string) => boolean;
}

/** 40 random characters of Base64: a path or a digest has fewer kinds of characters. */
const isRandom = (found: string): boolean =>
  [/[A-Z]/g, /[a-z]/g].every((kind) => (found.match(kind) ?? []).length >= 6) && (found.match(/\d/g) ?? []).length >= 1;

const FORMS: readonly Form[] = [
  { rule: 'private-key', form: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)|AGE-SECRET-KEY-1\w+/g },
  { rule: 'password-hash', form: /\$(?:2[abxy]?|apr1|1|5|6|y)\$[./A-Za-z0-9$=,-]{20,}|\{S?SHA\d*\}[A-Za-z0-9+/=]{20,}|(?<=:)\{PLAIN\}\S+/g },
  { rule: 'aws-key', form: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { rule: 'aws-key', form: /(?<![A-Za-z0-9/+=_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])/g, holds: isRandom },
  { rule: 'aws-signature', form: /(?<=X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"']+/gi },
  {
    rule: 'token',
    form: /(?<![\w-])(?:eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|k8s-aws-v1\.[\w-]+|gl(?:sa|c|pat)[_-][\w=-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|hv[sb]\.[\w-]{20,}|sk-[\w-]{20,}|npm_\w{20,}|dckr_pat_[\w-]{20,}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|nvapi-[\w-]{20,})/g,
  },
  { rule: 'token', form: /(?<=hooks\.slack\.com\/services\/|discord(?:app)?\.com\/api\/webhooks\/)[\w/-]{8,}/g },
  { rule: 'token', form: /\b(?:Basic|Bearer)[ \t]{1,16}(?!\[removed|\(hidden)[A-Za-z0-9+/_.~=-]{8,}/gi, keep: /^\w+[ \t]+/ },
];

/** `user:password` in a URL; up to the last @, so that a password may contain one. */
const ADDRESS_LOGIN = /(?<=\w:\/\/)[^\s/?#@:"\\]*(?::[^\s/"\\]*)?@/g;

/** Logins inside URLs are never shown. */
export const masked = (text: string): string => text.replace(ADDRESS_LOGIN, '***@');

export function redactText(text: string, mark: Mark = hidden): string {
  let clean = text;
  for (const { rule, form, keep, holds } of FORMS)
    clean = clean.replace(form, (found: string) => (holds && !holds(found) ? found : `${keep?.exec(found)?.[0] ?? ''}${mark(rule)}`));
  clean = clean.replace(ADDRESS_LOGIN, () => `${mark('address-login')}@`);
  return withoutNamed(clean, mark);
}

const HINT = /pass|pwd|psk|dsn|secret|credential|token|authorization|cookie|connection[_-]?string|httpHeaderValue|key/gi;
const NAME_CHARACTER = /[\w.-]/;
/** A longer name is not a name. */
const WIDEST = 100;
/** Blanks between a name, its separator and its value. */
const BLANKS = 40;
const HARMLESS =
  /^(?:\\{0,8}["'])?(?:|true|false|null|nil|none|~|[|>][-+]?|\{\}?|\[\]?|\*+|<[\w-]+>?|\$\{?\w+\}?|\$\{[\w.:-]+\}?|\$__file\S*|(?:local|remote)\.[\w.]+|[A-Za-z_][\w.]*\()(?:\\{0,8}["'])?$/i;
const REMOVED = /^(?:\[removed|\(hidden|\*\*\*)/;

interface Value {
  readonly from: number;
  readonly to: number;
  /** A multi-line text below its name. */
  readonly block?: true;
}

/** Without the values of secret names: YAML, JSON, JSON in JSON, Alloy, nginx, command lines, query strings, headers, XML. */
function withoutNamed(text: string, mark: Mark): string {
  let out = '';
  let done = 0;
  HINT.lastIndex = 0;
  for (let hit = HINT.exec(text); hit; hit = HINT.exec(text)) {
    let start = hit.index;
    while (start > done && start > hit.index - WIDEST && NAME_CHARACTER.test(text[start - 1]!)) start -= 1;
    let end = HINT.lastIndex;
    while (end < text.length && end < hit.index + WIDEST && NAME_CHARACTER.test(text[end]!)) end += 1;
    HINT.lastIndex = end;
    const name = text.slice(start, end);
    if (!isSecretName(name)) continue;
    const value = valueOf(text, { start, end, name });
    if (value === undefined) continue;
    const raw = text.slice(value.from, Math.min(value.to, value.from + 200));
    if (REMOVED.test(raw.replace(/^\\{0,8}["']/, '')) || (!value.block && HARMLESS.test(raw))) continue;
    if (/^["'\\]*\d+["'\\]*$/.test(raw) && (ENDING.test(name.toLowerCase()) || name === 'pass')) continue;
    if (/^pwd$/i.test(name) && raw.startsWith('/')) continue;
    out += `${text.slice(done, value.from)}${mark('named-secret')}${value.block ? '\n' : ''}`;
    done = value.to;
    HINT.lastIndex = Math.max(done, end);
  }
  return out + text.slice(done);
}

interface Named {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

function valueOf(text: string, { start, end, name }: Named): Value | undefined {
  if (text[start - 1] === '<' && text[end] === '>') return upTo(text, { from: end + 1, stop: '<\n' });
  const quoted = quoteAt(text, end);
  const after = blanksFrom(text, quoted ? quoted.end : end);
  const sign = text[after];
  if (sign === ':' || sign === '=') {
    // Part of an ARN or an image reference has no value.
    if (sign === ':' && text[start - 1] === ':') return undefined;
    const next = text[after + 1];
    return valueAt(text, { from: blanksFrom(text, after + 1 + Number(next === '=' || next === '>')), start, sign, name });
  }
  if (name.startsWith('--')) {
    const between = NEXT_WORD.exec(text.slice(end, end + 160))?.[0];
    return between === undefined ? undefined : valueAt(text, { from: end + between.length, start, sign: '=', name });
  }
  return pairedValue(text, { start, end, name });
}

const PAIR_BEFORE = /(?:^|[^\w])(?:name|key|header)\\{0,8}["']?[ \t]{0,8}[:=][ \t]{0,8}\\{0,8}["']?$/i;
/** Between a flag and its value, on one line, in a YAML or a JSON list; what begins with a dash is the next flag. */
const NEXT_WORD = /^\\{0,8}["']?(?:[\s,]|\\{1,8}n){1,80}(?:- )?(?!\\{0,8}["']?-)/;
const PAIR_AFTER = /^\\{0,8}["']?(?:[\s,]|\\{1,8}n){1,80}\\{0,8}["']?value\\{0,8}["']?[ \t]{0,8}[:=]/i;

/** `name: DB_PASSWORD` with its `value:` right after it. */
function pairedValue(text: string, { start, end, name }: Named): Value | undefined {
  if (!PAIR_BEFORE.test(text.slice(Math.max(0, start - 48), start))) return undefined;
  const between = PAIR_AFTER.exec(text.slice(end, end + 160))?.[0];
  if (between === undefined) return undefined;
  const sign = between.at(-1)!;
  const from = end + between.length;
  return valueAt(text, { from: blanksFrom(text, from), start: from - 'value'.length, sign, name });
}

interface Place {
  readonly from: number;
  /** Where the name begins. */
  readonly start: number;
  readonly sign: string;
  readonly name: string;
}

function valueAt(text: string, { from, start, sign, name }: Place): Value | undefined {
  const first = text[from];
  if (first === undefined) return undefined;
  const holds = !/secrets?$/i.test(name);
  if (first === '\n') return sign === ':' && holds && beginsLine(text, start) ? blockFrom(text, { from, start, head: /^\n/ }) : undefined;
  const quote = quoteAt(text, from);
  if (quote) return { from, to: closing(text, { from: quote.end, mark: text.slice(from, quote.end) }) };
  if (sign === ':' && (first === '|' || first === '>')) {
    const block = blockFrom(text, { from, start, head: /^[|>][-+\d]{0,2}[ \t]{0,8}(?:#[^\n]*)?\n/ });
    if (block) return block;
  }
  if ((first === '[' || (first === '{' && holds)) && !REMOVED.test(text.slice(from, from + 10))) return container(text, from);
  // A header's value, and a YAML scalar, may contain blanks.
  if (/authorization|cookie/i.test(name)) return upTo(text, { from, stop: '"\'\n\\' });
  if (sign === ':' && text[from - 1] !== ':' && beginsLine(text, start)) return upTo(text, { from, stop: '\n' });
  return upTo(text, { from, stop: ' \t\n\r,;&}])"\'\\' });
}

function upTo(text: string, { from, stop }: { readonly from: number; readonly stop: string }): Value | undefined {
  let to = from;
  while (to < text.length && !stop.includes(text[to]!)) to += 1;
  while (to > from && (text[to - 1] === ' ' || text[to - 1] === '\r')) to -= 1;
  return to > from ? { from, to } : undefined;
}

/** A list or map in brackets, whole; up to the end of the line if it is not closed soon. */
function container(text: string, from: number): Value | undefined {
  let depth = 0;
  for (let at = from; at < text.length && at < from + 20 * WIDEST; at += 1) {
    if ('[{'.includes(text[at]!)) depth += 1;
    else if (']}'.includes(text[at]!) && --depth === 0) return /^.\s*.$/s.test(text.slice(from, at + 1)) ? undefined : { from, to: at + 1 };
  }
  return upTo(text, { from, stop: '\n' });
}

/** Up to eight backslashes and a quote, as in nested JSON. */
function quoteAt(text: string, at: number): { readonly end: number } | undefined {
  let end = at;
  while (end < at + 8 && text[end] === '\\') end += 1;
  return text[end] === '"' || text[end] === "'" || text[end] === '`' ? { end: end + 1 } : undefined;
}

/** After the same quote with as many backslashes, or at the end of the line if it is not closed. */
function closing(text: string, { from, mark }: { readonly from: number; readonly mark: string }): number {
  const quote = mark.at(-1)!;
  const depth = mark.length - 1;
  let slashes = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === quote && (slashes === depth || quote === '`')) return at + 1;
    if (character === '\n' && quote !== '`') return at;
    slashes = character === '\\' ? slashes + 1 : 0;
  }
  return text.length;
}

function blanksFrom(text: string, at: number): number {
  let end = at;
  while (end < at + BLANKS && (text[end] === ' ' || text[end] === '\t')) end += 1;
  return end;
}

function beginsLine(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 2 * WIDEST), at);
  const line = before.lastIndexOf('\n');
  return (line >= 0 || at <= 2 * WIDEST) && /^[ \t]*(?:- )?["']?$/.test(before.slice(line + 1));
}

interface Block {
  readonly from: number;
  /** Where the name begins. */
  readonly start: number;
  /** What follows the name, up to the end of its line. */
  readonly head: RegExp;
}

/** The lines below, as long as they are indented deeper than the name; list items may be at the same indentation. */
function blockFrom(text: string, { from, start, head: pattern }: Block): Value | undefined {
  const head = pattern.exec(text.slice(from, from + 200))?.[0];
  if (head === undefined) return undefined;
  const line = text.lastIndexOf('\n', start - 1) + 1;
  const depth = blanksOf(text, line);
  let at = from + head.length;
  while (at < text.length) {
    const next = text.indexOf('\n', at);
    const stop = next < 0 ? text.length : next + 1;
    const isBlank = text.slice(at, stop).trim() === '';
    const deep = blanksOf(text, at);
    if (!isBlank && deep <= depth && !(deep === depth && head === '\n' && text.startsWith('- ', at + deep))) break;
    at = stop;
  }
  return at > from + head.length ? { from, to: at, block: true } : undefined;
}

function blanksOf(text: string, line: number): number {
  let end = line;
  while (text[end] === ' ' || text[end] === '\t') end += 1;
  return end - line;
}
