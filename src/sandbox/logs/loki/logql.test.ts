/** Parsing and evaluating LogQL. */
import { expect, it } from 'vitest';
import { answerQuery } from './answer.ts';
import { parseLogql } from './logql.ts';
import type { Stream } from './streams.ts';

const second = 1_000_000_000n;
const streams: readonly Stream[] = [
  {
    labels: { app: 'a', level: 'info' },
    values: [
      [String(1n * second), 'one'],
      [String(2n * second), 'two {"code":"5"}'],
    ],
  },
  { labels: { app: 'b' }, values: [[String(3n * second), 'three']] },
];
const window = { startNs: 0n, endNs: 10n * second, stepMs: 10_000, limit: 100, backward: true, instant: false };
const lines = (query: string, more = {}) =>
  (answerQuery(parseLogql(query), streams, { ...window, ...more }) as { result: readonly { values: [string, string][] }[] }).result.flatMap(({ values }) =>
    values.map(([, line]) => line),
  );

it.each([
  ['{app="a"}', ['two {"code":"5"}', 'one']],
  ['{app=~"a|b", level!="info"}', ['three']],
  ['{app=~".+"} |= "o" != "two"', ['one']],
  ['{app=~".+"} |~ "t[wh]"', ['three', 'two {"code":"5"}']],
  ['{app="a"} !~ "^o"', ['two {"code":"5"}']],
  ['{app=`a`} | level="info"', ['two {"code":"5"}', 'one']],
])('%s', (query, wanted) => {
  expect([...lines(query)].sort()).toEqual([...wanted].sort());
});

it('obeys limit and direction', () => {
  expect(lines('{app=~".+"}', { limit: 1 })).toEqual(['three']);
  expect(lines('{app=~".+"}', { limit: 1, backward: false })).toEqual(['one']);
});

it('counts and sums', () => {
  const vector = (query: string) => (answerQuery(parseLogql(query), streams, { ...window, instant: true }) as { result: unknown }).result;
  expect(vector('count_over_time({app="a"}[20s])')).toEqual([{ metric: { app: 'a', level: 'info', detected_level: 'info' }, value: [10, '2'] }]);
  expect(vector('sum by (app) (rate({app=~".+"} |= "o" [10s]))')).toEqual([{ metric: { app: 'a' }, value: [10, '0.2'] }]);
  expect(vector('sum(count_over_time({app=~".+"}[20s]))')).toEqual([{ metric: {}, value: [10, '3'] }]);
  expect(vector('vector(1)+vector(1)')).toEqual([{ metric: {}, value: [10, '2'] }]);
});

it('counts labels that are unwrapped, and computes them from the time of the line', () => {
  const vector = (query: string) => (answerQuery(parseLogql(query), streams, { ...window, instant: true, nowMs: 10_000 }) as { result: unknown }).result;
  const age = '| label_format age=`{{ sub (now | unixEpoch) (__timestamp__ | unixEpoch) }}` | unwrap age';
  expect(vector(`min by (app) (min_over_time({app=~".+"} ${age} [20s]))`)).toEqual([
    { metric: { app: 'a' }, value: [10, '8'] },
    { metric: { app: 'b' }, value: [10, '7'] },
  ]);
  expect(vector(`max(max_over_time({app="a"} ${age} [20s]))`)).toEqual([{ metric: {}, value: [10, '9'] }]);
  expect(lines('{app="a"} | label_format both=`{{ .app | upper }}-{{ .level }}` | both="A-info"')).toHaveLength(2);
});

it('joins vectors as sets', () => {
  const apps = (query: string) =>
    (answerQuery(parseLogql(query), streams, { ...window, instant: true }) as { result: readonly { metric: { app: string } }[] }).result.map(
      ({ metric }) => metric.app,
    );
  const [all, b] = ['sum by (app) (count_over_time({app=~".+"}[20s]))', 'sum by (app) (count_over_time({app="b"}[20s]))'];
  expect(apps(`${all} unless ${b}`)).toEqual(['a']);
  expect(apps(`${all} and ${b}`)).toEqual(['b']);
  expect(apps(`${b} or ${all}`).sort()).toEqual(['a', 'b']);
});

it.each([
  ['min_over_time({app="a"}[1m])', 'invalid aggregation min_over_time without unwrap'],
  ['{app="a"} | label_format x=`{{ nope }}`', 'function "nope" not defined'],
  ['{app="a"} | label_format x=`{{ now `', 'unclosed action'],
  ['{cluster="training-on-eks"}.', 'unexpected .'],
  ['{app="a"', 'unexpected $end'],
  ['{app=a}', 'unexpected a'],
  ['', 'unexpected $end'],
  ['{}', 'queries require at least one regexp or equality matcher'],
  ['{app=~".*"}', 'queries require at least one regexp or equality matcher'],
  ['{app=~"("}', 'error parsing regexp'],
  ['rate({app="a"})', 'unexpected )'],
])('refuses %j', (query, message) => {
  expect(() => parseLogql(query)).toThrow(message);
});
