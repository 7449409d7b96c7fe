/** Keeps secrets out of everything that is said: values known to be secret are replaced wherever they stand. */
import type { Event, Sink } from './types.ts';

export interface Redaction {
  /** From now on this value is never said, nor what it is in base64, JSON or an address. The empty text is no secret. */
  hide(secret: string): void;
  text(text: string): string;
  /** A sink in front of another one. */
  guard(sink: Sink): Sink;
}

const BLANK = '[secret]';
/** A shorter one may be a part of any word: it is replaced where it stands for itself. */
const SHORT = 8;
/** Fields of events that hold words of ours, by which renderers go. A password may be one of them. */
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
  // The fields of events are ours; others' names are longer, or are values.
  const keyOf = (name: string) => (name.length < SHORT ? name : known.without(name, BLANK, SHORT));
  return { hide: known.add, text, guard: (sink) => (event) => sink(known.some() ? (clean(event) as Event) : event) };
}

export interface KnownSecrets {
  add(secret: string): void;
  some(): boolean;
  /** The text with `blank` in the place of each secret of at least `least` characters, also as base64, and as JSON and addresses write it. */
  without(text: string, blank: string, least?: number): string;
}

export function knownSecrets(): KnownSecrets {
  /** The longer first: a shorter one may be a part of it. */
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
  const isPart = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
  const parts: string[] = [];
  let done = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (at < done || isPart(text[at - 1]) || isPart(text[at + word.length])) continue;
    parts.push(text.slice(done, at), blank);
    done = at + word.length;
  }
  return done === 0 ? text : parts.join('') + text.slice(done);
}
