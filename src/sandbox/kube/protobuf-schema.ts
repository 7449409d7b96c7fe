/** The protobuf messages Go clients send, as far as the sandbox reads them. The numbers are those of Kubernetes' `generated.proto` files. */

/**
 * One string per message: `number name:type`. Types are scalars, other messages, `[]` of either, `{}` for a map with string keys, `~` for a message
 * whose fields are its parent's in JSON, `-` for a skipped field. `int?` and `bool?` keep a zero value; plain ones are then omitted, as in Go's JSON.
 */
export const MESSAGES: Readonly<Record<string, string>> = {
  ObjectMeta:
    '1 name:string, 2 generateName:string, 3 namespace:string, 4 selfLink:-, 5 uid:string, 6 resourceVersion:string, 7 generation:-, 8 creationTimestamp:Time, 9 deletionTimestamp:-, 10 deletionGracePeriodSeconds:-, 11 labels:{}string, 12 annotations:{}string, 13 ownerReferences:[]OwnerReference, 14 finalizers:[]string, 17 managedFields:-',
  OwnerReference: '1 kind:string, 3 name:string, 4 uid:string, 5 apiVersion:string, 6 controller:bool?, 7 blockOwnerDeletion:bool?',
  ObjectReference: '1 kind:string, 2 namespace:string, 3 name:string, 4 uid:string, 5 apiVersion:string, 6 resourceVersion:string, 7 fieldPath:string',
  LocalReference: '1 name:string',
  LabelSelector: '1 matchLabels:{}string, 2 matchExpressions:[]Requirement',
  Requirement: '1 key:string, 2 operator:string, 3 values:[]string',
  Preconditions: '1 uid:string, 2 resourceVersion:string',

  Secret: '1 metadata:ObjectMeta, 2 data:{}bytes, 3 type:string, 4 stringData:{}string, 5 immutable:bool?',
  ConfigMap: '1 metadata:ObjectMeta, 2 data:{}string, 3 binaryData:{}bytes, 4 immutable:bool?',
  Namespace: '1 metadata:ObjectMeta, 2 spec:NamespaceSpec, 3 status:NamespaceStatus',
  NamespaceSpec: '1 finalizers:[]string',
  NamespaceStatus: '1 phase:string',
  ServiceAccount: '1 metadata:ObjectMeta, 2 secrets:[]ObjectReference, 3 imagePullSecrets:[]LocalReference, 4 automountServiceAccountToken:bool?',
  ResourceQuota: '1 metadata:ObjectMeta, 2 spec:QuotaSpec, 3 status:-',
  QuotaSpec: '1 hard:{}Quantity, 2 scopes:[]string',
  Event:
    '1 metadata:ObjectMeta, 2 involvedObject:ObjectReference, 3 reason:string, 4 message:string, 5 source:EventSource, 6 firstTimestamp:Time, 7 lastTimestamp:Time, 8 count:int, 9 type:string, 10 eventTime:Time, 12 action:string, 14 reportingComponent:string, 15 reportingInstance:string',
  EventSource: '1 component:string, 2 host:string',
  Service: '1 metadata:ObjectMeta, 2 spec:ServiceSpec, 3 status:-',
  ServiceSpec:
    '1 ports:[]ServicePort, 2 selector:{}string, 3 clusterIP:string, 4 type:string, 5 externalIPs:[]string, 7 sessionAffinity:string, 10 externalName:string',
  ServicePort: '1 name:string, 2 protocol:string, 3 port:int, 4 targetPort:IntOrString, 5 nodePort:int, 6 appProtocol:string',

  Pod: '1 metadata:ObjectMeta, 2 spec:PodSpec, 3 status:-',
  PodTemplate: '1 metadata:ObjectMeta, 2 spec:PodSpec',
  PodSpec:
    '2 containers:[]Container, 3 restartPolicy:string, 4 terminationGracePeriodSeconds:int?, 5 activeDeadlineSeconds:int?, 6 dnsPolicy:string, 7 nodeSelector:{}string, 8 serviceAccountName:string, 9 serviceAccount:string, 10 nodeName:string, 11 hostNetwork:bool, 12 hostPID:bool, 13 hostIPC:bool, 15 imagePullSecrets:[]LocalReference, 16 hostname:string, 17 subdomain:string, 19 schedulerName:string, 20 initContainers:[]Container, 21 automountServiceAccountToken:bool?, 22 tolerations:[]Toleration, 24 priorityClassName:string',
  Container:
    '1 name:string, 2 image:string, 3 command:[]string, 4 args:[]string, 5 workingDir:string, 6 ports:[]ContainerPort, 7 env:[]EnvVar, 8 resources:Resources, 13 terminationMessagePath:string, 14 imagePullPolicy:string, 16 stdin:bool, 17 stdinOnce:bool, 18 tty:bool, 20 terminationMessagePolicy:string',
  ContainerPort: '1 name:string, 2 hostPort:int, 3 containerPort:int, 4 protocol:string, 5 hostIP:string',
  EnvVar: '1 name:string, 2 value:string',
  Resources: '1 limits:{}Quantity, 2 requests:{}Quantity',
  Toleration: '1 key:string, 2 operator:string, 3 value:string, 4 effect:string, 5 tolerationSeconds:int?',

  Deployment: '1 metadata:ObjectMeta, 2 spec:DeploymentSpec, 3 status:-',
  DeploymentSpec:
    '1 replicas:int?, 2 selector:LabelSelector, 3 template:PodTemplate, 4 strategy:Strategy, 5 minReadySeconds:int, 6 revisionHistoryLimit:int?, 7 paused:bool, 9 progressDeadlineSeconds:int?',
  Strategy: '1 type:string, 2 rollingUpdate:RollingUpdate',
  RollingUpdate: '1 maxUnavailable:IntOrString, 2 maxSurge:IntOrString',
  Job: '1 metadata:ObjectMeta, 2 spec:JobSpec, 3 status:-',
  JobSpec:
    '1 parallelism:int?, 2 completions:int?, 3 activeDeadlineSeconds:int?, 4 selector:LabelSelector, 5 manualSelector:bool?, 6 template:PodTemplate, 7 backoffLimit:int?, 8 ttlSecondsAfterFinished:int?',
  CronJob: '1 metadata:ObjectMeta, 2 spec:CronJobSpec, 3 status:-',
  CronJobSpec:
    '1 schedule:string, 2 startingDeadlineSeconds:int?, 3 concurrencyPolicy:string, 4 suspend:bool?, 5 jobTemplate:JobTemplate, 6 successfulJobsHistoryLimit:int?, 7 failedJobsHistoryLimit:int?, 8 timeZone:string',
  JobTemplate: '1 metadata:ObjectMeta, 2 spec:JobSpec',
  PodDisruptionBudget: '1 metadata:ObjectMeta, 2 spec:BudgetSpec, 3 status:-',
  BudgetSpec: '1 minAvailable:IntOrString, 2 selector:LabelSelector, 3 maxUnavailable:IntOrString',
  HorizontalPodAutoscaler: '1 metadata:ObjectMeta, 2 spec:AutoscalerSpec, 3 status:-',
  AutoscalerSpec: '1 scaleTargetRef:ScaleTarget, 2 minReplicas:int?, 3 maxReplicas:int, 4 metrics:[]Metric',
  ScaleTarget: '1 kind:string, 2 name:string, 3 apiVersion:string',
  Metric: '1 type:string, 4 resource:ResourceMetric',
  ResourceMetric: '1 name:string, 2 target:MetricTarget',
  MetricTarget: '1 type:string, 2 value:Quantity, 3 averageValue:Quantity, 4 averageUtilization:int?',
  Ingress: '1 metadata:ObjectMeta, 2 spec:IngressSpec, 3 status:-',
  IngressSpec: '1 defaultBackend:IngressBackend, 2 tls:[]IngressTls, 3 rules:[]IngressRule, 4 ingressClassName:string',
  IngressTls: '1 hosts:[]string, 2 secretName:string',
  IngressRule: '1 host:string, 2 value:~IngressRuleValue',
  IngressRuleValue: '1 http:IngressPaths',
  IngressPaths: '1 paths:[]IngressPath',
  IngressPath: '1 path:string, 3 pathType:string, 2 backend:IngressBackend',
  IngressBackend: '4 service:IngressService',
  IngressService: '1 name:string, 2 port:IngressPort',
  IngressPort: '1 name:string, 2 number:int',
  PriorityClass: '1 metadata:ObjectMeta, 2 value:int?, 3 globalDefault:bool, 4 description:string, 5 preemptionPolicy:string',

  DeleteOptions: '1 gracePeriodSeconds:int?, 2 preconditions:Preconditions, 3 orphanDependents:bool?, 4 propagationPolicy:string, 5 dryRun:[]string',
  Eviction: '1 metadata:ObjectMeta, 2 deleteOptions:DeleteOptions',
  Scale: '1 metadata:ObjectMeta, 2 spec:ScaleSpec, 3 status:-',
  ScaleSpec: '1 replicas:int?',
  Lease: '1 metadata:ObjectMeta, 2 spec:LeaseSpec',
  LeaseSpec: '1 holderIdentity:string, 2 leaseDurationSeconds:int?, 3 acquireTime:Time, 4 renewTime:Time, 5 leaseTransitions:int?',

  SelfSubjectAccessReview: '1 metadata:ObjectMeta, 2 spec:SelfAccessSpec, 3 status:-',
  SubjectAccessReview: '1 metadata:ObjectMeta, 2 spec:AccessSpec, 3 status:-',
  LocalSubjectAccessReview: '1 metadata:ObjectMeta, 2 spec:AccessSpec, 3 status:-',
  SelfAccessSpec: '1 resourceAttributes:ResourceAttributes, 2 nonResourceAttributes:NonResourceAttributes',
  AccessSpec:
    '1 resourceAttributes:ResourceAttributes, 2 nonResourceAttributes:NonResourceAttributes, 3 user:string, 4 groups:[]string, 5 extra:-, 6 uid:string',
  ResourceAttributes:
    '1 namespace:string, 2 verb:string, 3 group:string, 4 version:string, 5 resource:string, 6 subresource:string, 7 name:string, 8 fieldSelector:-, 9 labelSelector:-',
  NonResourceAttributes: '1 path:string, 2 verb:string',
  SelfSubjectRulesReview: '1 metadata:ObjectMeta, 2 spec:RulesSpec, 3 status:-',
  RulesSpec: '1 namespace:string',
  SelfSubjectReview: '1 metadata:ObjectMeta, 2 status:-',
  TokenRequest: '1 metadata:ObjectMeta, 2 spec:TokenRequestSpec, 3 status:-',
  TokenRequestSpec: '1 audiences:[]string, 3 boundObjectRef:BoundObject, 4 expirationSeconds:int?',
  BoundObject: '1 kind:string, 2 apiVersion:string, 3 name:string, 4 uid:string',
  TokenReview: '1 metadata:ObjectMeta, 2 spec:TokenReviewSpec, 3 status:-',
  TokenReviewSpec: '1 token:string, 2 audiences:[]string',

  Role: '1 metadata:ObjectMeta, 2 rules:[]PolicyRule',
  ClusterRole: '1 metadata:ObjectMeta, 2 rules:[]PolicyRule, 3 aggregationRule:-',
  PolicyRule: '1 verbs:[]string, 2 apiGroups:[]string, 3 resources:[]string, 4 resourceNames:[]string, 5 nonResourceURLs:[]string',
  RoleBinding: '1 metadata:ObjectMeta, 2 subjects:[]RbacSubject, 3 roleRef:RoleRef',
  ClusterRoleBinding: '1 metadata:ObjectMeta, 2 subjects:[]RbacSubject, 3 roleRef:RoleRef',
  RbacSubject: '1 kind:string, 2 apiGroup:string, 3 name:string, 4 namespace:string',
  RoleRef: '1 apiGroup:string, 2 kind:string, 3 name:string',
};
