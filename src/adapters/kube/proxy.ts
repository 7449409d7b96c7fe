/** HTTPS_PROXY and NO_PROXY for connections to the Kubernetes API: an agent that tunnels with CONNECT. */
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest, type AgentOptions } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls';
import type { Env } from './kubeconfig.ts';

/** The proxy for this server, after NO_PROXY. Loopback is never proxied. Lower-case names win, as in curl and Go. */
export function proxyFor(server: string, env: Env): URL | undefined {
  const proxy = env['https_proxy'] || env['HTTPS_PROXY'];
  if (!proxy) return undefined;
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  const excepted = (env['no_proxy'] || env['NO_PROXY'] || '').split(/[\s,]+/).filter(Boolean);
  if (excepted.some((rule) => covers(rule.toLowerCase(), { host, port: port || '443' }))) return undefined;
  return new URL(/^[a-z]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
}

function covers(rule: string, { host, port }: { readonly host: string; readonly port: string }): boolean {
  if (rule === '*') return true;
  const [, name = rule, only] = /^(.+?):(\d+)$/.exec(rule) ?? [];
  if (only && only !== port) return false;
  if (isIP(host) === 4 && name.includes('/')) return inRange(host, name);
  const bare = name.replace(/^\*?\./, '');
  return host === bare || (!isIP(host) && host.endsWith(`.${bare}`));
}

function inRange(address: string, range: string): boolean {
  const [base = '', bits] = range.split('/');
  if (isIP(base) !== 4) return false;
  const number = (ip: string) => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(address) / size) === Math.floor(number(base) / size);
}

/** Keep-alive, one CONNECT tunnel per socket. */
export function tunnelAgent(proxy: URL, options: AgentOptions): Agent {
  const agent = new Agent(options);
  const open = (target: ConnectionOptions, done: (error: Error | null, socket?: Socket) => void) => {
    const at = `${target.host}:${target.port ?? 443}`;
    // TLS allows no IP address as a server name; the certificate is checked against `host` then.
    const name = target.servername || (isIP(target.host ?? '') ? undefined : target.host);
    const login = proxy.username
      ? `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}`
      : undefined;
    const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      host: proxy.hostname,
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: at,
      headers: { host: at, ...(login && { 'proxy-authorization': login }) },
      agent: false,
      timeout: 15_000,
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error(`proxy ${proxy.host} is not responding`), { code: 'ETIMEDOUT' })));
    request.on('error', (error) => done(error));
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) return done(null, tlsConnect({ ...target, socket, ...(name && { servername: name }) }));
      socket.destroy();
      done(Object.assign(new Error(`proxy ${proxy.host} answers ${response.statusCode} to CONNECT ${at}`), { code: 'EPROXY' }));
    });
    request.end();
  };
  return Object.assign(agent, { createConnection: open });
}
