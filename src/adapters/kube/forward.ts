/** One HTTP request to a pod's port through a port-forward over a websocket. */
import { request as httpRequest } from 'node:http';
import { Duplex, PassThrough, Writable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Kubernetes, PodRequest, PodResponse } from '../../ports/kubernetes.ts';
import type { Connection } from './connection.ts';
import { answerFailure, networkFailure } from './failures.ts';
import { whenAnswered } from './rest.ts';

const TIMEOUT_MS = 30_000;
/** How long the server may take to answer our closing frame. */
const CLOSE_MS = 500;

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** The part of a websocket we use: client-node's own type follows browsers. */
interface Socket {
  close(): void;
  terminate(): void;
  addEventListener(type: 'close' | 'error', listener: (event: { readonly message?: string; readonly error?: unknown }) => void): void;
}

export function openForward(connection: Connection): Kubernetes['forward'] {
  return async (to, asked) => {
    const timeoutMs = asked.timeoutMs ?? TIMEOUT_MS;
    const deadline = Date.now() + timeoutMs;
    const tunnel = await within(openTunnel(connection, to), { ms: timeoutMs, late: (opened) => opened.close(), why: () => slow(to, timeoutMs) });
    try {
      return await exchange(tunnel.stream, to, { ...asked, timeoutMs: Math.max(1, deadline - Date.now()) });
    } catch (error) {
      throw error instanceof ProblemError ? error : broken(to, tunnel.complaint() || (error as Error).message, error);
    } finally {
      tunnel.close();
    }
  };
}

const name = ({ namespace, pod, port }: PodPort) => `port ${port} of pod ${namespace}/${pod}`;

const broken = (to: PodPort, why: string, cause?: unknown) =>
  stop(
    'KUBE_FORWARD_FAILED',
    { message: `${name(to)} can't be reached: ${why.trim() || 'the connection broke off'}`, fix: `kubectl -n ${to.namespace} describe pod ${to.pod}` },
    { cause },
  );
const slow = (to: PodPort, ms: number) => broken(to, `no answer within ${Math.round(ms / 100) / 10} s`);

/** Rejects after `ms`; what arrives later is handed to `late`, so that nothing stays open. */
async function within<T>(work: Promise<T>, of: { readonly ms: number; readonly late: (value: T) => void; readonly why: () => Error }): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      work.then(of.late, () => undefined);
      fail(of.why());
    }, of.ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

interface Tunnel {
  readonly stream: Duplex;
  /** What the kubelet wrote on the error channel. */
  readonly complaint: () => string;
  readonly close: () => void;
}

async function openTunnel(connection: Connection, to: PodPort): Promise<Tunnel> {
  const { PortForward } = await import('@kubernetes/client-node/dist/portforward.js');
  // The two questions PortForward asks a KubeConfig; a real one would have to be loaded with all its generated classes.
  const config = {
    getCurrentCluster: () => ({ server: connection.server }),
    applyToHTTPSOptions: async (options: object) => void Object.assign(options, await connection.socketOptions()),
  } as unknown as KubeConfig;
  const toPod = new PassThrough();
  let said = '';
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => undefined,
    write: (chunk: Buffer, _, done) => void toPod.write(chunk, () => done()),
  });
  const fromPod = new Writable({ write: (chunk: Buffer, _, done) => (stream.push(chunk), done()) });
  const complaints = new Writable({
    write: (chunk: Buffer, _, done) => {
      said += chunk.toString();
      if (said.trim()) stream.destroy(new Error(said.trim()));
      done();
    },
  });
  try {
    const forward = new PortForward(config, true);
    const socket = (await forward.portForward(
      encodeURIComponent(to.namespace),
      encodeURIComponent(to.pod),
      [to.port],
      fromPod,
      complaints,
      toPod,
    )) as unknown as Socket;
    socket.addEventListener('close', () => stream.push(null));
    socket.addEventListener('error', (event) => stream.destroy(new Error(event.message ?? 'the connection broke off')));
    return { stream, complaint: () => said, close: () => closeTunnel(socket, stream) };
  } catch (error) {
    throw refused(error, { to, server: connection.server });
  }
}

function closeTunnel(socket: Socket, stream: Duplex): void {
  const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
  timer.unref();
  socket.addEventListener('close', () => clearTimeout(timer));
  socket.close();
  stream.on('error', () => undefined);
  stream.destroy();
}

/** Of an opening that failed: ws tells the HTTP status of a refused upgrade only in words. */
function refused(error: unknown, { to, server }: { readonly to: PodPort; readonly server: string }): ProblemError {
  if (error instanceof ProblemError) return error;
  const { error: inner, message = '' } = error as { error?: Error; message?: string };
  const status = Number(/Unexpected server response: (\d+)/.exec(message)?.[1]);
  if (status === 401 || status === 403)
    return answerFailure({ verb: 'create', target: `pods/portforward in namespace ${to.namespace}`, server }, { status, body: '' });
  if (status) return broken(to, status === 404 ? 'the pod is not there' : `the Kubernetes API answers HTTP ${status}`, inner ?? error);
  return networkFailure(inner ?? error, server);
}

function exchange(stream: Duplex, to: PodPort, asked: PodRequest & { readonly timeoutMs: number }): Promise<PodResponse> {
  return new Promise((done, fail) => {
    const body = asked.body === undefined ? undefined : Buffer.from(asked.body);
    const sent = httpRequest({
      method: asked.method,
      path: asked.path,
      headers: {
        host: `${to.pod}:${to.port}`,
        connection: 'close',
        'user-agent': 'loki-eks',
        ...(body && { 'content-length': body.length }),
        ...asked.headers,
      },
      createConnection: () => stream,
    });
    const timer = setTimeout(() => sent.destroy(slow(to, asked.timeoutMs)), asked.timeoutMs);
    whenAnswered(sent, { timer, done, fail });
    sent.end(body);
  });
}
