import { beforeEach, expect, test } from 'vitest';
import type { Doc } from './document.ts';
import { createRbac, denialText, serviceAccountUser } from './rbac.ts';
import type { Wish } from './rbac.ts';
import { createStore } from './store.ts';
import type { KubeStore } from './store.ts';

let store: KubeStore;
const account = serviceAccountUser('logs', 'alloy');
const may = (wish: Wish): boolean => createRbac(store).authorize(account, wish).allowed;
const rbac = (kind: string, name: string, rest: Doc, namespace?: string): void =>
  void store.create({ apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name, ...(namespace && { namespace }) }, ...rest });
const subjects = [{ kind: 'ServiceAccount', namespace: 'logs', name: 'alloy' }];

beforeEach(() => {
  store = createStore({ clock: { now: () => new Date(), after: () => () => undefined } });
  for (const name of ['logs', 'other']) store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
});

test('nothing is allowed without a binding, everything to system:masters', () => {
  expect(may({ verb: 'list', resource: 'pods' })).toBe(false);
  expect(createRbac(store).authorize({ user: 'x', groups: ['system:masters'] }, { verb: 'escalate', resource: 'anything' }).allowed).toBe(true);
});

test('a ClusterRole holds everywhere, or only where a RoleBinding brings it', () => {
  rbac('ClusterRole', 'reader', { rules: [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['list'] }] });
  rbac('RoleBinding', 'reader', { roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects }, 'other');
  expect(may({ verb: 'list', resource: 'pods', namespace: 'other' })).toBe(true);
  expect(may({ verb: 'list', resource: 'pods', namespace: 'logs' })).toBe(false);
  expect(may({ verb: 'list', resource: 'pods', namespace: '' })).toBe(false);
  rbac('ClusterRoleBinding', 'reader', { roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects });
  expect(may({ verb: 'list', resource: 'pods', namespace: '' })).toBe(true);
  expect(may({ verb: 'list', resource: 'pods', subresource: 'log', namespace: 'logs' })).toBe(true);
  expect(may({ verb: 'get', resource: 'pods', namespace: 'logs' })).toBe(false);
});

test('groups, names, subresources and paths are looked at', () => {
  rbac('ClusterRole', 'odd', {
    rules: [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['one'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['*/scale'], verbs: ['*'] },
      { nonResourceURLs: ['/metrics*'], verbs: ['get'] },
    ],
  });
  rbac('ClusterRoleBinding', 'odd', { roleRef: { kind: 'ClusterRole', name: 'odd' }, subjects: [{ kind: 'Group', name: 'system:serviceaccounts:logs' }] });
  expect([may({ verb: 'get', resource: 'secrets', name: 'one' }), may({ verb: 'get', resource: 'secrets', name: 'two' })]).toEqual([true, false]);
  expect([
    may({ verb: 'patch', group: 'apps', resource: 'deployments', subresource: 'scale' }),
    may({ verb: 'patch', group: 'apps', resource: 'deployments' }),
  ]).toEqual([true, false]);
  expect([may({ verb: 'get', path: '/metrics/cadvisor' }), may({ verb: 'get', path: '/logs' })]).toEqual([true, false]);
});

test('the refusal says who, what and where', () => {
  expect(denialText(account, { verb: 'list', resource: 'pods', namespace: 'logs' })).toBe(
    'User "system:serviceaccount:logs:alloy" cannot list resource "pods" in API group "" in the namespace "logs"',
  );
});
