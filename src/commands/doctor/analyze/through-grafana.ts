/** Hop grafana-datasource, from its far end: Grafana itself queries through its data sources, if we have access. */
import type { DoctorCheck } from './evidence.ts';
import { pass, skip } from './verdict.ts';

export const grafanaAsks: DoctorCheck = {
  id: 'grafana.asks',
  title: 'Queries work through Grafana',
  at: ['doctor'],
  hop: 'grafana-datasource',
  symptom: true,
  async run({ throughGrafana }) {
    if (!throughGrafana) return skip('requires Grafana credentials: --grafana-token-file FILE, or --grafana-admin');
    if (throughGrafana.length === 0) return skip('no data source in Grafana points to this Loki');
    const bad = throughGrafana.find(({ problem }) => problem);
    if (bad?.problem) return { is: 'fail', problem: bad.problem };
    return pass(throughGrafana.map(({ name, lines }) => `"${name}" ${lines > 0 ? 'returns log lines' : 'returns no log lines for the last hour'}`).join(', '));
  },
};
