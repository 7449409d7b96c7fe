/** Whether RBAC lets a service account list and watch pods, or read their logs. */
import { createRbac, denialText, serviceAccountUser, type Wish } from '../../kube/rbac.ts';
import type { ObjectStore } from '../../types.ts';

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** The API server's message for the first refused request; `undefined` when all are allowed. */
function denied(store: ObjectStore, account: Account, wishes: readonly Wish[]): string | undefined {
  const user = serviceAccountUser(account.namespace, account.name);
  const rbac = createRbac(store);
  const refused = wishes.find((wish) => !rbac.authorize(user, wish).allowed);
  return refused === undefined ? undefined : denialText(user, refused);
}

/** In one namespace, or at the cluster scope when none is given. */
export function deniedPodList(store: ObjectStore, account: Account, namespace = ''): string | undefined {
  return denied(
    store,
    account,
    ['list', 'watch'].map((verb) => ({ verb, resource: 'pods', namespace })),
  );
}

export function deniedPodLogs(store: ObjectStore, account: Account, namespace: string): string | undefined {
  return denied(store, account, [{ verb: 'get', resource: 'pods', subresource: 'log', namespace }]);
}
