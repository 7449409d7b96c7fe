/** Keeps secrets out of all output: known secret values are replaced wherever they appear. */
import type { Event, Sink } from './types.ts';

export interface Redaction {
  /** From now on this value is redacted, also in base64, JSON or URL encoding. The empty string is not a secret. */
  hide(secret: string): void;
  text(text: string): string;
  /** An event sink that redacts before passing events on. */
  guard(sink: Sink): Sink;
}

const BLANK = '[secret]';
/** A shorter secret may be part of any word, so it is replaced only where it stands alone. */
const SHORT = 8;
/** Event fields with values from a fixed vocabulary, on which renderers branch. A password may equal one of them. */
const VOCABULARY: ReadonlySet<string> = new Set([
  'type',
  'is',
  'code',
  'action',
  'step',
  'check',
  'at',
  'outcome',
  'command',
  'hop',
  'role',
  'severity',
  'mode',
]);

export function redaction(): Redaction {
  const known = knownSecrets();
  const text = (said: string) => known.without(said, BLANK);
  const clean = (value: unknown, key?: string): unknown => {
    if (typeof value === 'string') return key !== undefined && VOCABULARY.has(key) ? value : text(value);
    if (Array.isArray(value)) return value.map((one) => clean(one, key));
    if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [keyOf(name), clean(inner, name)]));
    return value;
  };
  // Short keys are event fields of loki-eks; longer ones may come from elsewhere, or be values.
  const keyOf = (name: string) => (name.length < SHORT ? name : known.without(name, BLANK, SHORT));
  return { hide: known.add, text, guard: (sink) => (event) => sink(known.some() ? (clean(event) as Event) : event) };
}

export interface KnownSecrets {
  add(secret: string): void;
  some(): boolean;
  /** The text with `blank` in place of each secret of at least `least` characters, also as base64, JSON and URL encoding. */
  without(text: string, blank: string, least?: number): string;
}

export function knownSecrets(): KnownSecrets {
  /** Longer secrets first: a shorter one may be part of a longer one. */
  let forms: readonly string[] = [];
  return {
    add: (secret) => {
      if (secret !== '') forms = [...new Set([...forms, ...formsOf(secret)])].sort((a, b) => b.length - a.length);
    },
    some: () => forms.length > 0,
    without: (text, blank, least = 0) =>
      forms.reduce((clean, form) => {
        if (form.length < least) return clean;
        return form.length < SHORT ? withoutWord(clean, form, blank) : clean.replaceAll(form, blank);
      }, text),
  };
}

const formsOf = (secret: string): readonly string[] => {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64'), JSON.stringify(secret).slice(1, -1), encodeURIComponent(bytes.toString())];
};

function withoutWord(text: string, word: string, blank: string): string {
  const isPart = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}_./-]/u.test(character);
  const parts: string[] = [];
  let done = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (at < done || isPart(text[at - 1]) || isPart(text[at + word.length])) continue;
    parts.push(text.slice(done, at), blank);
    done = at + word.length;
  }
  return done === 0 ? text : parts.join('') + text.slice(done);
}
