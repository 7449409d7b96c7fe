/** Reported failures on the way of a line: gateway, tenants, collectors, limits, Grafana, queries, the network. */
import { ALLOY_LABEL, changePipeline, collector } from '../../src/sandbox/faults/fault-api.ts';
import { changeSources, leaveTenantToReaders } from '../../src/sandbox/faults/reading.ts';
import type { Doc } from '../../src/sandbox/kube/document.ts';
import { type Case, lines } from './case.ts';

const pushFailed = (status: number, why: string): string =>
  `ts={time} level=error msg="final error sending batch" component_id=loki.write.gateway component=endpoint host=loki-gateway.loki.svc.cluster.local status=${status} error="server returned HTTP status ${status}: ${why}"`;

const gateway: readonly Case[] = [
  {
    id: 'gateway-01',
    class: 'gateway-auth',
    hop: 'gateway',
    act: (api) => changePipeline(api, (text) => text.replace(/\n\s*basic_auth \{[^}]*\}/, '')),
    evidence: { logs: [lines('alloy', pushFailed(401, '<html>'))] },
    says: /no login/,
  },
  { id: 'gateway-02', class: 'gateway-dns', hop: 'gateway', breaks: ['gateway-dns'] },
  {
    id: 'gateway-04',
    class: 'gateway-auth',
    hop: 'gateway',
    act: (api) => {
      api.change(
        { kind: 'Secret', name: '*htpasswd' },
        ({ data }) => void (data['.htpasswd'] = Buffer.from('loki:$7$C6..../....SodiumChloride$kBGj9fHznVYFQ\n').toString('base64')),
      );
      api.inject({
        logs: [lines('gateway', '{time} [crit] 16#16: *6090 crypt_r() failed (22: Invalid argument), client: 10.0.0.1, request: "GET / HTTP/1.1"')],
      });
    },
    says: /hash|crypt/,
  },
  {
    id: 'gateway-05',
    class: 'gateway-auth',
    hop: 'gateway',
    quiet: 'noise',
    act: (api) => {
      const labels = { 'app.kubernetes.io/name': 'loki', 'app.kubernetes.io/component': 'canary' };
      api.create({
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'loki-canary', namespace: 'loki', labels },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'loki-canary', image: 'docker.io/grafana/loki-canary:3.7.6' }] } },
        },
      } as never);
      api.inject({
        logs: [
          lines(
            'canary',
            'level=error ts={time} msg="failed to send entry, server rejected push with a non-retryable status code" status=401 err="server returned HTTP status 401 Unauthorized (401): <html>"',
          ),
        ],
      });
    },
  },
];

const tenant: readonly Case[] = [
  { id: 'tenant-01', class: 'tenant-missing', hop: 'tenant', breaks: ['tenant-missing'], evidence: { logs: [lines('alloy', pushFailed(401, 'no org id'))] } },
  {
    id: 'tenant-02',
    class: 'tenant-missing',
    hop: 'tenant',
    act: (api) => {
      leaveTenantToReaders(api);
      changeSources(api, (source) => {
        delete source['jsonData'].httpHeaderName1;
        delete source['secureJsonData'].httpHeaderValue1;
      });
    },
    says: /sends no tenant/,
  },
  { id: 'tenant-03', class: 'tenant-mismatch', hop: 'tenant', breaks: ['tenant-mismatch'] },
];

const grafana: readonly Case[] = [
  { id: 'grafana-datasource-01', class: 'loki-grafana-version', hop: 'grafana-datasource', breaks: ['loki-grafana-version'] },
  { id: 'grafana-datasource-02', class: 'service-name-endpoint', hop: 'grafana-datasource', breaks: ['service-name-endpoint'], says: /loki-read/ },
  {
    id: 'grafana-datasource-03',
    class: 'service-name-endpoint',
    hop: 'grafana-datasource',
    act: (api) => changeSources(api, (source) => void (source['url'] = 'http://loki-fa9eeafd-gateway.loki.svc.cluster.local')),
    says: /loki-fa9eeafd-gateway/,
  },
  {
    id: 'grafana-datasource-05',
    class: 'service-name-endpoint',
    hop: 'grafana-datasource',
    act: (api) => changePipeline(api, (text) => text.replace(/http:\/\/loki-gateway\.[^/]+/, 'http://loki-gateway')),
    evidence: {
      logs: [
        lines(
          'alloy',
          'ts={time} level=warn msg="error sending batch, will retry" component_id=loki.write.gateway status=-1 error="Post: dial tcp: lookup loki-gateway: no such host"',
        ),
      ],
    },
    says: /loki-gateway/,
  },
  { id: 'grafana-datasource-06', class: 'dashboard-uid-labels', hop: 'grafana-datasource', breaks: ['dashboard-uid-labels'] },
  { id: 'grafana-datasource-10', class: 'connected-no-labels', hop: 'grafana-datasource', breaks: ['connected-no-labels'] },
];

