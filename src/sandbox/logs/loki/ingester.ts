/** An ingester: keeps lines in memory, writes them to the bucket, and leaves what it could not write in its WAL. */
import type { Process } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import type { LokiConfig } from './configuration.ts';
import { objectClient } from './object-store.ts';
import { encodeChunk, encodeIndex, mergeStreams, type Stream } from './streams.ts';

export type TenantStreams = ReadonlyMap<string, readonly Stream[]>;

export interface Ingester {
  add(tenant: string, streams: readonly Stream[]): void;
  streams(tenant: string): readonly Stream[];
  tenants(): readonly string[];
  /** Flushes that failed since the start. */
  failures(): number;
  /** Writes everything to the bucket; what failed stays. */
  flush(): void;
  /** From now on a graceful end flushes, whatever the configuration says. */
  flushAtTheEnd(): void;
  /** Ends it; what is left is what only a disk can keep. */
  stop(options: { readonly graceful: boolean }): TenantStreams;
}

/** Chunks go out this long after their first line; a real ingester takes up to two hours. */
const FLUSH_AFTER_MS = 5_000;

export function createIngester(
  around: LogSurroundings,
  process: Process,
  of: { readonly config: LokiConfig; readonly kept: TenantStreams; readonly written: Set<string> },
): Ingester {
  const memory = new Map<string, Stream[]>([...of.kept].map(([tenant, streams]) => [tenant, [...streams]]));
  const client = objectClient(around, process, { config: of.config, bucket: of.config.chunkBucket });
  let cancel: (() => void) | undefined;
  let failures = 0;
  let failed = 0;
  let flushesAtTheEnd = of.config.flushOnShutdown;

  const write = (tenant: string, streams: readonly Stream[]): void => {
    const chunks = mergeStreams(streams).map((stream) => encodeChunk(tenant, stream));
    for (const chunk of chunks) {
      const name = `${of.config.chunkBucket}/${chunk.key}`;
      if (of.written.has(name)) continue;
      client.put(chunk.key, chunk.body);
      of.written.add(name);
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
  const flush = (): void => {
    cancel?.();
    cancel = undefined;
    for (const [tenant, streams] of memory) {
      try {
        write(tenant, streams);
        memory.delete(tenant);
        failures = 0;
      } catch (error) {
        failures += 1;
        failed += 1;
        const message = error instanceof Error ? error.message : String(error);
        around.print(
          process.pod,
          process.container.name,
          `level=error ts=${around.clock.now().toISOString()} caller=flush.go:261 component=ingester loop=1 org_id=${tenant} msg="failed to flush" retries=${failures} err=${JSON.stringify(`failed to flush chunks: store put chunk: ${message}, num_chunks: ${mergeStreams(streams).length}`)}`,
        );
      }
    }
    if (memory.size > 0) cancel = around.clock.after(Math.min(60_000, FLUSH_AFTER_MS * 2 ** Math.min(failures, 4)), flush);
  };
  if (memory.size > 0) cancel = around.clock.after(FLUSH_AFTER_MS, flush);
  return {
    add(tenant, streams) {
      memory.set(tenant, [...(memory.get(tenant) ?? []), ...streams]);
      cancel ??= around.clock.after(FLUSH_AFTER_MS, flush);
    },
    streams: (tenant) => memory.get(tenant) ?? [],
    tenants: () => [...memory.keys()],
    failures: () => failed,
    flush,
    flushAtTheEnd: () => void (flushesAtTheEnd = true),
    stop({ graceful }) {
      if (graceful && flushesAtTheEnd) flush();
      cancel?.();
      return memory;
    },
  };
}
