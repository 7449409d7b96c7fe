/** The Kubernetes port over HTTPS: plain JSON requests, one pool of connections. */
import type { KubeAccess, Kubernetes } from '../../ports/kubernetes.ts';
import { openExchanges } from '../exchanges.ts';
import { openConnection } from './connection.ts';
import { openForward } from './forward.ts';
import type { Env } from './kubeconfig.ts';
import { openKubelets } from './kubelets.ts';
import { openObjects } from './objects.ts';
import { openRequests } from './requests.ts';
import { openRest, type RestOptions } from './rest.ts';

export interface ConnectOptions extends RestOptions {
  /** For KUBECONFIG, HOME, HTTPS_PROXY, NO_PROXY, and the environment of an exec plugin. */
  readonly env?: Env;
}

/** Makes no call yet. Throws KUBECONFIG_INVALID and KUBE_CONTEXT_UNKNOWN if `access` is a kubeconfig that can't be used. */
export async function connectKubernetes(access: KubeAccess, { env = {}, ...options }: ConnectOptions = {}): Promise<Kubernetes> {
  const connection = await openConnection(access, env);
  const { exchanges = openExchanges() } = options;
  const rest = openRest(connection, { ...options, exchanges });
  const objects = openObjects(rest, connection.server);
  const kubelets = openKubelets(objects.get);
  return { ...objects, ...openRequests(rest, { server: connection.server, kubelets }), forward: openForward(connection, { kubelets, exchanges }) };
}
