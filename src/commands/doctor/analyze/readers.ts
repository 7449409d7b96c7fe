/** Hops tenant-read and grafana-datasource: data sources query the gateway, with a login and the tenant that is written. */
import { getPath } from '../../../design/get-path.ts';
import { inWords, isLoginRefused } from './answers.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { DatasourceEvidence, DoctorCheck, Evidence } from './evidence.ts';
import { tenantsWritten } from './tenants.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';
import { refusedAtGateway } from './writers.ts';

const mine = ({ datasources }: Evidence): readonly DatasourceEvidence[] => datasources.filter(({ ours }) => ours);
/** Includes those that name a Service in Loki's namespace that does not exist. */
const meant = ({ datasources, services, loki }: Evidence): readonly DatasourceEvidence[] =>
  datasources.filter(({ ours, url }) => ours || (services.get(url) === undefined && /^https?:\/\/[^./:]+\.([^./:]+)/.exec(url)?.[1] === loki?.namespace));
const NO_DATASOURCE = skip('no Grafana data source for this Loki was found in the cluster');
const single = (loki: LokiEvidence) => getPath(loki.config, 'auth_enabled') === false;
const withoutLogin = (collected: Evidence): readonly DatasourceEvidence[] =>
  collected.loki?.gateway?.asksLogin ? mine(collected).filter(({ hasLogin }) => !hasLogin) : [];

export const readerTenant: DoctorCheck = {
  id: 'tenant.reader',
  title: 'Data sources send a tenant',
  at: ['doctor'],
  hop: 'tenant-read',
  proves: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (single(loki)) return pass('Loki is single-tenant');
    const refused = loki.gateway?.setsTenant ? [] : refusedAtGateway(collected, loki, { agents: /grafana\//i, tenant: true });
    if (mine(collected).length === 0 && refused.length > 0)
      return fail('READER_TENANT_MISSING', { message: 'Loki refuses Grafana: it names no tenant', evidence: refused });
    if (mine(collected).length === 0) return NO_DATASOURCE;
    if (loki.gateway?.setsTenant) return pass(`set by the gateway: ${loki.gateway.setsTenant}`);
    const bad = mine(collected).find(({ tenant, hasLogin }) => tenant === undefined && (hasLogin || !loki.gateway?.asksLogin));
    if (!bad)
      return withoutLogin(collected).length > 0
        ? skip('the gateway rejects the data source before Loki checks the tenant')
        : pass(
            mine(collected)
              .map(({ tenant }) => tenant)
              .join(', '),
          );
    const tenants = tenantsWritten(collected);
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

export const sameTenant: DoctorCheck = {
  id: 'tenant.same',
  title: 'Data sources read the tenant that collectors write',
  at: ['doctor'],
  hop: 'tenant-read',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (single(loki) || loki.gateway?.setsTenant) return pass();
    const written = tenantsWritten(collected);
    const readers = meant(collected).filter(({ tenant }) => tenant !== undefined);
    if (readers.length === 0 || written.length === 0) return skip('no tenants to compare');
    // Several tenants are queried at once as a|b.
    const bad = readers.find(({ tenant = '' }) => !tenant.split('|').some((one) => written.includes(one)));
    if (!bad || collected.collectors.some(({ writers }) => writers.some(({ tenant }) => tenant?.is === 'dynamic'))) return pass(written.join(', '));
    return fail('READER_TENANT_MISMATCH', {
      message: `Data source "${bad.name}" reads tenant "${bad.tenant}", but collectors write "${written.join('", "')}"`,
      fix: `set secureJsonData.httpHeaderValue1: ${written[0]} in ${bad.from.split(',')[0]}`,
      evidence: [
        `${bad.from}: X-Scope-OrgID ${bad.tenant}`,
        ...collected.collectors.flatMap(({ configFrom, writers }) =>
          writers.map(({ tenant }) => `${configFrom}: tenant ${tenant?.is === 'fixed' ? tenant.name : 'computed'}`),
        ),
      ],
    });
  },
};

/** Grafana appends /loki/api/v1 itself. */
function addressFault({ url }: DatasourceEvidence, collected: Evidence): string | undefined {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return 'it is no http:// or https:// address';
  const { pathname, port, protocol } = new URL(url);
  if (/\/(push|loki\/api|api\/prom)/.test(pathname)) return `it has the path ${pathname}, but Grafana adds /loki/api/v1 itself`;
  if (!collected.services.has(url)) return undefined;
  const service = collected.services.get(url);
  if (!service) return `there is no Service of that name`;
  const wanted = Number(port || (protocol === 'https:' ? 443 : 80));
  if (!service.ports.includes(wanted)) return `Service ${service.namespace}/${service.name} has no port ${wanted}, only ${service.ports.join(', ')}`;
  const component = service.selector['app.kubernetes.io/component'];
  const ours = service.namespace === collected.loki?.namespace && service.selector['app.kubernetes.io/name'] === 'loki';
  if (!ours || component === undefined || ['gateway', 'query-frontend', 'single-binary', 'read'].includes(component)) return undefined;
  return `it leads to ${component}, which does not answer queries`;
}

const inCluster = ({ url }: DatasourceEvidence, { services }: Evidence) => services.has(url) || !/^https?:\/\//.test(url);

export const datasourceAddress: DoctorCheck = {
  id: 'grafana.url',
  title: "Data sources point to Loki's gateway",
  at: ['doctor'],
  hop: 'grafana-datasource',
  async run(collected) {
    const { datasources, loki } = collected;
    if (!loki) return NO_LOKI;
    // A data source may be for another Loki; one whose address leads nowhere belongs to none.
    const judged = datasources.filter((one) => one.ours || (inCluster(one, collected) && !collected.services.get(one.url)));
    if (judged.length === 0) return NO_DATASOURCE;
    const bad = judged.map((one) => ({ one, wrong: addressFault(one, collected) })).find(({ wrong }) => wrong !== undefined);
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
  title: 'Data sources authenticate to the gateway',
  at: ['doctor'],
  hop: 'grafana-datasource',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const away = loki.gateway?.asksLogin ? refusedAtGateway(collected, loki, { agents: /grafana\//i, tenant: false }) : [];
    if (mine(collected).length === 0 && away.length > 0)
      return fail('DATASOURCE_NO_LOGIN', { message: 'The gateway refuses Grafana: no login, or a wrong one', evidence: away });
    if (mine(collected).length === 0) return NO_DATASOURCE;
    if (!loki.gateway?.asksLogin) return pass('the gateway requires none');
    const [bad] = withoutLogin(collected);
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
    const refused = mine(collected).find(({ answer }) => answer && isLoginRefused(answer));
    if (refused?.answer) {
      return fail('DATASOURCE_LOGIN_REFUSED', {
        message: `The gateway refuses the login of data source "${refused.name}", user "${refused.login?.user}"`,
        evidence: [`${refused.from}: basicAuthUser ${refused.login?.user}`, `GET /loki/api/v1/labels with that login: ${inWords(refused.answer)}`],
      });
    }
    return pass();
  },
};
