/** How Loki's pods get their AWS role: the identity provider, the role, and the service account. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { DesignInput } from './design-input.ts';
import type { Blueprint } from './blueprint.ts';
import * as names from './names.ts';
import * as policies from './policies.ts';

/** Only if the cluster has an issuer. */
export function providerPlan({ settings, facts, own }: DesignInput): NonNullable<Blueprint['oidcProvider']> {
  const issuer = facts.cluster.issuer!;
  const { partition, account } = facts.caller;
  return {
    arn: policies.oidcProviderArn({ partition, account, issuer }),
    url: issuer,
    audience: policies.audience,
    tags: { ...settings.tags, ...own.tags },
    mayCreate: settings.createOidcProvider,
  };
}

export function rolePlan(input: DesignInput, buckets: Blueprint['buckets']): Blueprint['role'] {
  const { settings, facts, templates, own } = input;
  const { partition, account } = facts.caller;
  const name = settings.roleName ?? names.roleName(facts.cluster.name, own.installId);
  const subject = { namespace: settings.namespace, serviceAccount: names.lokiServiceAccount };
  const trust =
    settings.identity === 'irsa'
      ? policies.webIdentityTrust(templates, { ...subject, providerArn: providerPlan(input).arn, issuer: facts.cluster.issuer! })
      : policies.podIdentityTrust(templates, { ...subject, clusterArn: facts.cluster.arn });
  return {
    name,
    arn: policies.roleArn({ partition, account, path: settings.iamPath, name }),
    path: settings.iamPath,
    description: `Loki in ${facts.cluster.name} (${facts.region}) reads and writes its two buckets`,
    ...(settings.permissionsBoundary !== undefined && { permissionsBoundary: settings.permissionsBoundary }),
    tags: { ...settings.tags, ...own.tags },
    trust,
    policyName: names.rolePolicy,
    policy: policies.s3Access(templates, {
      account,
      chunksArn: policies.bucketArn(partition, buckets.chunks.name),
      rulerArn: policies.bucketArn(partition, buckets.ruler.name),
      kmsKey: settings.kmsKey,
    }),
  };
}

export function serviceAccount({ settings, own }: DesignInput, roleArn: string): Blueprint['serviceAccount'] {
  const { namespace } = settings;
  const name = names.lokiServiceAccount;
  // With Pod Identity there must be no role annotation: the SDK would prefer it.
  const annotations = settings.identity === 'irsa' ? { ...own.annotations, 'eks.amazonaws.com/role-arn': roleArn } : own.annotations;
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, labels: own.labels, annotations },
    automountServiceAccountToken: false,
  };
  return { namespace, name, object };
}
