/** Stands between the program and the sandbox's AWS and Kubernetes, and answers for them what a case wants. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, request as secureRequest } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:tls';
import { cert, key } from '../support/loopback-certificate.ts';
import type { Terminal } from '../support/sandbox-cli.ts';

/**
 * `stall`: no byte ever. `stall-body`: half of the answer. `endless`: an answer without end. `reset`: the connection is cut. Else an answer, or
 * the real one with its JSON changed.
 */
export type Treatment =
  | 'stall'
  | 'stall-body'
  | 'endless'
  | 'reset'
  | { readonly status?: number; readonly body: string; readonly type?: string; readonly headers?: Readonly<Record<string, string>> }
  | ((json: any) => unknown);

export interface Rule {
  /** Of `sts:GetCallerIdentity`, `eks:GET /clusters/x`, `kube:GET /api/v1/pods?limit=500`. */
  readonly match: RegExp;
  readonly treat: Treatment;
}

export interface Between {
  /** Laid over the terminal's. */
  readonly env: Readonly<Record<string, string>>;
  rules: readonly Rule[];
  /** What was asked, and whether a rule met it. */
  readonly asked: { readonly call: string; readonly treated: boolean }[];
  close(): Promise<void>;
}

export async function standBetween(terminal: Terminal): Promise<Between> {
  const upstream = new URL(terminal.env['AWS_ENDPOINT_URL']!);
  let kube: { readonly endpoint: URL; readonly ca: Buffer } | undefined;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const between: { rules: readonly Rule[]; readonly asked: { call: string; treated: boolean }[] } = { rules: [], asked: [] };
  const treatmentOf = (call: string): Treatment | undefined => {
    const rule = between.rules.find(({ match }) => match.test(call));
    between.asked.push({ call, treated: rule !== undefined });
    return rule?.treat;
  };

  const aws = createServer((asked, reply) => {
    void bytesOf(asked).then((body) => {
      const treat = treatmentOf(`${serviceOf(asked)}:${/Action=(\w+)/.exec(body.toString())?.[1] ?? `${asked.method} ${asked.url}`}`);
      const pass = () => request({ host: upstream.hostname, port: upstream.port, method: asked.method, path: asked.url, headers: asked.headers });
      const change = (text: string): string => {
        if (!/^\/clusters\/[^/?]+$/.test(asked.url ?? '')) return text;
        const answer = JSON.parse(text) as { cluster?: { endpoint: string; certificateAuthority: { data: string } } };
        if (!answer.cluster?.endpoint) return text;
        kube ??= { endpoint: new URL(answer.cluster.endpoint), ca: Buffer.from(answer.cluster.certificateAuthority.data, 'base64') };
        answer.cluster.endpoint = `https://127.0.0.1:${portOf(api)}`;
        answer.cluster.certificateAuthority.data = Buffer.from(cert).toString('base64');
        return JSON.stringify(answer);
      };
      answered({ asked, reply, body, treat, pass, change });
    });
  });
  const api = createSecureServer({ cert, key }, (asked, reply) => {
    void bytesOf(asked).then((body) => {
      const { endpoint, ca } = kube!;
      const treat = treatmentOf(`kube:${asked.method} ${asked.url}`);
      const pass = () => secureRequest({ host: endpoint.hostname, port: endpoint.port, ca, method: asked.method, path: asked.url, headers: asked.headers });
      answered({ asked, reply, body, treat, pass, change: (text) => text });
    });
  });
  api.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
    keep(socket);
    const treat = treatmentOf(`kube:UPGRADE ${asked.url}`);
    if (treat === 'reset') return void socket.destroy();
    if (treat === 'stall' || treat === 'stall-body') return;
    if (typeof treat === 'object')
      return void socket.end(`HTTP/1.1 ${treat.status ?? 200} x\r\ncontent-length: ${Buffer.byteLength(treat.body)}\r\n\r\n${treat.body}`);
    const { endpoint, ca } = kube!;
    const on = connect({ host: endpoint.hostname, port: Number(endpoint.port), ca }, () => {
      const headers = asked.rawHeaders.reduce((text, word, index) => text + word + (index % 2 === 0 ? ': ' : '\r\n'), '');
      on.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${headers}\r\n`);
      on.write(head);
      on.pipe(socket).pipe(on);
    });
    keep(on);
    socket.on('close', () => on.destroy());
    on.on('close', () => socket.destroy());
  });
  for (const server of [aws, api]) server.on('connection', keep);
  await Promise.all([aws, api].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
  return Object.assign(between, {
    env: { AWS_ENDPOINT_URL: `http://127.0.0.1:${portOf(aws)}` },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([aws, api].map((server) => new Promise((done) => server.close(done))));
    },
  });
}

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

const serviceOf = ({ headers }: IncomingMessage) => /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? 'sts';

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface Answering {
  readonly asked: IncomingMessage;
  readonly reply: ServerResponse;
  readonly body: Buffer;
  readonly treat: Treatment | undefined;
  readonly pass: () => ReturnType<typeof request>;
  readonly change: (text: string) => string;
}

function answered({ asked, reply, body, treat, pass, change }: Answering): void {
  reply.on('error', () => undefined);
  if (treat === 'stall') return;
  if (treat === 'reset') return void asked.socket.destroy();
  if (treat === 'endless') {
    reply.writeHead(200, { 'content-type': 'application/json' });
    const block = Buffer.alloc(1 << 20, 97);
    const pouring = setInterval(() => void (reply.writableNeedDrain || reply.write(block)), 2);
    return void reply.on('close', () => clearInterval(pouring));
  }
  if (typeof treat === 'object') {
    reply.writeHead(treat.status ?? 200, { 'content-type': treat.type ?? 'application/json', ...treat.headers });
    return void reply.end(treat.body);
  }
  const passed = pass();
  passed.on('error', () => reply.destroy());
  passed.on('response', (answer) => {
    const { 'transfer-encoding': _, 'content-length': __, ...headers } = answer.headers;
    const send = (text: Buffer) => {
      if (treat !== 'stall-body') {
        reply.writeHead(answer.statusCode!, { ...headers, 'content-length': String(text.length) });
        return void reply.end(text);
      }
      reply.writeHead(answer.statusCode!, { ...headers, 'content-length': String(text.length + 1000) });
      return void reply.write(text.subarray(0, Math.max(1, text.length >> 1)));
    };
    // A watch has no end of its own.
    if (/[?&]watch=(true|1)/.test(asked.url ?? '') && treat === undefined) {
      reply.writeHead(answer.statusCode!, answer.headers);
      return void answer.pipe(reply);
    }
    void bytesOf(answer)
      .then((bytes) => {
        const json = /json/.test(String(headers['content-type']));
        const text = json ? change(bytes.toString()) : '';
        send(!json ? bytes : Buffer.from(typeof treat === 'function' ? changed(text, treat) : text));
      })
      .catch(() => reply.destroy());
  });
  passed.end(body);
}

function changed(text: string, by: (json: any) => unknown): string {
  try {
    return JSON.stringify(by(JSON.parse(text))) ?? 'null';
  } catch {
    return text;
  }
}
