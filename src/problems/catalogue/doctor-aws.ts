/** Problems that `doctor` finds between Loki and AWS. */
import { rows } from '../row.ts';

export const doctorAws = rows({
  LOKI_ROLE_UNNAMED: {
    title: "Loki's service account names no role",
    cause: 'The annotation eks.amazonaws.com/role-arn is missing, and there is no Pod Identity association.',
    fix: 'annotate the service account with the role, and restart the pods',
    exit: 6,
    explain:
      "Without it the AWS SDK falls back to the node's role, which pods can rarely reach and which should not have access to the bucket. The log then speaks of IMDS, or of an assumed role with an instance id. Recent lines are still answered from memory, so the loss shows hours later.",
  },
  LOKI_ACCOUNT_MISSING: {
    title: "Loki's service account does not exist",
    cause: 'The chart was told to use an account that nobody made (serviceAccount.create: false).',
    fix: 'create it, or set serviceAccount.create: true in the values',
    exit: 6,
    explain: 'Pods of a missing service account are not created at all: the events of the ReplicaSet say so.',
  },
  LOKI_PODS_WITHOUT_ROLE: {
    title: 'Pods of Loki run without the role of their service account',
    cause: 'They started before the annotation was set, or before it was changed.',
    fix: 'restart the pods: kubectl rollout restart',
    exit: 6,
    explain: 'EKS puts AWS_ROLE_ARN and a token into a pod when it is created, never later.',
  },
  LOKI_IDENTITY_REFUSED: {
    title: 'AWS refuses the identity of Loki',
    cause: "STS or the SDK's chain of credentials says no, though role, trust and provider look right.",
    fix: 'read the log line: it names the call, the status and the reason',
    exit: 6,
    explain:
      'Look for AssumeRoleWithWebIdentity and its status: 403 is trust, 400 InvalidIdentityToken is the provider, a timeout is the way to STS (NAT, or an interface endpoint for sts in a private VPC).',
  },
  IRSA_PROVIDER_MISSING: {
    title: "IAM does not know the cluster's OIDC provider",
    cause: 'The provider was never made, or was deleted.',
    fix: 'eksctl utils associate-iam-oidc-provider --cluster NAME --approve',
    exit: 6,
    explain: 'STS answers InvalidIdentityToken: No OpenIDConnect provider found. Every service account role of the cluster is affected.',
  },
  IRSA_ROLE_MISSING: {
    title: 'The role of the service account does not exist',
    cause: 'It was deleted, or the annotation has a wrong account, path or name.',
    fix: 'make the role, or correct the annotation',
    exit: 6,
    explain: 'STS answers AccessDenied, not NoSuchEntity: from its answer alone one would look for the fault in the trust policy.',
  },
  IRSA_TRUST_MISMATCH: {
    title: 'The role does not let this service account in',
    cause: 'Its trust policy names another provider, namespace, service account or audience.',
    fix: 'aws iam update-assume-role-policy with the subject system:serviceaccount:NAMESPACE:NAME',
    exit: 6,
    explain:
      'With another release name the chart names the account RELEASE-loki; and a cluster made again has another OIDC issuer. Both leave old trust policies behind.',
  },
  LOKI_BUCKET_UNNAMED: {
    title: 'Loki has no bucket',
    cause: 'S3 is its store, but neither storage_config.aws nor common.storage.s3 names a bucket.',
    fix: 'set loki.storage.bucketNames.chunks and .ruler in the values',
    exit: 6,
    explain: 'Often a variable that was empty when the values were written.',
  },
  LOKI_BUCKET_NAME: {
    title: 'A name is no bucket name',
    cause: 'It holds a path, upper-case letters or a variable that was not replaced.',
    fix: 'set loki.storage.bucketNames.chunks to the bare name of the bucket',
    exit: 6,
    explain: 'A prefix in the bucket is not part of its name; S3 answers with HTML, and Loki reports a SerializationError.',
  },
  LOKI_BUCKET_ABSENT: {
    title: 'A bucket of Loki does not exist',
    cause: 'It was deleted, or the configuration has a wrong name.',
    fix: 'aws s3 mb s3://BUCKET, or correct loki.storage.bucketNames in the values',
    exit: 6,
    explain: 'Ingesters keep what they cannot write until memory or disk is full; then lines are lost.',
  },
  LOKI_BUCKET_FOREIGN: {
    title: 'A bucket of Loki belongs to somebody else',
    cause: 'The name is taken by another account, or your own permissions do not suffice to look.',
    fix: 'choose another name, or ask the owner',
    exit: 6,
    explain: 'Names of buckets are global. A bucket policy that denies everybody looks the same.',
  },
  LOKI_BUCKET_REGION: {
    title: 'Loki looks for its bucket in another region',
    cause: 'The region in the configuration is not where the bucket is.',
    fix: 'set the region of the bucket in loki.storage.s3.region',
    exit: 6,
    explain: 'S3 answers 301 PermanentRedirect or BucketRegionError.',
  },
  LOKI_ROLE_POLICY: {
    title: "Loki's role may not do what Loki does in its bucket",
    cause: 'The policy misses an action, or names another bucket; ListBucket needs the bucket, the others its objects.',
    fix: 'aws iam put-role-policy with the four actions, as the finding prints it',
    exit: 6,
    explain:
      'Needed are s3:ListBucket on the bucket, s3:PutObject, s3:GetObject and s3:DeleteObject on its objects, and with a KMS key kms:GenerateDataKey and kms:Decrypt. The simulator does not see bucket and key policies.',
  },
  LOKI_FLUSH_FAILS: {
    title: 'Ingesters fail to write chunks',
    cause: 'S3 refuses, or cannot be reached.',
    fix: 'read the log line: it names the call and the reason',
    exit: 6,
    explain:
      'Queries look right meanwhile, since ingesters answer from memory. Look at the hops aws-identity and s3 first; if those are right, at NAT or the S3 gateway endpoint.',
  },
});