const query: readonly Case[] = [
  { id: 'query-02', class: 'query-limits', hop: 'query', breaks: ['query-limits'], says: /max_query_length/ },
  {
    id: 'query-03',
    class: 'query-limits',
    hop: 'query',
    evidence: {
      logs: [
        lines(
          'query-frontend',
          'level=error ts={time} caller=retry.go:95 org_id=training-on-eks msg="error processing request" try=4 err="rpc error: code = Code(429) desc = too many outstanding requests"',
        ),
      ],
    },
    says: /outstanding/,
  },
  { id: 'query-05', class: 'store-read-gap', hop: 'query', breaks: ['store-read-gap'] },
  {
    id: 'query-06',
    class: 'grpc-size',
    hop: 'query',
    evidence: {
      logs: [
        lines(
          'query-frontend',
          'level=error ts={time} caller=retry.go:95 msg="error processing request" err="rpc error: code = ResourceExhausted desc = grpc: received message larger than max (168430090 vs. 104857600)"',
        ),
      ],
    },
  },
];

const counted = (reason: string, count: number) => ({
  component: 'distributor',
  values: { [`loki_discarded_samples_total{reason="${reason}",tenant="training-on-eks"}`]: count },
});
const refused = (details: string): string =>
  `level=error ts={time} caller=manager.go:50 component=distributor path=write insight=true msg="write operation failed" details="${details}" org_id=training-on-eks`;

const limits: readonly Case[] = [
  { id: 'limits-01', class: 'rate-limit', hop: 'limits', breaks: ['rate-limit'], says: /rate_limited/ },
  {
    id: 'limits-02',
    class: 'rate-limit',
    hop: 'limits',
    evidence: {
      metrics: [counted('rate_limited', 7694)],
      logs: [
        lines(
          'distributor',
          refused(
            "Ingestion rate limit exceeded for user training-on-eks (limit: 2396745 bytes/sec) while attempting to ingest '7694' lines totaling '819178' bytes",
          ),
        ),
      ],
    },
    says: /rate_limited/,
  },
  {
    id: 'limits-03',
    class: 'rate-limit',
    hop: 'limits',
    evidence: {
      metrics: [counted('rate_limited', 1)],
      logs: [
        lines(
          'distributor',
          refused(
            "Ingestion rate limit exceeded for user training-on-eks (limit: 20971520 bytes/sec) while attempting to ingest '1' lines totaling '11717733' bytes",
          ),
        ),
      ],
    },
    says: /rate_limited/,
  },
  { id: 'limits-05', class: 'stream-limit', hop: 'limits', breaks: ['stream-limit'], says: /stream_limit/ },
  { id: 'limits-06', class: 'label-limit', hop: 'limits', breaks: ['label-limit'], says: /max_label_names_per_series/ },
  { id: 'limits-09', class: 'grpc-size', hop: 'limits', breaks: ['grpc-size'] },
  { id: 'limits-10', class: 'old-or-future-samples', hop: 'limits', breaks: ['old-or-future-samples'], says: /too_far_behind/ },
];

const network: readonly Case[] = [
  { id: 'network-03', class: 'istio', hop: 'network', breaks: ['istio'] },
  { id: 'network-04', class: 'networkpolicy', hop: 'network', breaks: ['networkpolicy'] },
  { id: 'network-05', class: 'node-network', hop: 'network', breaks: ['node-network'] },
  { id: 'network-07', class: 'loadbalancer', hop: 'network', breaks: ['loadbalancer'], says: /subnet/ },
];

