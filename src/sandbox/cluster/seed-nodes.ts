/** Nodes as EKS creates them: labels, taints, capacity and addresses of each node shape. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Taint } from './shapes.ts';

export type Shape = 'm5.xlarge' | 'm5.large' | 'g5.xlarge' | 'fargate' | 'bottlerocket' | 'auto';

interface Build {
  readonly type: string;
  readonly cpu: string;
  readonly memory: string;
  readonly allocatable: { readonly cpu: string; readonly memory: string; readonly pods: string };
  readonly os: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly more?: Readonly<Record<string, string>>;
}

const AL2023 = 'Amazon Linux 2023.8.20250715';
const ON_DEMAND = { 'eks.amazonaws.com/capacityType': 'ON_DEMAND' };

/** Allocatable according to EKS's kube-reserved formula. */
const BUILDS: Readonly<Record<Shape, Build>> = {
  'm5.xlarge': {
    type: 'm5.xlarge',
    cpu: '4',
    memory: '15924908Ki',
    allocatable: { cpu: '3920m', memory: '14908076Ki', pods: '58' },
    os: AL2023,
    labels: { ...ON_DEMAND, 'eks.amazonaws.com/nodegroup': 'general' },
  },
  'm5.large': {
    type: 'm5.large',
    cpu: '2',
    memory: '7910268Ki',
    allocatable: { cpu: '1930m', memory: '7220092Ki', pods: '29' },
    os: AL2023,
    labels: { ...ON_DEMAND, 'eks.amazonaws.com/nodegroup': 'general' },
  },
  'g5.xlarge': {
    type: 'g5.xlarge',
    cpu: '4',
    memory: '16094456Ki',
    allocatable: { cpu: '3920m', memory: '15077624Ki', pods: '58' },
    os: AL2023,
    labels: { ...ON_DEMAND, 'eks.amazonaws.com/nodegroup': 'gpu', 'nvidia.com/gpu.present': 'true' },
    taints: [{ key: 'nvidia.com/gpu', value: 'true', effect: 'NoSchedule' }],
    more: { 'nvidia.com/gpu': '1' },
  },
  fargate: {
    type: '',
    cpu: '2',
    memory: '3943300Ki',
    allocatable: { cpu: '2', memory: '3840900Ki', pods: '1' },
    os: 'Amazon Linux 2',
    labels: { 'eks.amazonaws.com/compute-type': 'fargate' },
    taints: [{ key: 'eks.amazonaws.com/compute-type', value: 'fargate', effect: 'NoSchedule' }],
  },
  bottlerocket: {
    type: 'm5.large',
    cpu: '2',
    memory: '7936068Ki',
    allocatable: { cpu: '1930m', memory: '7245892Ki', pods: '29' },
    os: 'Bottlerocket OS 1.42.0 (aws-k8s-1.33)',
    labels: { ...ON_DEMAND, 'eks.amazonaws.com/nodegroup': 'bottlerocket' },
  },
  auto: {
    type: 'c6a.large',
    cpu: '2',
    memory: '3922492Ki',
    allocatable: { cpu: '1930m', memory: '3232316Ki', pods: '29' },
    os: 'Bottlerocket (EKS Auto, Standard) 2025.7.18',
    labels: { 'eks.amazonaws.com/compute-type': 'auto', 'karpenter.sh/nodepool': 'general-purpose', 'karpenter.sh/capacity-type': 'on-demand' },
  },
};

/** The `index`-th node of a cluster; zones alternate among the region's first three. */
export function nodeOf(region: string, options: { readonly shape: Shape; readonly index: number; readonly version: string }): KubeObject {
  const build = BUILDS[options.shape];
  const { index } = options;
  const zone = `${region}${'abc'[index % 3]}`;
  const ip = `10.0.${Math.floor(index / 240) % 128}.${10 + (index % 240)}`;
  const domain = region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`;
  const fargate = options.shape === 'fargate';
  const name = `${fargate ? 'fargate-' : ''}ip-${ip.replaceAll('.', '-')}.${domain}`;
  const instance = `i-0${(index + 1).toString(16).padStart(4, '0')}a1b2c3d4e5f6`;
  const types: Readonly<Record<string, string>> =
    build.type === '' ? {} : { 'node.kubernetes.io/instance-type': build.type, 'beta.kubernetes.io/instance-type': build.type };
  const version = `v${options.version}.4-eks-${fargate ? '3abbec1' : '99d6cc0'}`;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        ...types,
        ...build.labels,
        'kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/hostname': name,
        'topology.kubernetes.io/region': region,
        'failure-domain.beta.kubernetes.io/region': region,
        'topology.kubernetes.io/zone': zone,
        'failure-domain.beta.kubernetes.io/zone': zone,
        ...(fargate ? {} : { 'topology.ebs.csi.aws.com/zone': zone, 'k8s.io/cloud-provider-aws': 'd2f3f6ab1c4b2cfaa5b0b2f5c1d1b0a9' }),
      },
      annotations: {
        'node.alpha.kubernetes.io/ttl': '0',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
        'alpha.kubernetes.io/provided-node-ip': ip,
      },
    },
    spec: { providerID: fargate ? `aws:///${zone}/0d0a1b2c3d/${name}` : `aws:///${zone}/${instance}`, ...(build.taints && { taints: build.taints }) },
    status: {
      addresses: [
        { type: 'InternalIP', address: ip },
        { type: 'InternalDNS', address: name },
        { type: 'Hostname', address: name },
      ],
      capacity: { cpu: build.cpu, memory: build.memory, pods: build.allocatable.pods, 'ephemeral-storage': '83873772Ki', 'hugepages-2Mi': '0', ...build.more },
      allocatable: { ...build.allocatable, 'ephemeral-storage': '76224326324', 'hugepages-2Mi': '0', ...build.more },
      conditions: conditions(),
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: {
        architecture: 'amd64',
        bootID: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
        containerRuntimeVersion: 'containerd://1.7.27',
        kernelVersion: '6.1.144-170.251.amzn2023.x86_64',
        kubeProxyVersion: version,
        kubeletVersion: version,
        machineID: `ec2${String(index).padStart(29, '0')}`,
        operatingSystem: 'linux',
        osImage: build.os,
        systemUUID: `ec200000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      },
    },
  };
}

function conditions(): readonly object[] {
  const fine = [
    ['MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ].map(([type, reason, message]) => ({ type, status: 'False', reason, message }));
  return [...fine, { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }];
}
