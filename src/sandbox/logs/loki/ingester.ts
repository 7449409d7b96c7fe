/** An ingester: keeps lines in memory, writes them to the bucket, and leaves what it could not write in its WAL. */
import type { Metrics } from '../metrics.ts';
import type { Process } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import type { LokiConfig } from './configuration.ts';
import { objectClient } from './object-store.ts';
import { encodeChunk, encodeIndex, mergeStreams, type Stream, streamKey } from './streams.ts';

export type TenantStreams = ReadonlyMap<string, readonly Stream[]>;

export interface Ingester {
  add(tenant: string, streams: readonly Stream[]): void;
  streams(tenant: string): readonly Stream[];
  /** Queues all streams for flushing, and returns before they are written. */
  sweep(): void;
  /** Whether the shutdown marker on its disk makes it flush and leave the ring at shutdown, whatever the configuration says. */
  readonly marker: { isSet(): boolean; set(): void; unset(): void };
  /** Updates the gauges. */
  measure(): void;
  /** Stops it; returns what only a disk can keep. */
  stop(options: { readonly graceful: boolean }): TenantStreams;
}

/** Chunks are flushed this long after their first line; a real ingester takes up to two hours. */
const FLUSH_AFTER_MS = 5_000;
/** From the queue to the bucket. */
const FLUSH_TAKES_MS = 100;
/** A flushed chunk stays in memory until the next check, which a real ingester makes every 30 s. */
const CHECK_EVERY_MS = 1_000;

const NONE: ReadonlySet<string> = new Set();

export interface IngesterParts {
  readonly config: LokiConfig;
  readonly metrics: Metrics;
  readonly kept: TenantStreams;
  readonly written: Set<string>;
  /** The disks, or containers, with a shutdown marker, and where this ingester's would be. */
  readonly markers: Set<string>;
  readonly disk: string;
}

export function createIngester(around: LogSurroundings, process: Process, of: IngesterParts): Ingester {
  const { metrics, markers, disk } = of;
  const memory = new Map<string, Stream[]>();
  /** Streams that are not completely in the bucket yet. */
  const open = new Map<string, Set<string>>();
  /** Streams whose chunk is in the bucket and still in memory. */
  const flushed = new Map<string, Set<string>>();
  const client = objectClient(around, process, { config: of.config, bucket: of.config.chunkBucket });
  let cancel: (() => void) | undefined;
  let failures = 0;

  const keysOf = (tenant: string): ReadonlySet<string> => open.get(tenant) ?? NONE;
  const queued = (): number => [...open.values()].reduce((sum, keys) => sum + keys.size, 0);
  const keep = (tenant: string, streams: readonly Stream[]): void => {
    memory.set(tenant, [...(memory.get(tenant) ?? []), ...streams]);
    const keys = open.get(tenant) ?? new Set();
    open.set(tenant, keys);
    for (const { labels } of streams) keys.add(streamKey(labels));
  };

  const write = (tenant: string, streams: readonly Stream[]): void => {
    const chunks = mergeStreams(streams).map((stream) => encodeChunk(tenant, stream));
    for (const chunk of chunks) {
      const name = `${of.config.chunkBucket}/${chunk.key}`;
      if (of.written.has(name)) continue;
      client.put(chunk.key, chunk.body);
      of.written.add(name);
      metrics.add('loki_ingester_chunks_stored_total', { tenant }, 1);
      metrics.add('loki_ingester_chunk_stored_bytes_total', { tenant }, chunk.body.length);
    }
    const index = encodeIndex({
      prefix: of.config.indexPrefix,
      tenant,
      ingester: process.pod.metadata.name,
      nowMs: around.clock.now().getTime(),
      chunks: chunks.map((chunk) => chunk.key),
    });
    client.put(index.key, index.body);
  };
  const flush = (reason: 'idle' | 'forced'): void => {
    cancel?.();
    cancel = undefined;
    for (const [tenant, streams] of memory) {
      const keys = keysOf(tenant);
      metrics.add('loki_ingester_chunks_flush_requests_total', {}, keys.size);
      try {
        write(tenant, streams);
        memory.delete(tenant);
        open.delete(tenant);
        failures = 0;
        metrics.add('loki_ingester_chunks_flushed_total', { reason }, keys.size);
        flushed.set(tenant, new Set([...(flushed.get(tenant) ?? []), ...keys]));
        around.clock.after(CHECK_EVERY_MS, () => flushed.set(tenant, new Set()));
      } catch (error) {
        failures += 1;
        metrics.add('loki_ingester_chunks_flush_failures_total', {}, keys.size);
        const message = error instanceof Error ? error.message : String(error);
        around.print(
          process.pod,
          process.container.name,
          `level=error ts=${around.clock.now().toISOString()} caller=flush.go:261 component=ingester loop=1 org_id=${tenant} msg="failed to flush" retries=${failures} err=${JSON.stringify(`failed to flush chunks: store put chunk: ${message}, num_chunks: ${keys.size}`)}`,
        );
      }
    }
    // Failed flushes stay queued for the next attempt.
    metrics.set('loki_ingester_flush_queue_length', {}, queued());
    if (memory.size > 0) cancel = around.clock.after(Math.min(60_000, FLUSH_AFTER_MS * 2 ** Math.min(failures, 4)), () => flush(reason));
  };
  const later = (): void => void (cancel ??= around.clock.after(FLUSH_AFTER_MS, () => flush('idle')));
  for (const [tenant, streams] of of.kept) keep(tenant, streams);
  if (memory.size > 0) {
    later();
    metrics.add('loki_ingester_wal_recovered_streams_total', {}, queued());
    metrics.add(
      'loki_ingester_wal_recovered_entries_total',
      {},
      [...memory.values()].flat().reduce((sum, { values }) => sum + values.length, 0),
    );
  }
  return {
    add(tenant, streams) {
      const before = keysOf(tenant).size;
      keep(tenant, streams);
      metrics.add('loki_ingester_chunks_created_total', {}, keysOf(tenant).size - before);
      later();
    },
    streams: (tenant) => memory.get(tenant) ?? [],
    sweep() {
      for (const tenant of flushed.keys()) flushed.set(tenant, new Set());
      metrics.set('loki_ingester_flush_queue_length', {}, queued());
      cancel?.();
      cancel = around.clock.after(FLUSH_TAKES_MS, () => flush('forced'));
    },
    marker: {
      isSet: () => markers.has(disk),
      set: () => void markers.add(disk),
      unset: () => void markers.delete(disk),
    },
    measure() {
      let chunks = 0;
      for (const tenant of new Set([...open.keys(), ...flushed.keys()])) {
        const [now, done] = [keysOf(tenant), flushed.get(tenant) ?? NONE];
        chunks += now.size + done.size;
        metrics.set('loki_ingester_memory_streams', { tenant }, new Set([...now, ...done]).size);
      }
      metrics.set('loki_ingester_memory_chunks', {}, chunks);
      metrics.set('loki_ingester_shutdown_marker', {}, markers.has(disk) ? 1 : 0);
    },
    stop({ graceful }) {
      if (graceful && (of.config.flushOnShutdown || markers.has(disk))) flush('forced');
      // The marker stays, for the next start, unless everything was flushed.
      if (graceful && memory.size === 0) markers.delete(disk);
      cancel?.();
      return memory;
    },
  };
}
