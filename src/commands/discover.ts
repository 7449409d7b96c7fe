/** Facts, read once and concurrently. */
import { EVERY, rule } from '../design/permissions.ts';
import type { Facts, NodeFact, StorageClassFact } from '../design/facts.ts';
import { installIdOf } from '../design/ownership.ts';
import { chartSource } from '../design/pins.ts';
import { oidcProviderArn } from '../design/policies.ts';
import type { Permission, Problem } from '../engine/types.ts';
import { ProblemError } from '../problems/problem.ts';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import type { Chart } from '../ports/releases.ts';
import { ADDONS } from './prefetch.ts';
import { remembered } from './read-installation.ts';
import { keptInUse, spreadInUse } from './running-loki.ts';
import { COUNTED_NODES, nodeFacts } from './nodes.ts';
import { grafanas } from './grafana.ts';
import type { RunContext } from '../deps.ts';
import type { Session } from './connect.ts';

export interface Discovery {
  /** Whether the charts must be on disk; otherwise only their pins are needed. */
  readonly charts?: Promise<Facts['charts']>;
  /** Nothing will be scheduled: on a big cluster a sample of nodes is enough. */
  readonly sampleNodes?: boolean;
}

export async function discover(run: RunContext, { looking: aws, caller, cluster, kubernetes }: Session, options: Discovery = {}): Promise<Facts> {
  const { partition, account } = caller;
  const providerArn = cluster.issuer && oidcProviderArn({ partition, account, issuer: cluster.issuer });
  const [
    kubeVersion,
    nodes,
    storageClasses,
    csiDrivers,
    dns,
    provider,
    podIdentityAgent,
    ebsAddon,
    charts,
    monitors,
    installedStorageClass,
    installedSpread,
    found,
    inUse,
    memory,
  ] = await Promise.all([
    kubernetes.version(),
    nodeFacts(kubernetes, { sample: options.sampleNodes ?? false }),
    kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }),
    kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadataOnly: true }),
    kubernetes.list({ apiVersion: 'v1', kind: 'Service', namespace: 'kube-system', labels: 'k8s-app=kube-dns' }),
    providerArn ? aws.oidcProviders.find(providerArn) : undefined,
    aws.clusters.addon(cluster.name, ADDONS[0]),
    aws.clusters.addon(cluster.name, ADDONS[1]),
    options.charts ?? findCharts(run, { fetchCharts: false }),
    kubernetes.get(SERVICE_MONITORS),
    classInUse(kubernetes, run.settings.namespace),
    spreadInUse(kubernetes, run.settings.namespace),
    grafanas(run, kubernetes),
    keptInUse(kubernetes, { namespace: run.settings.namespace, installId: installIdOf(cluster.arn, run.settings.namespace) }),
    remembered(run, { kubernetes, cluster }),
  ]);
  run.emit({
    type: 'fact.found',
    fact: 'nodes',
    value: options.sampleNodes && nodes.length > COUNTED_NODES ? `more than ${COUNTED_NODES}` : nodesInWords(nodes),
  });
  // Commands that do not install use the charts that are installed.
  for (const chart of options.charts ? [charts.loki, charts.alloy] : []) run.emit({ type: 'fact.found', fact: `chart ${chart.name}`, value: chart.origin });
  const service = dns.map(dnsFact).find((fact) => fact !== undefined);
  return {
    caller,
    region: aws.region,
    cluster,
    ...(provider && { oidcProvider: { arn: provider.arn, audiences: provider.audiences } }),
    ...(podIdentityAgent && { podIdentityAgent }),
    ...(ebsAddon && { ebsAddon }),
    kubeVersion,
    nodes,
    storageClasses: storageClasses.map(storageClassFact),
    csiDrivers: csiDrivers.map(({ metadata }) => metadata.name),
    ...(service && { dns: service }),
    serviceMonitors: monitors !== undefined,
    ...(installedStorageClass && { installedStorageClass }),
    ...(installedSpread && { installedSpread }),
    grafanas: found,
    today: run.deps.clock.now().toISOString().slice(0, 10),
    ...(inUse && { inUse }),
    ...memory,
    charts,
  };
}

/**
 * `fetchCharts`: downloads charts and checks their digests. Without it, a pinned chart is known by its pin: enough to plan, not to install. A
 * failed download is reported together with all other problems; a wrong file name given by the user stops at once.
 */
