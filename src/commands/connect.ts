/** Connecting to the cluster: region, caller, cluster, and access to an API that is verified to be this cluster's. */
import { clusterArn, EVERY } from '../design/permissions.ts';
import type { Permission } from '../engine/types.ts';
import { nearest } from '../design/nearest.ts';
import type { Caller } from '../ports/caller.ts';
import type { EksCluster } from '../ports/clusters.ts';
import type { KubeAccess, Kubernetes } from '../ports/kubernetes.ts';
import type { Releases } from '../ports/releases.ts';
import { stop } from '../problems/problem.ts';
import { memoizeReads, prefetchByAccount, prefetchByName, type PrefetchScope } from './prefetch.ts';
import type { Aws } from '../ports/aws.ts';
import type { RunContext } from '../deps.ts';

export interface Session {
  readonly aws: Aws;
  /** The same for reads only: each request is made once, and some are prefetched. */
  readonly looking: Aws;
  readonly caller: Caller;
  readonly cluster: EksCluster;
  readonly access: KubeAccess;
  readonly kubernetes: Kubernetes;
  readonly releases: Releases;
}

export async function connect({ settings, deps, emit }: RunContext, ahead: PrefetchScope = 'nothing'): Promise<Session> {
  const aws = await deps.aws(settings);
  const looking = memoizeReads(aws);
  const asked = clusterName({ settings, deps, aws }).then((name) => {
    const found = aws.clusters.find(name);
    if (ahead !== 'nothing') prefetchByName(looking, name);
    return found.then((cluster) => ({ name, cluster }));
  });
  // If both fail, the caller's identity is reported first.
  asked.catch(() => undefined);
  const caller = await aws.callers.whoami();
  const { name, cluster } = await asked;
  if (!cluster) throw await noSuchCluster(name, { aws, caller });
  if (cluster.external) throw stop('CLUSTER_EXTERNAL', { message: `Cluster ${name} is registered with EKS but does not run on it` });
  if (ahead !== 'nothing') prefetchByAccount(looking, { settings, caller, cluster }, ahead);
  emit({ type: 'fact.found', fact: 'account', value: `${caller.account} as ${caller.arn}` });
  emit({ type: 'fact.found', fact: 'cluster', value: `${name}, Kubernetes ${cluster.version}, ${aws.region}` });
  const access = await accessTo(cluster, { settings, deps, aws });
  const kubernetes = await deps.kubernetes(access);
  const eks = { cluster: cluster.name, region: aws.region, ...(settings.profile && { profile: settings.profile }) };
  const releases = await deps.releases({ access, kubernetes, eks, ...(settings.helm && { helm: settings.helm }) });
  return { aws, looking, caller, cluster, access, kubernetes, releases };
}

type Parts = Pick<RunContext, 'settings' | 'deps'> & { readonly aws: Aws };

/** Asked only if it was not given and the run is interactive. */
async function clusterName({ settings, deps, aws }: Parts): Promise<string> {
  if (settings.cluster) return settings.cluster;
  if (!deps.questions) throw stop('SETTING_MISSING', { message: 'cluster is missing', fix: 'Add `--cluster NAME`, or set LOKI_EKS_CLUSTER' });
  const names = await aws.clusters.names();
  if (names.length === 0) throw stop('CLUSTER_NOT_FOUND', { message: `No EKS cluster in ${aws.region}`, fix: 'Set the right region with `--region`' });
  return deps.questions.choose(
    `Which EKS cluster in ${aws.region}?`,
    names.map((name) => ({ value: name, label: name })),
    { searchable: true },
  );
}

async function noSuchCluster(name: string, { aws, caller }: { readonly aws: Aws; readonly caller: Caller }) {
  const names = await aws.clusters.names().catch(() => []);
  const near = nearest(name, names);
  return stop('CLUSTER_NOT_FOUND', {
    message: `EKS cluster "${name}" not found in ${aws.region}, account ${caller.account}`,
    fix: near ? `Did you mean \`--cluster ${near}\`?` : 'Check `--cluster`, `--region` and `--profile`',
    evidence: names.length > 0 ? [`clusters in this region: ${names.slice(0, 10).join(', ')}`] : ['this region has no clusters'],
  });
}

/** A user's kubeconfig must point to this cluster's server: its current context may be any cluster. */
async function accessTo(cluster: EksCluster, { settings, deps, aws }: Parts): Promise<KubeAccess> {
  const { endpoint, certificateAuthority, name } = cluster;
  if (!endpoint || !certificateAuthority) {
    throw stop('CLUSTER_NOT_ACTIVE', { message: `Cluster ${name} is ${cluster.status} and has no endpoint yet` });
  }
  if (!settings.kubeconfig && !settings.context) {
    return { is: 'eks', server: endpoint, ca: certificateAuthority, token: () => aws.kubeToken(name) };
  }
  const given = { ...(settings.kubeconfig && { path: settings.kubeconfig }), ...(settings.context && { context: settings.context }) };
  const { context, server } = await deps.kubeconfigServer(given);
  if (hostOf(server) !== hostOf(endpoint)) {
    throw stop('KUBECONFIG_OTHER_CLUSTER', {
      message: `Context ${context} points to ${server}, but cluster ${name} has the endpoint ${endpoint}`,
      fix: `Run \`aws eks update-kubeconfig --name ${name} --region ${aws.region}\`, or remove \`--kubeconfig\` and \`--context\``,
    });
  }
  return { is: 'kubeconfig', ...given };
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host.toLowerCase() : url);

/** Every identity is allowed to ask who it is. */
export const reachPermissions: readonly Permission[] = [
  {
    to: 'list clusters where --cluster is not given or names none; IAM takes no narrower resource for it',
    for: EVERY,
    actions: ['eks:ListClusters'],
    on: ['*'],
  },
  { to: 'find the cluster', for: EVERY, actions: ['eks:DescribeCluster'], on: [clusterArn] },
];
