/** What never leaves in a bundle: secrets by name, by form, and by being known; what was taken out is counted by rule. */
import { isSecret } from '../../design/diff.ts';
import { isMap } from '../../design/merge.ts';

export interface Removed {
  readonly rule: string;
  readonly count: number;
}

export interface Blanking {
  /** From now on this value is blanked wherever it stands, also in base64. */
  learn(secret: string): void;
  /** A document without the values of what is named like a secret. */
  document(value: unknown): unknown;
  text(text: string): { readonly text: string; readonly removed: readonly Removed[] };
}

/** Shorter values are ordinary words, and would blank everything; such a password is found by its name. */
const SHORTEST = 8;
const mark = (rule: string) => `[removed: ${rule}]`;
const MARK = /\[removed: ([a-z-]+)\]/g;

/** A name that says so, a separator, a value in whatever quotes: YAML, JSON, JSON in JSON, Alloy, nginx, command lines, query strings. */
const NAME = String.raw`[\w.-]*(?:passw(?:or)?d|passphrase|htpasswd|secret|credentials?|(?:api|access|private|signing|encryption)[_-]?key|httpHeaderValue\d*|token(?![\w-]))[\w.-]*`;
const VALUE = String.raw`\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;&}\])"'\\]+`;
const NAMED = new RegExp(String.raw`(?<![\w])(${NAME})((?:\\?["'])?[ \t]*[:=][ \t]*)(${VALUE})`, 'gi');
/** Names that say where a secret lies, and values that are none. */
const REFERENCE = /(name|ref|file|path|key_?id|provider|type|ttl|namespace)$/i;
const HARMLESS =
  /^(?:\\?["'])?(?:|true|false|null|~|[|>][-+]?|\{\}?|\[\]?|\*+|<[\w-]+>?|\$\{?\w+\}?|(?:sys\.)?env\(|(?:local|remote)\.[\w.]+|nonsensitive\()(?:\\?["'])?$/i;
/** A text of several lines below its name, as far as it is indented. */
const BLOCK = new RegExp(String.raw`^([ \t]*(?:- )?)(${NAME})(["']?:[ \t]*)[|>][-+]?[ \t]*\n((?:\1[ \t]+.*(?:\n|$))+)`, 'gim');

const forms: readonly { readonly rule: string; readonly form: RegExp }[] = [
  { rule: 'private-key', form: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g },
  { rule: 'password-hash', form: /\$(?:2[abxy]?|apr1|1|5|6)\$[./A-Za-z0-9$=,-]{20,}|\{S?SHA\d*\}[A-Za-z0-9+/=]{20,}|(?<=:)\{PLAIN\}\S+/g },
  { rule: 'aws-key', form: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { rule: 'aws-signature', form: /(?<=X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"']+/gi },
  {
    rule: 'token',
    form: /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bk8s-aws-v1\.[\w-]+|\bgl(?:sa|c|pat)[_-][\w=-]{16,}|\bgh[pousr]_\w{20,}|\bxox[abprs]-[\w-]{10,}/g,
  },
  { rule: 'token', form: /(?<=\b(?:Basic|Bearer)[ \t]+)(?!\[removed)[A-Za-z0-9+/_.~=-]{8,}/gi },
  { rule: 'address-login', form: /(?<=\w:\/\/)[^\s/@"'\\]+(?=@)/g },
];

export function blanking(): Blanking {
  const known = new Set<string>();
  const document = (value: unknown, path: readonly string[] = []): unknown => {
    if (Array.isArray(value)) return value.map((one) => document(one, path));
    if (!isMap(value)) return value;
    const named = typeof value['name'] === 'string' && typeof value['value'] === 'string' && isSecret([value['name']]);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const secret = (named && key === 'value') || isSecret([...path, key]);
        if (secret && (typeof inner === 'string' || typeof inner === 'number') && inner !== '') return [key, mark('named-secret')];
        return [key, document(inner, [...path, key])];
      }),
    );
  };
  return {
    learn: (secret) => {
      const clean = secret.trim();
      if (clean.length < SHORTEST) return;
      for (const form of [secret, clean, Buffer.from(secret).toString('base64'), Buffer.from(clean).toString('base64'), encodeURIComponent(clean)])
        known.add(form);
    },
    document: (value) => document(value),
    text: (given) => {
      let text = given;
      for (const secret of [...known].toSorted((a, b) => b.length - a.length)) text = text.replaceAll(secret, mark('known-secret'));
      for (const { rule, form } of forms) text = text.replace(form, mark(rule));
      text = text.replace(BLOCK, (whole: string, indent: string, name: string, between: string) =>
        REFERENCE.test(name) ? whole : `${indent}${name}${between}${mark('named-secret')}\n`,
      );
      text = text.replace(NAMED, (whole: string, name: string, between: string, value: string) =>
        REFERENCE.test(name) || HARMLESS.test(value) || value.includes('[removed') ? whole : `${name}${between}${mark('named-secret')}`,
      );
      return { text, removed: counted(text) };
    },
  };
}

function counted(text: string): readonly Removed[] {
  const counts = new Map<string, number>();
  for (const [, rule = ''] of text.matchAll(MARK)) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].map(([rule, count]) => ({ rule, count }));
}
