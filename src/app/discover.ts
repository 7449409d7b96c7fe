/** Facts, read once and all at once. */
import type { Facts, NodeFact, StorageClassFact } from '../design/facts.ts';
import { pins } from '../design/pins.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Chart } from '../ports/releases.ts';
import { chartFacts, sourcesOf } from './chart-sources.ts';
import { nodeFacts } from './nodes.ts';
import type { Run } from './outside.ts';
import type { Reached } from './reach.ts';

/** `fetchCharts`: get the charts onto this disk and check their digests; otherwise only say what they would be. */
export async function discover(run: Run, { aws, caller, cluster, kubernetes }: Reached, options: { readonly fetchCharts: boolean }): Promise<Facts> {
  const providerArn = cluster.issuer && `arn:${caller.partition}:iam::${caller.account}:oidc-provider/${cluster.issuer.replace('https://', '')}`;
  const [kubeVersion, nodes, storageClasses, csiDrivers, dns, provider, podIdentityAgent, ebsAddon, charts] = await Promise.all([
    kubernetes.version(),
    nodeFacts(kubernetes),
    kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }),
    kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadataOnly: true }),
    kubernetes.list({ apiVersion: 'v1', kind: 'Service', namespace: 'kube-system', labels: 'k8s-app=kube-dns' }),
    providerArn ? aws.oidcProviders.find(providerArn) : undefined,
    aws.clusters.addon(cluster.name, 'eks-pod-identity-agent'),
    aws.clusters.addon(cluster.name, 'aws-ebs-csi-driver'),
    findCharts(run, options),
  ]);
  run.emit({ type: 'fact.found', fact: 'nodes', value: nodesInWords(nodes) });
  for (const chart of [charts.loki, charts.alloy]) run.emit({ type: 'fact.found', fact: `chart ${chart.name}`, value: `${chart.version}, ${chart.origin}` });
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
    charts,
  };
}

async function findCharts({ settings, outside }: Run, { fetchCharts }: { readonly fetchCharts: boolean }): Promise<{ readonly loki: Chart; readonly alloy: Chart }> {
  const charts = () => outside.charts({ ...(settings.helm && { helm: settings.helm }) });
  const sources = sourcesOf(settings, pins);
  const find = async (use: 'loki' | 'alloy') =>
    fetchCharts ? (await charts()).obtain(sources[use]) : chartFacts(sources[use], { pin: pins[use], charts });
  const [loki, alloy] = await Promise.all([find('loki'), find('alloy')]);
  return { loki, alloy };
}

function storageClassFact(object: KubeObject): StorageClassFact {
  const { provisioner, volumeBindingMode, allowVolumeExpansion } = object as { provisioner?: string; volumeBindingMode?: string; allowVolumeExpansion?: boolean };
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
    [count(({ gpu }) => gpu), 'of them GPU'],
    [count(({ taints, kind }) => taints.length > 0 && kind !== 'fargate'), 'tainted'],
    [count(({ kind }) => kind === 'fargate'), 'Fargate'],
    [count(({ os }) => os === 'windows'), 'Windows'],
  ] as const;
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n} ${word}`)
    .join(', ');
}
