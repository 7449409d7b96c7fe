/** The clusters the sandbox can start with. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { grafanaObjects } from '../grafana/seed.ts';
import { nodeOf, type Shape } from './seed-nodes.ts';
import { storageClass, systemObjects } from './seed-system.ts';

/**
 * `empty` has nothing but namespaces; `no-storage-class` has neither classes nor the EBS driver, as a new cluster without add-ons; `auto` is EKS Auto
 * Mode.
 */
export type SeedName = 'default' | 'small' | 'auto' | 'no-storage-class' | 'empty';

export interface SeedOptions {
  readonly region: string;
  readonly name?: SeedName;
  /** Number of m5.xlarge nodes instead of the seed's own. */
  readonly nodes?: number;
  /** How many of these are g5.xlarge, tainted as GPU nodes are; none unless `nodes` is given. */
  readonly gpuNodes?: number;
  /** Includes a Grafana. */
  readonly grafana?: boolean;
  /** `1.33` */
  readonly version: string;
}

const SHAPES: Readonly<Record<SeedName, readonly Shape[]>> = {
  default: ['m5.xlarge', 'm5.xlarge', 'm5.xlarge', 'g5.xlarge', 'fargate', 'bottlerocket'],
  small: ['m5.large', 'm5.large'],
  auto: ['auto', 'auto', 'auto'],
  'no-storage-class': ['m5.xlarge', 'm5.xlarge', 'm5.xlarge'],
  empty: [],
};

/** GPU nodes last, like a node group added later. */
const manyShapes = (nodes: number, gpu: number): readonly Shape[] =>
  Array.from({ length: nodes }, (_, index) => (index < nodes - gpu ? 'm5.xlarge' : 'g5.xlarge'));

export function seedOf(options: SeedOptions): readonly KubeObject[] {
  const name = options.name ?? 'default';
  const shapes = options.nodes === undefined ? SHAPES[name] : manyShapes(options.nodes, options.gpuNodes ?? 0);
  const nodes = shapes.map((shape, index) => nodeOf(options.region, { shape, index, version: options.version }));
  const fargate = nodes.find((node) => node.metadata.labels?.['eks.amazonaws.com/compute-type'] === 'fargate');
  const auto = name === 'auto';
  const ebsDriver = !auto && name !== 'no-storage-class' && name !== 'empty';
  const classes = [
    storageClass('gp2', { provisioner: 'kubernetes.io/aws-ebs', parameters: { type: 'gp2', fsType: 'ext4' } }),
    storageClass('gp3', { provisioner: 'ebs.csi.aws.com' }),
  ];
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((namespace): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    })),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: { clusterIP: '10.100.0.1', clusterIPs: ['10.100.0.1'], ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 443 }] },
    },
    ...nodes,
    ...(ebsDriver ? classes : []),
    ...(auto
      ? [{ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'ebs.csi.eks.amazonaws.com' }, spec: { attachRequired: true } } as KubeObject]
      : []),
    ...(name === 'empty' ? [] : systemObjects({ ebsDriver, coreDns: !auto, daemons: !auto })),
    ...(fargate === undefined ? [] : [fargatePod(fargate.metadata.name)]),
    ...(name === 'default' ? workloads({ gpu: options.nodes === undefined }) : []),
    ...(options.grafana ? grafanaObjects() : []),
  ];
}

/** One pod per node: a Fargate node never holds more. */
function fargatePod(node: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'coredns-fargate-5b8d6c9f7-q2x4z',
      namespace: 'kube-system',
      labels: { 'k8s-app': 'kube-dns', 'eks.amazonaws.com/fargate-profile': 'fp-default' },
    },
    spec: {
      nodeName: node,
      schedulerName: 'fargate-scheduler',
      serviceAccountName: 'coredns',
      containers: [
        {
          name: 'coredns',
          image: '602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/coredns:v1.11.4-eksbuild.14',
          ports: [
            { name: 'dns', containerPort: 53, protocol: 'UDP' },
            { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
            { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
          ],
        },
      ],
    },
  };
}

/** The cluster's workloads: training on the GPU node, and something else that logs. */
function workloads(options: { readonly gpu: boolean }): readonly KubeObject[] {
  const shop = { app: 'shop-front', 'app.kubernetes.io/name': 'shop-front' };
  const trainer = {
    name: 'trainer',
    image: 'public.ecr.aws/example/pytorch-trainer:2.7',
    ...(options.gpu && { resources: { limits: { 'nvidia.com/gpu': '1' }, requests: { cpu: '2', memory: '8Gi' } } }),
  };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'training' } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'llm-finetune', namespace: 'training', labels: { app: 'llm-finetune' } },
      spec: {
        template: {
          metadata: { labels: { app: 'llm-finetune', 'app.kubernetes.io/name': 'llm-finetune' } },
          spec: { restartPolicy: 'Never', tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }], containers: [trainer] },
        },
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop-front', namespace: 'shop', labels: shop },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'shop-front' } },
        template: {
          metadata: { labels: shop },
          spec: {
            containers: [
              {
                name: 'web',
                image: 'public.ecr.aws/example/shop-front:1.8.2',
                ports: [{ name: 'http', containerPort: 8080 }],
                resources: { requests: { cpu: '100m', memory: '128Mi' } },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop-front', namespace: 'shop', labels: shop },
      spec: { selector: { app: 'shop-front' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}
