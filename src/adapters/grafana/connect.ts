/** A Grafana port for a place and a login. */
import type { Grafana, GrafanaLogin } from '../../ports/grafana.ts';
import type { Kubernetes } from '../../ports/kubernetes.ts';
import { proxyAgent } from '../aws/proxy.ts';
import { openGrafana } from './api.ts';
import { byAddress, byPod } from './ways.ts';

export interface ConnectOptions {
  readonly where: string;
  readonly reach:
    | { readonly is: 'url'; readonly url: string }
    | { readonly is: 'pod'; readonly namespace: string; readonly selector: string; readonly port: number };
  readonly kubernetes: Kubernetes;
  readonly login: GrafanaLogin;
  /** For HTTPS_PROXY and NO_PROXY. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function connectGrafana({ where, reach, kubernetes, login, env }: ConnectOptions): Promise<Grafana> {
  const send = reach.is === 'url' ? byAddress(reach.url, proxyAgent(env)) : byPod(kubernetes, reach);
  return openGrafana({ where, login, send });
}
