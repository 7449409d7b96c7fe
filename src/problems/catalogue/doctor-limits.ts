/** Problems that `doctor` finds where Loki rejects lines. */
import { doctorRows } from '../row.ts';

export const doctorLimits = doctorRows({
  LOKI_RATE_LIMITED: {
    title: 'A tenant exceeds its ingestion rate limit',
    cause: 'The tenant reaches limits_config.ingestion_rate_mb or ingestion_burst_size_mb, or one stream its own rate limit.',
    fix: 'Raise loki.limits_config.ingestion_rate_mb and ingestion_burst_size_mb, or per_stream_rate_limit',
    exit: 6,
    covers: ['rate-limit'],
    autofix: 'confirm',
    explain:
      'The default is 4 MB per second. With ingestion_rate_strategy global, the distributors share it. The burst size must exceed the largest single push. Collectors retry on 429 and drop batches that have waited too long.',
  },
  LOKI_STREAMS_LIMITED: {
    title: 'A tenant exceeds its stream limit',
    cause: 'A label has a different value in every log line or pod: a message ID, a request ID or a file name.',
    fix: 'Drop that label in the collector (stage.label_drop), or raise loki.limits_config.max_global_streams_per_user',
    exit: 6,
    covers: ['stream-limit'],
    autofix: 'confirm',
    explain: 'Loki rejects new streams, so pods that start are affected. IDs belong in structured metadata.',
  },
  LOKI_LABELS_LIMITED: {
    title: 'Log lines have too many labels, or labels that are too long',
    cause: 'All pod labels become log labels (labelmap), and some pods have many.',
    fix: 'List the labels you need instead of using labelmap, or raise loki.limits_config.max_label_names_per_series',
    exit: 6,
    covers: ['label-limit'],
    autofix: 'yes',
    explain: 'The limit is 15 since Loki 3. Only pods with many labels are affected.',
  },
  LOKI_TIMES_REFUSED: {
    title: 'Log lines are too old, or from the future',
    cause: "They are older than reject_old_samples_max_age or too far behind their own stream, or a node's clock is wrong.",
    fix: 'Wait if a collector is catching up; otherwise make labels unique per writer, or raise loki.ingester.max_chunk_age',
    exit: 6,
    covers: ['old-or-future-samples'],
    autofix: 'confirm',
    explain:
      'A stream accepts log lines up to half of max_chunk_age behind its newest one, independent of reject_old_samples. Two writers with the same labels make each other too old. After an outage, the rejected log lines are the lost backlog.',
  },
  LOKI_DISCARDS: {
    title: 'Loki discards log lines',
    cause: 'A limit without a code of its own is exceeded; the metric names it.',
    fix: 'Raise the limit that the message names under loki.limits_config, or send less',
    exit: 6,
    covers: ['rate-limit'],
    autofix: 'confirm',
    explain: 'The most common one is line_too_long: limits_config.max_line_size_truncate: true truncates such log lines instead of discarding them.',
  },
});
