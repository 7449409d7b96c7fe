/** What is overlaid on pods: log lines at their times, answers, metrics, unreachable hosts. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { createAnswerLayer } from './answers.ts';
import { createAwsLayer } from './aws.ts';
import { createLogLayer } from './logs.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const pod = (name: string, component: string, startTime = '2026-01-01T00:00:00Z'): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'loki', labels: { 'app.kubernetes.io/name': 'loki', 'app.kubernetes.io/component': component } },
    spec: { nodeName: 'node-a', containers: [] },
    status: { startTime },
  }) as unknown as KubeObject;
const get = (path: string) => ({ method: 'GET', path, headers: {}, body: new Uint8Array() });

describe('log lines', () => {
  const clock = (ms: number) => ({ now: () => new Date(ms), after: () => () => {} });
  const own = [{ time: new Date(NOW - 60_000), line: 'own' }];
  const read = (layer: ReturnType<typeof createLogLayer>, of = pod('loki-ingester-0', 'ingester'), previous = false) =>
    layer.over(of, 'loki', { previous, own }).map(({ line }) => line);

  it('stand among the own ones by their time, filled in, until they are taken away', () => {
    const layer = createLogLayer(clock(NOW));
    layer.add('a', { component: 'ingester', lines: [{ time: '-5m', line: 'before' }, 'ts={time} {pod} {node}'] });
    expect(read(layer)).toEqual(['before', 'own', 'ts=2026-01-01T00:10:00.000Z loki-ingester-0 node-a']);
    expect(read(layer, pod('loki-querier-0', 'querier'))).toEqual(['own']);
    layer.clear('b');
    expect(read(layer)).toHaveLength(3);
    layer.clear('a');
    expect(read(layer)).toEqual(['own']);
  });

  it('are those of the run before, or all there is, when that is said', () => {
    const layer = createLogLayer(clock(NOW));
    layer.add('a', { pod: '*-0', previous: true, lines: ['crashed'] });
    layer.add('a', { pod: '*-0', alone: true, lines: ['alone'] });
    expect(read(layer)).toEqual(['alone']);
    expect(read(layer, undefined, true)).toEqual(['own', 'crashed']);
  });

  it('come again, since the pod is there, the last time less than a period ago', () => {
    let now = NOW;
    const layer = createLogLayer({ now: () => new Date(now), after: () => () => {} });
    layer.add('a', { component: 'ingester', every: '10s', alone: true, lines: ['{time}'] });
    now += 34_000;
    expect(read(layer).map((line) => line.slice(14, 19))).toEqual(['10:10', '10:20', '10:30']);
    expect(read(layer, pod('loki-ingester-1', 'ingester', new Date(NOW + 30_000).toISOString()))).toHaveLength(1);
  });
});

describe('answers', () => {
  it('stand before the own one, the last that fits first', () => {
    const layer = createAnswerLayer();
    layer.answer('a', { component: 'gateway', path: '/loki/*', status: 502, body: 'bad' });
    layer.answer('a', { component: 'gateway', method: 'POST', path: '/loki/api/v1/push', status: 429, body: { a: 1 } });
    const own = () => ({ status: 200, body: 'own' });
    const gateway = pod('loki-gateway-1', 'gateway');
    expect(layer.over(gateway, get('/loki/api/v1/labels?since=1h'), own)).toMatchObject({ status: 502, body: 'bad' });
    expect(layer.over(gateway, { ...get('/loki/api/v1/push'), method: 'POST' }, own)).toMatchObject({ status: 429, body: '{"a":1}' });
    expect(layer.over(gateway, get('/ready'), own)).toMatchObject({ body: 'own' });
    expect(layer.over(pod('loki-querier-1', 'querier'), get('/loki/x'), own)).toMatchObject({ body: 'own' });
  });

  it('of metrics replace the series of that name, and leave the others', () => {
    const layer = createAnswerLayer();
    layer.metrics('a', { component: 'loki', values: { a_total: 0, 'b_total{x="1"}': 7 } });
    const own = () => ({ status: 200, body: '# TYPE a_total counter\na_total{x="1"} 5\na_total{x="2"} 6\nb_total{x="1"} 1\nb_total{x="2"} 2\nc 3\n' });
    expect(layer.over(pod('loki-0', 'ingester'), get('/metrics'), own)?.body).toBe(
      '# TYPE a_total counter\nb_total{x="2"} 2\nc 3\na_total 0\nb_total{x="1"} 7\n',
    );
  });

  it('do not come from hosts that are not reached', () => {
    const layer = createAnswerLayer();
    layer.network('a', { node: 'node-a', to: '*.s3.*', error: 'i/o timeout' });
    expect(layer.unreachable(pod('loki-0', 'ingester'), 'logs.s3.eu-west-1.amazonaws.com')).toBe('i/o timeout');
    expect(layer.unreachable(pod('loki-0', 'ingester'), 'sts.eu-west-1.amazonaws.com')).toBeUndefined();
  });

  it('of AWS come so many times', () => {
    const layer = createAwsLayer();
    layer.add('a', { call: 's3:Put*', code: 'SlowDown', status: 503, times: 1 });
    expect(layer.match('s3:PutObject')?.answer).toMatchObject({ status: 503, code: 'SlowDown' });
    expect(layer.match('s3:PutObject')).toBeUndefined();
  });
});
