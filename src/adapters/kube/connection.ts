/** How to connect to a cluster's API: server, TLS, login and agent, from EKS facts or from a kubeconfig. */
import { Agent, type RequestOptions } from 'node:https';
import { stop } from '../../problems/problem.ts';
import type { KubeAccess } from '../../ports/kubernetes.ts';
import type { Env, PickedContext } from './kubeconfig.ts';
import { proxyFor, tunnelAgent } from './proxy.ts';

export interface Connection {
  /** `https://host[:port][/prefix]`, no trailing slash. */
  readonly server: string;
  /** TLS options, login headers and agent of one request: requested before each, so that a token is never stale. */
  readonly options: () => Promise<RequestOptions>;
  /** The same for a websocket, which must not use a socket of the keep-alive pool. */
  readonly socketOptions: () => Promise<RequestOptions>;
  readonly close: () => void;
}

/**
 * Idle sockets are closed before the server does it (Node's own servers: after 5 s), so that no write hits a dead one: it would be
 * lost without anyone knowing whether it had happened.
 */
const IDLE_MS = 4_000;
const MAX_SOCKETS = 16;

export async function openConnection(access: KubeAccess, env: Env): Promise<Connection> {
  if (access.is === 'eks') {
    const ca = access.ca ? { ca: Buffer.from(access.ca, 'base64') } : {};
    const login = async () => ({ ...ca, headers: { authorization: `Bearer ${await access.token()}` } });
    return connection(access.server.replace(/(?<!\/)\/+$/, ''), { env, login });
  }
  // Only a caller with a kubeconfig pays for parsing one.
  const { pickContext } = await import('./kubeconfig.ts');
  const picked = await pickContext({ ...access, env });
  const proxy = picked.cluster.fields['proxy-url'];
  return connection(picked.server, { env, login: await kubeconfigLogin(picked, env), ...(typeof proxy === 'string' && proxy && { proxy }) });
}

function connection(server: string, of: { readonly env: Env; readonly login: () => Promise<RequestOptions>; readonly proxy?: string }): Connection {
  if (of.proxy && !/^https?:/.test(of.proxy))
    throw stop('KUBECONFIG_INVALID', { message: `The kubeconfig's proxy-url ${of.proxy} is not http:// or https://` });
  const proxy = of.proxy ? new URL(of.proxy) : proxyFor(server, of.env);
  const pool = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_MS, scheduling: 'lifo' } as const;
  const agent = proxy ? tunnelAgent(proxy, pool) : new Agent(pool);
  return {
    server,
    options: async () => ({ ...(await of.login()), agent }),
    socketOptions: async () => ({ ...(await of.login()), ...(proxy && { agent: tunnelAgent(proxy, {}) }) }),
    close: () => agent.destroy(),
  };
}

/** client-node handles certificates, tokens, token files and OIDC; the exec plugin is ours, so that it can't wait for input. */
async function kubeconfigLogin(picked: PickedContext, env: Env): Promise<() => Promise<RequestOptions>> {
  // The deep import leaves out the generated API classes, which are most of that package.
  const [{ KubeConfig }, { execCredentials }] = await Promise.all([import('@kubernetes/client-node/dist/config.js'), import('./exec-credential.ts')]);
  const config = new KubeConfig();
  const { 'proxy-url': _, ...cluster } = picked.cluster.fields;
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name: 'cluster', cluster }],
      users: [{ name: 'user', user: picked.user.fields }],
      contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
      'current-context': 'context',
    }),
  );
  const exec = picked.user.exec && execCredentials(picked.user.exec, env);
  return async () => {
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw stop(
        'KUBECONFIG_INVALID',
        { message: `The credentials of context ${picked.context} can't be used: ${(error as Error).message}` },
        { cause: error },
      );
    }
    const { agent: _agent, ...rest } = options;
    const credential = await exec?.();
    return {
      ...rest,
      ...(credential?.cert && { cert: credential.cert, key: credential.key }),
      headers: { ...(rest.headers as Record<string, string> | undefined), ...(credential?.token && { authorization: `Bearer ${credential.token}` }) },
    };
  };
}
