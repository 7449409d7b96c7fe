/** AWS reads that start as soon as their arguments are known, long before they are needed; each is made once and shared by all callers. */
import { rightsAsked } from '../checks/iam-suffices.ts';
import { bucketName, bucketNamespace, roleName, rolePolicy } from '../design/names.ts';
import { installIdOf } from '../design/ownership.ts';
import { bucketArn, oidcProviderArn, roleArn } from '../design/policies.ts';
import type { Settings } from '../design/settings-type.ts';
import type { Buckets } from '../ports/buckets.ts';
import type { Caller } from '../ports/caller.ts';
import type { EksCluster } from '../ports/clusters.ts';
import type { Aws } from '../ports/aws.ts';

/** How much a command will read: nothing, what discovery reads, or also everything an installation consists of. */
export type PrefetchScope = 'nothing' | 'facts' | 'installation';

export const ADDONS = ['eks-pod-identity-agent', 'aws-ebs-csi-driver'] as const;

/** The same ports, for reads only: code that changes anything must read again. A failure is returned to every caller. */
export function memoizeReads(aws: Aws): Aws {
  const bucketsOf = memoize((account: string): Buckets => {
    const buckets = aws.buckets(account);
    return { ...buckets, look: memoize(buckets.look) };
  });
  return {
    ...aws,
    clusters: { ...aws.clusters, addon: memoize(aws.clusters.addon) },
    roles: { ...aws.roles, find: memoize(aws.roles.find), denied: memoize(aws.roles.denied) },
    oidcProviders: { ...aws.oidcProviders, find: memoize(aws.oidcProviders.find) },
    associations: { ...aws.associations, find: memoize(aws.associations.find) },
    buckets: bucketsOf,
  };
}

export function memoize<A extends readonly unknown[], T>(ask: (...of: A) => T): (...of: A) => T {
  const answers = new Map<string, T>();
  return (...of) => {
    const key = JSON.stringify(of);
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = ask(...of);
    answers.set(key, answer);
    // A prefetch may fail before anything awaits it, or never be needed.
    if (answer instanceof Promise) answer.catch(() => undefined);
    return answer;
  };
}

/** What can be read knowing only the cluster's name. */
export function prefetchByName(looking: Aws, cluster: string): void {
  for (const addon of ADDONS) void looking.clusters.addon(cluster, addon);
}

export interface Known {
  readonly settings: Settings;
  readonly caller: Caller;
  readonly cluster: EksCluster;
}

/** What can be read once account and cluster are known. If a name turns out differently later, it is read then, and this result is unused. */
export function prefetchByAccount(looking: Aws, { settings, caller, cluster }: Known, ahead: PrefetchScope): void {
  const { account, partition } = caller;
  const { region } = looking;
  if (cluster.issuer) void looking.oidcProviders.find(oidcProviderArn({ partition, account, issuer: cluster.issuer }));
  if (ahead !== 'installation') return;
  const installId = installIdOf(cluster.arn, settings.namespace);
  const namespace = bucketNamespace({ wanted: settings.bucketNamespace, region });
  const bucket = (use: 'chunks' | 'ruler') => bucketName({ prefix: settings.bucketPrefix, use, installId, namespace, account, region });
  const role = roleName(cluster.name, installId);
  void looking.roles.find(role, { inline: rolePolicy });
  for (const use of ['chunks', 'ruler'] as const) void looking.buckets(account).look(bucket(use));
  const arns = { bucket: bucketArn(partition, bucket('chunks')), role: roleArn({ partition, account, path: settings.iamPath, name: role }) };
  for (const [actions, arn] of rightsAsked(arns)) void looking.roles.denied(actions, arn);
}
