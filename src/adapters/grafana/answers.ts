/** Parses Grafana's responses as JSON; anything else that responds in its place is named. */
import { stop, type ProblemError } from '../../problems/problem.ts';
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A map or a list; `undefined` for anything else. */
export function json({ body }: GrafanaAnswer): unknown {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

export function unreadable(where: string, { status, type, body }: GrafanaAnswer): ProblemError {
  const start = body.slice(0, 200).replace(/\s+/g, ' ').trim();
  return stop('GRAFANA_ANSWER_UNREADABLE', {
    message: `The response from ${where} does not come from Grafana`,
    evidence: [`HTTP ${status}${type ? `, ${type}` : ''}: ${start === '' ? 'no body' : start}`],
  });
}

export interface GrafanaAnswer {
  readonly status: number;
  readonly body: string;
  /** Its content type. */
  readonly type?: string;
}
