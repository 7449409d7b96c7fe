/** Problems of the commands themselves: the wrong cluster, nothing installed, a proof that failed. */
import { rows } from '../row.ts';

export const app = rows({
  CLUSTER_NOT_FOUND: {
    title: 'There is no EKS cluster of this name here',
    cause: 'The name, the region or the account is not the one you meant.',
    fix: 'check --cluster, --region and --profile',
    exit: 3,
    explain: 'EKS names are unique in one region of one account. The message names the region and the account that were asked.',
  },
  CLUSTER_EXTERNAL: {
    title: 'The cluster does not run on EKS',
    cause: 'It is registered through the EKS connector, which gives no OIDC issuer and no API endpoint.',
    fix: 'choose an EKS cluster',
    exit: 3,
    explain: 'Without an issuer neither IRSA nor Pod Identity works.',
  },
  CLUSTER_NOT_ACTIVE: {
    title: 'The cluster is not active',
    cause: 'It is still being created, is being deleted, or has failed.',
    fix: 'aws eks wait cluster-active --name NAME, then run the command again',
    exit: 3,
    explain: 'A cluster that is UPDATING is used; every other state is refused.',
  },
  CLUSTER_TOO_OLD: {
    title: 'The cluster is too old for the Loki chart',
    cause: 'The pinned Loki chart needs Kubernetes 1.25 or newer.',
    fix: 'upgrade the cluster',
    exit: 3,
    explain: 'Helm itself would refuse in the middle of the installation.',
  },
  KUBECONFIG_OTHER_CLUSTER: {
    title: 'The kubeconfig points to another cluster',
    cause: 'The server of the context is not the endpoint of the cluster that was asked for.',
    fix: 'aws eks update-kubeconfig --name NAME --region REGION, or leave --kubeconfig and --context out',
    exit: 2,
    explain: 'Without --kubeconfig and --context, loki-eks signs a token for exactly the cluster that --cluster names.',
  },
  NOT_INSTALLED: {
    title: 'loki-eks is not installed in this cluster',
    cause: 'There is no record of an installation in the namespace.',
    fix: 'loki-eks install',
    exit: 6,
    explain: 'The record is the Secret "loki-eks" in the namespace of Loki. If Loki is in another namespace, name it with --namespace.',
  },
  RECORD_NOT_OURS: {
    title: 'The installation record does not carry the marks of this installation',
    cause: 'It was made by something else, for another cluster or namespace, or its labels were changed.',
    fix: 'loki-eks install writes the record; if it refuses, delete the Secret first',
    exit: 3,
    explain:
      'The record is the Secret "loki-eks" of type loki-eks.dev/installation with the label loki-eks.dev/install-id and the annotation loki-eks.dev/cluster-arn of this installation. Nothing is read from a Secret without them. Commands that need names from it take them as flags.',
  },
  RECORD_VALUE_IGNORED: {
    title: 'A value of the installation record is ignored',
    cause: 'Somebody changed the record, or it was written by another version.',
    fix: 'loki-eks install writes the record anew',
    exit: 3,
    explain:
      'A record says what was installed and no more: names, sizes, the retention. Files, programs, charts, consents, and addresses that a token or password is sent to are never taken from a cluster: give them yourself, as flags or in the settings file.',
  },
  RECORD_UNREADABLE: {
    title: 'The installation record can not be read',
    cause: 'Somebody changed it: it is no JSON, far too big, or holds a name that can not be one.',
    fix: 'Put the Secret back from a backup; or delete it and run loki-eks adopt, which reads the names from the Loki that runs',
    exit: 3,
    explain:
      'The record is the Secret "loki-eks" in the namespace of Loki. It holds the names that logs are found by, so nothing is guessed in place of one that is wrong. Nothing has been changed.',
  },
  RECORDED_VALUES_UNUSED: {
    title: 'The recorded chart values are not used for a fix',
    cause: 'They were changed, or they reach further than a record is believed: outside of the namespace, or with templates that helm fills in.',
    fix: 'Give your own: LOKI_EKS_LOKI_VALUES=FILE loki-eks doctor --fix',
    exit: 3,
    explain:
      'The record in the cluster keeps the values files that Loki was installed with. Whoever may write Secrets in that namespace may change them, and helm would carry them out with your rights. So a fix uses them only as far as they tune what the chart makes in its own namespace.',
  },
  RELEASE_MANIFEST_UNUSED: {
    title: 'The stored manifest of a release is not put back',
    cause: 'It holds objects outside of the namespace that the chart does not make like that.',
    fix: 'loki-eks install, with the values files that you installed with',
    exit: 3,
    explain:
      "Helm keeps what it has applied in a Secret beside the release, and a rollback applies it again with your rights. What it holds outside of the release's namespace has to be what the chart makes.",
  },
  DELETE_UNCONFIRMED: {
    title: 'Deleting log data was not confirmed',
    cause: '--delete-data or --expire-data was given without the name of the bucket.',
    fix: 'loki-eks uninstall --delete-data --confirm-delete-data BUCKET',
    exit: 3,
    explain: 'Log data is deleted only when its bucket has been named.',
  },
  DELETE_AND_EXPIRE: {
    title: 'Data is either deleted or left to S3 to expire',
    cause: '--delete-data and --expire-data were given together.',
    fix: 'Leave one of them out',
    exit: 2,
    explain:
      '--delete-data deletes every object now, which takes about five minutes for a million of them. --expire-data puts lifecycle rules on the bucket: S3 empties it within about two days (four with versioning), and the bucket stays until uninstall --delete-data deletes it.',
  },
  CREDENTIALS_EXPIRE_SOON: {
    title: 'The AWS credentials end soon',
    cause: 'They are temporary, and an installation may take longer than they last.',
    fix: 'log in again before you go on',
    exit: 3,
    explain: 'If they end in the middle, nothing is taken back (that would fail as well): log in again and run install, it goes on from there.',
  },
  RBAC_MISSING: {
    title: 'Your Kubernetes permissions do not suffice',
    cause: 'Your IAM principal is mapped to, or your kubeconfig logs in as, a user or group that may not do what an installation does.',
    fix: 'aws eks associate-access-policy … --policy-arn arn:PARTITION:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy --access-scope type=cluster',
    exit: 3,
    explain: 'Installing creates namespaces, workloads and cluster roles, so in practice it takes cluster-admin.',
  },
  IAM_MISSING: {
    title: 'Your IAM permissions may not suffice',
    cause: 'The policy simulator denies some of the actions that an installation needs.',
    fix: 'ask for the permissions in docs/reference/permissions.md',
    exit: 3,
    explain: 'The simulator does not see session policies and resource policies, so this is a warning, not a refusal.',
  },
  PODS_DO_NOT_FIT: {
    title: 'The pods do not fit on these nodes',
    cause: 'Requests, taints or the rule of one replica a node leave some pods without a place.',
    fix: 'add nodes, or install with --size small',
    exit: 3,
    explain: 'A pod that cannot be placed stays Pending and the installation would time out. The evidence lists what does not fit.',
  },
  NO_COLLECTOR_NODES: {
    title: 'No node can run the collector',
    cause: 'There are only Fargate or Windows nodes, where no DaemonSet can read log files.',
    fix: 'add a Linux node group',
    exit: 3,
    explain: 'Fargate has no DaemonSets and no EBS volumes.',
  },
  NODES_WITHOUT_LOGS: {
    title: 'Some nodes are out of reach of the collector',
    cause: 'DaemonSets do not run on Fargate, and the collector reads no Windows logs.',
    fix: 'nothing, if you do not need those logs',
    exit: 3,
    explain: 'Logs of pods on those nodes are not collected. This is said so that nobody looks for them in vain.',
  },
  CLUSTER_DNS_MISSING: {
    title: "The cluster's DNS Service was not found",
    cause: 'There is no Service kube-system/kube-dns, which the gateway resolves its upstreams with.',
    fix: 'install CoreDNS, or set gateway.nginxConfig.resolver in a file given by --loki-values',
    exit: 3,
    explain: 'nginx does not start when its resolver does not resolve. EKS Auto Mode clusters have no such Service; there the service CIDR says the address.',
  },
  LOAD_BALANCER_CONTROLLER_MISSING: {
    title: 'Nothing in the cluster makes load balancers',
    cause: '--expose needs the AWS Load Balancer Controller, or Auto Mode.',
    fix: 'install the AWS Load Balancer Controller; the Service loki-gateway-exposed waits for it',
    exit: 3,
    explain:
      'The Service names the class service.k8s.aws/nlb, so that no other controller makes a load balancer that is open where this one would not be. Until the controller is there the gateway can be reached inside the cluster only.',
  },
  POD_IDENTITY_AGENT_MISSING: {
    title: 'The EKS Pod Identity agent does not run',
    cause: 'The add-on eks-pod-identity-agent is not installed.',
    fix: 'aws eks create-addon --cluster-name NAME --addon-name eks-pod-identity-agent   # or: --identity irsa',
    exit: 3,
    explain: 'Without the agent, pods get no credentials from their association. EKS Auto Mode has it built in.',
  },
  COLLECTOR_NOT_EVERYWHERE: {
    title: 'Some nodes have no running collector',
    cause: 'Its pod is not scheduled there, or not ready.',
    fix: 'kubectl -n alloy get pods -o wide; loki-eks install repairs it',
    exit: 6,
    explain: 'Lines printed on those nodes wait in their files until a collector runs there; after rotation they are gone.',
  },
  COLLECTOR_NOT_ON_NODE: {
    title: 'A node has no running collector, so its lines do not come back',
    cause: 'The Alloy pod of that node is missing, not scheduled, or not ready.',
    fix: 'kubectl -n alloy get pods -o wide; loki-eks install repairs it',
    exit: 6,
    explain:
      'Each Alloy pod reads the log files of its own node only. Lines printed there wait in their files until a collector runs; after rotation they are gone.',
  },
  PROBE_NOT_RUN: {
    title: 'A pod that prints a line did not run',
    cause: 'Its node has no room, its image can not be pulled, or a policy or quota refuses it.',
    fix: 'do what the message says, then loki-eks verify; --nodes or --sample leaves the node out',
    exit: 6,
    explain:
      'Nothing is known about the logs of that node then. The pod asks for 5m of CPU and 8Mi of memory, tolerates every taint and runs the image of Alloy.',
  },
  NOTHING_VERIFIED: {
    title: 'Nothing could be proved',
    cause: 'Each proof that was asked for had to be left out.',
    fix: 'do what the reasons say, or ask for other proofs with --proof',
    exit: 6,
    explain: 'A run that proves nothing must not look like one that found nothing wrong.',
  },
  GATEWAY_OPEN: {
    title: 'The gateway answers who has no right login',
    cause: 'Basic authentication is off in the chart values, or something before the gateway adds a login.',
    fix: 'loki-eks plan, to see what differs; loki-eks install repairs it',
    exit: 6,
    explain: 'Whoever reaches the gateway could read and write all logs. nginx must answer 401 to every request without the right user and password.',
  },
  TENANTS_NOT_ISOLATED: {
    title: 'A tenant sees the lines of another one',
    cause: 'Loki runs with auth_enabled: false, so that all requests belong to one tenant.',
    fix: 'loki-eks plan, to see what differs; loki-eks install repairs it',
    exit: 6,
    explain: 'Loki itself was asked, past the gateway: the gateway sets the tenant of every request, whatever a client sends.',
  },
  CHUNKS_NOT_STORED: {
    title: 'Lines do not reach S3',
    cause: 'The ingesters may not write to the bucket, or can not get their credentials.',
    fix: 'loki-eks doctor',
    exit: 6,
    explain:
      'The ingesters were told to flush, and the chunk of a line that had come back was looked for in the bucket. Until chunks are stored, lines live in memory and on the volumes of the ingesters only.',
  },
  LOKI_CREDENTIALS_NOT_FROM_ROLE: {
    title: "Loki's credentials are not those of its role alone",
    cause: 'The pods were made before the role was set, or keys are in their environment or configuration.',
    fix: 'loki-eks install; where it has nothing to do: kubectl -n loki rollout restart statefulset loki-ingester',
    exit: 6,
    explain:
      "S3 does not record who wrote an object, so the ingesters' pods are looked at: their environment decides which credentials the AWS SDK takes. CloudTrail data events would name the writer.",
  },
  LINES_LOST: {
    title: 'Lines were lost while a collector restarted',
    cause: 'The collector does not keep on the node how far it has read.',
    fix: 'loki-eks plan, to see what differs; loki-eks install repairs it',
    exit: 6,
    explain:
      'Positions belong on a hostPath volume, so that the next collector of the node goes on where the last one stopped. While Loki takes no lines, a collector of other make loses at a restart what it has read and not sent; what loki-eks installs goes back to the last line that Loki took. Lines of pods that are deleted meanwhile go with their files, whoever collects them.',
  },
  NODE_UNKNOWN: {
    title: 'There is no such node, or no line can be printed on it',
    cause: 'The name after --nodes is not that of a Linux node of this cluster.',
    fix: 'kubectl get nodes',
    exit: 2,
    explain: 'Fargate, Windows and virtual nodes run no DaemonSet, so no collector can read their log files.',
  },
  LINE_CHANGED: {
    title: 'A line came back changed',
    cause: 'The CRI prefix was not taken off, or a stage rewrites lines.',
    fix: 'loki-eks install',
    exit: 6,
    explain: 'Container runtimes write "<time> stdout F <line>". The stage.cri of the collector takes that prefix off.',
  },
  LINE_DUPLICATED: {
    title: 'A line came back more than once',
    cause: 'Two collectors read the same node, or positions were lost.',
    fix: 'kubectl get pods -A -o wide | grep -i -e alloy -e promtail -e fluent',
    exit: 6,
    explain: 'Another collector may send to the same tenant.',
  },
  LABELS_WRONG: {
    title: 'A line came back with other labels than expected',
    cause: "The collector's relabelling was changed.",
    fix: 'loki-eks plan, to see what differs; loki-eks install repairs it',
    exit: 6,
    explain: 'Dashboards and queries rely on namespace, pod, container, job and cluster.',
  },
  COLLECT_TIMED_OUT: {
    title: 'The cluster or AWS answers too slowly for a support bundle',
    cause: 'A request got no answer: the network between here and there, an endpoint behind a firewall, or an API server that is overloaded.',
    fix: 'loki-eks doctor, which waits longer',
    exit: 3,
    explain:
      'doctor --bundle ends within about a minute, so that somebody who asks for help has something to send. Its manifest.json lists what is missing and why.',
  },
  LOGIN_MISSING: {
    title: "The gateway's login is not there",
    cause: 'The Secret that clients read was deleted.',
    fix: 'loki-eks install',
    exit: 6,
    explain: 'A new password is made, and both the gateway and the collector get it.',
  },
});
