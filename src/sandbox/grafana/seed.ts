/** A Grafana with sidecars, as kube-prometheus-stack installs it: data sources from its own namespace, dashboards from all namespaces. */
import type { KubeObject } from '../../ports/kubernetes.ts';

const NAMESPACE = 'monitoring';
const NAME = 'monitoring-grafana';
const LABELS = { 'app.kubernetes.io/name': 'grafana', 'app.kubernetes.io/instance': 'monitoring' };
/** Simulated, so not a secret: what a chart would have generated. */
const ADMIN_PASSWORD = 'prom-operator';

const fromSecret = (name: string, key: string) => ({ name, valueFrom: { secretKeyRef: { name: NAME, key } } });

function sidecar(what: 'datasources' | 'dashboard', env: Readonly<Record<string, string>>): object {
  const plural = what === 'dashboard' ? 'dashboards' : what;
  const plain = {
    METHOD: 'WATCH',
    LABEL: `grafana_${what.replace(/s$/, '')}`,
    LABEL_VALUE: '1',
    RESOURCE: 'both',
    REQ_URL: `http://localhost:3000/api/admin/provisioning/${plural}/reload`,
    REQ_METHOD: 'POST',
    ...env,
  };
  return {
    name: `grafana-sc-${what}`,
    image: 'quay.io/kiwigrid/k8s-sidecar:2.10.1',
    env: [
      ...Object.entries(plain).map(([name, value]) => ({ name, value })),
      fromSecret('REQ_USERNAME', 'admin-user'),
      fromSecret('REQ_PASSWORD', 'admin-password'),
    ],
  };
}

export function grafanaObjects(): readonly KubeObject[] {
  const metadata = { name: NAME, namespace: NAMESPACE, labels: LABELS };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: { 'admin-user': base64('admin'), 'admin-password': base64(ADMIN_PASSWORD) } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: LABELS, ports: [{ name: 'http-web', port: 80, targetPort: 'grafana' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: LABELS },
        template: {
          metadata: { labels: LABELS },
          spec: {
            serviceAccountName: NAME,
            containers: [
              sidecar('dashboard', { FOLDER: '/tmp/dashboards', NAMESPACE: 'ALL' }),
              sidecar('datasources', { FOLDER: '/etc/grafana/provisioning/datasources' }),
              {
                name: 'grafana',
                image: 'docker.io/grafana/grafana:12.1.1',
                ports: [{ name: 'grafana', containerPort: 3000, protocol: 'TCP' }],
                env: [fromSecret('GF_SECURITY_ADMIN_USER', 'admin-user'), fromSecret('GF_SECURITY_ADMIN_PASSWORD', 'admin-password')],
                readinessProbe: { httpGet: { path: '/api/health', port: 3000 } },
              },
            ],
          },
        },
      },
    },
  ];
}
