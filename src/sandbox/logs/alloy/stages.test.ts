/** The stages of loki.process. */
import { expect, it } from 'vitest';
import { type LogEntry, parseNanos, pipelineOf, type StageSpec } from './stages.ts';

const spec = (name: string, args: StageSpec['args'] = {}, stages: readonly StageSpec[] = []): StageSpec => ({ name, args, stages });
const entry = (line: string, labels: LogEntry['labels'] = {}): LogEntry => ({ line, labels, nanos: 1n, extracted: {} });

it('takes the CRI frame off, reads its time, and joins partial lines of one stream', () => {
  const run = pipelineOf([spec('stage.cri')]);
  expect(run(entry('2026-03-01T12:00:00.000000123Z stderr P one '))).toEqual([]);
  expect(run(entry('2026-03-01T12:00:00.5Z stdout F other'))).toMatchObject([{ line: 'other', labels: { stream: 'stdout' } }]);
  expect(run(entry('2026-03-01T12:00:01Z stderr F two'))).toMatchObject([
    { line: 'one two', labels: { stream: 'stderr' }, nanos: parseNanos('2026-03-01T12:00:01Z') },
  ]);
  expect(run(entry('no frame at all'))).toEqual([entry('no frame at all')]);
});

it('keeps nanoseconds', () => {
  expect(parseNanos('1970-01-01T00:00:01.000000007Z')).toBe(1_000_000_007n);
  expect(parseNanos('1970-01-01T01:00:00+01:00')).toBe(0n);
  expect(parseNanos('yesterday')).toBeUndefined();
});

it.each<[string, readonly StageSpec[], LogEntry, readonly Partial<LogEntry>[]]>([
  ['docker', [spec('stage.docker')], entry('{"log":"hi\\n","stream":"stdout","time":"1970-01-01T00:00:01Z"}'), [{ line: 'hi', labels: { stream: 'stdout' } }]],
  ['static_labels', [spec('stage.static_labels', { values: { cluster: 'c' } })], entry('x', { a: 'b' }), [{ labels: { a: 'b', cluster: 'c' } }]],
  ['label_drop', [spec('stage.label_drop', { values: ['a'] })], entry('x', { a: 'b', c: 'd' }), [{ labels: { c: 'd' } }]],
  [
    'json, labels, output',
    [
      spec('stage.json', { expressions: { level: '', msg: 'inner.msg' } }),
      spec('stage.labels', { values: { level: '' } }),
      spec('stage.output', { source: 'msg' }),
    ],
    entry('{"level":"warn","inner":{"msg":"m"}}'),
    [{ line: 'm', labels: { level: 'warn' } }],
  ],
  [
    'regex with a Go name',
    [spec('stage.regex', { expression: 'user=(?P<user>\\w+)' }), spec('stage.labels', { values: { who: 'user' } })],
    entry('at user=bob'),
    [{ labels: { who: 'bob' } }],
  ],
  ['decolorize', [spec('stage.decolorize')], entry('\u001b[31mred\u001b[0m'), [{ line: 'red' }]],
  ['drop by expression', [spec('stage.drop', { expression: 'health' })], entry('GET /health'), []],
  ['drop leaves others', [spec('stage.drop', { expression: 'health' })], entry('GET /'), [{ line: 'GET /' }]],
  [
    'match runs its stages',
    [spec('stage.match', { selector: '{app="x"} |= "go"' }, [spec('stage.static_labels', { values: { hit: 'yes' } })])],
    entry('go', { app: 'x' }),
    [{ labels: { app: 'x', hit: 'yes' } }],
  ],
  ['match lets others by', [spec('stage.match', { selector: '{app="x"}', action: 'drop' })], entry('go', { app: 'y' }), [{ labels: { app: 'y' } }]],
  [
    'timestamp in Unix seconds',
    [spec('stage.regex', { expression: '(?P<t>\\d+)' }), spec('stage.timestamp', { source: 't', format: 'Unix' })],
    entry('at 7'),
    [{ nanos: 7_000_000_000n }],
  ],
])('%s', (_, specs, given, wanted) => {
  expect(pipelineOf(specs)(given)).toMatchObject(wanted);
  expect(pipelineOf(specs)(given)).toHaveLength(wanted.length);
});
