/** Parses responses of `/api/ds/query`: the lines in its frames, or why the data source got none. */
import type { Problem } from '../../engine/types.ts';
import { problem, ProblemError, stop } from '../../problems/problem.ts';
import { isMap, json, unreadable, type GrafanaAnswer } from './answers.ts';

interface Result {
  readonly error?: string;
  readonly status?: number;
}

interface Of {
  readonly uid: string;
  readonly where: string;
}

/** Throws the error of Grafana's data source. */
export function linesOf(answer: GrafanaAnswer, of: Of): readonly string[] {
  const parsed = json(answer);
  const results = isMap(parsed) ? parsed['results'] : undefined;
  const result = isMap(results) ? results['A'] : undefined;
  if (isMap(result) && typeof result['error'] === 'string')
    throw new ProblemError(met({ error: result['error'], ...(typeof result['status'] === 'number' && { status: result['status'] }) }, of));
  if (answer.status === 404)
    throw stop('GRAFANA_DATASOURCE_UNKNOWN', {
      message: `${of.where} has no data source with uid ${of.uid}`,
      evidence: [`HTTP 404 ${isMap(parsed) ? String(parsed['message'] ?? '') : ''}`],
    });
  if (answer.status >= 400)
    throw stop('GRAFANA_FAILED', { message: `${of.where} answers HTTP ${answer.status} to a query`, evidence: [answer.body.slice(0, 300)] });
  const frames = isMap(result) ? (result['frames'] ?? []) : undefined;
  if (!Array.isArray(frames)) throw unreadable(of.where, answer);
  return frames.flatMap(linesIn);
}

/** The field with the line is called `Line`, or `body` in newer frames. */
function linesIn(frame: unknown): readonly string[] {
  const part = (value: unknown, key: string): unknown => (isMap(value) ? value[key] : undefined);
  const fields = part(part(frame, 'schema'), 'fields');
  const values = part(part(frame, 'data'), 'values');
  if (!Array.isArray(fields) || !Array.isArray(values)) return [];
  const at = fields.findIndex((field) => /^(line|body)$/i.test(String(part(field, 'name') ?? '')) && part(field, 'type') === 'string');
  const lines: unknown = values[at];
  return Array.isArray(lines) ? lines.filter((value) => typeof value === 'string') : [];
}

/** Grafana passes on the upstream's message, so nginx's 401 and Loki's are told apart here as well. */
function met({ error = '', status }: Result, { uid, where }: Of): Problem {
  const said = error
    .slice(0, 4096)
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
  const evidence = [`${where}, data source ${uid}: ${status === undefined ? '' : `HTTP ${status} `}${said}`];
  if (/no org id/i.test(said)) return problem('READER_TENANT_MISSING', { message: `Data source ${uid} in ${where} sets no tenant`, evidence });
  if (/401 Authorization Required|Unauthorized/i.test(said) || status === 401)
    return problem('DATASOURCE_LOGIN_REFUSED', { message: `The gateway rejects the credentials of data source ${uid} in ${where}`, evidence });
  if (/no such host|connection refused|i\/o timeout|context deadline|dial tcp|EOF/i.test(said))
    return problem('GRAFANA_CANNOT_REACH_GATEWAY', { message: `${where} can't reach the gateway through data source ${uid}`, evidence });
  return problem('QUERY_FAILS', { message: `A query through ${where} fails: ${said}`, evidence });
}
