/** Problems that a step runs into: foreign resources in place of ours. */
import { rows } from '../row.ts';

export const steps = rows({
  BUCKET_TAKEN: {
    title: 'The bucket name is already taken',
    cause: 'Another AWS account owns a bucket of this name, or your credentials are not allowed to inspect it.',
    fix: 'Run `loki-eks install --bucket-prefix NAME`',
    exit: 3,
    explain:
      "Every S3 call names your account as the expected owner, so nothing was sent to that bucket. Account-regional names (the default) can't be taken by other accounts.",
  },
  BUCKET_WRONG_REGION: {
    title: 'The bucket is in another region than the cluster',
    cause: 'A bucket of this name exists in another region of this account.',
    fix: "Run `loki-eks install --bucket-prefix NAME`, or install into a cluster in the bucket's region",
    exit: 3,
    explain: "Loki would be redirected on every request, and a bucket can't be moved.",
  },
  BUCKET_NOT_OURS: {
    title: 'The bucket was not created by loki-eks for this cluster',
    cause: 'A bucket of this name exists in your account without the ownership tags of this installation.',
    fix: 'Run `loki-eks install --bucket-prefix NAME`; or, to adopt the bucket with its logs, `loki-eks adopt`',
    exit: 3,
    explain:
      'Buckets of loki-eks have the tags loki-eks/managed-by, loki-eks/cluster-arn and loki-eks/install-id. loki-eks never changes a bucket without them.',
  },
  BUCKET_EXISTS: {
    title: 'The bucket already exists',
    cause: '--existing-buckets is "fail".',
    fix: 'Run `loki-eks install --existing-buckets reuse`',
    exit: 3,
    explain: 'The bucket belongs to an earlier installation in this cluster. With "reuse", its logs are kept and can be queried again.',
  },
  BUCKET_KEY_NEEDED: {
    title: 'The bucket is encrypted with a KMS key that this run does not name',
    cause: 'The bucket was created with --kms-key, and this run does not set that key.',
    fix: 'Run `loki-eks install --kms-key ARN`',
    exit: 3,
    explain:
      "Without the key in its policy, Loki's role can neither read existing logs nor write new ones. loki-eks never downgrades a bucket to weaker encryption.",
  },
  BUCKET_WAS_EMPTIED: {
    title: "Deleted objects can't be restored",
    cause: 'The run emptied the bucket, as --existing-buckets recreate requested, and failed later.',
    fix: 'Run `loki-eks install` to complete the installation',
    exit: 3,
    explain: 'All other changes were rolled back. The bucket and its settings remain.',
  },
  BUCKET_HOLDS_LOGS: {
    title: 'Bucket contains logs; deletion was not confirmed',
    cause: 'The run that created the bucket was interrupted hours ago, and Loki has stored logs in it since.',
    fix: 'Run `loki-eks uninstall --delete-data --confirm-delete-data BUCKET`',
    exit: 3,
    explain: 'Rolling back a run removes what that run created, but log data is deleted only if you name its bucket.',
  },
  EXPIRY_UNCONFIRMED: {
    title: "Expiring the bucket's objects was not confirmed",
    cause: 'The run would add a lifecycle rule that deletes objects, and you have not named the bucket for that.',
    fix: 'Run `loki-eks uninstall --expire-data --confirm-delete-data BUCKET`',
    exit: 3,
    explain:
      'A lifecycle rule that expires objects deletes log data days later. loki-eks adds one only if you named the bucket on the command line of this run or typed its name at the prompt. A rollback never restores one.',
  },
  INGESTERS_UNFLUSHED: {
    title: 'Ingesters have log lines that could not be flushed to S3',
    cause: 'Loki was about to be stopped or scaled down, and some ingesters are unreachable, not running, or fail to write to S3.',
    fix: 'Run `loki-eks doctor` to find the cause, then run the same command again; add `--discard-unflushed` to discard these log lines',
    exit: 3,
    explain:
      'An ingester keeps up to two hours of log lines in memory and in its write-ahead log before they are in S3. Before it stops, loki-eks makes it flush, and its counters (loki_ingester_memory_chunks, loki_ingester_chunks_flush_failures_total) must show that nothing is left. Otherwise Loki keeps running with everything it needs, and its volume claims are kept. Evidence: the log lines "failed to flush" of the ingesters, their state, and a port-forward to port 3100. With --discard-unflushed, the unflushed log lines and the volumes that contain them are deleted and can\'t be recovered. With three replicas of each log line, losing one of three ingesters loses nothing, but losing two does.',
  },
  VOLUMES_NOT_RETAINED: {
    title: 'Kubernetes would delete the volumes of the ingesters',
    cause: 'A values file sets persistence.whenDeleted or persistence.whenScaled of the ingesters to something other than Retain.',
    fix: 'Set it to Retain in your values, or remove it',
    exit: 3,
    explain:
      'A write-ahead log contains log lines that are not in S3 yet. With persistentVolumeClaimRetentionPolicy Delete, Kubernetes deletes it as soon as there are fewer replicas or the StatefulSet is gone, whether it was flushed or not. `loki-eks uninstall` deletes these volumes once they are flushed.',
  },
  BUCKET_EXPIRES_EARLY: {
    title: 'A lifecycle rule would delete objects that Loki still needs',
    cause: "A lifecycle rule on the bucket expires objects before or when Loki's retention ends, or expires alert rules.",
    fix: 'Remove the rule from the bucket, or let it expire objects later than `--retention-days`',
    exit: 3,
    explain:
      'The compactor enforces the retention and deletes chunks and index together. If S3 deletes either of them first, queries fail. Rules for other prefixes or for tagged objects are harmless, and loki-eks changes none of them.',
  },
  RETENTION_WOULD_SHORTEN: {
    title: 'This run would silently shorten log retention',
    cause:
      'The installation, or an earlier one that left its bucket, keeps logs longer than this run would: it has a longer --retention-days, which this run does not set, or the chart values set a shorter period.',
    fix: 'Add `--retention-days N` with the number of days to keep logs, or confirm what the values set with `--confirm-retention PERIOD`',
    exit: 3,
    explain:
      'install takes its settings from flags, environment and settings file, never from an earlier run. A shorter retention deletes logs permanently, so you must set it explicitly. Chart values can do the same in many ways (limits_config, retention_stream, runtimeConfig, structuredConfig, retention_enabled, table_manager, flags), so the objects that the chart renders are compared with those in force: for all logs, for each tenant, for each stream.',
  },
  BUCKET_IN_USE: {
    title: 'The bucket is in use by the installed Loki',
    cause: '--existing-buckets is "recreate", but Loki is still running on this bucket.',
    fix: 'Run `loki-eks uninstall`, then install again with `--existing-buckets recreate`',
    exit: 3,
    explain: 'Emptying a bucket under a running Loki leaves an index that points to deleted chunks.',
  },
  RECREATE_UNCONFIRMED: {
    title: 'Deleting the logs in the bucket was not confirmed',
    cause: '--existing-buckets is "recreate", and the bucket is not empty.',
    fix: 'Run `loki-eks install --existing-buckets recreate --confirm-recreate BUCKET`',
    exit: 3,
    explain:
      "Log data is deleted only if you name its bucket in this run: with --confirm-recreate on the command line, or at the prompt. confirmRecreate in a settings file and LOKI_EKS_CONFIRM_RECREATE don't count, because they would empty the bucket again at every later install. The bucket is emptied in place, not deleted and created again.",
  },
  ROLE_OTHER_PATH: {
    title: 'The role has a different IAM path than the settings',
    cause: 'It was created with another --iam-path, and IAM can neither move a role nor create a second one of the same name.',
    fix: 'Set `--iam-path` to the path of the existing role',
    exit: 3,
    explain: "The path is part of the role's ARN, which Loki's service account names. To change it, uninstall (logs are kept) and install again.",
  },
  NAMESPACE_FORBIDS_COLLECTOR: {
    title: "The collector's namespace does not admit pods with hostPath volumes",
    cause: 'The namespace already existed and enforces the Pod Security level "baseline" or "restricted".',
    fix: 'Run `kubectl label namespace NAME pod-security.kubernetes.io/enforce=privileged --overwrite`',
    exit: 3,
    explain:
      'Alloy reads the log files under /var/log of each node through a hostPath volume. Both levels forbid hostPath volumes, so its DaemonSet would never get a pod. loki-eks labels the namespaces that it creates.',
  },
  OIDC_PROVIDER_MISSING: {
    title: "The account has no IAM OIDC provider for the cluster's issuer",
    cause: 'Every EKS cluster has an issuer; the IAM provider for it is a separate resource that has not been created.',
    fix: 'Run `loki-eks install --create-oidc-provider`, or use `--identity pod-identity`',
    exit: 3,
    explain: 'The provider is shared by every IRSA role in this cluster, so loki-eks creates it only with your approval, and uninstall keeps it.',
  },
  OIDC_AUDIENCE_MISSING: {
    title: 'The OIDC provider does not accept the audience sts.amazonaws.com',
    cause: 'The provider was created with other client IDs.',
    fix: 'Run `loki-eks install --create-oidc-provider` to add the audience',
    exit: 3,
    explain: 'Service account tokens of EKS pods have the audience sts.amazonaws.com in every partition.',
  },
  ROLE_SHARED: {
    title: 'The role is used by other workloads',
    cause: 'Its trust policy admits other principals, or it has policies or instance profiles that loki-eks did not add.',
    fix: 'Remove `--role-name`, so that loki-eks creates its own role',
    exit: 3,
    explain: 'loki-eks never removes policies or instance profiles that it did not add, so it does not adopt a shared role. Nothing has been changed.',
  },
  ROLE_NOT_OURS: {
    title: 'An IAM role of this name was not created by loki-eks',
    cause: 'A role of this name exists without the ownership tags of this installation, or belongs to another cluster.',
    fix: 'Delete or rename that role, or install with another `--namespace`',
    exit: 3,
    explain: 'Role names are unique in an account, regardless of path and case.',
  },
  ASSOCIATION_NOT_OURS: {
    title: 'The Pod Identity association was not created by loki-eks',
    cause: 'EKS allows one association per service account, and one exists already.',
    fix: 'Run `aws eks delete-pod-identity-association`, or install with `--identity irsa`',
    exit: 3,
    explain: 'The association has not been changed.',
  },
  OBJECT_BACKUP_CHANGED: {
    title: 'The backup that a fix made of the objects was changed afterwards',
    cause: 'The Secret in which the run stored the objects before changing them was edited.',
    fix: 'Compare the objects of the release with `helm get manifest NAME -n NAMESPACE`, then delete the Secret',
    exit: 3,
    explain:
      'The journal of the run contains a digest of the backup. A backup that does not match it is never restored, because it would be applied with your permissions.',
  },
  OBJECT_NOT_OURS: {
    title: 'A Kubernetes object of this name was not created by loki-eks',
    cause: 'The object exists without the ownership labels of this installation.',
    fix: 'Delete it, or install into another namespace with `--namespace NAME`',
    exit: 3,
    explain:
      'Objects of loki-eks have the labels app.kubernetes.io/managed-by=loki-eks and loki-eks.dev/install-id. loki-eks never changes an object without them.',
  },
  RELEASE_NOT_OURS: {
    title: 'A Helm release of this name was not created by loki-eks',
    cause: 'Loki or Alloy is already installed, manually or by another tool.',
    fix: 'Run `loki-eks adopt` to adopt it with its logs; or install into other namespaces with `--namespace NAME` and `--collector-namespace NAME`',
    exit: 3,
    explain: 'The release has not been changed. `helm get values` shows how it was configured.',
  },
  NAMESPACE_NOT_EMPTY: {
    title: 'The namespace contains objects that loki-eks did not create',
    cause: 'A user or another program created objects in a namespace that loki-eks created.',
    fix: 'Move or delete those objects, then run `loki-eks uninstall`',
    exit: 3,
    explain: 'Deleting a namespace deletes everything in it, so it is kept as long as it contains objects that loki-eks did not create.',
  },
  PODS_REMAIN: {
    title: 'Pods of the release have not terminated',
    cause: 'A finalizer, an unreachable node or a long termination grace period keeps them.',
    fix: 'Check `kubectl get pods -A -l app.kubernetes.io/instance=loki`, then run the command again',
    exit: 3,
    explain: 'Data is not deleted while a pod may still write to it.',
  },
});
