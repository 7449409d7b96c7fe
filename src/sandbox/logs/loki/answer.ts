/** Evaluates a parsed LogQL query over streams, in the formats of Loki's HTTP API. */
import { levelOf } from './level.ts';
import type { LogSelector, Query } from './logql.ts';
import type { Stream, StreamLabels } from './streams.ts';
import { streamKey } from './streams.ts';

export interface Window {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly stepMs: number;
  readonly limit: number;
  readonly backward: boolean;
  /** `query` instead of `query_range`: one value at the end. */
  readonly instant: boolean;
  /** What templates call `now`; defaults to the end. */
  readonly nowMs?: number;
}

interface Series {
  readonly metric: StreamLabels;
  readonly points: readonly (readonly [number, number])[];
}

interface Answer {
  readonly resultType: 'streams' | 'vector' | 'matrix';
  /** Streams or series, depending on the query's type. */
  readonly result: readonly unknown[];
  readonly stats: object;
}

/** The `data` of a successful answer. */
export function answerQuery(query: Query, streams: readonly Stream[], window: Window): Answer {
  if (query.is === 'logs') return { resultType: 'streams', result: logs(query.selector, streams, window), stats: {} };
  const series = evaluate(query, streams, window);
  const point = ([time, value]: readonly [number, number]): [number, string] => [time / 1000, String(value)];
  if (window.instant)
    return {
      resultType: 'vector',
      result: series.flatMap(({ metric, points }) => points.slice(-1).map((last) => ({ metric, value: point(last) }))),
      stats: {},
    };
  return { resultType: 'matrix', result: series.map(({ metric, points }) => ({ metric, values: points.map(point) })), stats: {} };
}

interface Line {
  readonly labels: StreamLabels;
  /** The label that is unwrapped. */
  readonly number?: number;
  readonly nanos: bigint;
  readonly line: string;
}

function lines(selector: LogSelector, streams: readonly Stream[], window: Window): readonly Line[] {
  const nowMs = window.nowMs ?? Number(window.endNs / 1_000_000n);
  return streams
    .filter((stream) => selector.matches(stream.labels))
    .flatMap((stream) =>
      stream.values.flatMap(([nanos, line]) => {
        const labels = selector.keep(
          line,
          { ...stream.labels, detected_level: levelOf(stream.labels, line) },
          { ms: Number(BigInt(nanos) / 1_000_000n), nowMs },
        );
        if (labels === undefined) return [];
        if (selector.unwrap === undefined) return [{ labels, nanos: BigInt(nanos), line }];
        const { [selector.unwrap]: text, ...others } = labels;
        const number = Number(text);
        return text === undefined || Number.isNaN(number) ? [] : [{ labels: others, number, nanos: BigInt(nanos), line }];
      }),
    );
}

function logs(selector: LogSelector, streams: readonly Stream[], window: Window): readonly object[] {
  const order = window.backward ? -1 : 1;
  const found = lines(selector, streams, window)
    .filter(({ nanos }) => nanos >= window.startNs && nanos < window.endNs)
    .sort((a, b) => (a.nanos === b.nanos ? 0 : a.nanos < b.nanos ? -order : order))
    .slice(0, window.limit);
  const groups = new Map<string, { readonly stream: StreamLabels; readonly values: [string, string][] }>();
  for (const { labels, nanos, line } of found) {
    const group = groups.get(streamKey(labels)) ?? { stream: labels, values: [] };
    groups.set(streamKey(labels), group);
    group.values.push([String(nanos), line]);
  }
  return [...groups.values()];
}

function steps(window: Window): readonly number[] {
  const end = Number(window.endNs / 1_000_000n);
  if (window.instant) return [end];
  const start = Number(window.startNs / 1_000_000n);
  const count = Math.min(11_000, Math.floor((end - start) / window.stepMs) + 1);
  return Array.from({ length: Math.max(0, count) }, (_, at) => start + at * window.stepMs);
}

