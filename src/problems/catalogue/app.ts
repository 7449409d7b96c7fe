/** Problems of the commands themselves: the wrong cluster, nothing installed, a failed verification. */
import { rows } from '../row.ts';

export const app = rows({
  CLUSTER_NOT_FOUND: {
    title: 'EKS cluster not found',
    cause: 'The name, region or account is not the one you meant.',
    fix: 'Check `--cluster`, `--region` and `--profile`; `aws eks list-clusters --region REGION` lists the clusters',
    exit: 3,
    explain: 'EKS cluster names are unique within one region of one account. The message names the region and the account that were queried.',
  },
  CLUSTER_EXTERNAL: {
    title: 'The cluster does not run on EKS',
    cause: 'It is registered through the EKS Connector, which provides neither an OIDC issuer nor an API endpoint.',
    fix: 'Choose an EKS cluster with `--cluster NAME`',
    exit: 3,
    explain: 'Without an issuer, neither IRSA nor Pod Identity works.',
  },
  CLUSTER_NOT_ACTIVE: {
    title: 'The cluster is not active',
    cause: 'It is being created or deleted, or its creation failed.',
    fix: 'Wait with `aws eks wait cluster-active --name NAME`, then run the command again',
    exit: 3,
    explain: 'Clusters in state ACTIVE or UPDATING are accepted; all other states are refused.',
  },
  CLUSTER_TOO_OLD: {
    title: 'The Kubernetes version is too old for the Loki chart',
    cause: 'The pinned Loki chart requires Kubernetes 1.25 or newer.',
    fix: 'Upgrade the cluster',
    exit: 3,
    explain: 'Helm would refuse the chart in the middle of the installation.',
  },
  KUBECONFIG_OTHER_CLUSTER: {
    title: 'The kubeconfig points to another cluster',
    cause: 'The server of the context is not the endpoint of the cluster that --cluster names.',
    fix: 'Run `aws eks update-kubeconfig --name NAME --region REGION`, or remove `--kubeconfig` and `--context`',
    exit: 2,
    explain: 'Without --kubeconfig and --context, loki-eks signs a token for exactly the cluster that --cluster names.',
  },
  NOT_INSTALLED: {
    title: 'loki-eks is not installed in this cluster',
    cause: 'The namespace contains no installation record.',
    fix: 'Run `loki-eks install`, or name the namespace of the installation with `--namespace NAME`',
    exit: 6,
    explain: 'The record is the Secret "loki-eks" in Loki\'s namespace.',
  },
  RECORD_NOT_OURS: {
    title: 'The installation record does not belong to this installation',
    cause: 'The Secret was created by another program or for another cluster or namespace, or its labels were changed.',
    fix: 'Run `loki-eks install` to rewrite the record; if it refuses, delete the Secret first',
    exit: 3,
    explain:
      'The record is the Secret "loki-eks" of type loki-eks.dev/installation with the label loki-eks.dev/install-id and the annotation loki-eks.dev/cluster-arn of this installation. A Secret without them is not read. Commands that need names from it accept them as flags.',
  },
  RECORD_VALUE_IGNORED: {
    title: 'A value in the installation record is ignored',
    cause: 'The record was edited, or written by another version of loki-eks.',
    fix: 'Run `loki-eks install` to rewrite the record',
    exit: 3,
    explain:
      'The record only describes what was installed: names, sizes and the retention. Files, programs, charts, approvals, and addresses that receive a token or password are never read from a cluster: provide them as flags or in the settings file.',
  },
  RECORD_UNREADABLE: {
    title: "The installation record can't be read",
    cause: 'The Secret was edited: it is not JSON, far too large, or contains an invalid name.',
    fix: 'Restore the Secret from a backup; or delete it and run `loki-eks adopt`, which reads the names from the running Loki',
    exit: 3,
    explain:
      'The record is the Secret "loki-eks" in Loki\'s namespace. It contains the names of the buckets and other resources where the logs are stored, so an invalid name is not replaced by a guess. Nothing has been changed.',
  },
  RECORDED_VALUES_UNUSED: {
    title: 'The recorded chart values are not used for the fix',
    cause: 'They were edited, or they contain settings that a record is not trusted with: objects outside the namespace, or templates that helm would render.',
    fix: 'Provide your own with `LOKI_EKS_LOKI_VALUES=FILE loki-eks doctor --fix`',
    exit: 3,
    explain:
      'The record in the cluster stores the values files that Loki was installed with. Anyone with write access to Secrets in that namespace can edit them, and helm would apply them with your permissions. So a fix only uses values that configure objects of the chart in its own namespace.',
  },
  RELEASE_MANIFEST_UNUSED: {
    title: 'The stored manifest of a release is not applied',
    cause: "It contains objects outside the release's namespace that differ from what the chart creates.",
    fix: 'Run `loki-eks install` with the values files of the installation',
    exit: 3,
    explain:
      "Helm stores the applied manifest in a Secret next to the release, and a rollback applies it again with your permissions. Objects outside the release's namespace must therefore match what the chart creates.",
  },
  DELETE_UNCONFIRMED: {
    title: 'Deleting log data was not confirmed',
    cause: '--delete-data or --expire-data was given without naming the bucket.',
    fix: 'Run `loki-eks uninstall --delete-data --confirm-delete-data BUCKET`',
    exit: 3,
    explain: 'Log data is deleted only if you name its bucket.',
  },
  DELETE_AND_EXPIRE: {
    title: '--delete-data and --expire-data exclude each other',
    cause: 'Both flags were given.',
    fix: 'Remove one of `--delete-data` and `--expire-data`',
    exit: 2,
    explain:
      '--delete-data deletes every object now, which takes about five minutes per million objects. --expire-data adds lifecycle rules to the bucket: S3 empties it within about two days (four with versioning), and the bucket remains until you delete it with `loki-eks uninstall --delete-data`.',
  },
  CREDENTIALS_EXPIRE_SOON: {
    title: 'The AWS credentials expire soon',
    cause: 'They are temporary, and the installation may take longer than they are valid.',
    fix: 'Log in again before you continue',
    exit: 3,
    explain: 'If they expire during the installation, nothing is rolled back, because the rollback would fail too. Log in again and run install to resume.',
  },
  RBAC_MISSING: {
    title: 'Kubernetes permissions are insufficient',
    cause: 'Your IAM principal or kubeconfig user maps to a Kubernetes user or group that lacks permissions an installation needs.',
    fix: 'Run `aws eks associate-access-policy --cluster-name CLUSTER --principal-arn YOUR_ROLE_ARN --policy-arn arn:PARTITION:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy --access-scope type=cluster`',
    exit: 3,
    explain: 'An installation creates namespaces, workloads and cluster roles, so in practice it requires cluster-admin.',
  },
  IAM_MISSING: {
    title: 'IAM permissions may be insufficient',
    cause: 'The IAM policy simulator denies some of the actions that an installation needs.',
    fix: 'Ask for the permissions in docs/reference/permissions.md',
    exit: 3,
    explain: 'The simulator does not evaluate session policies and resource policies, so this is a warning and does not stop the command.',
  },
  PODS_DO_NOT_FIT: {
    title: "Some pods can't be scheduled on these nodes",
    cause: 'Insufficient CPU or memory, taints, or the rule of one replica per node leave some pods unschedulable.',
    fix: 'Add nodes, or install with `--size small`',
    exit: 3,
    explain: 'An unschedulable pod stays Pending, and the installation times out. The evidence lists the pods and the reasons.',
  },
  NO_COLLECTOR_NODES: {
    title: 'No node can run the collector',
    cause: "The cluster has only Fargate or Windows nodes, on which the collector's DaemonSet can't run.",
    fix: 'Add a Linux node group',
    exit: 3,
    explain: 'Fargate supports neither DaemonSets nor EBS volumes.',
  },
  NODES_WITHOUT_LOGS: {
    title: "The collector can't cover some nodes",
    cause: "DaemonSets don't run on Fargate, and the collector does not read Windows logs.",
    fix: "Nothing to do if you don't need those logs",
    exit: 3,
    explain: 'Logs of pods on those nodes are not collected.',
  },
  CLUSTER_DNS_MISSING: {
    title: "The cluster's DNS Service was not found",
    cause: 'The Service kube-system/kube-dns, which the gateway uses to resolve its upstreams, does not exist.',
    fix: 'Install CoreDNS, or set gateway.nginxConfig.resolver in a file given with `--loki-values`',
    exit: 3,
    explain:
      "nginx does not start if it can't resolve the name of its resolver. EKS Auto Mode clusters have no such Service; there the address is derived from the service CIDR.",
  },
  LOAD_BALANCER_CONTROLLER_MISSING: {
    title: 'No load balancer controller in the cluster',
    cause: '--expose requires the AWS Load Balancer Controller or EKS Auto Mode.',
    fix: 'Install the AWS Load Balancer Controller; the Service loki-gateway-exposed waits for it',
    exit: 3,
    explain:
      'The Service names the class service.k8s.aws/nlb, so that no other controller creates a load balancer without the source ranges of this one. Until the controller is installed, the gateway is reachable from inside the cluster only.',
  },
  POD_IDENTITY_AGENT_MISSING: {
    title: 'The EKS Pod Identity agent is not running',
    cause: 'The add-on eks-pod-identity-agent is not installed.',
    fix: 'Run `aws eks create-addon --cluster-name NAME --addon-name eks-pod-identity-agent`, or use `--identity irsa`',
    exit: 3,
    explain: 'Without the agent, pods get no credentials from their Pod Identity association. EKS Auto Mode includes the agent.',
  },
  COLLECTOR_NOT_EVERYWHERE: {
    title: 'Some nodes have no running collector',
    cause: "The collector's pod is not scheduled on them, or not ready.",
    fix: 'Check `kubectl -n alloy get pods -o wide`, then run `loki-eks install` to repair the collectors',
    exit: 6,
    explain: 'Log lines written on those nodes stay in their files until a collector runs there; once the files are rotated away, they are lost.',
  },
  COLLECTOR_NOT_ON_NODE: {
    title: 'Log lines of a node are missing because it has no running collector',
    cause: 'The Alloy pod of the node is missing, unscheduled or not ready.',
    fix: 'Check `kubectl -n alloy get pods -o wide`, then run `loki-eks install` to repair the collectors',
    exit: 6,
    explain:
      'Each Alloy pod reads only the log files of its own node. Log lines written there stay in their files until a collector runs; once the files are rotated away, they are lost.',
  },
  PROBE_NOT_RUN: {
    title: 'A probe pod did not run',
    cause: "Its node lacks capacity, its image can't be pulled, or a policy or quota rejects the pod.",
    fix: 'Fix what the message names, then run `loki-eks verify`; `--nodes` or `--sample` skips the node',
    exit: 6,
    explain:
      "Log delivery from that node is unknown until its probe pod runs. The pod requests 5m of CPU and 8Mi of memory, tolerates every taint and runs Alloy's image.",
  },
  NOTHING_VERIFIED: {
    title: 'Nothing could be verified',
    cause: 'Every requested check was skipped.',
    fix: 'Fix the reasons shown, or choose other checks with `--proof`',
    exit: 6,
    explain: 'A run that verifies nothing does not pass.',
  },
  GATEWAY_OPEN: {
    title: 'Gateway accepts unauthenticated requests',
    cause: 'Basic authentication is off in the chart values, or a proxy in front of the gateway adds credentials.',
    fix: 'Run `loki-eks plan` to see what differs, then `loki-eks install` to repair it',
    exit: 6,
    explain: 'Anyone who can reach the gateway can read and write all logs. nginx must answer 401 to every request without valid credentials.',
  },
  TENANTS_NOT_ISOLATED: {
    title: 'A tenant can read the log lines of another tenant',
    cause: 'Loki runs with auth_enabled: false, so all requests belong to one tenant.',
    fix: 'Run `loki-eks plan` to see what differs, then `loki-eks install` to repair it',
    exit: 6,
    explain: 'The check queries Loki directly and bypasses the gateway, because the gateway sets the tenant of every request whatever a client sends.',
  },
  CHUNKS_NOT_STORED: {
    title: 'Chunks are not stored in S3',
    cause: "The ingesters are not allowed to write to the bucket, or can't get credentials.",
    fix: 'Run `loki-eks doctor`',
    exit: 6,
    explain:
      'verify makes the ingesters flush and then looks in the bucket for the chunk of a log line that Loki returned. Until chunks are stored, log lines exist only in the memory and on the volumes of the ingesters.',
  },
  LOKI_CREDENTIALS_NOT_FROM_ROLE: {
    title: 'Loki does not use the credentials of its role',
    cause: "The pods were created before the role was configured, or access keys are set in their environment or in Loki's configuration.",
    fix: 'Run `loki-eks install`; if it is up to date, run `kubectl -n loki rollout restart statefulset loki-ingester`',
    exit: 6,
    explain:
      'S3 does not record who wrote an object, so the check inspects the ingester pods: their environment determines which credentials the AWS SDK uses. CloudTrail data events would name the writer.',
  },
  LINES_LOST: {
    title: 'Log lines were lost during a collector restart',
    cause: 'The collector does not persist its read positions on the node.',
    fix: 'Run `loki-eks plan` to see what differs, then `loki-eks install` to repair it',
    exit: 6,
    explain:
      'Read positions belong on a hostPath volume, so that the next collector on the node continues where the last one stopped. If Loki rejects pushes during a restart, a collector that loki-eks did not configure loses what it has read but not sent; one that loki-eks installs resumes after the last log line that Loki accepted. If a pod is deleted meanwhile, its log files are deleted with it, whatever the collector.',
  },
  NODE_UNKNOWN: {
    title: 'No such Linux node',
    cause: 'The name given with --nodes is not the name of a Linux node of this cluster that runs DaemonSets.',
    fix: 'Run `kubectl get nodes` to list the nodes',
    exit: 2,
    explain: "Fargate, Windows and virtual nodes run no collector, so their log files can't be read.",
  },
  LINE_CHANGED: {
    title: 'A log line was altered on its way',
    cause: 'The collector did not remove the CRI prefix, or a pipeline stage rewrites log lines.',
    fix: "Run `loki-eks install` to repair the collector's pipeline",
    exit: 6,
    explain: "Container runtimes write `<time> stdout F <line>`. The collector's stage.cri removes that prefix.",
  },
  LINE_DUPLICATED: {
    title: 'A log line was delivered more than once',
    cause: 'Two collectors read the same node, or read positions were lost.',
    fix: 'Run `kubectl get pods -A -o wide | grep -i -e alloy -e promtail -e fluent` to find other collectors',
    exit: 6,
    explain: 'Another collector may send to the same tenant.',
  },
  LABELS_WRONG: {
    title: 'A log line has unexpected labels',
    cause: "The collector's relabeling rules were changed.",
    fix: 'Run `loki-eks plan` to see what differs, then `loki-eks install` to repair it',
    exit: 6,
    explain: 'Dashboards and queries rely on the labels namespace, pod, container, job and cluster.',
  },
  COLLECT_TIMED_OUT: {
    title: 'The cluster or AWS responds too slowly for a support bundle',
    cause: 'A request got no response because of the network, an endpoint behind a firewall, or an overloaded API server.',
    fix: 'Run `loki-eks doctor`, which waits longer',
    exit: 3,
    explain: 'doctor --bundle finishes within about a minute, so that you always get a bundle to share. Its manifest.json lists what is missing and why.',
  },
  LOGIN_MISSING: {
    title: "The gateway's credentials are missing",
    cause: 'The Secret with the client credentials was deleted.',
    fix: 'Run `loki-eks install` to generate a new password',
    exit: 6,
    explain: 'install generates a new password and configures both the gateway and the collector with it.',
  },
});
