/** Hop aws-identity: Loki's pods get the role they are meant to have. */
import type { Json } from '../../engine/types.ts';
import { at } from '../../design/document.ts';
import { said, unwrittenSince } from './log-lines.ts';
import type { DoctorCheck, LokiSeen, Survey } from './survey.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';

const hop = 'aws-identity';
const REFUSED = /AssumeRoleWithWebIdentity|InvalidIdentityToken|get credentials: failed|no EC2 IMDS role found|WebIdentityErr|NoCredentialProviders/;

const staticKeys = ({ config }: LokiSeen): boolean =>
  ['storage_config.aws.access_key_id', 'common.storage.s3.access_key_id'].some((path) => Boolean(at(config, path)));
const store = ({ pods }: LokiSeen) => pods.filter(({ component }) => !/gateway|cache/.test(component));

export const roleNamed: DoctorCheck = {
  id: 'identity.role-named',
  title: "Loki's service account names a role",
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    if (staticKeys(loki)) return skip('Loki uses access keys of its own');
    if (loki.buckets.length === 0) return skip('Loki keeps nothing in S3');
    const { account, namespace } = loki;
    const object = `ServiceAccount ${namespace}/${account.name}`;
    if (!account.exists) return fail('LOKI_ACCOUNT_MISSING', { message: `${object}, which Loki's pods use, does not exist`, evidence: [`${object}: absent`] });
    if (account.roleArn || account.association) return pass(account.roleArn ?? account.association);
    return fail('LOKI_ROLE_UNNAMED', {
      message: `${object} has no annotation eks.amazonaws.com/role-arn, so Loki falls back to the node's role`,
      fix: `kubectl -n ${namespace} annotate serviceaccount ${account.name} eks.amazonaws.com/role-arn=arn:${cluster.partition}:iam::ACCOUNT:role/ROLE, and the same under serviceAccount.annotations in the values; then kubectl -n ${namespace} rollout restart deployment,statefulset`,
      evidence: [`${object}: metadata.annotations["eks.amazonaws.com/role-arn"] is not set`, ...said(store(loki), REFUSED, 1)],
    });
  },
};

export const providerThere: DoctorCheck = {
  id: 'identity.provider',
  title: "IAM knows the cluster's OIDC provider",
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
      evidence: [`iam: ${cluster.providerArn} is absent`, ...said(store(loki), REFUSED, 1)],
    });
  },
};

export const roleTrusts: DoctorCheck = {
  id: 'identity.trust',
  title: 'The role lets this service account in',
  at: ['doctor'],
  hop,
  async run(survey) {
    const { loki, cluster } = survey;
    if (!loki) return NO_LOKI;
    const { account } = loki;
    const arn = account.roleArn ?? account.association;
    if (!arn || !account.role) return skip(arn ? 'the role was not looked at' : 'no role is named');
    if (account.role.is === 'absent') {
      return fail('IRSA_ROLE_MISSING', {
        message: `Role ${arn} does not exist`,
        fix: `make the role, or name the right one in the annotation of ServiceAccount ${loki.namespace}/${account.name}`,
        evidence: [
          `ServiceAccount ${loki.namespace}/${account.name}: eks.amazonaws.com/role-arn: ${arn}`,
          'iam: no such role',
          ...said(store(loki), REFUSED, 1),
        ],
      });
    }
    if (!account.roleArn) return pass('Pod Identity');
    const subject = `system:serviceaccount:${loki.namespace}:${account.name}`;
    const wrong = distrust(account.role.trust, { survey, subject });
    if (wrong === undefined) return pass(subject);
    return fail('IRSA_TRUST_MISMATCH', {
      message: `Role ${arn} does not let ${subject} in: ${wrong.why}`,
      fix: `aws iam update-assume-role-policy --role-name ${arn.split('/').at(-1)} --policy-document '${trustFor(survey, subject)}'`,
      evidence: [`trust policy, ${wrong.field}: ${wrong.found}`, `wanted: ${wrong.wanted}`, ...said(store(loki), REFUSED, 1)],
    });
    function trustFor({ cluster: { issuer, providerArn } }: Survey, sub: string): string {
      const Condition = { StringEquals: { [`${issuer}:sub`]: sub, [`${issuer}:aud`]: 'sts.amazonaws.com' } };
      return JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Federated: providerArn ?? cluster.name }, Action: 'sts:AssumeRoleWithWebIdentity', Condition }],
      });
    }
  },
};

