/** Problems of the area "kube". */
import { rows } from '../row.ts';

export const kube = rows({
  KUBE_UNREACHABLE: {
    title: "The Kubernetes API can't be reached",
    cause: 'The endpoint is private, your address is not allowed, or a proxy stands between.',
    fix: "Run from inside the VPC, or add your address to the endpoint's public access CIDRs.",
    exit: 3,
    explain: 'DNS resolution, TCP connection and TLS all happen before the token is looked at.',
  },
  KUBE_UNAUTHORIZED: {
    title: 'The Kubernetes API does not accept your login',
    cause: 'The token was rejected, or your IAM principal has no access entry (or aws-auth row) in this cluster.',
    fix: 'aws eks create-access-entry --cluster-name CLUSTER --principal-arn YOUR_ROLE_ARN, then aws eks associate-access-policy with AmazonEKSClusterAdminPolicy.',
    exit: 3,
    explain:
      'HTTP 401: the server does not know who you are. The principal of an access entry is the ARN of the role, not of the assumed-role session. ' +
      'Clusters with authentication mode CONFIG_MAP know only the aws-auth ConfigMap. New entries take some seconds. A clock that is wrong by more than 15 minutes gives the same answer.',
  },
  KUBE_FORBIDDEN: {
    title: 'The cluster does not allow you to do this',
    cause: 'You are known to the cluster, but its RBAC rules do not grant this verb on this resource.',
    fix: 'Ask for AmazonEKSClusterAdminPolicy on this cluster, or for a ClusterRole with the verb and resource named above.',
    exit: 3,
    explain:
      'HTTP 403. kubectl auth can-i VERB RESOURCE -n NAMESPACE asks the same question. Charts create ClusterRoles, which needs rights close to cluster-admin.',
  },
  KUBE_CONFLICT: {
    title: 'An object was changed by someone else at the same time',
    cause: 'Another program wrote the object between our read and our write, or it exists already.',
    fix: 'Run the command again: it reads everything anew.',
    exit: 3,
    explain: 'HTTP 409. Every replace carries the resourceVersion that was read, so that no foreign change is overwritten unseen.',
  },
  KUBE_NOT_FOUND: {
    title: 'An object that is needed is not in the cluster',
    cause: 'It, or the namespace it belongs to, was deleted or never created.',
    fix: 'Run loki-eks install again: it creates what is missing.',
    exit: 3,
    explain: 'HTTP 404 to a write or to a request below an object.',
  },
  KUBE_KIND_UNKNOWN: {
    title: 'The cluster does not know this kind of object',
    cause: 'Its CustomResourceDefinition is not installed, or the cluster is too old for this API version.',
    fix: 'kubectl api-resources shows what the cluster serves; install the missing CRDs or upgrade the cluster.',
    exit: 3,
    explain: 'HTTP 404 to the path of the kind itself, not to one object.',
  },
  KUBE_INVALID: {
    title: 'The cluster refuses an object as invalid',
    cause: 'A field has a value that the API does not allow.',
    fix: 'Correct the setting or values key that makes the field named above.',
    exit: 3,
    explain: 'HTTP 400 or 422. The message of the API server names the field.',
  },
  KUBE_WEBHOOK_DOWN: {
    title: 'An admission webhook of the cluster does not answer',
    cause: 'The pods behind a webhook are not running, so the API server refuses every write the webhook is asked about.',
    fix: 'Repair or remove the webhook: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations',
    exit: 3,
    explain: 'Often the AWS Load Balancer Controller (mservice.elbv2.k8s.aws): while its pods are down, no Service can be created in the whole cluster.',
  },
  KUBE_ADMISSION_DENIED: {
    title: 'A policy of the cluster refuses an object',
    cause: 'An admission webhook, admission policy or Pod Security level does not allow what the object asks for.',
    fix: 'Ask the owner of the policy for an exception for this namespace, or set the values the policy wants with --loki-values or --alloy-values.',
    exit: 3,
    explain: "The quoted text is the policy's own. Alloy needs a hostPath volume to read /var/log, which Pod Security levels baseline and restricted forbid.",
  },
  KUBE_QUOTA_EXCEEDED: {
    title: 'A resource quota of the namespace is used up',
    cause: 'The namespace has a ResourceQuota that leaves too little for the pods or volumes.',
    fix: 'kubectl describe resourcequota -n NAMESPACE, then raise it or choose a smaller --size.',
    exit: 3,
    explain: 'HTTP 403 with the words "exceeded quota" and the figures asked, used and allowed.',
  },
  KUBE_NAMESPACE_TERMINATING: {
    title: 'The namespace is being deleted',
    cause: 'A namespace that terminates takes no new objects.',
    fix: 'Wait until it is gone: kubectl wait --for=delete namespace/NAME --timeout=10m',
    exit: 3,
    explain:
      'If it never ends, an object in it has a finalizer that nobody serves any more: kubectl get namespace NAME -o yaml names it under status.conditions.',
  },
  KUBE_SERVER_ERROR: {
    title: 'The Kubernetes API fails',
    cause: 'The API server or something in front of it answers with an error of its own, or is overloaded.',
    fix: 'Wait a minute and run the command again; if it stays so, see the health of the cluster: aws eks describe-cluster --name CLUSTER',
    exit: 3,
    explain: 'HTTP 429 or 5xx. Reads were repeated some times before this was said; writes only where it was sure that nothing had happened.',
  },
  KUBE_ANSWER_UNREADABLE: {
    title: 'What answers is not the Kubernetes API',
    cause: 'A proxy, a login page or another server answers at the address of the cluster, or changes what the API server says.',
    fix: 'Open the address above with curl and see who answers; set NO_PROXY for it, or correct the server in the kubeconfig.',
    exit: 3,
    explain:
      'The evidence is what came: HTTP status, content type and the first characters. HTML is a login page or the error page of a proxy, an empty body or a redirect a ' +
      'gateway in between, and JSON that is no object of Kubernetes another API. Lists that are null and optional fields that are missing are no reason: they are read as empty.',
  },
  KUBE_EXEC_FAILED: {
    title: 'The login command of the kubeconfig fails',
    cause: 'The kubeconfig names a command that fetches a token, and that command is missing or ends with an error.',
    fix: 'Run the command named above by hand and repair what it says; or leave --kubeconfig and --context out: then no such command is needed.',
    exit: 3,
    explain: 'The command is run without input, so that a question for an MFA code fails at once instead of waiting forever.',
  },
  KUBE_FORWARD_FAILED: {
    title: "A port of a pod can't be reached through the Kubernetes API",
    cause: 'The pod is not running, nothing listens on the port, or the right to forward ports is missing.',
    fix: 'kubectl -n NAMESPACE get pods; kubectl auth can-i create pods/portforward -n NAMESPACE',
    exit: 3,
    explain: 'Requests go through a port-forward, as kubectl port-forward does, so that nothing has to be exposed.',
  },
  KUBE_KUBELET_UNREACHABLE: {
    title: "The Kubernetes API server can't reach a node's kubelet",
    cause:
      "Port 10250 of the node is blocked between the control plane and the node, the kubelet does not run, or the two do not accept each other's certificates.",
    fix:
      'Allow TCP port 10250 from the cluster security group to the security groups of the nodes: ' +
      'aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig.clusterSecurityGroupId',
    exit: 3,
    explain:
      'Logs, exec and port-forwards go from the API server to the kubelet of the node (TCP 10250); everything else the API server answers by itself. So pods can run ' +
      'and log lines can flow while none of these work: kubectl logs and kubectl port-forward fail with the same words. ' +
      'The evidence is the answer of the API server: "dial tcp …:10250: i/o timeout" is a security group, a network ACL or a route, ' +
      '"connection refused" a kubelet that is not running, "tls:" and "x509:" its serving certificate (kubectl get csr). ' +
      'A kubelet that was not reached is not asked again for a minute.',
  },
  KUBECONFIG_INVALID: {
    title: "The kubeconfig can't be used",
    cause: 'The file is missing, is not YAML, or lacks a cluster or user that its context names.',
    fix: 'aws eks update-kubeconfig --name CLUSTER, or name another file with --kubeconfig FILE.',
    exit: 2,
    explain: 'Looked at, in this order: --kubeconfig, KUBECONFIG (several files are merged, the first to name something wins), ~/.kube/config.',
  },
  KUBE_CONTEXT_UNKNOWN: {
    title: 'The kubeconfig has no such context',
    cause: 'The name is misspelt, or the context is in another file.',
    fix: 'kubectl config get-contexts',
    exit: 2,
    explain: 'Names of contexts are compared exactly.',
  },
});
