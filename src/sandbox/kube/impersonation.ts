/** `kubectl --as`: acting as another user, where RBAC allows it. */
import type { IncomingHttpHeaders } from 'node:http';
import { denialText, serviceAccountUser } from './rbac.ts';
import type { Rbac } from './rbac.ts';
import type { User } from './request.ts';
import { forbidden } from './status.ts';

/** The user the request is for. Throws 403 when the caller may not impersonate. */
export function impersonated(headers: IncomingHttpHeaders, caller: User, authorize: Rbac['authorize']): User {
  const wanted = headers['impersonate-user'];
  if (typeof wanted !== 'string' || wanted === '') return caller;
  const [, , namespace, name] = wanted.split(':');
  const isAccount = wanted.startsWith('system:serviceaccount:') && namespace !== undefined && name !== undefined;
  const subject = isAccount ? { resource: 'serviceaccounts', namespace, name } : { resource: 'users', namespace: '', name: wanted };
  const wish = { verb: 'impersonate', group: '', ...subject };
  if (!authorize(caller, wish).allowed) throw forbidden({ group: '', kind: 'User', plural: subject.resource }, subject.name, denialText(caller, wish));
  const given = [headers['impersonate-group'] ?? []].flat().flatMap((value) => value.split(', '));
  if (isAccount && given.length === 0) return serviceAccountUser(namespace, name);
  return { user: wanted, groups: [...given, 'system:authenticated'] };
}
