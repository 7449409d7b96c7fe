/** The metrics of a Loki component, with the names and labels of Loki 3.7.6. */
import { createMetrics, type Family, type Metrics } from '../metrics.ts';

const COMMON: Readonly<Record<string, Family>> = {
  loki_build_info: { type: 'gauge', help: "A metric with a constant '1' value labeled by version, revision, branch, goversion from which Loki was built." },
  loki_request_duration_seconds: {
    type: 'histogram',
    help: 'Time (in seconds) spent serving HTTP requests.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100],
  },
  loki_ring_members: { type: 'gauge', help: 'Number of members in the ring' },
};
const DISTRIBUTOR: Readonly<Record<string, Family>> = {
  loki_distributor_lines_received_total: { type: 'counter', help: 'The total number of lines received per tenant' },
  loki_distributor_bytes_received_total: {
    type: 'counter',
    help: 'The total number of uncompressed bytes received per tenant. Includes structured metadata bytes.',
  },
  loki_discarded_samples_total: { type: 'counter', help: 'The total number of samples that were discarded.' },
  loki_discarded_bytes_total: { type: 'counter', help: 'The total number of bytes that were discarded.' },
};
const INGESTER: Readonly<Record<string, Family>> = {
  loki_ingester_memory_chunks: { type: 'gauge', help: 'The total number of chunks in memory.', bare: true },
  loki_ingester_memory_streams: { type: 'gauge', help: 'The total number of streams in memory per tenant.' },
  loki_ingester_flush_queue_length: { type: 'gauge', help: 'The total number of series pending in the flush queue.', bare: true },
  loki_ingester_shutdown_marker: { type: 'gauge', help: '1 if prepare shutdown has been called, 0 otherwise', bare: true },
  loki_ingester_chunks_created_total: { type: 'counter', help: 'The total number of chunks created in the ingester.', bare: true },
  loki_ingester_chunks_flush_requests_total: { type: 'counter', help: 'Total number of flush requests (successful or not).', bare: true },
  loki_ingester_chunks_flush_failures_total: { type: 'counter', help: 'Total number of flush failures.', bare: true },
  loki_ingester_chunks_flushed_total: { type: 'counter', help: 'Total flushed chunks per reason.' },
  loki_ingester_chunks_stored_total: { type: 'counter', help: 'Total stored chunks per tenant.' },
  loki_ingester_chunk_stored_bytes_total: { type: 'counter', help: 'Total bytes stored in chunks per tenant.' },
  loki_ingester_wal_disk_full_failures_total: { type: 'counter', help: 'Total number of wal write failures due to full disk.', bare: true },
  loki_ingester_wal_recovered_streams_total: { type: 'counter', help: 'Total number of streams recovered from the WAL.', bare: true },
  loki_ingester_wal_recovered_entries_total: { type: 'counter', help: 'Total number of entries recovered from the WAL.', bare: true },
};
const COMPACTOR: Readonly<Record<string, Family>> = {
  loki_compactor_apply_retention_last_successful_run_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix timestamp of the last successful retention run',
    bare: true,
  },
};

/** Of a process that runs these components. */
export function lokiMetrics(plays: (component: string) => boolean, version: string): Metrics {
  const metrics = createMetrics({
    ...COMMON,
    ...(plays('distributor') && DISTRIBUTOR),
    ...(plays('ingester') && INGESTER),
    ...(plays('compactor') && COMPACTOR),
  });
  metrics.set('loki_build_info', { version, revision: 'unknown', branch: '', goversion: 'go1.25.5', goos: 'linux', goarch: 'amd64', tags: 'netgo' }, 1);
  return metrics;
}
