/** Hop limits: Loki keeps what it receives. */
import type { Verdict } from '../../../engine/types.ts';
import type { DoctorCode } from '../../../problems/catalogue.ts';
import { core, freshSince, said as heardOf, saying, shortened, toldOnce } from './log-lines.ts';
import type { LokiCounters, LokiEvidence } from './loki-evidence.ts';
import { judged } from './pipeline.ts';
import { podsPushed } from './pushes.ts';
import { refusals, refusedWith } from './refusals.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

interface Limit {
  readonly code: DoctorCode;
  /** Reasons in `loki_discarded_samples_total`. */
  readonly reasons: readonly string[];
  /** As logged by collectors and distributors, in every version. */
  readonly words: RegExp;
  readonly id: string;
  readonly title: string;
  /** Lines from before the installation are rejected once, and rightly so. */
  readonly once?: true;
  /** Rejected with 429, which a collector retries: Loki counts attempts, not losses. */
  readonly again?: true;
}

const LIMITS: readonly Limit[] = [
  {
    id: 'limits.rate',
    title: 'Ingestion rate is within limits',
    code: 'LOKI_RATE_LIMITED',
    reasons: ['rate_limited', 'per_stream_rate_limit', 'blocked_ingestion'],
    words: /ingestion rate limit exceeded|per stream rate limit exceeded|rate_limited/i,
    again: true,
  },
  {
    id: 'limits.streams',
    title: 'Number of streams is within limits',
    code: 'LOKI_STREAMS_LIMITED',
    reasons: ['stream_limit', 'streams_limit'],
    words: /maximum active stream limit exceeded|max(imum)? (number of )?streams? (limit )?(exceeded|reached)|stream_limit/i,
    again: true,
  },
  {
    id: 'limits.labels',
    title: 'Labels are within limits',
    code: 'LOKI_LABELS_LIMITED',
    reasons: ['max_label_names_per_series', 'label_name_too_long', 'label_value_too_long', 'duplicate_label_names', 'missing_labels', 'invalid_labels'],
    words: /has \d+ label names; limit \d+|label (name|value) too long|label_(name|value)_too_long|error at least one label pair is required/i,
  },
  {
    id: 'limits.times',
    title: 'Timestamps are accepted',
    code: 'LOKI_TIMES_REFUSED',
    reasons: ['greater_than_max_sample_age', 'too_far_behind', 'out_of_order', 'too_far_in_future'],
    words: /entry (too far behind|out of order)|(timestamp|entry).{0,40}too (old|new|far)|has timestamp too (old|new)|greater_than_max_sample_age/i,
    once: true,
  },
];
/** Counted for every label error, in addition to its specific reason. */
const GENERAL = 'invalid_labels';

/** How rejected clients log the limits. */
export const LIMIT_WORDS: readonly RegExp[] = LIMITS.map(({ words }) => words);
const NAMED = new Set(LIMITS.flatMap(({ reasons }) => reasons));

const inCounters = ({ reason, tenant, lines }: LokiCounters['discarded'][number]): string =>
  `loki_discarded_samples_total ${lines}, reason ${reason}, tenant ${tenant}`;

/** By counter if counters could be read, else by what collectors and distributors have logged. */
export const limitsKept: readonly DoctorCheck[] = LIMITS.map((limit) => ({
  id: limit.id,
  title: limit.title,
  at: ['doctor'],
  hop: 'limits',
  partial: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const all = (loki.counters?.discarded ?? []).filter(({ reason }) => limit.reasons.includes(reason));
    // Loki counts the same lines again under the general reason.
    const plain = all.filter(({ reason }) => reason !== GENERAL);
    const counted = (plain.length > 0 ? plain : all).toSorted((a, b) => b.lines - a.lines);
    const heard = [...refusals(collected).filter(({ line }) => limit.words.test(line)), ...saying(core(loki), limit.words, freshSince(collected))];
    if (counted.length === 0 && heard.length === 0)
      return loki.counters ? pass(`${loki.counters.received} log lines received`) : skip("Loki's metrics could not be read");
    const [first] = counted;
    const ahead = counted.some(({ reason }) => reason === 'too_far_in_future');
    const kept = limit.again === true && first !== undefined && losesNothing(collected);
    const said = {
      message: kept
        ? `Loki has put off ${first.lines} lines of tenant ${first.tenant} (${first.reason}); collectors tried again, and lost none`
        : `${first ? `Loki has discarded ${first.lines} lines of tenant ${first.tenant}: ${first.reason}` : `Loki refuses lines: ${shortened(wordsIn(heard[0]!.line, limit.words), 120)}`}${advice(heard, loki)}`,
      evidence: [...counted.slice(0, 4).map(({ reason, tenant, lines }) => inCounters({ reason, tenant, lines })), ...toldOnce(heard).slice(0, 2)],
    };
    return kept || (limit.once && !ahead && heard.length === 0) ? warn(limit.code, said) : fail(limit.code, said);
  },
}));

