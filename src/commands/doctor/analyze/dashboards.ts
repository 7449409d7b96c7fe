/** Hop grafana-datasource: dashboards query data sources that exist, by labels that lines have. */
import type { DashboardEvidence, DoctorCheck } from './evidence.ts';
import { NO_LOKI, pass, skip, warn } from './verdict.ts';

/** A source that is resolved when the dashboard is rendered: its own variable, including the legacy form `[[name]]`. */
function isResolved(source: string, { variables }: DashboardEvidence): boolean {
  const name = /^(?:\$\{?(\w+)(?::\w+)?\}?|\[\[(\w+)(?::\w+)?\]\])$/.exec(source);
  return name !== null && variables.includes(name[1] ?? name[2] ?? '');
}

/** Grafana's built-in sources: `-- Mixed --`, `-- Dashboard --`, its test data, its default. */
const BUILT_IN = /^-- |^(grafana|default)$/i;

export const dashboardsFindSource: DoctorCheck = {
  id: 'grafana.dashboards',
  title: 'Dashboards use existing data sources',
  at: ['doctor'],
  hop: 'grafana-datasource',
  partial: true,
  async run({ loki, dashboards, datasources, sourceNames }) {
    if (!loki) return NO_LOKI;
    if (dashboards.length === 0) return skip('no provisioned dashboard queries Loki');
    const isUnknown = (source: string) => source.startsWith('$') || (sourceNames !== undefined && !sourceNames.has(source) && !BUILT_IN.test(source));
    const bad = dashboards.flatMap((one) => one.sources.filter((source) => !isResolved(source, one) && isUnknown(source)).map((source) => ({ one, source })));
    const [first] = bad;
    if (!first) return pass(`${dashboards.length} dashboards`);
    const exported = first.source.startsWith('$');
    const uid = datasources.find(({ ours, uid }) => ours && uid !== undefined)?.uid;
    return warn('DASHBOARD_DATASOURCE', {
      message: exported
        ? `Dashboard "${first.one.title}" asks ${first.source}, which only an import by hand fills in`
        : `Dashboard "${first.one.title}" asks the data source ${first.source}, and no Loki of that uid is known`,
      ...(uid && { fix: `put "uid": "${uid}" in place of "${first.source}"` }),
      evidence: [
        ...bad.slice(0, 4).map(({ one, source }) => `${one.from}: datasource ${source}`),
        ...(sourceNames ? [`data sources for a Loki: ${[...sourceNames].slice(0, 8).join(', ')}`] : []),
      ],
    });
  },
};

export const dashboardsFindLabels: DoctorCheck = {
  id: 'grafana.labels',
  title: 'Dashboards select by existing labels',
  at: ['doctor'],
  hop: 'grafana-datasource',
  partial: true,
  async run({ loki, dashboards, reading }) {
    if (!loki) return NO_LOKI;
    if (dashboards.length === 0) return skip('no provisioned dashboard queries Loki');
    if (!reading || reading.labels.length === 0) return skip('labels could not be read');
    const bad = dashboards
      .map((one) => ({ one, missing: one.labels.filter((label) => !reading.labels.includes(label)) }))
      .filter(({ missing }) => missing.length > 0);
    const [first] = bad;
    if (!first) return pass();
    return warn('DASHBOARD_LABELS', {
      message: `Dashboard "${first.one.title}" selects by the label ${first.missing.join(', ')}, which no line of the last hour has`,
      evidence: [
        ...bad.slice(0, 4).map(({ one, missing }) => `${one.from}: label ${missing.join(', ')}`),
        `labels there are: ${reading.labels.slice(0, 15).join(', ')}`,
      ],
    });
  },
};

/** What is not printed can't be collected; ruled out by reading the log itself through the API server. */
export const appsPrint: DoctorCheck = {
  id: 'query.apps',
  title: 'Applications log to stdout',
  at: ['doctor'],
  hop: 'query',
  partial: true,
  async run({ silent }) {
    if (!silent) return skip('application pods could not be listed');
    const [first] = silent.pods;
    if (first === undefined) return pass(`${silent.of} checked`);
    return warn('APP_SILENT', {
      message: `${silent.pods.length} of ${silent.of} checked applications write no logs: there is nothing to collect`,
      fix: `kubectl -n ${first.split('/')[0]} logs ${first.split('/')[1]} --all-containers; if that is empty, let the application log to stdout`,
      evidence: silent.pods.slice(0, 5).map((pod) => `pod ${pod}: has printed nothing since it started`),
    });
  },
};
