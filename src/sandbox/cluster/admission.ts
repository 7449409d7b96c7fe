/** What the EKS webhooks add to a new pod: the IAM role of its service account. */
import type { ObjectStore, SandboxAccount } from '../types.ts';
import type { Container, Pod, Volume } from './shapes.ts';

interface Grant {
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mount: { readonly name: string; readonly mountPath: string; readonly readOnly: true };
  readonly volume: Volume;
}

/** The pod with the role's variables and token, or `undefined` when its service account has no role. */
export function admitted(store: ObjectStore, account: SandboxAccount, pod: Pod): Pod | undefined {
  const serviceAccount = pod.spec.serviceAccountName ?? 'default';
  const namespace = pod.metadata.namespace ?? 'default';
  const annotations = store.get('ServiceAccount', namespace, serviceAccount)?.metadata.annotations;
  const role = annotations?.['eks.amazonaws.com/role-arn'];
  const grant =
    role !== undefined
      ? irsa(account, role, annotations?.['eks.amazonaws.com/audience'])
      : account.podIdentityRole(namespace, serviceAccount) === undefined
        ? undefined
        : podIdentity(account);
  if (grant === undefined || (pod.spec.volumes ?? []).some((volume) => volume.name === grant.mount.name)) return undefined;
  const equip = (container: Container): Container => {
    const has = new Set((container.env ?? []).map((variable) => variable.name));
    return {
      ...container,
      env: [...(container.env ?? []), ...grant.env.filter((variable) => !has.has(variable.name))],
      volumeMounts: [...(container.volumeMounts ?? []), grant.mount],
    };
  };
  const { initContainers, containers, volumes } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(equip),
      ...(initContainers !== undefined && { initContainers: initContainers.map(equip) }),
      volumes: [...(volumes ?? []), grant.volume],
    },
  };
}

function token(name: string, of: { readonly audience: string; readonly path: string }): Volume {
  return {
    name,
    projected: { defaultMode: 420, sources: [{ serviceAccountToken: { audience: of.audience, expirationSeconds: 86400, path: of.path } }] },
  } as Volume;
}

function irsa(account: SandboxAccount, role: string, audience = 'sts.amazonaws.com'): Grant {
  return {
    env: [
      { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' },
      { name: 'AWS_DEFAULT_REGION', value: account.region },
      { name: 'AWS_REGION', value: account.region },
      { name: 'AWS_ROLE_ARN', value: role },
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token' },
    ],
    mount: { name: 'aws-iam-token', mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount', readOnly: true },
    volume: token('aws-iam-token', { audience, path: 'token' }),
  };
}

function podIdentity(account: SandboxAccount): Grant {
  const folder = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount';
  return {
    env: [
      { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' },
      { name: 'AWS_DEFAULT_REGION', value: account.region },
      { name: 'AWS_REGION', value: account.region },
      { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://169.254.170.23/v1/credentials' },
      { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: `${folder}/eks-pod-identity-token` },
    ],
    mount: { name: 'eks-pod-identity-token', mountPath: folder, readOnly: true },
    volume: token('eks-pod-identity-token', { audience: 'pods.eks.amazonaws.com', path: 'eks-pod-identity-token' }),
  };
}
