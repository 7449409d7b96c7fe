/** Hop query: Loki answers queries, with lines of any age. */
import { getPath } from '../../../design/get-path.ts';
import type { Json } from '../../../engine/types.ts';
import { freshSince, said } from './log-lines.ts';
import { imageSaid, versionOf } from './loki-version.ts';
import { podsPushed } from './pushes.ts';
import { refusals } from './refusals.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

export const queryAnswered: DoctorCheck = {
  id: 'query.answered',
  title: 'Queries return log lines',
  at: ['doctor'],
  hop: 'query',
  symptom: true,
  proves: true,
  async run(collected) {
    const { loki, reading } = collected;
    if (!loki) return NO_LOKI;
    if (!reading) return skip(whyUnasked(collected));
    if (reading.unread)
      return fail('QUERY_FAILS', {
        message: `What answers ${reading.as} is not Loki`,
        fix: 'Check where the gateway sends queries, and proxies in between',
        evidence: [reading.unread],
      });
    if (reading.status !== 200) {
      return fail('QUERY_FAILS', {
        message: `Loki answers HTTP ${reading.status} to ${reading.as}`,
        evidence: [`${reading.query ?? '/loki/api/v1/labels'}: HTTP ${reading.status} ${reading.body}`],
      });
    }
    if (!reading.newest) {
      const lost = inPipeline(collected);
      return fail('NOTHING_ARRIVES', {
        message: `No line of the last hour is found as ${reading.as} asks`,
        ...(lost && { fix: lost.fix }),
        evidence: [
          reading.query ? `${reading.query}: no lines` : '/loki/api/v1/labels: no labels',
          ...(loki.counters ? [`loki_distributor_lines_received_total ${loki.counters.received}`] : []),
          ...(lost ? [lost.detail] : []),
        ],
      });
    }
    const age = Math.max(0, Math.round((reading.asked.getTime() - reading.newest.time.getTime()) / 1000));
    const detail = `newest log line is ${age} s old`;
    const sent = podsPushed(collected).filter(({ state }) => state === 'delivering');
    if (age > LONG_S || (age > DELIVERED_S && sent.length > 0))
      return warn('LOGS_STALE', {
        message: `The newest line is ${age < 120 ? `${age} s` : `${Math.round(age / 60)} minutes`} old${sent.length > 0 ? ', though collectors deliver' : ''}`,
        evidence: [
          `${reading.query}: ${detail}`,
          ...sent
            .slice(0, 2)
            .map(
              ({ pod, seen }) =>
                `pod ${pod.name}: loki_write_sent_entries_total ${seen.before.sentEntries} → ${seen.after.sentEntries} in ${seen.seconds.toFixed(0)} s`,
            ),
        ],
      });
    return pass(detail);
  },
};

/** In a cluster that prints nothing the newest line may be this old. */
const LONG_S = 900;
/** Lines that Loki accepts are queryable within seconds. */
const DELIVERED_S = 180;

/** Collectors that read but send nothing, though nothing is refused, drop lines themselves. */
function inPipeline(collected: Evidence): { readonly detail: string; readonly fix: string } | undefined {
  const counters = collected.collectors.flatMap((one) => one.counters);
  const sum = (of: (one: (typeof counters)[number]) => number) => counters.reduce((all, one) => all + of(one), 0);
  const [read, sent] = [sum(({ readLines }) => readLines), sum(({ sentEntries }) => sentEntries)];
  const [collector] = collected.collectors;
  if (!collector || read === 0 || sent > 0 || refusals(collected).length > 0) return undefined;
  const { kind, namespace, name } = collector.workload;
  return {
    detail: `${counters.length === 1 ? '1 collector has' : `${counters.length} collectors have`} read ${read} lines and sent none`,
    fix: [
      `look in ${collector.configFrom} for what drops every line: stage.drop, stage.match, a rule with action keep or drop`,
      `kubectl -n ${namespace} port-forward ${kind.toLowerCase()}/${name} 12345`,
      'and http://localhost:12345/graph show where lines stop',
    ].join('\n'),
  };
}

/** A gateway that responds to every request with an error of its own says nothing about logins. */
function whyUnasked({ collectors, datasources }: Evidence): string {
  const answers = [...datasources, ...collectors.flatMap(({ writers }) => writers)].flatMap(({ answer }) => answer ?? []);
  const failing = answers.find(({ status }) => status >= 500);
  return failing ? `the gateway returns HTTP ${failing.status} to every request` : 'no known credentials and tenant are accepted by the gateway';
}

const LIMITED =
  /query time range exceeds the limit|too many outstanding requests|maximum (number )?of series \(\d+\) reached|max entries limit per query exceeded|query would read too many bytes|the query hit the max number of chunks limit|query timed out|request timed out, decrease the duration|query (is )?too large to execute on a single querier|max(imum)? (number of )?(concurrent tail requests|streams matchers)|query is too (long|wide)/i;

