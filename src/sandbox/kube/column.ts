/** The type of a `kubectl get` column, and the common ones. */
import { isMap, reach } from './document.ts';
import type { Doc } from './document.ts';
import { selectorText } from './selectors.ts';

export interface Column {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'boolean';
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  readonly cell: (doc: Doc, now: Date) => unknown;
}

/** `4m`, `3h12m`, `5d`: an age as kubectl prints it. */
export function age(from: string | undefined, now: Date): string {
  if (!from) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(from)) / 1000));
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)];
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (days < 2) return `${hours}h`;
  if (days < 8) return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y`;
}

export const text = (name: string, path: string, fallback = '<none>', wide = false): Column => ({
  name,
  wide,
  cell: (doc) => {
    const value = reach(doc, path);
    return value === undefined || value === '' ? fallback : Array.isArray(value) ? value.join(',') : String(value);
  },
});
export const count = (name: string, path: string, fallback = 0): Column => ({ name, type: 'integer', cell: (doc) => reach(doc, path) ?? fallback });
export const size = (name: string, ...paths: readonly string[]): Column => ({
  name,
  type: 'integer',
  cell: (doc) => paths.reduce((sum, path) => sum + (Array.isArray(reach(doc, path)) ? reach(doc, path).length : Object.keys(reach(doc, path) ?? {}).length), 0),
});
export const NAME: Column = { name: 'Name', cell: (doc) => doc.metadata.name };
export const AGE: Column = { name: 'Age', cell: (doc, now) => age(doc.metadata.creationTimestamp, now) };

export const selector = (path: string): Column => ({
  name: 'Selector',
  wide: true,
  cell: (doc) => {
    const value = reach(doc, path);
    if (!isMap(value)) return '<none>';
    return (
      (value.matchLabels || value.matchExpressions
        ? selectorText(value)
        : Object.entries(value)
            .map(([key, wanted]) => `${key}=${wanted}`)
            .join(',')) || '<none>'
    );
  },
});

export const isTrue = (doc: Doc, condition: string): boolean =>
  (doc.status?.conditions ?? []).some((entry: Doc) => entry.type === condition && entry.status === 'True');
