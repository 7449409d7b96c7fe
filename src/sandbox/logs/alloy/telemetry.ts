/** What a collector tells of itself: log lines and counters. */
import type { Process } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import type { Labels } from './relabel.ts';

export interface Telemetry {
  say(level: string, fields: Readonly<Record<string, string | number>>): void;
  /** Says it the first time only, until `forget`. */
  once(key: string, level: string, fields: Readonly<Record<string, string | number>>): void;
  forget(): void;
  count(metric: string, labels: Labels, by: number): void;
  /** The text of `/metrics`. */
  exposition(activeFiles: number): string;
}

const COUNTERS = [
  'loki_source_file_read_lines_total',
  'loki_source_kubernetes_read_lines_total',
  'loki_write_sent_entries_total',
  'loki_write_dropped_entries_total',
  'loki_write_batch_retries_total',
];

export function createTelemetry(around: LogSurroundings, process: Process): Telemetry {
  const told = new Set<string>();
  const values = new Map<string, number>();
  const say: Telemetry['say'] = (level, fields) => {
    const words = Object.entries(fields).map(([name, value]) => `${name}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : value}`);
    around.print(process.pod, process.container.name, `ts=${around.clock.now().toISOString()} level=${level} ${words.join(' ')}`);
  };
  return {
    say,
    once(key, level, fields) {
      if (told.has(key)) return;
      told.add(key);
      say(level, fields);
    },
    forget: () => told.clear(),
    count(metric, labels, by) {
      const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      const key = `${metric}{${pairs.join(',')}}`;
      values.set(key, (values.get(key) ?? 0) + by);
    },
    exposition(activeFiles) {
      const counters = COUNTERS.flatMap((name) => {
        const series = [...values].filter(([key]) => key.startsWith(`${name}{`)).map(([key, value]) => `${key} ${value}`);
        return series.length === 0 ? [] : [`# TYPE ${name} counter`, ...series];
      });
      return `${['# TYPE loki_source_file_files_active_total gauge', `loki_source_file_files_active_total ${activeFiles}`, ...counters].join('\n')}\n`;
    },
  };
}