const discovery: readonly Case[] = [
  {
    id: 'alloy-discovery-01',
    class: 'alloy-syntax',
    hop: 'alloy-discovery',
    act: (api) => changePipeline(api, (text) => text.replace(/cluster = "([^"]*)",/, 'cluster = "$1"\n      other = "x"')),
    says: /line \d+/,
  },
  {
    id: 'alloy-discovery-02',
    class: 'alloy-syntax',
    hop: 'alloy-discovery',
    act: (api) => changePipeline(api, (text) => text.replace('loki.write.gateway.receiver', 'loki.write.grafana_cloud_loki.receiver')),
    says: /grafana_cloud_loki/,
  },
  { id: 'alloy-discovery-04', class: 'discovery-scope', hop: 'alloy-discovery', breaks: ['discovery-scope'] },
  { id: 'alloy-discovery-06', class: 'rbac', hop: 'alloy-discovery', breaks: ['rbac'] },
  {
    id: 'alloy-discovery-09',
    class: 'discovery-scope',
    hop: 'alloy-discovery',
    act: (api) => {
      const { store } = api.place;
      const set = store.list('DaemonSet', { selector: ALLOY_LABEL })[0] as unknown as Doc;
      const { selector, template } = set['spec'];
      api.remove(collector);
      api.create({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'alloy', namespace: 'alloy', labels: set['metadata'].labels, annotations: set['metadata'].annotations },
        spec: { replicas: 1, selector, template },
      } as never);
    },
    says: /Deployment/,
  },
];

const reading: readonly Case[] = [
  { id: 'alloy-read-01', class: 'varlog-mount', hop: 'alloy-read', breaks: ['varlog-mount'] },
  {
    id: 'alloy-read-02',
    class: 'read-permission',
    hop: 'alloy-read',
    breaks: ['read-permission'],
    evidence: {
      logs: [
        lines('alloy', 'ts={time} level=error msg="failed to start tailer" error="open /var/log/pods/loki_loki-ingester-0_5c1f/loki/0.log: permission denied"'),
      ],
    },
  },
  { id: 'alloy-read-05', class: 'cri-parse', hop: 'alloy-read', breaks: ['cri-parse'] },
  { id: 'alloy-read-07', class: 'collector-noise', hop: 'alloy-read', quiet: 'noise', breaks: ['collector-noise'] },
  { id: 'alloy-read-08', class: 'api-tail-loss', hop: 'alloy-read', breaks: ['api-tail-loss'] },
  { id: 'alloy-read-09', class: 'duplicates-positions', hop: 'alloy-read', breaks: ['duplicates-positions'] },
  { id: 'alloy-read-12', class: 'app-not-on-stdout', hop: 'alloy-read', breaks: ['app-not-on-stdout'] },
];

const push: readonly Case[] = [
  {
    id: 'alloy-push-01',
    class: 'push-url',
    hop: 'alloy-push',
    act: (api) => changePipeline(api, (text) => text.replace(/"http:\/\/(loki-gateway[^"]*)"/, '"$1"')),
    says: /http:\/\//,
  },
  {
    id: 'alloy-push-03',
    class: 'push-url',
    hop: 'alloy-push',
    act: (api) => changePipeline(api, (text) => text.replace('/loki/api/v1/push', '/otlp')),
    says: /\/otlp/,
  },
  {
    id: 'alloy-push-04',
    class: 'collector-noise',
    hop: 'alloy-push',
    quiet: 'noise',
    evidence: { logs: [lines('alloy', 'ts={time} level=error msg="node exited with error" node=remotecfg err="noop client"')] },
  },
  {
    id: 'alloy-push-05',
    class: 'collector-stuck',
    hop: 'alloy-push',
    fromTheStart: ['collector-stuck'],
    slow: 'kube:list:networkpolicies*',
    evidence: { logs: [{ component: 'loki', lines: [{ time: '-90s', line: 'level=info caller=table.go:318 msg="uploading table"' }] }] },
  },
];

export const pathCases: readonly Case[] = [...gateway, ...tenant, ...grafana, ...query, ...limits, ...network, ...discovery, ...reading, ...push];
