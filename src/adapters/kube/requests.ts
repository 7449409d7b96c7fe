/** Requests that are not about objects: version, access reviews, tokens, container logs, raw paths. */
import type { Access, Kubernetes } from '../../ports/kubernetes.ts';
import { readJson, unreadable } from './answers.ts';
import { answerFailure, statusOf, type Asked } from './failures.ts';
import type { Kubelets, PodName } from './kubelets.ts';
import type { Ask, Reply, Rest } from './rest.ts';

export type Requests = Pick<Kubernetes, 'version' | 'denied' | 'token' | 'logs' | 'raw'>;

/** The API server rejects tokens with a lifetime of less than ten minutes. */
const SHORTEST_TOKEN_S = 600;

export function openRequests(rest: Rest, { server, kubelets }: { readonly server: string; readonly kubelets: Kubelets }): Requests {
  const read = <T>(reply: Reply, asked: Omit<Asked, 'server'>, of: (answer: any) => T | undefined): T => {
    const found = of(readJson({ ...asked, server }, reply));
    if (found === undefined) throw unreadable({ ...asked, server }, { reply, why: 'lacks the requested field' });
    return found;
  };
  const mayNot = async (access: Access): Promise<boolean> => {
    const { group = '', ...attributes } = access;
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: { ...attributes, group } } };
    const reply = await rest({ method: 'POST', path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', body, harmless: true });
    return read(reply, { verb: 'create', target: 'SelfSubjectAccessReview' }, ({ status }) =>
      status?.allowed === undefined ? undefined : status.allowed !== true,
    );
  };
  return {
    version: async () => read(await rest({ method: 'GET', path: '/version' }), { verb: 'get', target: '/version' }, ({ gitVersion }) => text(gitVersion)),
    denied: async (accesses) => {
      const refused = await Promise.all(accesses.map(mayNot));
      return accesses.filter((_, index) => refused[index]);
    },
    token: async ({ namespace, serviceAccount, audience, seconds }) => {
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: [audience], expirationSeconds: Math.max(SHORTEST_TOKEN_S, Math.ceil(seconds)) },
      };
      const path = `${inNamespace(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`;
      const reply = await rest({ method: 'POST', path, body, harmless: true });
      return read(reply, { verb: 'create', target: `token of ServiceAccount ${namespace}/${serviceAccount}` }, ({ status }) => text(status?.token));
    },
    logs: async ({ namespace, pod, container, tail, previous }) => {
      const query = new URLSearchParams({ tailLines: String(tail) });
      if (container) query.set('container', container);
      if (previous) query.set('previous', 'true');
      const path = `${inNamespace(namespace)}/pods/${encodeURIComponent(pod)}/log?${query}`;
      const reply = await kubelets({ namespace, pod }, () => rest({ method: 'GET', path, accept: '*/*', kubelet: true }));
      if (notStarted(reply)) return [];
      if (reply.status >= 400) throw answerFailure({ verb: 'get', target: `log of pod ${namespace}/${pod}`, server }, reply);
      if (reply.status !== 200) throw unreadable({ verb: 'get', target: `log of pod ${namespace}/${pod}`, server }, { reply, why: 'is not a log' });
      const lines = reply.body.split('\n');
      if (lines.at(-1) === '') lines.pop();
      return lines.slice(-tail).map((line) => (line.length > MOST_LINE ? `${line.slice(0, MOST_LINE)}…` : line));
    },
    raw: async (path) => {
      const ask: Ask = { method: 'GET', path, accept: '*/*' };
      const pod = logOf(path);
      const { status, body } = await (pod ? kubelets(pod, () => rest({ ...ask, kubelet: true })) : rest(ask));
      return { status, body };
    },
  };
}

/** What patterns look for is at the start of a line; the rest may be crafted to keep a pattern busy. */
const MOST_LINE = 16 * 1024;
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const inNamespace = (namespace: string) => `/api/v1/namespaces/${encodeURIComponent(namespace)}`;

/** The pod whose log this path reads: the one raw path that is forwarded to a kubelet. */
function logOf(path: string): PodName | undefined {
  const [, namespace, pod] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/log(?:\?|$)/.exec(path) ?? [];
  return namespace && pod ? { namespace: decodeURIComponent(namespace), pod: decodeURIComponent(pod) } : undefined;
}

const notStarted = ({ status, body }: Reply): boolean =>
  status === 400 && /waiting to start|not found|has not started|is not available|ContainerCreating|PodInitializing/.test(statusOf(body)?.message ?? body);
