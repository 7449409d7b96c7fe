/** Tells responses apart: nginx's own errors, and Loki's. */
import type { Answer } from './loki-evidence.ts';
import { shortened } from './log-lines.ts';

/** nginx and Loki both respond with 401; only nginx asks for a password. */
export const isLoginRefused = ({ status, headers, body }: Answer): boolean =>
  status === 401 && (/basic/i.test(headers['www-authenticate'] ?? '') || /<html/i.test(body)) && !isTenantMissing({ status, headers, body });
export const isTenantMissing = ({ status, body }: Answer): boolean => status === 401 && /no org id/i.test(body);
export const inWords = ({ status, body }: Answer): string =>
  `HTTP ${status} ${shortened(
    body
      .replace(/<title>[^<]*<\/title>/i, ' ')
      .replace(/<[^<>]*>/g, ' ')
      .replace(/(?<!\s)\s*\bnginx(?:\/[\w.+-]{1,40})?\s*$/, ' (nginx)')
      .replace(new RegExp(`^\\s*${status}\\b`), ' ')
      .replace(/\s+/g, ' ')
      .trim(),
    120,
  )}`.trim();

/** One line of nginx's access log, in the chart's format or the common one. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly agent: string;
}

export function accessIn(line: string): Asked | undefined {
  const match = /\]\s+(\d{3}\s+)?"([A-Z]+) ([^\s"]+)(?:\s[^"]*)?"\s+(\d+)(?:\s+(\d+))?\s+"[^"]*"\s+"([^"]*)"/.exec(line);
  if (!match) return undefined;
  const [, before, method = '', path = '', first = '', second, agent = ''] = match;
  const [status, bytes] = before ? [before.trim(), first] : [first, second ?? '0'];
  return { method, path, status: Number(status), bytes: Number(bytes), agent };
}
