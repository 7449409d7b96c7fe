/** The proof that log lines come back: the line itself, where it came from, how long it took, and the query to repeat it. */
import type { Json, Problem } from '../engine/types.ts';
import type { Look } from './plan-table.ts';
import { clean, duration, fold, oneLine } from './text.ts';

/** The shape of `verify.finished.result`. */
export interface VerifyResult {
  readonly found: boolean;
  readonly line: string;
  readonly seconds: number;
  readonly query: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tenant: string;
  readonly node: string;
  /** Printed at the end of the run, with its other problems. */
  readonly problems?: readonly Problem[];
}

export function verifyLines(result: Json, look: Look): readonly string[] {
  const { paint, columns } = look;
  const given = result && typeof result === 'object' && !Array.isArray(result) ? (result as Partial<VerifyResult>) : {};
  const { found = false, line = '', seconds = 0, query = '', labels = {}, tenant = '', node = '' } = given;
  const row = (name: string, text: string) =>
    text === '' ? [] : fold(clean(text), columns - 11).map((part, index) => `  ${paint.faint((index === 0 ? name : '').padEnd(9))}${part}`);
  const headline = found
    ? `${paint.good('✔')} ${paint.strong('A log line came back')} ${paint.faint(`after ${duration(seconds)}`)}`
    : `${paint.bad('✖')} ${paint.strong('No log line came back')} ${paint.faint(`within ${duration(seconds)}`)}`;
  const shown = Object.entries(labels).map(([name, value]) => `${oneLine(name)}="${oneLine(value)}"`);
  return [
    '',
    headline,
    ...row('line', line),
    ...row('node', node),
    ...row('tenant', tenant),
    ...row('labels', shown.join(' ')), // Left whole, so that it can be copied into Grafana.
    ...(query === '' ? [] : [`  ${paint.faint('query'.padEnd(9))}${oneLine(query)}`]),
  ];
}
