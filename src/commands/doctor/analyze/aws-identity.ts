/** Hop aws-identity: Loki's pods get the intended role. */
import type { Json, Verdict } from '../../../engine/types.ts';
import { getPath } from '../../../design/get-path.ts';
import { distrust, podDistrust } from './aws-trust.ts';
import { core, said } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';

const hop = 'aws-identity';
/** The SDK's error messages, old and new, when it gets no credentials. */
export const REFUSED =
  /AssumeRoleWithWebIdentity|InvalidIdentityToken|get credentials: failed|failed to (refresh|retrieve) (cached )?credentials|no EC2 IMDS role found|EC2MetadataError|WebIdentityErr|NoCredentialProviders|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidClientTokenId|ExpiredToken|EKS Pod Identity|CredentialsEndpointError/i;

const staticKeys = ({ config }: LokiEvidence): boolean =>
  ['storage_config.aws.access_key_id', 'common.storage.s3.access_key_id'].some((path) => Boolean(getPath(config, path)));

export const roleNamed: DoctorCheck = {
  id: 'identity.role-named',
  title: "Loki's service account has a role",
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    if (staticKeys(loki)) return skip('Loki uses static access keys');
    if (loki.buckets.length === 0) return skip("Loki doesn't store logs in S3");
    const { account, namespace } = loki;
    const object = `ServiceAccount ${namespace}/${account.name}`;
    if (!account.exists) return fail('LOKI_ACCOUNT_MISSING', { message: `${object}, which Loki's pods use, does not exist`, evidence: [`${object}: absent`] });
    if (account.roleArn && !/^arn:[^:]+:iam::\d{12}:role\/\S+$/.test(account.roleArn)) {
      return fail('IRSA_ROLE_MISSING', {
        message: `${object} names "${account.roleArn}", which is not the ARN of a role`,
        evidence: [`${object}: eks.amazonaws.com/role-arn: ${account.roleArn}`],
      });
    }
    if (account.roleArn || account.association) return pass(account.roleArn ?? account.association);
    return fail('LOKI_ROLE_ANNOTATION_MISSING', {
      message: `${object} has no annotation eks.amazonaws.com/role-arn, so Loki falls back to the node's role`,
      fix: `kubectl -n ${namespace} annotate serviceaccount ${account.name} eks.amazonaws.com/role-arn=arn:${cluster.partition}:iam::ACCOUNT:role/ROLE, and the same under serviceAccount.annotations in the values; then kubectl -n ${namespace} rollout restart deployment,statefulset`,
      evidence: [`${object}: metadata.annotations["eks.amazonaws.com/role-arn"] is not set`, ...said(core(loki), REFUSED, 1)],
    });
  },
};

export const providerThere: DoctorCheck = {
  id: 'identity.provider',
  title: "The cluster's OIDC provider exists in IAM",
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    if (!loki.account.roleArn) return skip('IRSA is not used');
    if (!cluster.providerArn) return skip('the cluster has no OIDC issuer');
    if (cluster.provider) return pass();
    return fail('IRSA_PROVIDER_MISSING', {
      message: `The account has no OIDC provider for this cluster: ${cluster.providerArn}`,
      fix: `eksctl utils associate-iam-oidc-provider --cluster ${cluster.name} --region ${cluster.region} --approve`,
      evidence: [`iam: ${cluster.providerArn} is absent`, ...said(core(loki), REFUSED, 1)],
    });
  },
};

