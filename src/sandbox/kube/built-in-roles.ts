/** The roles and bindings that every cluster has, as far as anything here depends on them. */
import type { KubeObject } from '../../ports/kubernetes.ts';

const API = 'rbac.authorization.k8s.io/v1';
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const WORKLOADS = [
  {
    apiGroups: ['apps'],
    resources: ['daemonsets', 'deployments', 'deployments/scale', 'replicasets', 'replicasets/scale', 'statefulsets', 'statefulsets/scale'],
  },
  { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'] },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'] },
];
const VIEWED = {
  apiGroups: [''],
  resources: [
    'configmaps',
    'endpoints',
    'persistentvolumeclaims',
    'pods',
    'pods/log',
    'pods/status',
    'services',
    'serviceaccounts',
    'events',
    'namespaces',
    'limitranges',
    'resourcequotas',
  ],
};
const EDITED = {
  apiGroups: [''],
  resources: ['configmaps', 'events', 'persistentvolumeclaims', 'pods', 'pods/eviction', 'secrets', 'serviceaccounts', 'services'],
};
const ENTERED = {
  apiGroups: [''],
  resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'services/proxy', 'secrets'],
  verbs: [...READ, 'create'],
};

const VIEW = [VIEWED, ...WORKLOADS].map((rule) => ({ ...rule, verbs: READ }));
const EDIT = [
  ...VIEW,
  ENTERED,
  ...[EDITED, ...WORKLOADS].map((rule) => ({ ...rule, verbs: WRITE })),
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
];
const ADMIN = [...EDIT, { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: [...READ, ...WRITE] }];

const INFO_PATHS = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const PUBLIC_PATHS = [...INFO_PATHS, '/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];
const SELF = [
  { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], verbs: ['create'] },
  { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
];
const EVERYTHING = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const role = (name: string, rules: readonly object[]): KubeObject => ({ apiVersion: API, kind: 'ClusterRole', metadata: { name, labels }, rules });
const binding = (name: string, group: string): KubeObject => ({
  apiVersion: API,
  kind: 'ClusterRoleBinding',
  metadata: { name, labels },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
});

export const BUILT_IN_ROLES: readonly KubeObject[] = [
  role('cluster-admin', EVERYTHING),
  role('admin', ADMIN),
  role('edit', EDIT),
  role('view', VIEW),
  role('system:discovery', [{ nonResourceURLs: PUBLIC_PATHS, verbs: ['get'] }]),
  role('system:basic-user', SELF),
  role('system:public-info-viewer', [{ nonResourceURLs: INFO_PATHS, verbs: ['get'] }]),
  binding('cluster-admin', 'system:masters'),
  binding('system:discovery', 'system:authenticated'),
  binding('system:basic-user', 'system:authenticated'),
  binding('system:public-info-viewer', 'system:unauthenticated'),
];
