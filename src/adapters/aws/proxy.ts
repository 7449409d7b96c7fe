/** An HTTPS agent that uses the proxy from the environment, which Node's own agent ignores. */
import { request } from 'node:http';
import { request as secureRequest, Agent } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';

type Env = Readonly<Record<string, string | undefined>>;

/** `undefined` if HTTPS_PROXY (or https_proxy) is not set. Hosts in NO_PROXY are connected to directly. */
export function proxyAgent(env: Env): Agent | undefined {
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'];
  if (!proxy) return undefined;
  return new ProxyAgent(new URL(proxy.includes('://') ? proxy : `http://${proxy}`), env['NO_PROXY'] ?? env['no_proxy'] ?? '');
}

/** NO_PROXY as curl parses it: names and their subdomains, with or without a leading dot or `*`, and `*` for all. */
export function isDirect(host: string, noProxy: string): boolean {
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => entry.toLowerCase().replace(/:\d+$/, ''))
    .some((entry) => {
      if (entry === '*') return true;
      const name = entry.replace(/^\*?\./, '');
      return host.toLowerCase() === name || host.toLowerCase().endsWith(`.${name}`);
    });
}

class ProxyError extends Error {
  readonly code = 'PROXY_REFUSED';
}

type Connected = (error: Error | null, socket: Duplex) => void;

// A class because Node calls `createConnection` on a subclass; there is no other way in.
class ProxyAgent extends Agent {
  readonly #proxy: URL;
  readonly #noProxy: string;

  constructor(proxy: URL, noProxy: string) {
    super({ keepAlive: true, maxSockets: 50 });
    this.#proxy = proxy;
    this.#noProxy = noProxy;
  }

  override createConnection(options: RequestOptions, connected?: Connected): Duplex | null | undefined {
    const host = String(options.host ?? options.hostname);
    if (isDirect(host, this.#noProxy)) return super.createConnection(options, connected as never) as Duplex;
    this.#tunnel(host, Number(options.port ?? 443)).then(
      (socket) => connected?.(null, connect({ ...(options as object), socket, servername: options.servername ?? host })),
      (error: Error) => connected?.(error, undefined as never),
    );
    return undefined;
  }

  #tunnel(host: string, port: number): Promise<Duplex & Socket> {
    const proxy = this.#proxy;
    const login = proxy.username === '' ? undefined : `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
    const send = proxy.protocol === 'https:' ? secureRequest : request;
    return new Promise((resolve, reject) => {
      send({
        method: 'CONNECT',
        host: proxy.hostname,
        port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
        path: `${host}:${port}`,
        agent: false,
        timeout: 10_000,
        headers: { host: `${host}:${port}`, ...(login !== undefined && { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }) },
      })
        .on('connect', (answer, socket) => {
          if (answer.statusCode === 200) return resolve(socket);
          socket.destroy();
          reject(new ProxyError(`${proxy.host} answered CONNECT ${host}:${port} with ${answer.statusCode}`));
        })
        .on('timeout', function (this: { destroy: (error: Error) => void }) {
          this.destroy(new ProxyError(`${proxy.host} did not answer CONNECT ${host}:${port}`));
        })
        .on('error', (error: NodeJS.ErrnoException) =>
          reject(error instanceof ProxyError ? error : new ProxyError(`${proxy.host}: ${error.code ?? error.message}`)),
        )
        .end();
    });
  }
}
