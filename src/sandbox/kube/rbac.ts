/** Authorization: Roles and ClusterRoles through their bindings, as the real authorizer evaluates them. */
import type { ObjectStore } from '../types.ts';
import { docOf } from './document.ts';
import type { Doc } from './document.ts';
import type { User } from './request.ts';

/** One action to authorize: on a resource, or on a path outside resources. */
export interface Wish {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  /** Empty for cluster-scoped resources and for all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  readonly path?: string;
}

export interface Verdict {
  readonly allowed: boolean;
  /** The binding that allows it. */
  readonly reason: string;
}

export interface Rbac {
  authorize(user: User, wish: Wish): Verdict;
  /** All rules that apply to the user in a namespace (`SelfSubjectRulesReview`). */
  rulesFor(user: User, namespace: string): readonly Doc[];
}

/** The user that a service account's token identifies. */
export const serviceAccountUser = (namespace: string, name: string): User => ({
  user: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

const matches = (patterns: readonly string[] | undefined, value: string): boolean => patterns?.some((pattern) => pattern === '*' || pattern === value) ?? false;

const matchesPath = (patterns: readonly string[] | undefined, path: string): boolean =>
  patterns?.some((pattern) => pattern === path || pattern === '*' || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)))) ?? false;

function ruleAllows(rule: Doc, wish: Wish): boolean {
  if (!matches(rule.verbs, wish.verb)) return false;
  if (wish.path !== undefined) return matchesPath(rule.nonResourceURLs, wish.path);
  if (!matches(rule.apiGroups, wish.group ?? '')) return false;
  const resource = wish.subresource ? `${wish.resource}/${wish.subresource}` : (wish.resource ?? '');
  const named =
    matches(rule.resources, resource) || (wish.subresource !== undefined && wish.subresource !== '' && matches(rule.resources, `*/${wish.subresource}`));
  if (!named) return false;
  return !rule.resourceNames?.length || (wish.name !== undefined && rule.resourceNames.includes(wish.name));
}

function concerns(subject: Doc, user: User, namespace: string): boolean {
  if (subject.kind === 'User') return subject.name === user.user;
  if (subject.kind === 'Group') return user.groups.includes(subject.name);
  return subject.kind === 'ServiceAccount' && user.user === `system:serviceaccount:${subject.namespace ?? namespace}:${subject.name}`;
}

interface Grant {
  readonly rules: readonly Doc[];
  readonly through: string;
}

export function createRbac(store: Pick<ObjectStore, 'get' | 'list'>): Rbac {
  const rulesOf = (reference: Doc, namespace: string): readonly Doc[] => {
    const role = reference.kind === 'ClusterRole' ? store.get('ClusterRole', undefined, reference.name) : store.get('Role', namespace, reference.name);
    return (role ? docOf(role).rules : undefined) ?? [];
  };

  const grants = (user: User, namespace: string): readonly Grant[] => {
    const wide = store.list('ClusterRoleBinding').map(docOf);
    const local = namespace === '' ? [] : store.list('RoleBinding', { namespace }).map(docOf);
    return [...wide, ...local]
      .filter((binding) => (binding.subjects ?? []).some((subject: Doc) => concerns(subject, user, binding.metadata.namespace ?? '')))
      .map((binding) => {
        const where = binding.metadata.namespace ? `${binding.metadata.name}/${binding.metadata.namespace}` : binding.metadata.name;
        return {
          rules: rulesOf(binding.roleRef, binding.metadata.namespace ?? ''),
          through: `RBAC: allowed by ${binding.kind} "${where}" of ${binding.roleRef.kind} "${binding.roleRef.name}" to User "${user.user}"`,
        };
      });
  };

  return {
    authorize(user, wish) {
      if (user.groups.includes('system:masters')) return { allowed: true, reason: '' };
      const grant = grants(user, wish.namespace ?? '').find(({ rules }) => rules.some((rule) => ruleAllows(rule, wish)));
      return grant ? { allowed: true, reason: grant.through } : { allowed: false, reason: '' };
    },
    rulesFor(user, namespace) {
      const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
      if (user.groups.includes('system:masters')) return [all, { verbs: ['*'], nonResourceURLs: ['*'] }];
      return grants(user, namespace).flatMap(({ rules }) => rules);
    },
  };
}

/** The message of the 403. */
export function denialText(user: User, wish: Wish): string {
  if (wish.path !== undefined) return `User "${user.user}" cannot ${wish.verb} path "${wish.path}"`;
  const resource = wish.subresource ? `${wish.resource}/${wish.subresource}` : wish.resource;
  const where = wish.namespace ? `in the namespace "${wish.namespace}"` : 'at the cluster scope';
  return `User "${user.user}" cannot ${wish.verb} resource "${resource}" in API group "${wish.group ?? ''}" ${where}`;
}
