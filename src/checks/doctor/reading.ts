/** Hops limits, tenant-read, grafana-datasource and query: what was taken is kept, and readers find it. */
import { at } from '../../design/document.ts';
import { inWords, isLoginRefused } from './gateway.ts';
import type { DatasourceSeen, DoctorCheck, LokiSeen, Survey } from './survey.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const LIMITS: Readonly<Record<string, string>> = {
  rate_limited: 'limits_config.ingestion_rate_mb and ingestion_burst_size_mb',
  per_stream_rate_limit: 'limits_config.per_stream_rate_limit and per_stream_rate_limit_burst',
  stream_limit: 'limits_config.max_global_streams_per_user, or fewer labels with many values',
  max_label_names_per_series: 'limits_config.max_label_names_per_series, or drop labels in the collector',
  label_name_too_long: 'limits_config.max_label_name_length',
  label_value_too_long: 'limits_config.max_label_value_length',
  line_too_long: 'limits_config.max_line_size, or max_line_size_truncate: true',
  greater_than_max_sample_age: 'limits_config.reject_old_samples_max_age',
  too_far_behind: 'nothing, if a collector has caught up; else one collector a file',
  too_far_in_future: 'the clock of the node',
};
/** Lines from before the installation are refused once, and rightly so. */
const ONCE = new Set(['greater_than_max_sample_age', 'too_far_behind', 'duplicate']);

export const nothingDiscarded: DoctorCheck = {
  id: 'limits.discarded',
  title: 'Loki discards nothing',
  at: ['doctor'],
  hop: 'limits',
  partial: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (!loki.counters) return skip("Loki's counters could not be read");
    const lost = [...loki.counters.discarded].sort((a, b) => Number(ONCE.has(a.reason)) - Number(ONCE.has(b.reason)) || b.lines - a.lines);
    const [first] = lost;
    if (!first) return pass(`${loki.counters.received} lines taken`);
    const said = {
      message: `Loki has discarded ${first.lines} lines of tenant ${first.tenant}: ${first.reason}`,
      fix: `what decides: ${LIMITS[first.reason] ?? 'limits_config'}, under loki.limits_config in the values`,
      evidence: lost.slice(0, 5).map(({ reason, tenant, lines }) => `loki_discarded_samples_total{reason="${reason}",tenant="${tenant}"} ${lines}`),
    };
    return ONCE.has(first.reason) ? warn('LOKI_DISCARDS', said) : fail('LOKI_DISCARDS', said);
  },
};

const mine = ({ datasources }: Survey): readonly DatasourceSeen[] => datasources.filter(({ ours }) => ours);
const NO_DATASOURCE = skip('no Grafana data source for this Loki was found in the cluster');
const single = (loki: LokiSeen) => at(loki.config, 'auth_enabled') === false;
const withoutLogin = (survey: Survey): readonly DatasourceSeen[] => (survey.loki?.gateway?.asksLogin ? mine(survey).filter(({ hasLogin }) => !hasLogin) : []);

export const readerTenant: DoctorCheck = {
  id: 'tenant.reader',
  title: 'Data sources name a tenant',
  at: ['doctor'],
  hop: 'tenant-read',
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    if (single(loki)) return pass('Loki has one tenant only');
    if (mine(survey).length === 0) return NO_DATASOURCE;
    if (loki.gateway?.setsTenant) return pass(`the gateway sets it: ${loki.gateway.setsTenant}`);
    const bad = mine(survey).find(({ tenant, hasLogin }) => tenant === undefined && (hasLogin || !loki.gateway?.asksLogin));
    if (!bad)
      return withoutLogin(survey).length > 0
        ? skip('the gateway refuses the data source before Loki sees a tenant')
        : pass(
            mine(survey)
              .map(({ tenant }) => tenant)
              .join(', '),
          );
    const tenants = tenantsWritten(survey);
    return fail('READER_TENANT_MISSING', {
      message: `Data source "${bad.name}" sends no tenant, and Loki has more than one`,
      fix: `add to the data source:\njsonData:\n  httpHeaderName1: X-Scope-OrgID\nsecureJsonData:\n  httpHeaderValue1: ${tenants[0] ?? 'TENANT'}`,
      evidence: [
        `${bad.from}: no jsonData.httpHeaderName* is X-Scope-OrgID`,
        ...(bad.answer ? [`GET /loki/api/v1/labels as the data source asks: ${inWords(bad.answer)}`] : []),
      ],
    });
  },
};

const tenantsWritten = ({ collectors }: Survey): readonly string[] => [
  ...new Set(collectors.flatMap(({ writers }) => writers.flatMap(({ tenant, ours }) => (ours && tenant?.is === 'fixed' ? [tenant.name] : [])))),
];

export const sameTenant: DoctorCheck = {
  id: 'tenant.same',
  title: 'Readers read what writers write',
  at: ['doctor'],
  hop: 'tenant-read',
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    if (single(loki) || loki.gateway?.setsTenant) return pass();
    const written = tenantsWritten(survey);
    const readers = mine(survey).filter(({ tenant }) => tenant !== undefined);
    if (readers.length === 0 || written.length === 0) return skip('no tenants to compare');
    // Several tenants are read at once as a|b.
    const bad = readers.find(({ tenant = '' }) => !tenant.split('|').some((one) => written.includes(one)));
    if (!bad || survey.collectors.some(({ writers }) => writers.some(({ tenant }) => tenant?.is === 'dynamic'))) return pass(written.join(', '));
    return fail('READER_TENANT_OTHER', {
      message: `Data source "${bad.name}" reads tenant "${bad.tenant}", but collectors write "${written.join('", "')}"`,
      fix: `set secureJsonData.httpHeaderValue1: ${written[0]} in ${bad.from.split(',')[0]}`,
      evidence: [
        `${bad.from}: X-Scope-OrgID ${bad.tenant}`,
        ...survey.collectors.flatMap(({ configFrom, writers }) =>
          writers.map(({ tenant }) => `${configFrom}: tenant ${tenant?.is === 'fixed' ? tenant.name : 'computed'}`),
        ),
      ],
    });
  },
};

