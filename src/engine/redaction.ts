/** Keeps secrets out of everything that is said: values known to be secret are replaced wherever they stand. */
import type { Event, Sink } from './types.ts';

export interface Redaction {
  /** From now on this value is never said. Short values are ignored: they would redact ordinary words. */
  hide(secret: string): void;
  text(text: string): string;
  /** A sink in front of another one. */
  guard(sink: Sink): Sink;
}

const SHORTEST = 8;
const BLANK = '[secret]';

export function redaction(): Redaction {
  const secrets = new Set<string>();
  const text = (said: string) => {
    let clean = said;
    for (const secret of secrets) clean = clean.replaceAll(secret, BLANK);
    return clean;
  };
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(clean);
    if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [text(key), clean(inner)]));
    return value;
  };
  return {
    hide(secret) {
      if (secret.length < SHORTEST) return;
      secrets.add(secret);
      secrets.add(Buffer.from(secret).toString('base64'));
    },
    text,
    guard: (sink) => (event) => sink(secrets.size === 0 ? event : (clean(event) as Event)),
  };
}
