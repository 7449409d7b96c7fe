/** An HTTPS server on loopback that answers what a test tells it, and speaks the API server's port-forward protocol. */
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { KubeAccess } from '../../src/ports/kubernetes.ts';
import { cert, key } from './loopback-certificate.ts';

export interface Asked {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
/** `hang-up`: the connection is reset without an answer. `silence`: no answer ever. */
export type Answer = { readonly status?: number; readonly body: unknown; readonly headers?: Record<string, string> } | 'hang-up' | 'silence';

export interface KubeServer {
  readonly url: string;
  readonly access: KubeAccess;
  readonly asked: Asked[];
  /** What is behind a forwarded port: raw bytes in, raw bytes out. */
  pod?: (
    port: number,
    connection: { readonly send: (bytes: Buffer) => void; readonly complain: (text: string) => void; readonly end: () => void },
  ) => (bytes: Buffer) => void;
  stop(): Promise<void>;
}

export async function startKubeServer(answer: (asked: Asked, nth: number) => Answer): Promise<KubeServer> {
  const asked: Asked[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url!, 'https://x');
      const one = { method: request.method!, path: pathname, query: searchParams, headers: request.headers, body: Buffer.concat(chunks).toString() };
      asked.push(one);
      const reply = answer(one, asked.length);
      if (reply === 'hang-up') return request.socket.destroy();
      if (reply === 'silence') return undefined;
      const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
      response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
      return response.end(text);
    });
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has('v4.channel.k8s.io') ? 'v4.channel.k8s.io' : false) });
  const started: KubeServer = {
    url: '',
    access: { is: 'eks', server: '', ca: Buffer.from(cert).toString('base64'), token: async () => 'good-token' },
    asked,
    stop: async () => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  server.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url!, 'https://x');
    const one = { method: 'UPGRADE', path: pathname, query: searchParams, headers: request.headers, body: '' };
    asked.push(one);
    const reply = started.pod ? undefined : answer(one, asked.length);
    if (reply === 'silence') return undefined;
    if (reply === 'hang-up') return socket.destroy();
    if (reply !== undefined) {
      const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
      return socket.end(`HTTP/1.1 ${reply.status} No\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    }
    return sockets.handleUpgrade(request, socket, head, (client) => forwardPort(client, { port: Number(searchParams.get('ports')), pod: started.pod! }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(started, { url, access: { ...started.access, server: url } });
}

/** Channel 0 carries data, channel 1 errors; the first message of each holds the port number, little endian. */
function forwardPort(client: WebSocket, { port, pod }: { readonly port: number; readonly pod: NonNullable<KubeServer['pod']> }): void {
  const frame = (channel: number, bytes: Buffer) => client.send(Buffer.concat([Buffer.from([channel]), bytes]));
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  frame(0, number);
  frame(1, number);
  const receive = pod(port, { send: (bytes) => frame(0, bytes), complain: (text) => frame(1, Buffer.from(text)), end: () => client.close() });
  client.on('message', (data: Buffer) => data[0] === 0 && receive(data.subarray(1)));
}

/** A `Status` as the API server sends it. */
export const status = (code: number, of: { readonly reason?: string; readonly message?: string; readonly details?: object } = {}) => ({
  status: code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, ...of },
});
