/** What discovery finds on a plain EKS cluster: three m5.large nodes, the EBS add-on, gp2 that is no default, a gp3 that is. */
import type { Facts, NodeFact } from '../../src/design/facts.ts';
import type { GrafanaFact } from '../../src/design/grafana-workload.ts';
import { readSettings } from '../../src/design/settings.ts';
import type { Settings } from '../../src/design/settings-type.ts';
import type { EksCluster } from '../../src/ports/clusters.ts';
import type { Chart } from '../../src/ports/releases.ts';

const Gi = 2 ** 30;

export function aNode(name: string, over: Partial<NodeFact> = {}): NodeFact {
  return {
    name,
    instanceType: 'm5.large',
    zone: 'ap-northeast-2a',
    os: 'linux',
    arch: 'amd64',
    kind: 'ec2',
    ready: true,
    unschedulable: false,
    gpu: false,
    taints: [],
    labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'node.kubernetes.io/instance-type': 'm5.large' },
    allocatable: { cpu: 1.93, memory: 7 * Gi, pods: 29 },
    requested: { cpu: 0.3, memory: 0.3 * Gi, pods: 4 },
    ...over,
  };
}

export const threeNodes = [
  aNode('ip-10-0-1-11.ap-northeast-2.compute.internal'),
  aNode('ip-10-0-2-22.ap-northeast-2.compute.internal', { zone: 'ap-northeast-2b' }),
  aNode('ip-10-0-3-33.ap-northeast-2.compute.internal', { zone: 'ap-northeast-2c' }),
];

export const someCharts: { readonly loki: Chart; readonly alloy: Chart } = {
  loki: {
    path: '/charts/loki-18.11.0.tgz',
    name: 'loki',
    version: '18.11.0',
    appVersion: '3.7.6',
    sha256: 'd4d9',
    origin: 'grafana-community/loki 18.11.0 (pinned)',
  },
  alloy: { path: '/charts/alloy-1.11.1.tgz', name: 'alloy', version: '1.11.1', appVersion: 'v1.18.1', sha256: 'cc4c', origin: 'grafana/alloy 1.11.1 (pinned)' },
};

export function aCluster(over: Partial<EksCluster> & { readonly partition?: string; readonly region?: string } = {}): EksCluster {
  const { partition = 'aws', region = 'ap-northeast-2', ...fields } = over;
  const suffix = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    name: 'training-on-eks',
    arn: `arn:${partition}:eks:${region}:111122223333:cluster/training-on-eks`,
    status: 'ACTIVE',
    version: '1.33',
    platformVersion: 'eks.10',
    endpoint: `https://0123456789ABCDEF0123456789ABCDEF.gr7.${region}.eks.${suffix}`,
    certificateAuthority: 'LS0tLS1CRUdJTg==',
    issuer: `https://oidc.eks.${region}.${suffix}/id/0123456789ABCDEF0123456789ABCDEF`,
    vpc: 'vpc-0a1b2c3d4e5f67890',
    endpointPublic: true,
    endpointPrivate: true,
    publicCidrs: ['0.0.0.0/0'],
    authenticationMode: 'API_AND_CONFIG_MAP',
    autoMode: false,
    serviceCidr: '172.20.0.0/16',
    external: false,
    healthIssues: [],
    ...fields,
  };
}

/** As kube-prometheus-stack sets it up: data sources from its own namespace only, dashboards from everywhere. */
export function aGrafana(over: Partial<GrafanaFact> = {}): GrafanaFact {
  return {
    kind: 'Deployment',
    namespace: 'monitoring',
    name: 'monitoring-grafana',
    port: 3000,
    selector: 'app.kubernetes.io/name=grafana,app.kubernetes.io/instance=monitoring',
    datasources: { container: 'grafana-sc-datasources', label: 'grafana_datasource', labelValue: '1', resource: 'both', namespaces: 'own', reloads: true },
    dashboards: { container: 'grafana-sc-dashboard', label: 'grafana_dashboard', labelValue: '1', resource: 'both', namespaces: 'all', reloads: true },
    ...over,
  };
}

/** `partition` and `region` change everything that names them. */
export function someFacts(over: Partial<Facts> & { readonly partition?: string } = {}): Facts {
  const { partition = 'aws', region = 'ap-northeast-2', ...fields } = over;
  const cluster = fields.cluster ?? aCluster({ partition, region });
  return {
    caller: { account: '111122223333', arn: `arn:${partition}:iam::111122223333:user/operator`, partition },
    region,
    cluster,
    oidcProvider: { arn: `arn:${partition}:iam::111122223333:oidc-provider/${cluster.issuer?.slice(8)}`, audiences: ['sts.amazonaws.com'] },
    ebsAddon: { name: 'aws-ebs-csi-driver', status: 'ACTIVE', version: 'v1.44.0-eksbuild.1', issues: [] },
    kubeVersion: 'v1.33.4-eks-99d6cc0',
    nodes: threeNodes,
    storageClasses: [
      { name: 'gp2', provisioner: 'kubernetes.io/aws-ebs', isDefault: false, bindingMode: 'WaitForFirstConsumer', expandable: false },
      { name: 'gp3', provisioner: 'ebs.csi.aws.com', isDefault: true, bindingMode: 'WaitForFirstConsumer', expandable: true },
    ],
    csiDrivers: ['ebs.csi.aws.com'],
    dns: { namespace: 'kube-system', name: 'kube-dns', clusterIP: '172.20.0.10' },
    charts: someCharts,
    ...fields,
  };
}

/** Settings as a user would give them; throws when they are not valid. */
export function someSettings(flags: Readonly<Record<string, unknown>> = {}): Settings {
  const read = readSettings({ flags: { cluster: 'training-on-eks', ...flags } });
  if (read.is === 'invalid') throw new Error(read.problems.map(({ message }) => message).join('\n'));
  return read.settings;
}
