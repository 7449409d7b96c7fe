/** Problems that `doctor` finds where Loki takes no more. */
import { doctorRows } from '../row.ts';

export const doctorLimits = doctorRows({
  LOKI_RATE_LIMITED: {
    title: 'A tenant writes faster than it may',
    cause: 'limits_config.ingestion_rate_mb or ingestion_burst_size_mb is reached, or the rate of one stream.',
    fix: 'raise loki.limits_config.ingestion_rate_mb and ingestion_burst_size_mb, or per_stream_rate_limit',
    exit: 6,
    covers: ['rate-limit'],
    autofix: 'confirm',
    explain:
      'The default is 4 MB a second. With ingestion_rate_strategy global it is shared among the distributors. The burst must be larger than the largest single push. Collectors try 429 again, and lose what has waited too long.',
  },
  LOKI_STREAMS_LIMITED: {
    title: 'A tenant has more streams than it may',
    cause: 'A label has another value in every line or pod: an id of a message, a request or a file.',
    fix: 'drop that label in the collector (stage.label_drop), or raise loki.limits_config.max_global_streams_per_user',
    exit: 6,
    covers: ['stream-limit'],
    autofix: 'confirm',
    explain: 'New streams are refused, so that it hits pods that start. Ids belong into structured metadata.',
  },
  LOKI_LABELS_LIMITED: {
    title: 'Lines have too many labels, or too long ones',
    cause: 'All labels of pods are taken over (labelmap), and some pods have many.',
    fix: 'name the labels that are wanted instead of labelmap; or raise loki.limits_config.max_label_names_per_series',
    exit: 6,
    covers: ['label-limit'],
    autofix: 'yes',
    explain: 'The limit is 15 since Loki 3. Only pods with many labels are missing.',
  },
  LOKI_TIMES_REFUSED: {
    title: 'Lines come too late, or from the future',
    cause: 'They are older than reject_old_samples_max_age, too far behind their own stream, or the clock of a node is wrong.',
    fix: 'wait, if a collector has caught up; else make labels unique for each writer, or raise loki.ingester.max_chunk_age',
    exit: 6,
    covers: ['old-or-future-samples'],
    autofix: 'confirm',
    explain:
      'A stream takes lines up to half of max_chunk_age behind its newest one, which has nothing to do with reject_old_samples. Two writers with the same labels push each other out. After an outage it is lost backlog.',
  },
  LOKI_DISCARDS: {
    title: 'Loki discards lines',
    cause: 'A limit is reached that has no code of its own; the metric names it.',
    fix: 'raise the limit that is named under loki.limits_config, or send less',
    exit: 6,
    covers: ['rate-limit'],
    autofix: 'confirm',
    explain: 'The commonest is line_too_long: limits_config.max_line_size_truncate: true cuts such lines instead of refusing them.',
  },
});
