/** Problems of the area "kube". */
import { rows } from '../row.ts';

export const kube = rows({
  KUBE_UNREACHABLE: {
    title: 'The Kubernetes API is unreachable',
    cause: 'The endpoint is private, your IP address is not allowed, or a proxy blocks the connection.',
    fix: "Run from inside the VPC, or add your IP address to the endpoint's public access CIDRs",
    exit: 3,
    explain: 'DNS resolution, TCP connection and TLS handshake all happen before the API server checks the token.',
  },
  KUBE_UNAUTHORIZED: {
    title: 'The Kubernetes API rejects your credentials',
    cause: 'The token was rejected, or your IAM principal has no access entry (or aws-auth entry) in this cluster.',
    fix: 'Run `aws eks create-access-entry --cluster-name CLUSTER --principal-arn YOUR_ROLE_ARN`, then `aws eks associate-access-policy` with AmazonEKSClusterAdminPolicy',
    exit: 3,
    explain:
      "HTTP 401: the API server can't authenticate you. The principal of an access entry is the ARN of the role, not of the assumed-role session. Clusters with authentication mode CONFIG_MAP only know the aws-auth ConfigMap. New entries take a few seconds. A clock that is off by more than 15 minutes causes the same response.",
  },
  KUBE_FORBIDDEN: {
    title: 'Kubernetes denies this request',
    cause: 'You are authenticated, but RBAC does not grant you this verb on this resource.',
    fix: 'Ask for AmazonEKSClusterAdminPolicy on this cluster, or for a ClusterRole with the verb and resource that the message names',
    exit: 3,
    explain:
      'HTTP 403. `kubectl auth can-i VERB RESOURCE -n NAMESPACE` runs the same check. Charts create ClusterRoles, which requires permissions close to cluster-admin.',
  },
  KUBE_CONFLICT: {
    title: 'An object was changed concurrently',
    cause: 'Another client wrote the object between the read and the write of this run, or it already exists.',
    fix: 'Run the command again to read the current state',
    exit: 3,
    explain: 'HTTP 409. Every update carries the resourceVersion that was read, so that concurrent changes are not overwritten.',
  },
  KUBE_NOT_FOUND: {
    title: 'A required object does not exist',
    cause: 'The object, or its namespace, was deleted or never created.',
    fix: 'Run `loki-eks install` to create what is missing',
    exit: 3,
    explain: 'HTTP 404 in response to a write or to a subresource request.',
  },
  KUBE_KIND_UNKNOWN: {
    title: 'The cluster does not serve this kind of object',
    cause: 'Its CustomResourceDefinition is not installed, or the cluster is too old for this API version.',
    fix: 'Run `kubectl api-resources` to see what the cluster serves, then install the missing CRDs or upgrade the cluster',
    exit: 3,
    explain: 'HTTP 404 for the path of the kind itself, not for a single object.',
  },
  KUBE_INVALID: {
    title: 'The API server rejects an object as invalid',
    cause: 'A field has a value that the API does not allow.',
    fix: 'Correct the setting or values key that sets the field in the message',
    exit: 3,
    explain: "HTTP 400 or 422. The API server's message names the field.",
  },
  KUBE_WEBHOOK_DOWN: {
    title: 'An admission webhook is not responding',
    cause: 'The pods behind the webhook are not running, so the API server rejects every write that the webhook must admit.',
    fix: 'Repair or remove the webhook; list them with `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`',
    exit: 3,
    explain:
      'A frequent case is the AWS Load Balancer Controller (mservice.elbv2.k8s.aws): while its pods are down, no Service can be created in the whole cluster.',
  },
  KUBE_ADMISSION_DENIED: {
    title: 'A policy of the cluster rejects an object',
    cause: 'An admission webhook, admission policy or Pod Security level does not allow what the object requests.',
    fix: "Ask the policy's owner to exempt this namespace, or set the values that the policy requires with `--loki-values` or `--alloy-values`",
    exit: 3,
    explain: 'The evidence quotes the policy. Alloy needs a hostPath volume to read /var/log, which the Pod Security levels baseline and restricted forbid.',
  },
  KUBE_QUOTA_EXCEEDED: {
    title: 'Resource quota exceeded',
    cause: "The namespace's ResourceQuota leaves too little for the pods or volumes.",
    fix: 'Check `kubectl describe resourcequota -n NAMESPACE`, then raise the quota or choose a smaller `--size`',
    exit: 3,
    explain: 'HTTP 403 with "exceeded quota" and the requested, used and limited amounts.',
  },
  KUBE_NAMESPACE_TERMINATING: {
    title: 'The namespace is being deleted',
    cause: 'A terminating namespace accepts no new objects.',
    fix: 'Wait until it is gone: `kubectl wait --for=delete namespace/NAME --timeout=10m`',
    exit: 3,
    explain:
      'If it never disappears, an object in it has a finalizer that no controller removes: `kubectl get namespace NAME -o yaml` names it under status.conditions.',
  },
  KUBE_SERVER_ERROR: {
    title: 'The Kubernetes API returns server errors',
    cause: 'The API server, or a proxy in front of it, fails or is overloaded.',
    fix: 'Wait a minute and run the command again; if it still fails, check `aws eks describe-cluster --name CLUSTER`',
    exit: 3,
    explain: 'HTTP 429 or 5xx. Reads were retried several times; a write was retried only if it certainly had no effect.',
  },
  KUBE_ANSWER_UNREADABLE: {
    title: 'The response does not come from the Kubernetes API',
    cause: "A proxy, a login page or another server answers at the cluster's address, or modifies the API server's responses.",
    fix: 'Open the address above with curl to see which server answers, then add it to NO_PROXY or correct the server in the kubeconfig',
    exit: 3,
    explain:
      "The evidence shows the response: HTTP status, content type and the first characters. HTML is a login page or a proxy's error page, an empty body or a redirect comes from a gateway in between, and JSON that is not a Kubernetes object from another API. Lists that are null and missing optional fields are accepted and read as empty.",
  },
  KUBE_EXEC_FAILED: {
    title: "The kubeconfig's credential command fails",
    cause: 'The kubeconfig runs a command to get a token, and that command is missing or exits with an error.',
    fix: 'Run the command that the message names and fix its error, or remove `--kubeconfig` and `--context` so that no such command is needed',
    exit: 3,
    explain: 'The command runs without input, so that a prompt for an MFA code fails at once instead of waiting forever.',
  },
  KUBE_FORWARD_FAILED: {
    title: 'Port-forward to a pod failed',
    cause: 'The pod is not running, nothing listens on the port, or you lack the permission to forward ports.',
    fix: 'Check `kubectl -n NAMESPACE get pods` and `kubectl auth can-i create pods/portforward -n NAMESPACE`',
    exit: 3,
    explain: 'Requests to pods use a port-forward, as kubectl port-forward does, so that nothing needs to be exposed.',
  },
  KUBE_KUBELET_UNREACHABLE: {
    title: "The Kubernetes API server can't reach a node's kubelet",
    cause:
      "Port 10250 is blocked between the control plane and the node, the kubelet is not running, or one of the two does not accept the other's certificate.",
    fix: "Allow TCP port 10250 from the cluster security group to the nodes' security groups; `aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig.clusterSecurityGroupId` names it",
    exit: 3,
    explain:
      'Logs, exec and port-forward requests pass from the API server to the node\'s kubelet (TCP 10250); the API server answers all other requests itself. So pods can run and logs can flow while none of these work: kubectl logs and kubectl port-forward fail with the same error. The evidence quotes the API server: "dial tcp …:10250: i/o timeout" points to a security group, a network ACL or a route, "connection refused" to a kubelet that is not running, "tls:" and "x509:" to its serving certificate (`kubectl get csr`). An unreachable kubelet is not contacted again for a minute.',
  },
  KUBECONFIG_INVALID: {
    title: "The kubeconfig can't be used",
    cause: 'The file is missing, is not YAML, or lacks a cluster or user that its context names.',
    fix: 'Run `aws eks update-kubeconfig --name CLUSTER`, or name another file with `--kubeconfig FILE`',
    exit: 2,
    explain: 'The kubeconfig comes from, in this order: --kubeconfig, KUBECONFIG (several files are merged, the first to define a name wins), ~/.kube/config.',
  },
  KUBE_CONTEXT_UNKNOWN: {
    title: 'Unknown kubeconfig context',
    cause: 'The name is misspelled, or the context is in another file.',
    fix: 'Run `kubectl config get-contexts` to list the contexts',
    exit: 2,
    explain: 'Context names must match exactly.',
  },
});