/** Grafana adds /loki/api/v1 itself. */
function addressFault({ url }: DatasourceSeen, survey: Survey): string | undefined {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return 'it is no http:// or https:// address';
  const { pathname, port, protocol } = new URL(url);
  if (/\/(push|loki\/api|api\/prom)/.test(pathname)) return `it has the path ${pathname}, but Grafana adds /loki/api/v1 itself`;
  if (!survey.services.has(url)) return undefined;
  const service = survey.services.get(url);
  if (!service) return `there is no Service of that name`;
  const wanted = Number(port || (protocol === 'https:' ? 443 : 80));
  if (!service.ports.includes(wanted)) return `Service ${service.namespace}/${service.name} has no port ${wanted}, only ${service.ports.join(', ')}`;
  const component = service.selector['app.kubernetes.io/component'];
  const ours = service.namespace === survey.loki?.namespace && service.selector['app.kubernetes.io/name'] === 'loki';
  if (!ours || component === undefined || ['gateway', 'query-frontend', 'single-binary', 'read'].includes(component)) return undefined;
  return `it leads to ${component}, which does not answer queries`;
}

const inCluster = ({ url }: DatasourceSeen, { services }: Survey) => services.has(url) || !/^https?:\/\//.test(url);

export const datasourceAddress: DoctorCheck = {
  id: 'grafana.url',
  title: "Data sources lead to Loki's gateway",
  at: ['doctor'],
  hop: 'grafana-datasource',
  async run(survey) {
    const { datasources, loki } = survey;
    if (!loki) return NO_LOKI;
    // A data source may be for another Loki; one that leads nowhere is nobody's.
    const judged = datasources.filter((one) => one.ours || (inCluster(one, survey) && !survey.services.get(one.url)));
    if (judged.length === 0) return NO_DATASOURCE;
    const bad = judged.map((one) => ({ one, wrong: addressFault(one, survey) })).find(({ wrong }) => wrong !== undefined);
    if (!bad) return pass(judged.map(({ url }) => url).join(', '));
    const gateway = loki.gateway && `http://${loki.gateway.workload.name}.${loki.namespace}.svc.cluster.local`;
    return fail('DATASOURCE_URL', {
      message: `Data source "${bad.one.name}" asks ${bad.one.url}: ${bad.wrong}`,
      ...(gateway && { fix: `url: ${gateway}` }),
      evidence: [`${bad.one.from}: url: ${bad.one.url}`],
    });
  },
};

export const datasourceLogin: DoctorCheck = {
  id: 'grafana.login',
  title: 'Data sources log in at the gateway',
  at: ['doctor'],
  hop: 'grafana-datasource',
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    if (mine(survey).length === 0) return NO_DATASOURCE;
    if (!loki.gateway?.asksLogin) return pass('the gateway asks for none');
    const [bad] = withoutLogin(survey);
    if (bad) {
      return fail('DATASOURCE_NO_LOGIN', {
        message: `Data source "${bad.name}" sends no login, but the gateway asks for one`,
        fix: `add to the data source:\nbasicAuth: true\nbasicAuthUser: USER\nsecureJsonData:\n  basicAuthPassword: PASSWORD`,
        evidence: [
          `${bad.from}: basicAuth is not set`,
          `${loki.gateway.configFrom}: auth_basic is on`,
          ...(bad.answer ? [`GET /loki/api/v1/labels as the data source asks: ${inWords(bad.answer)}`] : []),
        ],
      });
    }
    const refused = mine(survey).find(({ answer }) => answer && isLoginRefused(answer));
    if (refused?.answer) {
      return fail('DATASOURCE_LOGIN_REFUSED', {
        message: `The gateway refuses the login of data source "${refused.name}", user "${refused.login?.user}"`,
        evidence: [`${refused.from}: basicAuthUser ${refused.login?.user}`, `GET /loki/api/v1/labels with that login: ${inWords(refused.answer)}`],
      });
    }
    return pass();
  },
};

export const queryAnswered: DoctorCheck = {
  id: 'query.answered',
  title: 'A query is answered, with lines',
  at: ['doctor'],
  hop: 'query',
  symptom: true,
  async run({ loki, reading }) {
    if (!loki) return NO_LOKI;
    if (!reading) return skip('nobody has a login and a tenant that the gateway takes');
    if (reading.status !== 200) {
      return fail('QUERY_FAILS', {
        message: `Loki answers HTTP ${reading.status} to ${reading.as}`,
        evidence: [`${reading.query ?? '/loki/api/v1/labels'}: HTTP ${reading.status} ${reading.body}`],
      });
    }
    if (!reading.newest) {
      return fail('NOTHING_ARRIVES', {
        message: `No line of the last hour is found as ${reading.as} asks`,
        evidence: [
          reading.query ? `${reading.query}: no lines` : '/loki/api/v1/labels: no labels',
          ...(loki.counters ? [`loki_distributor_lines_received_total ${loki.counters.received}`] : []),
        ],
      });
    }
    const age = Math.max(0, Math.round((reading.asked.getTime() - reading.newest.time.getTime()) / 1000));
    const saw = `newest line ${age} s old`;
    return age > 900
      ? warn('NOTHING_NEW', { message: `The newest line is ${Math.round(age / 60)} minutes old`, evidence: [`${reading.query}: ${saw}`] })
      : pass(saw);
  },
};
