/** `pods/NAME/portforward` in its three protocols: numbered websocket channels, SPDY in a websocket, SPDY after an upgrade. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { PodRuntime } from '../types.ts';
import { createSpdySession } from './spdy.ts';
import type { SpdySession, SpdyStream } from './spdy.ts';
import { badRequest } from './status.ts';
import { openTunnel } from './tunnel.ts';

const CHANNELS = 'v4.channel.k8s.io';
const TUNNELLED = 'SPDY/3.1+portforward.k8s.io';
const STREAM_PROTOCOL = 'portforward.k8s.io';

export interface ForwardGoal {
  readonly runtime: PodRuntime;
  readonly pod: KubeObject;
  /** In the URL for channel clients; SPDY clients name a port per stream. */
  readonly ports: readonly number[];
}

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Pairs of data and error streams, by the client's request id. */
function spdyForward({ runtime, pod }: ForwardGoal, write: (bytes: Buffer) => void, end: () => void): SpdySession {
  const tunnels = new Map<number, Duplex>();
  const errors = new Map<string, SpdyStream>();
  const connect = (stream: SpdyStream): void => {
    const tunnel = openTunnel(runtime, { pod, port: Number(stream.headers.port) });
    tunnels.set(stream.id, tunnel);
    tunnel.on('data', (bytes: Buffer) => stream.send(bytes));
    tunnel.on('close', () => tunnels.delete(stream.id));
    const over = (): void => {
      stream.finish();
      // kubectl reads the error stream to its end before it considers a connection finished.
      errors.get(stream.headers.requestid ?? '')?.finish();
    };
    tunnel.on('end', over);
    tunnel.on('close', over);
  };
  return createSpdySession({
    write,
    opened(stream) {
      if (stream.headers.streamtype === 'error') errors.set(stream.headers.requestid ?? '', stream);
      else connect(stream);
    },
    received: (id, bytes) => void tunnels.get(id)?.write(bytes),
    finished(id, how) {
      if (how === 'reset') tunnels.get(id)?.destroy();
      else tunnels.get(id)?.end();
    },
    closed() {
      for (const tunnel of tunnels.values()) tunnel.destroy();
      end();
    },
  });
}

function overTunnelledSpdy(goal: ForwardGoal, socket: WebSocket): void {
  const session = spdyForward(
    goal,
    (bytes) => socket.send(bytes),
    () => socket.close(),
  );
  socket.on('message', (data: Buffer) => session.feed(data));
  socket.on('close', session.close);
  socket.on('error', session.close);
}

/** Channel 2n carries the bytes of the n-th port, 2n+1 its errors; each begins with the port's number. */
function overChannels({ runtime, pod, ports }: ForwardGoal, socket: WebSocket): void {
  const tunnels = ports.map((port) => openTunnel(runtime, { pod, port }));
  ports.forEach((port, index) => {
    for (const channel of [index * 2, index * 2 + 1]) socket.send(Buffer.from([channel, port & 0xff, port >> 8]));
    const tunnel = tunnels[index];
    tunnel?.on('data', (bytes: Buffer) => socket.send(Buffer.concat([Buffer.from([index * 2]), bytes])));
    tunnel?.on('end', () => socket.close());
  });
  socket.on('message', (data: Buffer) => {
    const channel = data[0] ?? 0;
    if (channel % 2 === 0) tunnels[channel / 2]?.write(data.subarray(1));
  });
  const close = (): void => tunnels.forEach((tunnel) => tunnel.destroy());
  socket.on('close', close);
  socket.on('error', close);
}

const websockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (offered) => [TUNNELLED, CHANNELS].find((protocol) => offered.has(protocol)) ?? false,
});

/** Takes over the connection. Throws 400 before that when the client requests an unsupported protocol. */
export function forwardPorts(goal: ForwardGoal, { request, socket, head }: Upgrade): void {
  const wanted = String(request.headers.upgrade ?? '').toLowerCase();
  if (wanted === 'spdy/3.1') {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${STREAM_PROTOCOL}\r\n\r\n`);
    const session = spdyForward(
      goal,
      (bytes) => void socket.write(bytes),
      () => socket.end(),
    );
    socket.on('data', (bytes: Buffer) => session.feed(bytes));
    socket.on('close', session.close);
    socket.on('error', session.close);
    if (head.length > 0) session.feed(head);
    return;
  }
  if (wanted !== 'websocket') throw badRequest(`unable to upgrade: port-forward speaks websocket or SPDY/3.1, not "${wanted}"`);
  const offered = String(request.headers['sec-websocket-protocol'] ?? '');
  const tunnelled = offered.includes(TUNNELLED);
  if (!tunnelled && !offered.includes(CHANNELS)) throw badRequest(`unable to upgrade: port-forward speaks ${TUNNELLED} or ${CHANNELS}, not "${offered}"`);
  if (!tunnelled && goal.ports.length === 0) throw badRequest('query parameter "ports" is required');
  websockets.handleUpgrade(request, socket, head, (client) => (tunnelled ? overTunnelledSpdy(goal, client) : overChannels(goal, client)));
}
