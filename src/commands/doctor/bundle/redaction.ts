/** What never leaves in a bundle: secrets by name, by format, and known values; redactions are counted by rule. */
import { isSecretName, redactText, withoutSecrets, type Mark } from '../../../design/secrets.ts';
import { knownSecrets } from '../../../engine/redaction.ts';

export interface Removed {
  readonly rule: string;
  readonly count: number;
}

export interface Blanking {
  /** From now on this value is redacted wherever it appears, also in base64. `name`: of the field that holds it, if known. */
  learn(secret: string, name?: string): void;
  /** A document without the values of secret names. */
  document(value: unknown): unknown;
  text(text: string): { readonly text: string; readonly removed: readonly Removed[] };
}

/** Shorter values are ordinary words, and would redact everything, unless their name marks them as secret. */
const SHORTEST = 8;
/** Per line: a longer line is not meant for readers. */
const LONGEST = 8000;
const mark: Mark = (rule) => `[removed: ${rule}]`;
const MARK = /\[removed: ([a-z-]+)\]/g;

export function blanking(): Blanking {
  const known = knownSecrets();
  return {
    learn: (secret, name) => {
      const clean = secret.trim();
      if (clean === '' || (clean.length < SHORTEST && !(name !== undefined && isSecretName(name)))) return;
      for (const form of [secret, clean]) known.add(form);
    },
    document: (value) => withoutSecrets(value, mark),
    text: (given) => {
      // Before lines are truncated, so that none ends in half a secret.
      const unknown = known.without(given, '[removed: known-secret]');
      const text = redactText(cutLines(unknown), mark);
      return { text, removed: counted(text) };
    },
  };
}

/** At a blank or punctuation, so that no secret is cut into an unrecognizable part. */
function cutLines(text: string): string {
  if (text.length <= LONGEST) return text;
  const cut = (line: string) => {
    if (line.length <= LONGEST) return line;
    let end = LONGEST;
    while (end > LONGEST / 2 && /[^\s"',;&{}]/.test(line[end]!)) end -= 1;
    return `${line.slice(0, end)} [removed: long-line]`;
  };
  return text.split('\n').map(cut).join('\n');
}

function counted(text: string): readonly Removed[] {
  const counts = new Map<string, number>();
  for (const [, rule = ''] of text.matchAll(MARK)) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].map(([rule, count]) => ({ rule, count }));
}
