/** Creates a Grafana port for a place and a login. */
import type { Grafana, GrafanaLogin } from '../../ports/grafana.ts';
import type { Kubernetes } from '../../ports/kubernetes.ts';
import { proxyAgent } from '../aws/proxy.ts';
import { openExchanges, type Exchanges } from '../exchanges.ts';
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
  /** Those of the run; without them each request still has its timeout. */
  readonly exchanges?: Exchanges;
}

export async function connectGrafana({ where, reach, kubernetes, login, env, exchanges = openExchanges() }: ConnectOptions): Promise<Grafana> {
  const agent = proxyAgent(env);
  const send = reach.is === 'url' ? byAddress(reach.url, { exchanges, ...(agent && { agent }) }) : byPod(kubernetes, reach);
  return openGrafana({ where, login, send });
}
