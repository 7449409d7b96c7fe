/** Problems that a step meets: what stands where ours should stand. */
import { rows } from '../row.ts';

export const steps = rows({
  BUCKET_TAKEN: {
    title: 'The bucket name belongs to somebody else',
    cause: 'Another AWS account owns a bucket of this name, or your credentials may not look at it.',
    fix: 'loki-eks install --bucket-prefix NAME',
    exit: 3,
    explain:
      'Every S3 call names your account as the expected owner, so nothing was sent to the other bucket. Account-regional names (the default) can never be taken by others.',
  },
  BUCKET_WRONG_REGION: {
    title: 'The bucket is in another region than the cluster',
    cause: 'A bucket of this name was made in another region of this account.',
    fix: 'loki-eks install --bucket-prefix NAME',
    exit: 3,
    explain: 'Loki would be redirected on every request. A bucket cannot move: choose another name, or run in the region of the bucket.',
  },
  BUCKET_NOT_OURS: {
    title: 'The bucket was not made by loki-eks for this cluster',
    cause: 'A bucket of this name exists in your account without the ownership tags of this installation.',
    fix: 'loki-eks install --bucket-prefix NAME; or, to take it over with its logs: loki-eks adopt',
    exit: 3,
    explain: 'Ours are tagged loki-eks/managed-by, loki-eks/cluster-arn and loki-eks/install-id. Nothing without them is ever changed.',
  },
  BUCKET_EXISTS: {
    title: 'The bucket exists already',
    cause: '--existing-buckets is "fail".',
    fix: 'loki-eks install --existing-buckets reuse',
    exit: 3,
    explain: 'A bucket of an earlier installation of this cluster was found. With "reuse" its logs stay and become queryable again.',
  },
  BUCKET_KEY_NEEDED: {
    title: 'The bucket is encrypted with a KMS key that was not named',
    cause: 'The bucket was set up with --kms-key before, and this run does not name the key.',
    fix: 'loki-eks install --kms-key ARN',
    exit: 3,
    explain:
      "Without the key in its policy Loki's role can neither read the logs that are there nor write new ones. A bucket is never taken back to weaker encryption.",
  },
  BUCKET_WAS_EMPTIED: {
    title: 'Deleted objects can not be brought back',
    cause: 'The run emptied the bucket, as it was asked to with --existing-buckets recreate, and failed later.',
    fix: 'loki-eks install, to finish what was begun',
    exit: 3,
    explain: 'Everything else was taken back. The bucket itself stands, with its settings.',
  },
  BUCKET_HOLDS_LOGS: {
    title: 'The bucket holds logs that nobody has named',
    cause: 'A run that made the bucket died hours ago, and Loki has collected logs into it since.',
    fix: 'loki-eks uninstall --delete-data --confirm-delete-data BUCKET',
    exit: 3,
    explain: 'Taking a run back removes what that run made, but log data is deleted only when its bucket has been named.',
  },
  EXPIRY_UNCONFIRMED: {
    title: 'Setting the bucket to expire was not confirmed',
    cause: 'A lifecycle rule that deletes objects would be put on the bucket, and this run has not named the bucket for that.',
    fix: 'loki-eks uninstall --expire-data --confirm-delete-data BUCKET',
    exit: 3,
    explain:
      'A rule that expires objects deletes log data days later. loki-eks puts one on a bucket only when its name was given on the command line of this run, or typed. A rollback never puts one back.',
  },
  INGESTERS_UNFLUSHED: {
    title: 'Ingesters hold log lines that could not be put into S3',
    cause: 'Loki was to end, or to get fewer ingesters, and some of them can not be reached, are not running, or fail to write to S3.',
    fix: 'loki-eks doctor finds why; then run the same command again, or add --discard-unflushed to give these log lines up',
    exit: 3,
    explain:
      'An ingester holds the log lines of up to two hours in memory and in its write-ahead log before they are in S3. Before it ends, it is told to flush, and its own counters (loki_ingester_memory_chunks, loki_ingester_chunks_flush_failures_total) have to say that nothing is left. Where they do not, Loki goes on running with everything it needs, and its volume claims stay. Evidence: the lines "failed to flush" of the ingesters, their state, and a port-forward to port 3100. With --discard-unflushed the rest is given up, with the volumes that hold it; nothing brings it back. With three copies of each line, one lost ingester of three loses nothing, but two do.',
  },
  VOLUMES_NOT_RETAINED: {
    title: 'The cluster would delete the volumes of ingesters by itself',
    cause: 'A values file sets persistence.whenDeleted or persistence.whenScaled of the ingesters to something else than Retain.',
    fix: 'set it to Retain in your values, or leave it out',
    exit: 3,
    explain:
      'A write-ahead log holds log lines that are not in S3 yet. With persistentVolumeClaimRetentionPolicy Delete, Kubernetes deletes it as soon as there are fewer replicas or the StatefulSet is gone, whether it was flushed or not. loki-eks uninstall deletes these volumes once they are flushed.',
  },
  BUCKET_EXPIRES_EARLY: {
    title: 'A lifecycle rule would take objects away under Loki',
    cause: "Somebody's lifecycle rule on the bucket expires objects no later than Loki's retention ends, or expires alert rules.",
    fix: 'take the rule off the bucket, or let it expire objects later than --retention-days',
    exit: 3,
    explain:
      'Retention is the work of the compactor, which takes chunks and index away in step with each other. Where S3 takes one of them first, queries fail. Rules for other prefixes or for tagged objects do no harm, and none of them is ever changed.',
  },
  RETENTION_WOULD_SHORTEN: {
    title: 'The retention would become shorter without anybody having said so',
    cause: 'The installation, or an earlier one that left its bucket, was made with a longer --retention-days than this run has, which names none.',
    fix: '--retention-days N, with the number of days that logs shall be kept',
    exit: 3,
    explain:
      'install takes what it does from flags, environment and file, never from history. But a shorter retention deletes logs for good, so it has to be said.',
  },
  BUCKET_IN_USE: {
    title: 'The bucket is in use by the installed Loki',
    cause: '--existing-buckets is "recreate", but Loki still runs on this bucket.',
    fix: 'loki-eks uninstall, then install again with --existing-buckets recreate',
    exit: 3,
    explain: 'Emptying a bucket under a running Loki leaves an index that points to chunks that are gone.',
  },
  RECREATE_UNCONFIRMED: {
    title: 'Deleting the logs in the bucket was not confirmed',
    cause: '--existing-buckets is "recreate" and the bucket is not empty.',
    fix: 'loki-eks install --existing-buckets recreate --confirm-recreate BUCKET',
    exit: 3,
    explain:
      'Log data is deleted only when its bucket has been named in this run: with --confirm-recreate on the command line, or typed. confirmRecreate in a settings file or LOKI_EKS_CONFIRM_RECREATE does not count, because it would empty the bucket again at every later install. The bucket is emptied in place, never deleted and made again.',
  },
  ROLE_OTHER_PATH: {
    title: 'The role has another IAM path than the settings say',
    cause: 'It was made with another --iam-path, and IAM can neither move a role nor make a second one of the same name.',
    fix: '--iam-path PATH-OF-THE-ROLE',
    exit: 3,
    explain: "The path is part of the role's ARN, which Loki's service account names. To change it, uninstall (logs are kept) and install again.",
  },
  NAMESPACE_FORBIDS_COLLECTOR: {
    title: "The collector's namespace admits no pod that reads files of its node",
    cause: 'The namespace was there before and enforces the pod security level "baseline" or "restricted".',
    fix: 'kubectl label namespace NAME pod-security.kubernetes.io/enforce=privileged --overwrite',
    exit: 3,
    explain:
      'Alloy reads the log files under /var/log of each node, through a hostPath volume. Both levels forbid those, so its DaemonSet would never get a pod. A namespace that the installer makes has the right label.',
  },
  OIDC_PROVIDER_MISSING: {
    title: "The account has no IAM OIDC provider for the cluster's issuer",
    cause: 'Every EKS cluster has an issuer; the IAM provider for it is a separate thing that nobody has made yet.',
    fix: 'loki-eks install --create-oidc-provider   # or: --identity pod-identity',
    exit: 3,
    explain: 'The provider belongs to the account and serves every IRSA role of the cluster, so it is made only with consent and left alone by uninstall.',
  },
  OIDC_AUDIENCE_MISSING: {
    title: 'The OIDC provider does not accept the audience sts.amazonaws.com',
    cause: 'The provider was made with other client ids.',
    fix: 'loki-eks install --create-oidc-provider   # adds the audience',
    exit: 3,
    explain: 'Service account tokens of EKS pods carry the audience sts.amazonaws.com, in every partition.',
  },
  ROLE_SHARED: {
    title: 'The role is used by others as well',
    cause: 'Others may assume it, or it has policies or instance profiles that are not of loki-eks.',
    fix: 'Leave --role-name out, and loki-eks makes a role of its own beside it',
    exit: 3,
    explain: 'What others have put on a role stays there, whatever loki-eks does, so a role that others use is not taken over. Nothing has been changed.',
  },
  ROLE_NOT_OURS: {
    title: 'An IAM role of this name was not made by loki-eks',
    cause: 'A role with our name exists without our tags, or belongs to another cluster.',
    fix: 'delete or rename that role, or install with another --namespace',
    exit: 3,
    explain: 'Role names are unique in an account, whatever their path and case.',
  },
  ASSOCIATION_NOT_OURS: {
    title: "Loki's service account has a Pod Identity association that is not ours",
    cause: 'EKS allows one association for a service account, and somebody else made it.',
    fix: 'aws eks delete-pod-identity-association, or install with --identity irsa',
    exit: 3,
    explain: 'It was left as it is.',
  },
  OBJECT_BACKUP_CHANGED: {
    title: 'What a fix has kept of the objects before it was changed since',
    cause: 'Somebody wrote into the Secret in which the run kept what it was about to change.',
    fix: 'Compare the objects of the release yourself: helm get manifest NAME -n NAMESPACE; then delete the Secret',
    exit: 3,
    explain: 'The journal of the run holds a digest of what it kept. What does not match it is never put back, because it would be made with your rights.',
  },
  OBJECT_NOT_OURS: {
    title: 'A Kubernetes object of this name was not made by loki-eks',
    cause: 'It exists without the labels of this installation.',
    fix: 'delete it, or install into another namespace with --namespace NAME',
    exit: 3,
    explain: 'Ours carry app.kubernetes.io/managed-by=loki-eks and loki-eks.dev/install-id. Nothing without them is ever changed.',
  },
  RELEASE_NOT_OURS: {
    title: 'A Helm release of this name was not made by loki-eks',
    cause: 'Loki or Alloy is installed already, by hand or by another tool.',
    fix: 'loki-eks adopt takes it over with its logs; or install into another namespace with --namespace NAME and --collector-namespace NAME',
    exit: 3,
    explain: 'It was left as it is. helm get values shows what it was made from.',
  },
  NAMESPACE_NOT_EMPTY: {
    title: 'The namespace holds objects of others',
    cause: 'Somebody put objects into a namespace that loki-eks made.',
    fix: 'move or delete those objects, then: loki-eks uninstall',
    exit: 3,
    explain: 'Deleting a namespace deletes everything in it, so it is kept as long as anything there is not ours.',
  },
  PODS_REMAIN: {
    title: 'Pods of the release have not ended',
    cause: 'A finalizer, an unreachable node or a long termination holds them.',
    fix: 'kubectl get pods -A -l app.kubernetes.io/instance=loki, then run the command again',
    exit: 3,
    explain: 'Data is not deleted while something may still write to it.',
  },
});