/** By the collectors' own counters: no line was dropped, and every collector that has something to deliver delivers it. */
function losesNothing(collected: Evidence): boolean {
  const counters = judged(collected).flatMap((one) => one.counters);
  const latest = podsPushed(collected);
  return (
    counters.length > 0 &&
    latest.length > 0 &&
    latest.every(({ seen, state }) => seen.after.droppedEntries === 0 && (state === 'delivering' || state === 'idle'))
  );
}

const wordsIn = (line: string, words: RegExp): string =>
  /(?:error|err|details|msg)="?([^"]*)/.exec(line.slice(Math.max(0, line.search(words) - 40)))?.[1] ?? line.slice(line.search(words));

/** Details in the line itself beyond the limit's name. */
function advice(heard: ReturnType<typeof saying>, loki: LokiEvidence): string {
  const text = heard.map(({ line }) => line).join('\n');
  const unique = /(?<!\w)(\w+)=\\?"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{20,}|\d{8,})/i.exec(text)?.[1];
  if (unique && /stream/i.test(text)) return `; the label ${unique} has another value in every stream`;
  const [, bytes] = /limit: (\d+) bytes\/sec/i.exec(text) ?? [];
  const [, lines, total] = /attempting to ingest '(\d+)' lines totall?ing '(\d+)' bytes/i.exec(text) ?? [];
  if (bytes && total && Number(total) > Number(bytes)) return `; one push of ${lines} lines has ${total} bytes, more than the burst allows at all`;
  const distributors = loki.workloads.filter(({ component }) => /^(distributor|write)$/.test(component)).reduce((sum, { wanted }) => sum + wanted, 0);
  return bytes && distributors > 1 ? `; the limit of the tenant is shared among ${distributors} distributors` : '';
}

/** Limits without a finding of their own. */
export const nothingDiscarded: DoctorCheck = {
  id: 'limits.discarded',
  title: 'Loki discards no log lines for other reasons',
  at: ['doctor'],
  hop: 'limits',
  partial: true,
  async run({ loki }): Promise<Verdict> {
    if (!loki) return NO_LOKI;
    if (!loki.counters) return skip("Loki's metrics could not be read");
    const lost = loki.counters.discarded.filter(({ reason }) => !NAMED.has(reason)).toSorted((a, b) => b.lines - a.lines);
    const [first] = lost;
    if (!first) return pass(`${loki.counters.received} log lines received`);
    const said = {
      message: `Loki has discarded ${first.lines} lines of tenant ${first.tenant}: ${first.reason}`,
      ...(first.reason === 'line_too_long' && { fix: 'limits_config.max_line_size, or max_line_size_truncate: true, under loki.limits_config in the values' }),
      evidence: lost.slice(0, 5).map(({ reason, tenant, lines }) => inCounters({ reason, tenant, lines })),
    };
    return first.reason === 'duplicate' ? warn('LOKI_DISCARDS', said) : fail('LOKI_DISCARDS', said);
  },
};

export const messagesFit: DoctorCheck = {
  id: 'loki.messages',
  title: 'Pushes are within the message size limit',
  at: ['doctor'],
  hop: 'limits',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const pattern = /(received|trying to send) message larger than max|request entity too large|client intended to send too large body/i;
    const pushes = refusedWith(collected, pattern, 2);
    const inside = heardOf(loki.pods, pattern, 2, freshSince(collected));
    const evidence = [...pushes, ...inside];
    if (evidence.length === 0) return pass();
    const lost =
      pushes.length > 0 ||
      heardOf(
        loki.pods.filter(({ component }) => /^(distributor|write)$/.test(component)),
        /push[\s\S]{0,200}message larger than max/i,
        1,
        freshSince(collected),
      ).length > 0;
    // A collector retries what it can't deliver forever, and everything behind it waits.
    return lost ? fail('LOKI_MESSAGE_LARGE', { message: 'Pushes are larger than what Loki takes', evidence }) : warn('LOKI_MESSAGE_LARGE', { evidence });
  },
};