interface Distrust {
  readonly why: string;
  readonly field: string;
  readonly found: string;
  readonly wanted: string;
}

/** Why no statement lets the subject in, told of the statement that comes nearest. */
function distrust(trust: Json, { survey, subject }: { readonly survey: Survey; readonly subject: string }): Distrust | undefined {
  const { issuer = '', providerArn = '' } = survey.cluster;
  const statements = list(at(trust, 'Statement')).filter(
    (one) => at(one, 'Effect') === 'Allow' && list(at(one, 'Action')).some((action) => action === 'sts:AssumeRoleWithWebIdentity' || action === 'sts:*'),
  );
  const federated = statements.filter((one) => list(at(one, 'Principal.Federated')).includes(providerArn));
  if (federated.length === 0) {
    const found = statements.flatMap((one) => list(at(one, 'Principal.Federated'))).join(', ') || 'no AssumeRoleWithWebIdentity at all';
    return { why: 'it trusts another OIDC provider, not that of this cluster', field: 'Principal.Federated', found, wanted: providerArn };
  }
  const faults = federated.map((one): Distrust | undefined => {
    const conditions = Object.entries((at(one, 'Condition') ?? {}) as Readonly<Record<string, Json>>);
    for (const [claim, wanted] of [
      ['sub', subject],
      ['aud', 'sts.amazonaws.com'],
    ] as const) {
      for (const [operator, map] of conditions) {
        const values = list((map as Readonly<Record<string, Json>>)[`${issuer}:${claim}`]);
        const fits = values.some((value) => (operator.includes('Like') ? like(String(value), wanted) : value === wanted));
        if (values.length > 0 && !fits)
          return { why: `its condition on ${claim} names another`, field: `Condition.${operator}["${issuer}:${claim}"]`, found: values.join(', '), wanted };
      }
    }
    return undefined;
  });
  return faults.includes(undefined) ? undefined : faults[0];
}

const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : value === undefined ? [] : [value]);
const like = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(text);

export const podsHaveRole: DoctorCheck = {
  id: 'identity.pods',
  title: "Loki's pods were given that role",
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const { account, namespace } = loki;
    if (!account.roleArn) return skip('IRSA is not used');
    const mine = store(loki).filter(({ spec }) => spec.serviceAccountName === account.name);
    const roleIn = ({ spec }: (typeof mine)[number]) => spec.containers.flatMap(({ env = [] }) => env).find(({ name }) => name === 'AWS_ROLE_ARN')?.value;
    const stale = mine.filter((pod) => roleIn(pod) !== account.roleArn);
    if (stale.length === 0) return pass(`${mine.length} pods`);
    return fail('LOKI_PODS_WITHOUT_ROLE', {
      message: `${stale.length} of ${mine.length} Loki pods started before ServiceAccount ${namespace}/${account.name} named ${account.roleArn}`,
      fix: `kubectl -n ${namespace} rollout restart deployment,statefulset -l app.kubernetes.io/name=loki`,
      evidence: stale.slice(0, 3).map((pod) => `pod ${pod.name}: AWS_ROLE_ARN is ${roleIn(pod) ?? 'not set'}`),
    });
  },
};

export const identityAccepted: DoctorCheck = {
  id: 'identity.accepted',
  title: 'AWS accepts that identity',
  at: ['doctor'],
  hop,
  symptom: true,
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    const evidence = said(store(loki), REFUSED, 3, unwrittenSince(survey));
    return evidence.length === 0 ? pass() : fail('LOKI_IDENTITY_REFUSED', { evidence });
  },
};
