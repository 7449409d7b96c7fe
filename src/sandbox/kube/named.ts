/** Names for a request: for fault rules and the call log, for the authorizer, and in error messages. */
import { denialText } from './rbac.ts';
import type { Wish } from './rbac.ts';
import type { ResourceRequest, User } from './request.ts';
import { failure, forbidden, Refusal } from './status.ts';

export interface Named {
  /** `kube:create:secrets`, `kube:get:pods/log`, `kube:get:/version`. */
  readonly call: string;
  /** Whether it changes the cluster. Dry runs, reviews and requests proxied to pods don't. */
  readonly write: boolean;
  readonly wish: Wish;
  readonly user: string;
  readonly deny: () => never;
}

const READS = new Set(['get', 'list', 'watch']);

const wishOf = ({ verb, resource, namespace, name, subresource }: ResourceRequest): Wish => ({
  verb,
  group: resource.group,
  resource: resource.plural,
  subresource,
  namespace,
  // A proxied name carries a scheme and a port.
  name: subresource === 'proxy' ? (name.split(':').at(name.split(':').length === 3 ? 1 : 0) ?? '') : name,
});

export function nameResource(about: ResourceRequest): Named {
  const { verb, resource, subresource, name } = about;
  const wish = wishOf(about);
  return {
    call: `kube:${verb}:${resource.plural}${subresource && `/${subresource}`}`,
    write: !READS.has(verb) && !about.dryRun && !resource.review && !['token', 'proxy', 'portforward'].includes(subresource),
    wish,
    user: about.user.user,
    deny: () => {
      throw forbidden(resource, name, denialText(about.user, wish));
    },
  };
}

export function namePath(path: string, user: User): Named {
  const wish = { verb: 'get', path };
  return {
    call: `kube:get:${path}`,
    write: false,
    wish,
    user: user.user,
    deny: () => {
      throw new Refusal(failure(403, 'Forbidden', `forbidden: ${denialText(user, wish)}`, {}));
    },
  };
}