function evaluate(query: Query, streams: readonly Stream[], window: Window): readonly Series[] {
  if (query.is === 'number') return [{ metric: {}, points: steps(window).map((time) => [time, query.value] as const) }];
  if (query.is === 'range') return counted(query, streams, window);
  if (query.is === 'set') return setOf(query, evaluate(query.left, streams, window), evaluate(query.right, streams, window));
  if (query.is === 'sum') return grouped(query, evaluate(query.of, streams, window));
  return [];
}

function counted(query: Query & { readonly is: 'range' }, streams: readonly Stream[], window: Window): readonly Series[] {
  const groups = new Map<string, { readonly metric: StreamLabels; readonly lines: Line[] }>();
  for (const line of lines(query.selector, streams, window)) {
    const group = groups.get(streamKey(line.labels)) ?? { metric: line.labels, lines: [] };
    groups.set(streamKey(line.labels), group);
    group.lines.push(line);
  }
  const fold = FOLDS[query.fn.replace('_over_time', '')];
  const divisor = query.fn === 'rate' || query.fn === 'bytes_rate' ? query.windowMs / 1000 : 1;
  const weight = query.fn.startsWith('bytes') ? (line: Line) => Buffer.byteLength(line.line) : () => 1;
  const value = (inside: readonly Line[]) =>
    fold && query.selector.unwrap !== undefined
      ? fold(inside.map(({ number = 0 }) => number))
      : inside.reduce((total, line) => total + weight(line), 0) / divisor;
  return [...groups.values()].map((group) => ({
    metric: group.metric,
    points: steps(window).flatMap((time) => {
      const inside = group.lines.filter(({ nanos }) => Number(nanos / 1_000_000n) > time - query.windowMs && Number(nanos / 1_000_000n) <= time);
      return inside.length === 0 ? [] : [[time, value(inside)] as const];
    }),
  }));
}

/** Merges series with the same labels, by timestamp. */
function setOf(query: Query & { readonly is: 'set' }, left: readonly Series[], right: readonly Series[]): readonly Series[] {
  const timesOf = (series: readonly Series[]) => new Map(series.map(({ metric, points }) => [streamKey(metric), new Set(points.map(([time]) => time))]));
  const [inLeft, inRight] = [timesOf(left), timesOf(right)];
  const keep = (series: readonly Series[], test: (key: string, time: number) => boolean) =>
    series
      .map(({ metric, points }) => ({ metric, points: points.filter(([time]) => test(streamKey(metric), time)) }))
      .filter(({ points }) => points.length > 0);
  const has = (of: ReadonlyMap<string, ReadonlySet<number>>) => (key: string, time: number) => of.get(key)?.has(time) ?? false;
  if (query.operator === 'and') return keep(left, has(inRight));
  if (query.operator === 'unless') return keep(left, (key, time) => !has(inRight)(key, time));
  return [...left, ...keep(right, (key, time) => !has(inLeft)(key, time))];
}

const FOLDS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  count: (values) => values.length,
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
  avg: (values) => values.reduce((a, b) => a + b, 0) / values.length,
};

function grouped(query: Query & { readonly is: 'sum' }, series: readonly Series[]): readonly Series[] {
  const groups = new Map<string, { readonly metric: StreamLabels; readonly points: Map<number, number[]> }>();
  for (const { metric, points } of series) {
    const kept = Object.fromEntries(
      Object.entries(metric).filter(([name]) => (query.without === undefined ? (query.by ?? []).includes(name) : !query.without.includes(name))),
    );
    const group = groups.get(streamKey(kept)) ?? { metric: kept, points: new Map<number, number[]>() };
    groups.set(streamKey(kept), group);
    for (const [time, value] of points) group.points.set(time, [...(group.points.get(time) ?? []), value]);
  }
  const fold = FOLDS[query.fn] as (values: readonly number[]) => number;
  return [...groups.values()].map(({ metric, points }) => ({
    metric,
    points: [...points].sort(([a], [b]) => a - b).map(([time, values]) => [time, fold(values)] as const),
  }));
}
