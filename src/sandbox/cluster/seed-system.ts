/** What EKS and its add-ons put into a new cluster: networking, DNS, the EBS driver and storage classes. */
import type { KubeObject } from '../../ports/kubernetes.ts';

const SYSTEM = 'kube-system';
const REGISTRY = '602401143452.dkr.ecr.us-west-2.amazonaws.com/eks';

function labelled(app: string, extra: object = {}): { readonly selector: object; readonly metadata: object } {
  return { selector: { matchLabels: { 'k8s-app': app } }, metadata: { labels: { 'k8s-app': app, ...extra } } };
}

/** AWS's own DaemonSets avoid Fargate, hybrid and Auto Mode nodes. */
const NOT_FARGATE = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        {
          matchExpressions: [
            { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] },
            { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64', 'arm64'] },
            { key: 'eks.amazonaws.com/compute-type', operator: 'NotIn', values: ['fargate', 'hybrid', 'auto'] },
          ],
        },
      ],
    },
  },
};

function account(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: SYSTEM } };
}

function daemonSet(
  name: string,
  options: { readonly containers: readonly object[]; readonly initContainers?: readonly object[]; readonly serviceAccountName: string },
): KubeObject {
  const { selector, metadata } = labelled(name);
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace: SYSTEM, labels: { 'k8s-app': name } },
    spec: {
      selector,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
      template: {
        metadata,
        spec: { ...options, hostNetwork: true, priorityClassName: 'system-node-critical', tolerations: [{ operator: 'Exists' }], affinity: NOT_FARGATE },
      },
    },
  };
}

function coreDns(): readonly KubeObject[] {
  const { selector, metadata } = labelled('kube-dns', { 'eks.amazonaws.com/component': 'coredns' });
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
    { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
    { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
  ];
  const container = {
    name: 'coredns',
    image: `${REGISTRY}/coredns:v1.11.4-eksbuild.14`,
    args: ['-conf', '/etc/coredns/Corefile'],
    ports: [
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: 53 },
      { name: 'metrics', containerPort: 9153 },
    ],
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port: 8181 } },
  };
  const tolerations = [
    { key: 'CriticalAddonsOnly', operator: 'Exists' },
    { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
  ];
  return [
    account('coredns'),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: SYSTEM },
      data: {
        Corefile:
          '.:53 {\n    errors\n    health\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n    prometheus :9153\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n    loadbalance\n}\n',
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'kube-dns',
        namespace: SYSTEM,
        labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
      },
      spec: { clusterIP: '10.100.0.10', clusterIPs: ['10.100.0.10'], selector: { 'k8s-app': 'kube-dns' }, ports },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'coredns', namespace: SYSTEM, labels: { 'k8s-app': 'kube-dns' } },
      spec: {
        replicas: 2,
        selector,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
        template: { metadata, spec: { serviceAccountName: 'coredns', priorityClassName: 'system-cluster-critical', tolerations, containers: [container] } },
      },
    },
  ];
}

function ebsDriver(): readonly KubeObject[] {
  const app = { app: 'ebs-csi-controller', 'app.kubernetes.io/name': 'aws-ebs-csi-driver' };
  const plugin = { name: 'ebs-plugin', image: `${REGISTRY}/aws-ebs-csi-driver:v1.46.0` };
  const tolerations = [
    { key: 'CriticalAddonsOnly', operator: 'Exists' },
    { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ];
  return [
    account('ebs-csi-controller-sa'),
    account('ebs-csi-node-sa'),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: 'ebs.csi.aws.com', labels: { 'app.kubernetes.io/name': 'aws-ebs-csi-driver' } },
      spec: { attachRequired: true, podInfoOnMount: false, fsGroupPolicy: 'ReadWriteOnceWithFSType', volumeLifecycleModes: ['Persistent'] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'ebs-csi-controller', namespace: SYSTEM, labels: app },
      spec: {
        replicas: 2,
        selector: { matchLabels: app },
        template: {
          metadata: { labels: app },
          spec: {
            serviceAccountName: 'ebs-csi-controller-sa',
            tolerations,
            containers: [
              { ...plugin, resources: { requests: { cpu: '10m', memory: '40Mi' } } },
              { name: 'csi-provisioner', image: `${REGISTRY}/csi-provisioner:v5.3.0` },
            ],
          },
        },
      },
    },
    daemonSet('ebs-csi-node', { serviceAccountName: 'ebs-csi-node-sa', containers: [{ ...plugin, resources: { requests: { cpu: '10m', memory: '40Mi' } } }] }),
  ];
}

export function storageClass(name: string, options: { readonly provisioner: string; readonly parameters?: object; readonly byDefault?: boolean }): KubeObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, ...(options.byDefault === true && { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }) },
    provisioner: options.provisioner,
    parameters: options.parameters ?? { type: name },
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    ...(name === 'gp2' ? {} : { allowVolumeExpansion: true }),
  } as KubeObject;
}

export interface SystemOptions {
  readonly ebsDriver: boolean;
  readonly coreDns: boolean;
  readonly daemons: boolean;
}

export function systemObjects(options: SystemOptions): readonly KubeObject[] {
  const cni = { name: 'aws-node', image: `${REGISTRY}/amazon-k8s-cni:v1.20.0`, resources: { requests: { cpu: '25m' } } };
  const daemons = [
    account('aws-node'),
    account('kube-proxy'),
    daemonSet('aws-node', {
      serviceAccountName: 'aws-node',
      initContainers: [{ name: 'aws-vpc-cni-init', image: `${REGISTRY}/amazon-k8s-cni-init:v1.20.0` }],
      containers: [cni, { name: 'aws-eks-nodeagent', image: `${REGISTRY}/amazon-k8s-cni:v1.2.4`, resources: { requests: { cpu: '25m' } } }],
    }),
    daemonSet('kube-proxy', {
      serviceAccountName: 'kube-proxy',
      containers: [{ name: 'kube-proxy', image: `${REGISTRY}/kube-proxy:v1.33.0`, resources: { requests: { cpu: '100m' } } }],
    }),
  ];
  return [...(options.daemons ? daemons : []), ...(options.coreDns ? coreDns() : []), ...(options.ebsDriver ? ebsDriver() : [])];
}
