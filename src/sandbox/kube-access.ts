/** Identifies callers of the simulated Kubernetes API: by an EKS token, the sandbox's own token, or a service account token. */
import { randomUUID } from 'node:crypto';
import { readClaims } from './aws/issuer.ts';
import type { KubeServerOptions } from './kube/server.ts';
import { serviceAccountUser } from './kube/rbac.ts';
import type { OpenWorld } from './world.ts';

type User = NonNullable<ReturnType<KubeServerOptions['authenticate']>>;

/** The audience of tokens that are meant for the API itself. */
const API_AUDIENCE = 'https://kubernetes.default.svc';
const EKS_TOKEN = 'k8s-aws-v1.';

export interface KubeAccessServer extends Pick<KubeServerOptions, 'authenticate' | 'mintToken'> {
  /** A bearer token of a cluster administrator that does not expire: what the kubeconfig holds. */
  readonly token: string;
}

export function createKubeAccess(world: OpenWorld): KubeAccessServer {
  const token = `sandbox-${randomUUID()}`;
  return {
    token,
    authenticate: (bearer) => {
      if (bearer === undefined) return undefined;
      if (bearer === token) return administrator('kubernetes-admin');
      return bearer.startsWith(EKS_TOKEN) ? iamUser(world, bearer) : serviceAccount(world, bearer);
    },
    mintToken: (wish) => ({
      token: world.account.signServiceAccountToken({
        namespace: wish.namespace,
        serviceAccount: wish.serviceAccount,
        audience: wish.audiences.length > 0 ? wish.audiences : [API_AUDIENCE],
        seconds: wish.seconds,
        ...(wish.pod && { pod: wish.pod }),
      }),
      expires: new Date(world.clock.now().getTime() + wish.seconds * 1000),
    }),
  };
}

function administrator(user: string): User {
  return { user, groups: ['system:masters', 'system:authenticated'] };
}

/** Only principals with an access entry are admitted; for a session that is the entry of its role. */
function iamUser(world: OpenWorld, bearer: string): User | undefined {
  const caller = world.account.callerOfPresigned(Buffer.from(bearer.slice(EKS_TOKEN.length), 'base64url').toString('utf8'));
  if (caller === undefined) return undefined;
  const entries = world.account.state.eks.clusters.get(world.clusterName)?.accessEntries;
  const entry = entries?.get(caller.arn) ?? entries?.get(roleOf(caller.arn));
  if (entry === undefined) return undefined;
  // Without an access policy, RBAC alone decides what an entry may do.
  const administers = [...entry.policies].some((policy) => policy.endsWith('/AmazonEKSClusterAdminPolicy'));
  return administers ? administrator(caller.arn) : { user: caller.arn, groups: ['system:authenticated'] };
}

function roleOf(arn: string): string {
  return arn.replace(/^(arn:[^:]+:)sts(::\d{12}:)assumed-role\/([^/]+)\/.*$/, '$1iam$2role/$3');
}

function serviceAccount(world: OpenWorld, bearer: string): User | undefined {
  const claims = readClaims(bearer);
  const issuer = world.account.state.eks.clusters.get(world.clusterName)?.issuer;
  if (claims === undefined || issuer === undefined || claims.iss !== issuer.url || !issuer.verifies(bearer)) return undefined;
  if (claims.exp * 1000 < world.clock.now().getTime() || !claims.aud.includes(API_AUDIENCE)) return undefined;
  const [, namespace = '', name = ''] = /^system:serviceaccount:([^:]+):(.+)$/.exec(claims.sub) ?? [];
  return world.store.get('ServiceAccount', namespace, name) === undefined ? undefined : serviceAccountUser(namespace, name);
}
