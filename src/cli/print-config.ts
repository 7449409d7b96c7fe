/** `--print-config`: each setting with its value and its origin. */
import type { Origins } from '../design/settings.ts';

export interface PrintOptions {
  readonly keys: readonly string[];
  readonly json: boolean;
}

/** Text is aligned and valid YAML: the origin is in a comment. */
export function printConfig(origins: Origins, { keys, json }: PrintOptions): string {
  if (json) return `${JSON.stringify({ v: 1, settings: Object.fromEntries(keys.map((key) => [key, origins[key] ?? { value: null, from: 'not set' }])) })}\n`;
  const rows = keys.map((key) => [shown(key, origins), origins[key]?.from ?? 'not set'] as const);
  const widest = Math.min(48, Math.max(...rows.map(([text]) => text.length)));
  return rows.map(([text, from]) => `${text.padEnd(widest)}  # ${from}\n`).join('');
}

function shown(key: string, origins: Origins): string {
  const origin = origins[key];
  return origin === undefined ? `# ${key}:` : `${key}: ${yaml(origin.value)}`;
}

/** JSON is YAML; plain words need no quotes. */
const yaml = (value: unknown) =>
  typeof value === 'string' && /^[A-Za-z/][\w./@+-]*$/.test(value) && !/^(true|false|yes|no|on|off|null)$/i.test(value) ? value : JSON.stringify(value);
