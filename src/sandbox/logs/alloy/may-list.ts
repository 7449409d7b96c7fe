/** Whether RBAC lets a service account list and watch pods, or read their logs. */
import type { KubeObject } from '../../../ports/kubernetes.ts';
import type { ObjectStore } from '../../types.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resourceNames?: readonly string[];
}
interface Binding extends KubeObject {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

function isBound(binding: Binding, account: Account): boolean {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`, 'system:authenticated'];
  return (binding.subjects ?? []).some((subject) => {
    if (subject.kind === 'ServiceAccount') return subject.name === account.name && (subject.namespace ?? binding.metadata.namespace) === account.namespace;
    if (subject.kind === 'User') return subject.name === `system:serviceaccount:${account.namespace}:${account.name}`;
    return subject.kind === 'Group' && groups.includes(subject.name);
  });
}

function allows(role: KubeObject | undefined, asked: { readonly resource: string; readonly verbs: readonly string[] }): boolean {
  const rules = (role?.['rules'] ?? []) as readonly Rule[];
  const has = (list: readonly string[] | undefined, wanted: string): boolean => list?.some((item) => item === wanted || item === '*') ?? false;
  return asked.verbs.every((verb) =>
    rules.some((rule) => has(rule.apiGroups, '') && has(rule.resources, asked.resource) && has(rule.verbs, verb) && (rule.resourceNames ?? []).length === 0),
  );
}

function may(
  store: ObjectStore,
  account: Account,
  asked: { readonly resource: string; readonly verbs: readonly string[]; readonly namespace?: string },
): boolean {
  const bound = (kind: string, namespace?: string) =>
    store
      .list(kind, { ...(namespace !== undefined && { namespace }) })
      .map((object) => object as Binding)
      .filter((binding) => isBound(binding, account));
  const everywhere = bound('ClusterRoleBinding').some((binding) => allows(store.get('ClusterRole', undefined, binding.roleRef.name), asked));
  if (everywhere || asked.namespace === undefined) return everywhere;
  return bound('RoleBinding', asked.namespace).some((binding) => {
    const role =
      binding.roleRef.kind === 'ClusterRole'
        ? store.get('ClusterRole', undefined, binding.roleRef.name)
        : store.get('Role', asked.namespace, binding.roleRef.name);
    return allows(role, asked);
  });
}

/** In one namespace, or at the cluster scope when none is given. */
export function mayListPods(store: ObjectStore, account: Account, namespace?: string): boolean {
  return may(store, account, { resource: 'pods', verbs: ['list', 'watch'], ...(namespace !== undefined && { namespace }) });
}

export function mayReadPodLogs(store: ObjectStore, account: Account, namespace: string): boolean {
  return may(store, account, { resource: 'pods/log', verbs: ['get'], namespace });
}
