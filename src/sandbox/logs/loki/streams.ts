/** Log streams: in memory with an ingester, and as chunks in a bucket. */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';

export type StreamLabels = Readonly<Record<string, string>>;

export interface Stream {
  readonly labels: StreamLabels;
  /** Nanoseconds and line, as received. */
  readonly values: readonly (readonly [string, string])[];
}

export function streamKey(labels: StreamLabels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `{app="x", job="y"}`, as Loki prints streams. */
export function streamText(labels: StreamLabels): string {
  return `{${Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`;
}

export interface Chunk {
  readonly key: string;
  readonly body: Uint8Array;
}

const hexMillis = (nanos: string): string => (BigInt(nanos) / 1_000_000n).toString(16);

/** One object per stream: `<tenant>/<fingerprint>/<from>:<through>:<checksum>`. Equal content has an equal key. */
export function encodeChunk(tenant: string, stream: Stream): Chunk {
  const times = stream.values.map(([nanos]) => nanos).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  const text = JSON.stringify(stream);
  const print = createHash('sha256').update(streamKey(stream.labels)).digest('hex').slice(0, 16);
  const sum = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return { key: `${tenant}/${print}/${hexMillis(times[0] ?? '0')}:${hexMillis(times.at(-1) ?? '0')}:${sum}`, body: gzipSync(text) };
}

export function decodeChunk(body: Uint8Array): Stream {
  return JSON.parse(gunzipSync(body).toString('utf8')) as Stream;
}

/** The index file of a flush: which chunks there are, for one day. */
export function encodeIndex(of: {
  readonly prefix: string;
  readonly tenant: string;
  readonly ingester: string;
  readonly nowMs: number;
  readonly chunks: readonly string[];
}): Chunk {
  const table = `${of.prefix}${Math.floor(of.nowMs / 86_400_000)}`;
  return { key: `index/${table}/${of.tenant}/${Math.floor(of.nowMs / 1000)}-${of.ingester}-${of.nowMs}.tsdb.gz`, body: gzipSync(JSON.stringify(of.chunks)) };
}

/** Merges streams with the same labels and removes duplicate entries, oldest first. */
export function mergeStreams(streams: readonly Stream[]): readonly Stream[] {
  const merged = new Map<string, { readonly labels: StreamLabels; readonly values: Map<string, readonly [string, string]> }>();
  for (const stream of streams) {
    const key = streamKey(stream.labels);
    const found = merged.get(key) ?? { labels: stream.labels, values: new Map() };
    merged.set(key, found);
    for (const value of stream.values) found.values.set(`${value[0]} ${value[1]}`, value);
  }
  return [...merged.values()].map(({ labels, values }) => ({ labels, values: [...values.values()].sort(([a], [b]) => (BigInt(a) < BigInt(b) ? -1 : 1)) }));
}