/** Intentional query limits: dashboards then fail while small queries work. */
export const queriesFit: DoctorCheck = {
  id: 'query.limits',
  title: 'Queries are within limits',
  at: ['doctor'],
  hop: 'query',
  partial: true,
  async run(collected) {
    const { loki, reading } = collected;
    if (!loki) return NO_LOKI;
    const heard = said(
      loki.pods.filter(({ component }) => !/cache|canary/.test(component)),
      LIMITED,
      3,
      freshSince(collected),
    );
    const answer =
      reading && reading.status !== 200 && LIMITED.test(reading.body)
        ? [`${reading.query ?? 'a query'}: HTTP ${reading.status} ${reading.body.slice(0, 160)}`]
        : [];
    const told = [...answer, ...heard];
    const which = LIMITED.exec(told.join(' '))?.[0];
    if (which) {
      return warn('QUERY_LIMITED', {
        message: `Queries are refused: ${which}`,
        ...(/time range/i.test(which) && {
          fix: 'loki.limits_config.max_query_length: 0 (or as long as limits_config.retention_period) in the values, and upgrade the release',
        }),
        ...(/outstanding/i.test(which) && { fix: 'loki.query_scheduler.max_outstanding_requests_per_tenant: 32000, and more queriers' }),
        evidence: told,
      });
    }
    const [kept, longest] = ['retention_period', 'max_query_length'].map((key) => duration(getPath(loki.config, `limits_config.${key}`)));
    // Set explicitly, not the default: an operator with longer retention queries day by day.
    if (kept !== undefined && longest !== undefined && longest > 0 && kept > longest) {
      return warn('QUERY_LIMITED', {
        message: `Lines are kept for ${String(getPath(loki.config, 'limits_config.retention_period'))}, but a query may span ${String(getPath(loki.config, 'limits_config.max_query_length'))} only`,
        evidence: [`${loki.configFrom}: limits_config.max_query_length: ${String(getPath(loki.config, 'limits_config.max_query_length'))}`],
      });
    }
    return pass();
  },
};

/** Seconds of `30d1h`, `2h30m`, `0s`; `undefined` if it is not set. */
export function duration(value: Json | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return value / 1e9;
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };
  return [...String(value).matchAll(/(?<![\d.])([\d.]+)(ms|[smhdwy])/g)].reduce((sum, [, number, unit]) => sum + Number(number) * units[unit!]!, 0);
}

/** A line is first in an ingester's memory, then in the bucket: a query must read both until it has moved. */
export const noGap: DoctorCheck = {
  id: 'query.gap',
  title: 'Unflushed log lines can be queried',
  at: ['doctor'],
  hop: 'query',
  partial: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (loki.config === undefined) return skip('its configuration could not be read');
    const read = (path: string, otherwise: string) => duration(getPath(loki.config, path) ?? otherwise) ?? 0;
    const within = read('querier.query_ingesters_within', '3h');
    const age = read('ingester.max_chunk_age', '2h');
    const idle = read('ingester.chunk_idle_period', '30m');
    const show = (path: string, otherwise: string) => `${loki.configFrom}: ${path}: ${String(getPath(loki.config, path) ?? `${otherwise} (default)`)}`;
    const lookback = read('limits_config.max_query_lookback', '0s');
    const store = read('ingester.query_store_max_look_back_period', '0s');
    if (within > 0 && within < age) {
      return fail('QUERY_GAP', {
        message: `Ingesters are asked for the last ${inHours(within)} only, but keep lines for up to ${inHours(age)} before they are in the bucket`,
        fix: `loki.querier.query_ingesters_within: ${Math.ceil((age + idle) / 3600) + 1}h in the values, and upgrade the release`,
        evidence: [show('querier.query_ingesters_within', '3h'), show('ingester.max_chunk_age', '2h')],
      });
    }
    const only = ['querier.query_ingester_only', 'querier.query_store_only'].find((path) => getPath(loki.config, path) === true);
    if (only)
      return fail('QUERY_GAP', {
        message: only.endsWith('store_only')
          ? 'Queriers query the bucket only, so logs that are not flushed yet are not found'
          : 'Queriers ask the ingesters only, so that what has gone to the bucket is not found',
        evidence: [show(only, 'false')],
      });
    const kept = duration(getPath(loki.config, 'limits_config.retention_period')) ?? 0;
    if (lookback > 0 && lookback < kept)
      return warn('QUERY_GAP', {
        message: `Logs are kept for ${inHours(kept)}, but queries return nothing older than ${inHours(lookback)}`,
        evidence: [show('limits_config.max_query_lookback', '0s'), show('limits_config.retention_period', '0s')],
      });
    return pass(store > 0 ? `ingesters are queried for the last ${inHours(store)}` : undefined);
  },
};

const inHours = (seconds: number): string => (seconds < 172_800 ? `${Math.round(seconds / 360) / 10} hours` : `${Math.round(seconds / 86_400)} days`);

/** Grafana queries 1+1 to check Loki's health; Loki before 2.9 can't evaluate that without a stream. */
export const grafanaUnderstood: DoctorCheck = {
  id: 'query.health',
  title: "Loki supports Grafana's queries",
  at: ['doctor'],
  hop: 'grafana-datasource',
  async run(collected) {
    const { loki, reading } = collected;
    if (!loki) return NO_LOKI;
    const version = versionOf(loki);
    const answer = reading?.health;
    const refused = answer?.status === 400 && /parse error|syntax error|unexpected IDENTIFIER/i.test(answer.body);
    if (!refused) return answer ? pass() : skip(whyUnasked(collected));
    return fail('LOKI_TOO_OLD', {
      message: `Loki${version ? ` ${version.join('.')}` : ''} does not understand the health check of Grafana 10 and newer`,
      evidence: [`/loki/api/v1/query?query=vector(1)+vector(1): HTTP 400 ${answer.body.slice(0, 160)}`, ...imageSaid(loki)],
    });
  },
};