export const roleTrusts: DoctorCheck = {
  id: 'identity.trust',
  title: "The role trusts Loki's service account",
  at: ['doctor'],
  hop,
  async run(collected) {
    const { loki, cluster } = collected;
    if (!loki) return NO_LOKI;
    const { account } = loki;
    const arn = account.roleArn ?? account.association;
    if (!arn || !account.role) return skip(arn ? 'the role was not checked' : 'no role is set');
    if (account.role.is === 'absent') {
      return fail('IRSA_ROLE_MISSING', {
        message: `Role ${arn} does not exist`,
        fix: `make the role, or name the right one in the annotation of ServiceAccount ${loki.namespace}/${account.name}`,
        evidence: [
          `ServiceAccount ${loki.namespace}/${account.name}: eks.amazonaws.com/role-arn: ${arn}`,
          'iam: no such role',
          ...said(core(loki), REFUSED, 1),
        ],
      });
    }
    if (!account.roleArn) return podTrust(arn, account.role.trust);
    const subject = `system:serviceaccount:${loki.namespace}:${account.name}`;
    const wrong = distrust(account.role.trust, { collected, subject });
    if (wrong === undefined) return pass(subject);
    return fail('IRSA_TRUST_MISMATCH', {
      message: `Role ${arn} does not let ${subject} in: ${wrong.why}`,
      fix: `aws iam update-assume-role-policy --role-name ${arn.split('/').at(-1)} --policy-document '${trustFor(collected, subject)}'`,
      evidence: [`trust policy, ${wrong.field}: ${wrong.found}`, `wanted: ${wrong.wanted}`, ...said(core(loki), REFUSED, 1)],
    });
    function trustFor({ cluster: { issuer, providerArn } }: Evidence, sub: string): string {
      const Condition = { StringEquals: { [`${issuer}:sub`]: sub, [`${issuer}:aud`]: 'sts.amazonaws.com' } };
      return JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Federated: providerArn ?? cluster.name }, Action: 'sts:AssumeRoleWithWebIdentity', Condition }],
      });
    }
  },
};

/** Pod Identity has one principal for all clusters; the association determines the account. */
function podTrust(arn: string, trust: Json): Verdict {
  const why = podDistrust(trust);
  if (why === undefined) return pass('Pod Identity');
  const Statement = [{ Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }];
  return fail('IRSA_TRUST_MISMATCH', {
    message: `Role ${arn} does not let EKS Pod Identity in: ${why}`,
    fix: `aws iam update-assume-role-policy --role-name ${arn.split('/').at(-1)} --policy-document '${JSON.stringify({ Version: '2012-10-17', Statement })}'`,
    evidence: [`trust policy: ${why}`, 'wanted: Principal.Service pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession'],
  });
}

/** With Pod Identity, an agent on each node hands out the roles. */
export const agentThere: DoctorCheck = {
  id: 'identity.agent',
  title: 'The Pod Identity agent is running',
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    const { association, agent, roleArn, name } = loki.account;
    if (!association || agent === undefined) return skip('Pod Identity is not used');
    if (agent) return pass();
    if (roleArn) return skip("the role comes from the service account's annotation");
    return fail('POD_IDENTITY_NO_AGENT', {
      message: `ServiceAccount ${loki.namespace}/${name} has a Pod Identity association, but no agent hands its role out`,
      fix: `aws eks create-addon --cluster-name ${cluster.name} --region ${cluster.region} --addon-name eks-pod-identity-agent`,
      evidence: [`eks: association of ${loki.namespace}/${name} with ${association}`, 'DaemonSet kube-system/eks-pod-identity-agent: absent'],
    });
  },
};

export const podsHaveRole: DoctorCheck = {
  id: 'identity.pods',
  title: "Loki's pods run with that role",
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const { account, namespace } = loki;
    const { roleArn, association } = account;
    if (!roleArn && !association) return skip('no role is set');
    const mine = core(loki).filter(({ spec }) => spec.serviceAccountName === account.name);
    const variable = ({ spec }: PodEvidence, wanted: string) => spec.containers.flatMap(({ env = [] }) => env).find(({ name }) => name === wanted)?.value;
    const has = (pod: PodEvidence) => (roleArn ? variable(pod, 'AWS_ROLE_ARN') === roleArn : variable(pod, 'AWS_CONTAINER_CREDENTIALS_FULL_URI') !== undefined);
    const stale = mine.filter((pod) => !has(pod));
    if (stale.length === 0) return pass(`${mine.length} pods`);
    const since = roleArn ? `named ${roleArn}` : 'was associated with its role';
    return fail('LOKI_PODS_WITHOUT_ROLE', {
      message: `${stale.length} of ${mine.length} Loki pods started before ServiceAccount ${namespace}/${account.name} ${since}`,
      fix: `kubectl -n ${namespace} rollout restart deployment,statefulset -l app.kubernetes.io/name=loki`,
      evidence: stale
        .slice(0, 3)
        .map((pod) =>
          roleArn
            ? `pod ${pod.name}: AWS_ROLE_ARN is ${variable(pod, 'AWS_ROLE_ARN') ?? 'not set'}`
            : `pod ${pod.name}: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set`,
        ),
    });
  },
};
