/** The text format, as client_golang 1.23 writes it in Loki 3.7.6 and Alloy 1.18.1. */
import { expect, it } from 'vitest';
import { createMetrics, goNumber } from './metrics.ts';

it.each([
  [0, '0'],
  [0.005, '0.005'],
  [7, '7'],
  [999_999, '999999'],
  [1_000_000, '1e+06'],
  [1_048_576, '1.048576e+06'],
  [1_798_000_000, '1.798e+09'],
  [0.000_012, '1.2e-05'],
  [Number.POSITIVE_INFINITY, '+Inf'],
])('writes %d as Go does: %s', (value, text) => expect(goNumber(value)).toBe(text));

it('sorts series and labels, escapes values, counts in buckets, forgets, and has what needs no label from the start', () => {
  const metrics = createMetrics({
    b_total: { type: 'counter', help: 'B.' },
    a_seconds: { type: 'histogram', help: 'A.', buckets: [0.1, 1] },
    c: { type: 'gauge', help: 'C.', bare: true },
    d_total: { type: 'counter', help: 'Nobody counted.' },
  });
  metrics.add('b_total', { z: 'a"b\\c\n', a: '1' }, 2);
  metrics.add('b_total', { z: 'gone', a: '2' }, 2);
  metrics.add('b_total', { a: '1', z: 'a"b\\c\n' }, 1);
  metrics.forget('b_total', { z: 'gone' });
  for (const seconds of [0.05, 0.5, 5]) metrics.observe('a_seconds', { code: '204' }, seconds);
  expect(metrics.exposition()).toBe(
    [
      '# HELP a_seconds A.',
      '# TYPE a_seconds histogram',
      'a_seconds_bucket{code="204",le="0.1"} 1',
      'a_seconds_bucket{code="204",le="1"} 2',
      'a_seconds_bucket{code="204",le="+Inf"} 3',
      'a_seconds_sum{code="204"} 5.55',
      'a_seconds_count{code="204"} 3',
      '# HELP b_total B.',
      '# TYPE b_total counter',
      'b_total{a="1",z="a\\"b\\\\c\\n"} 3',
      '# HELP c C.',
      '# TYPE c gauge',
      'c 0',
      '',
    ].join('\n'),
  );
  expect(() => metrics.add('loki_nosuch_total', {}, 1)).toThrow('loki_nosuch_total is no metric of this process');
});
