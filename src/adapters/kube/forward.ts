/** One HTTP request to a pod's port through a port-forward over a websocket. */
import { request as httpRequest } from 'node:http';
import { Duplex, PassThrough, Writable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import type { WebSocket } from 'ws';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Kubernetes, PodRequest, PodResponse } from '../../ports/kubernetes.ts';
import type { Exchanges } from '../exchanges.ts';
import type { Connection } from './connection.ts';
import { answerFailure, networkFailure, statusOf } from './failures.ts';
import { KUBELET_MS, kubeletFailure, KubeletLate, type Kubelets } from './kubelets.ts';
import { whenAnswered } from './rest.ts';

const TIMEOUT_MS = 30_000;
/** How long the server may take to respond to our closing frame. */
const CLOSE_MS = 500;
/** Per message; a tunnel carries many. */
const MOST_BYTES = 16 * 1024 * 1024;
/** For a pod's response: metrics, rules, some thousand lines. */
const MOST_ANSWER = 64 * 1024 * 1024;
/** For a refusal. */
const MOST_WORDS = 16 * 1024;

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

/** In addition to its own time: a login may be requested before. */
const BEYOND_MS = 60_000;

export function openForward(
  connection: Connection,
  { kubelets, exchanges }: { readonly kubelets: Kubelets; readonly exchanges: Exchanges },
): Kubernetes['forward'] {
  const forward = forwarding(connection, kubelets);
  return async (to, asked) => {
    const timeoutMs = asked.timeoutMs ?? TIMEOUT_MS;
    const exchange = { name: `${asked.method} ${asked.path.split('?')[0]} of ${name(to)}`, of: name(to), ms: timeoutMs + BEYOND_MS };
    return exchanges.run(exchange, (signal) => forward(to, { ...asked, timeoutMs, signal }));
  };
}

type Forward = (to: PodPort, asked: PodRequest & { readonly timeoutMs: number; readonly signal: AbortSignal }) => Promise<PodResponse>;

function forwarding(connection: Connection, kubelets: Kubelets): Forward {
  return async (to, asked) => {
    const { timeoutMs } = asked;
    const deadline = Date.now() + timeoutMs;
    const opening = Math.min(timeoutMs, KUBELET_MS);
    const tunnel = await kubelets(to, () => openTunnel(connection, { to, ms: opening }));
    const stop = () => tunnel.stream.destroy(asked.signal.reason as Error);
    asked.signal.addEventListener('abort', stop, { once: true });
    try {
      return await exchange(tunnel.stream, to, { ...asked, until: deadline });
    } catch (error) {
      throw error instanceof ProblemError ? error : broken(to, tunnel.complaint() || (error as Error).message, error);
    } finally {
      asked.signal.removeEventListener('abort', stop);
      tunnel.close();
    }
  };
}

const name = ({ namespace, pod, port }: PodPort) => `port ${port} of pod ${namespace}/${pod}`;

const broken = (to: PodPort, why: string, cause?: unknown) =>
  stop(
    'KUBE_FORWARD_FAILED',
    { message: `${name(to)} can't be reached: ${why.trim() || 'the connection was lost'}`, fix: `Run \`kubectl -n ${to.namespace} describe pod ${to.pod}\`` },
    { cause },
  );
const slow = (to: PodPort, ms: number) => broken(to, `no response within ${Math.round(ms / 100) / 10} s`);

interface Tunnel {
  readonly stream: Duplex;
  /** What the kubelet wrote on the error channel. */
  readonly complaint: () => string;
  readonly close: () => void;
}

async function openTunnel(connection: Connection, { to, ms }: { readonly to: PodPort; readonly ms: number }): Promise<Tunnel> {
  const [{ PortForward }, { WebSocketHandler }, { WebSocket }] = await Promise.all([
    import('@kubernetes/client-node/dist/portforward.js'),
    import('@kubernetes/client-node/dist/web-socket-handler.js'),
    import('ws'),
  ]);
  // The two methods that PortForward calls on a KubeConfig; a real one would load all generated classes.
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
    const sockets = new WebSocketHandler(config, (uri, protocols, options) => {
      const socket = new WebSocket(uri, protocols, { ...(options as object), maxPayload: MOST_BYTES });
      toldOfRefusal(socket, ms);
      return socket as never;
    });
    const forward = new PortForward(config, true, sockets);
    const socket = (await forward.portForward(
      encodeURIComponent(to.namespace),
      encodeURIComponent(to.pod),
      [to.port],
      fromPod,
      complaints,
      toPod,
    )) as unknown as Socket;
    socket.addEventListener('close', () => stream.push(null));
    socket.addEventListener('error', (event) => stream.destroy(new Error(event.message ?? 'the connection was lost')));
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

/** ws drops the body of a refused upgrade, which says why, and waits forever for a response: both become its error here. */
function toldOfRefusal(socket: WebSocket, ms: number): void {
  const end = (error: Error) => {
    clearTimeout(timer);
    socket.emit('error', error);
    socket.terminate();
  };
  const timer = setTimeout(() => end(new KubeletLate(ms)), ms);
  socket.once('open', () => clearTimeout(timer));
  socket.once('error', () => clearTimeout(timer));
  socket.once('unexpected-response', (_, response) => {
    let body = '';
    const told = () => end(new Refused(response.statusCode ?? 0, body));
    response.on('data', (chunk: Buffer) => {
      body += chunk.toString();
      if (body.length > MOST_WORDS) told();
    });
    response.on('end', told);
    response.on('error', told);
  });
}

/** The API server's response to an upgrade that it refused. */
class Refused extends Error {
  readonly status: number;
  readonly body: string;
  constructor(status: number, body: string) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** From a failed opening; rethrown as it is if it concerns the connection to the kubelet. */
function refused(error: unknown, { to, server }: { readonly to: PodPort; readonly server: string }): Error {
  if (error instanceof ProblemError) return error;
  const inner = (error as { error?: unknown }).error ?? error;
  if (inner instanceof KubeletLate) return inner;
  if (!(inner instanceof Refused)) return networkFailure(inner, server);
  const { status, body } = inner;
  const unreached = kubeletFailure(inner);
  if (unreached) return unreached;
  if (status === 401 || status === 403) return answerFailure({ verb: 'create', target: `pods/portforward in namespace ${to.namespace}`, server }, inner);
  const text = (statusOf(body)?.message ?? body).replace(/\s+/g, ' ').trim().slice(0, 300);
  return broken(to, status === 404 ? 'the pod does not exist' : `the Kubernetes API answers HTTP ${status}${text ? `: ${text}` : ''}`, inner);
}

function exchange(stream: Duplex, to: PodPort, asked: PodRequest & { readonly timeoutMs: number; readonly until: number }): Promise<PodResponse> {
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
    const timer = setTimeout(() => sent.destroy(slow(to, asked.timeoutMs)), Math.max(1, asked.until - Date.now()));
    whenAnswered(sent, { timer, most: MOST_ANSWER, done, fail });
    sent.end(body);
  });
}
