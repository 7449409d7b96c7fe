/** A collector's own telemetry: log lines and metrics, with the names and labels of Alloy 1.18.1. */
import { createMetrics, type Family } from '../metrics.ts';
import type { Process } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import type { Labels } from './relabel.ts';

export interface Telemetry {
  /** Lines below this level are not logged. */
  setLevel(level: string): void;
  say(level: string, fields: Readonly<Record<string, string | number>>): void;
  /** Logs it only the first time, until `forget`. */
  once(key: string, level: string, fields: Readonly<Record<string, string | number>>): void;
  forget(): void;
  /** Metrics of one component, labeled with its id. */
  of(component: string): ComponentMetrics;
  /** The text of `/metrics`. */
  exposition(): string;
}

export interface ComponentMetrics {
  count(metric: string, labels: Labels, by: number): void;
  set(metric: string, labels: Labels, value: number): void;
  observe(metric: string, labels: Labels, value: number): void;
  forget(metric: string, labels: Labels): void;
}

const KIB = 1024;

const FAMILIES: Readonly<Record<string, Family>> = {
  loki_source_file_files_active_total: { type: 'gauge', help: 'Number of active files.' },
  loki_source_file_read_lines_total: { type: 'counter', help: 'Number of lines read.' },
  loki_source_file_read_bytes_total: { type: 'gauge', help: 'Number of bytes read.' },
  loki_source_file_file_bytes_total: { type: 'gauge', help: 'Number of bytes total.' },
  loki_write_sent_bytes_total: { type: 'counter', help: 'Number of bytes sent.' },
  loki_write_sent_entries_total: { type: 'counter', help: 'Number of log entries sent to the ingester.' },
  loki_write_dropped_bytes_total: { type: 'counter', help: 'Number of bytes dropped because failed to be sent to the ingester after all retries.' },
  loki_write_dropped_entries_total: { type: 'counter', help: 'Number of log entries dropped because failed to be sent to the ingester after all retries.' },
  loki_write_batch_retries_total: { type: 'counter', help: 'Number of times batches has had to be retried.' },
  loki_write_request_duration_seconds: { type: 'histogram', help: 'Duration of send requests.' },
  loki_write_request_size_bytes: {
    type: 'histogram',
    help: 'Number of bytes for requests.',
    buckets: [1, 4, 16, 64, 256, 512, 1 * KIB, 2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 20 * KIB].map((kib) => kib * KIB),
  },
  loki_write_entry_propagation_latency_seconds: {
    type: 'histogram',
    help: 'Write latency for entries',
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600],
  },
};

const LEVELS = ['debug', 'info', 'warn', 'error'];

export function createTelemetry(around: LogSurroundings, process: Process): Telemetry {
  const told = new Set<string>();
  const metrics = createMetrics(FAMILIES);
  let least = LEVELS.indexOf('info');
  const say: Telemetry['say'] = (level, fields) => {
    if (LEVELS.indexOf(level) < least) return;
    const words = Object.entries(fields).map(([name, value]) => `${name}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : value}`);
    around.print(process.pod, process.container.name, `ts=${around.clock.now().toISOString()} level=${level} ${words.join(' ')}`);
  };
  return {
    setLevel: (level) => void (least = Math.max(0, LEVELS.indexOf(level))),
    say,
    once(key, level, fields) {
      if (told.has(key)) return;
      told.add(key);
      say(level, fields);
    },
    forget: () => told.clear(),
    of(component) {
      const own = { component_id: component, component_path: '/' };
      return {
        count: (metric, labels, by) => metrics.add(metric, { ...labels, ...own }, by),
        set: (metric, labels, value) => metrics.set(metric, { ...labels, ...own }, value),
        observe: (metric, labels, value) => metrics.observe(metric, { ...labels, ...own }, value),
        forget: (metric, labels) => metrics.forget(metric, { ...labels, ...own }),
      };
    },
    exposition: () => metrics.exposition(),
  };
}
