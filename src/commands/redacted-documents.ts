/** Redacts YAML and other texts for display: what can be parsed as documents is judged field by field. */
import { parse, stringify } from 'yaml';
import { redactText, withoutSecrets, type Mark } from '../design/secrets.ts';

/** A document without secrets keeps its formatting and comments. */
export function redactDocuments(text: string, mark: Mark): string {
  return text
    .split(/^(?=---$)/m)
    .map((document) => redacted(document, mark))
    .join('');
}

function redacted(document: string, mark: Mark): string {
  const head = document.startsWith('---\n') ? '---\n' : '';
  let content: unknown;
  try {
    content = parse(document);
  } catch {
    // Not YAML, but the configuration of a program.
    return redactText(document, mark);
  }
  if (typeof content !== 'object' || content === null) return redactText(document, mark);
  let found = 0;
  const clean = withoutData(withoutSecrets(content, counting), counting);
  function counting(rule: Parameters<Mark>[0]): string {
    found += 1;
    return mark(rule);
  }
  return found === 0 ? document : head + comments(document) + stringify(clean, { lineWidth: 0 });
}

/** Leading comments say where the document comes from. */
const comments = (document: string): string => /^(?:---\n)?((?:#[^\n]*\n)*)/.exec(document)?.[1] ?? '';

/** All data of a Secret is secret, whatever its keys are called. */
function withoutData(content: unknown, mark: Mark): unknown {
  const { kind, data, stringData, ...rest } = content as Readonly<Record<string, unknown>>;
  if (kind !== 'Secret') return content;
  const blank = (map: unknown) => Object.fromEntries(Object.keys((map ?? {}) as object).map((key) => [key, mark('named-secret')]));
  return { kind, ...rest, ...(data !== undefined && { data: blank(data) }), ...(stringData !== undefined && { stringData: blank(stringData) }) };
}
