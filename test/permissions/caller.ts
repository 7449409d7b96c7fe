/** A caller of the sandbox who has exactly the rights of a policy and of a ClusterRole, and what it asks for. */
import type { AccessRequest, PolicyDocument } from '../../src/sandbox/aws/policy.ts';
import type { Call } from '../../src/sandbox/types.ts';
import type { Terminal } from '../support/sandbox-cli.ts';

export interface Asked {
  readonly aws: readonly AccessRequest[];
  readonly kubernetes: readonly NonNullable<Call['wish']>[];
}

export interface Caller {
  readonly arn: string;
  readonly env: Readonly<Record<string, string>>;
  /** From now on, until the next. */
  allow(policy: PolicyDocument): void;
  /** What it has asked for since the last time. */
  asked(): Asked;
}

export function callerOf({ sandbox: { world } }: Terminal): Caller {
  const arn = `arn:aws:iam::${world.account.id}:user/installer`;
  let policy: PolicyDocument = { Version: '2012-10-17', Statement: [] };
  let requests: AccessRequest[] = [];
  let seen = world.calls.length;
  const principal = {
    arn,
    userId: 'AIDAINSTALLER',
    policies: () => [policy],
    boundary: () => undefined,
    asked: (one: AccessRequest) => void requests.push(one),
  };
  const { accessKeyId, secretAccessKey } = world.account.keys.addUserKey(principal);
  // RBAC has no effect here: rights in Kubernetes are compared with what is asked.
  const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'installer' } };
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  world.store.create({ ...binding, roleRef: role, subjects: [{ kind: 'User', name: arn }] } as never);
  world.account.state.eks.clusters.get(world.clusterName)!.accessEntries.set(arn, { created: new Date(), policies: new Set() });
  return {
    arn,
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: '' },
    allow: (next) => void (policy = next),
    asked: () => {
      const aws = requests;
      requests = [];
      const kubernetes = world.calls.slice(seen).flatMap(({ wish }) => (wish?.user === arn ? [wish] : []));
      seen = world.calls.length;
      return { aws, kubernetes };
    },
  };
}
