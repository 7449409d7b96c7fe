/** Faults on the reading side: Grafana's data sources and dashboards, as its sidecar finds them. */
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { isObject } from '../replay/match.ts';
import type { Doc } from '../kube/document.ts';
import { type FaultApi, type ClusterFault, changeNginx, part, set } from './fault-api.ts';

const LABEL = 'grafana_datasource';
const sources = { kind: 'ConfigMap', selector: LABEL };

/** Changes data sources of type loki in one file; false when there are none. */
function edited(object: Doc, edit: (source: Doc) => void): boolean {
  let any = false;
  for (const [key, text] of Object.entries((object['data'] ?? {}) as Readonly<Record<string, string>>)) {
    const file = /\.ya?ml$/.test(key) ? (parse(text) as Doc) : {};
    const mine = ((file['datasources'] ?? []) as Doc[]).filter(({ type }) => type === 'loki');
    for (const source of mine) edit(source);
    if (mine.length > 0) object['data'][key] = stringify(file);
    any ||= mine.length > 0;
  }
  return any;
}

const decoded = (secret: KubeObject | undefined, key: string): string | undefined => {
  const value = (secret?.['data'] as Readonly<Record<string, string>> | undefined)?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
};

/** What a user would paste: the gateway's address, the collector's login and its tenant. */
function wellMade({ place: { store } }: FaultApi, gateway: KubeObject): Doc {
  const login = store.list('Secret').find((secret) => decoded(secret, 'password') !== undefined && decoded(secret, 'username') !== undefined);
  const pipeline = store.list('ConfigMap').map(({ data }) => String((data as Doc | undefined)?.['config.alloy'] ?? ''));
  const tenant = pipeline.map((text) => /tenant_id\s*=\s*"([^"]+)"/.exec(text)?.[1]).find(Boolean) ?? 'training-on-eks';
  return {
    name: 'Loki',
    type: 'loki',
    access: 'proxy',
    url: `http://${gateway.metadata.name}.${gateway.metadata.namespace}.svc.cluster.local`,
    ...(login && { basicAuth: true, basicAuthUser: decoded(login, 'username') }),
    jsonData: { httpHeaderName1: 'X-Scope-OrgID' },
    secureJsonData: { httpHeaderValue1: tenant, ...(login && { basicAuthPassword: decoded(login, 'password') }) },
  };
}

/** Changes existing and later data sources, or one that is created as soon as there is a gateway to query. */
export function changeSources(api: FaultApi, edit: (source: Doc) => void): void {
  const { store } = api.place;
  api.change(sources, (object) => (edited(object, edit) ? undefined : false));
  const name = 'loki-datasource';
  const made = (): boolean => store.list('ConfigMap').some(isObject(sources));
  api.change(part('Deployment', 'gateway'), (gateway) => {
    if (made()) return false;
    const source = wellMade(api, gateway as unknown as KubeObject);
    edit(source);
    api.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'monitoring', labels: { [LABEL]: '1' } },
      data: { 'loki.yaml': stringify({ apiVersion: 1, datasources: [source] }) },
    } as never);
    return false;
  });
}

/** Otherwise the gateway sets the tenant for every client. */
export const leaveTenantToReaders = (api: FaultApi): void => changeNginx(api, (text) => text.replace(/^.*proxy_set_header X-Scope-OrgID.*$/gim, ''));

export const readingBreaks: readonly ClusterFault[] = [
  {
    name: 'tenant-mismatch',
    hop: 'tenant-read',
    does: 'The data source reads another tenant than the collectors write.',
    make: (api) => {
      leaveTenantToReaders(api);
      changeSources(api, (source) => set(source, 'secureJsonData.httpHeaderValue1', 'tenant1'));
    },
  },
  {
    name: 'service-name-endpoint',
    hop: 'grafana-datasource',
    does: 'The data source asks a Service that does not exist in this mode of the chart.',
    make: (api) =>
      changeSources(
        api,
        (source) => void (source['url'] = `http://loki-read.${/^http:\/\/[^.]+\.([^.:/]+)/.exec(String(source['url']))?.[1] ?? 'loki'}.svc.cluster.local:3100`),
      ),
  },
  {
    name: 'dashboard-uid-labels',
    hop: 'grafana-datasource',
    does: 'A dashboard names a data source that is not there.',
    make: (api) => {
      changeSources(api, () => undefined);
      const datasource = { type: 'loki', uid: 'P8E80F9AEF21F6940' };
      const target = { refId: 'A', datasource: { type: 'loki', uid: '${DS_LOKI}' }, expr: '{job="shop/web"}' };
      api.create({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'logs-dashboard', namespace: 'monitoring', labels: { grafana_dashboard: '1' } },
        data: { 'logs.json': JSON.stringify({ title: 'Logs', uid: 'logs', panels: [{ id: 1, type: 'logs', title: 'Shop', datasource, targets: [target] }] }) },
      } as never);
    },
  },
  {
    name: 'loki-grafana-version',
    hop: 'grafana-datasource',
    does: "Loki is too old for Grafana's health check, and calls it a syntax error.",
    make: (api) => {
      changeSources(api, () => undefined);
      const body = 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER';
      api.inject({
        answers: [
          { component: 'query-frontend', path: '/loki/api/v1/query', status: 400, body },
          { component: 'query-frontend', path: '/loki/api/v1/status/buildinfo', status: 200, body: { version: '2.6.1', revision: '6bd05c9a4' } },
          { component: 'gateway', path: '/loki/api/v1/query', status: 400, body },
          { component: 'gateway', path: '/loki/api/v1/status/buildinfo', status: 200, body: { version: '2.6.1', revision: '6bd05c9a4' } },
        ],
      });
    },
  },
];
