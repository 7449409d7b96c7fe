/** Counters of collectors and of Loki, parsed from the Prometheus text format. */
import type { CollectorCounters, PushCount } from './collectors-evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';

/** Sums of a Prometheus exposition, by name: every series with its labels. */
export function series(text: string, name: string): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[] {
  return text.split('\n').flatMap((sample) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([-+\d.eE]+|NaN)/.exec(sample);
    if (match?.[1] !== name) return [];
    const labels = Object.fromEntries([...(match[2] ?? '').matchAll(/(?<!\w)(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key!, value!]));
    return [{ labels, value: Number(match[3]) }];
  });
}
export const total = (text: string, name: string): number => series(text, name).reduce((sum, { value }) => sum + value, 0);

export function countersIn(text: string, { name, node }: Pick<PodEvidence, 'name' | 'node'>): CollectorCounters {
  const sum = (...names: readonly string[]) => names.reduce((all, metric) => all + total(text, metric), 0);
  const files = ['loki_source_file_files_active_total', 'promtail_files_active_total'].find(
    (metric) => text.startsWith(metric) || text.includes(`\n${metric}`),
  );
  return {
    pod: name,
    ...(node && { node }),
    ...(files && { activeFiles: total(text, files) }),
    readLines: sum('loki_source_file_read_lines_total', 'loki_source_kubernetes_read_lines_total', 'promtail_read_lines_total'),
    sentEntries: sum('loki_write_sent_entries_total', 'promtail_sent_entries_total'),
    droppedEntries: sum('loki_write_dropped_entries_total', 'promtail_dropped_entries_total'),
    pushes: pushesIn(text),
  };
}

/** By host: a collector may write to several endpoints, and a failure of one is enough. */
function pushesIn(text: string): CollectorCounters['pushes'] {
  const hosts = new Map<string, PushCount>();
  const add = (metric: string, change: (count: PushCount, by: number, labels: Readonly<Record<string, string>>) => PushCount) => {
    for (const prefix of ['loki_write', 'promtail'])
      for (const { labels, value } of series(text, `${prefix}_${metric}`)) {
        const host = labels['host'] ?? '';
        hosts.set(host, change(hosts.get(host) ?? { sent: 0, dropped: 0, retries: 0, answers: {} }, value, labels));
      }
  };
  add('sent_entries_total', (count, by) => ({ ...count, sent: count.sent + by }));
  add('dropped_entries_total', (count, by) => ({ ...count, dropped: count.dropped + by }));
  add('batch_retries_total', (count, by) => ({ ...count, retries: count.retries + by }));
  add('request_duration_seconds_count', (count, by, { status_code: status = '' }) => ({
    ...count,
    answers: { ...count.answers, [status]: (count.answers[status] ?? 0) + by },
  }));
  return Object.fromEntries(hosts);
}