export async function findCharts({ settings, deps }: RunContext, { fetchCharts }: { readonly fetchCharts: boolean }): Promise<Facts['charts']> {
  const { lokiChart, alloyChart, chartRepo: repo, helm } = settings;
  const problems: Problem[] = [];
  let opened: ReturnType<typeof deps.charts> | undefined;
  const open = () => (opened ??= deps.charts({ ...(helm && { helm }) }));
  const find = async (which: 'loki' | 'alloy', chart: string | undefined): Promise<Chart> => {
    const source = chartSource(which, { ...(chart && { chart }), ...(repo && { repo }) });
    const obtain = async () => (await open()).obtain(source);
    if (source.is !== 'pinned') return obtain();
    const pinned = { path: '', name: source.name, version: source.version, appVersion: '', sha256: source.sha256, origin: `${source.repo} (pinned)` };
    if (!fetchCharts) return pinned;
    return obtain().catch((error: unknown) => {
      if (!(error instanceof ProblemError)) throw error;
      problems.push(error.problem);
      return pinned;
    });
  };
  const [loki, alloy] = await Promise.all([find('loki', lokiChart), find('alloy', alloyChart)]);
  return { loki, alloy, ...(problems.length > 0 && { problems }) };
}

/** A StatefulSet can't change the class of its volumes, so the one in use matters. */
async function classInUse(kubernetes: Kubernetes, namespace: string): Promise<string | undefined> {
  const labels = 'app.kubernetes.io/instance=loki';
  const claims = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, labels });
  return claims.map(({ spec }) => (spec as { storageClassName?: string } | undefined)?.storageClassName).find(Boolean);
}

/** The CRD of Prometheus Operator; without it the API server rejects the objects. */
const SERVICE_MONITORS = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'servicemonitors.monitoring.coreos.com' };

function storageClassFact(object: KubeObject): StorageClassFact {
  const { provisioner, volumeBindingMode, allowVolumeExpansion } = object as {
    provisioner?: string;
    volumeBindingMode?: string;
    allowVolumeExpansion?: boolean;
  };
  return {
    name: object.metadata.name,
    provisioner: provisioner ?? '',
    isDefault: object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    bindingMode: volumeBindingMode ?? 'Immediate',
    expandable: allowVolumeExpansion ?? false,
  };
}

function dnsFact({ metadata, spec }: KubeObject): Facts['dns'] {
  const clusterIP = (spec as { clusterIP?: string } | undefined)?.clusterIP;
  if (!clusterIP || clusterIP === 'None') return undefined;
  return { namespace: metadata.namespace ?? 'kube-system', name: metadata.name, clusterIP };
}

function nodesInWords(nodes: readonly NodeFact[]): string {
  const count = (test: (node: NodeFact) => boolean) => nodes.filter(test).length;
  const kinds = [
    [count(({ os, kind }) => os === 'linux' && kind !== 'fargate'), 'Linux'],
    [count(({ gpu }) => gpu), 'with GPU'],
    [count(({ taints, kind }) => taints.length > 0 && kind !== 'fargate'), 'tainted'],
    [count(({ kind }) => kind === 'fargate'), 'Fargate'],
    [count(({ os }) => os === 'windows'), 'Windows'],
  ] as const;
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n} ${word}`)
    .join(', ');
}

/** `doctor` does its own discovery, and continues without an answer. */
const DISCOVERING = EVERY.filter((one) => one !== 'doctor');
export const discoverPermissions: readonly Permission[] = [
  {
    to: 'read two add-ons of the cluster; without it that is left out',
    for: DISCOVERING,
    actions: ['eks:DescribeAddon'],
    on: ['eks-pod-identity-agent', 'aws-ebs-csi-driver'].map((name) => `arn:aws:eks:REGION:ACCOUNT:addon/CLUSTER/${name}/*`),
  },
  rule('cluster', 'list', 'nodes storageclasses.storage.k8s.io', { to: 'know the cluster', for: DISCOVERING }),
  rule('cluster', 'list', 'csidrivers.storage.k8s.io deployments.apps statefulsets.apps', { to: 'know its storage, and find Grafana', for: DISCOVERING }),
  rule('cluster', 'get', 'customresourcedefinitions.apiextensions.k8s.io', { to: 'know whether ServiceMonitors can be read', for: DISCOVERING }),
  rule('cluster', 'list', 'pods', { to: 'see how much room nodes have left', for: ['plan', 'verify', 'install', 'adopt', 'orphan'] }),
  rule('kube-system', 'list', 'services', { to: "find the cluster's DNS", for: DISCOVERING }),
  rule('loki', 'get', 'configmaps statefulsets.apps', { to: 'keep the schema, the buckets and the layout of an installed Loki', for: DISCOVERING }),
  rule('loki', 'list', 'persistentvolumeclaims', { to: 'keep its StorageClass', for: DISCOVERING }),
];
