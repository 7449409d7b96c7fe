/** What `/api/ds/query` answers: the lines in its frames, or why the data source behind it got none. */
import type { Problem } from '../../engine/types.ts';
import { problem, ProblemError, stop } from '../../problems/problem.ts';
import type { GrafanaAnswer } from './api.ts';

interface Result {
  readonly error?: string;
  readonly status?: number;
  readonly frames?: readonly {
    readonly schema?: { readonly fields?: readonly { readonly name?: string; readonly type?: string }[] };
    readonly data?: { readonly values?: readonly (readonly unknown[])[] };
  }[];
}

interface Of {
  readonly uid: string;
  readonly where: string;
}

/** Throws what Grafana's data source met. */
export function linesOf(answer: GrafanaAnswer, of: Of): readonly string[] {
  let parsed: { readonly results?: Readonly<Record<string, Result>>; readonly message?: string };
  try {
    parsed = JSON.parse(answer.body) as typeof parsed;
  } catch (cause) {
    throw stop('GRAFANA_FAILED', { message: `What answers at ${of.where} is not Grafana`, evidence: [answer.body.slice(0, 300)] }, { cause });
  }
  const result = parsed.results?.['A'];
  if (result?.error !== undefined) throw new ProblemError(met(result, of));
  if (answer.status === 404)
    throw stop('GRAFANA_DATASOURCE_UNKNOWN', {
      message: `${of.where} knows no data source with uid ${of.uid}`,
      evidence: [`HTTP 404 ${parsed.message ?? ''}`],
    });
  if (!result) throw stop('GRAFANA_FAILED', { message: `${of.where} answers HTTP ${answer.status} to a query`, evidence: [answer.body.slice(0, 300)] });
  return (result.frames ?? []).flatMap(linesIn);
}

/** The body of a line is called `Line`, in the newer shape of frames `body`. */
function linesIn({ schema, data }: NonNullable<Result['frames']>[number]): readonly string[] {
  const at = (schema?.fields ?? []).findIndex(({ name, type }) => /^(line|body)$/i.test(name ?? '') && type === 'string');
  return (data?.values?.[at] ?? []).filter((value) => typeof value === 'string');
}

/** Grafana passes on what the other side said, so nginx's 401 and Loki's are told apart here as well. */
function met({ error = '', status }: Result, { uid, where }: Of): Problem {
  const said = error
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
  const evidence = [`${where}, data source ${uid}: ${status === undefined ? '' : `HTTP ${status} `}${said}`];
  if (/no org id/i.test(said)) return problem('READER_TENANT_MISSING', { message: `Data source ${uid} in ${where} sends no tenant`, evidence });
  if (/401 Authorization Required|Unauthorized/i.test(said) || status === 401)
    return problem('DATASOURCE_LOGIN_REFUSED', { message: `The gateway refuses the login of data source ${uid} in ${where}`, evidence });
  if (/no such host|connection refused|i\/o timeout|context deadline|dial tcp|EOF/i.test(said))
    return problem('GRAFANA_NO_WAY', { message: `${where} can't reach the gateway by data source ${uid}`, evidence });
  return problem('QUERY_FAILS', { message: `A query through ${where} fails: ${said}`, evidence });
}
