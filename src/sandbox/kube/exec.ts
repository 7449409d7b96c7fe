/** `pods/NAME/exec`: a simulated program's output, over websocket channels or SPDY streams. */
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Executed, PodRuntime } from '../types.ts';
import type { Doc } from './document.ts';
import { docOf } from './document.ts';
import { containerOf } from './logs.ts';
import type { Upgrade } from './port-forward.ts';
import { createSpdySession } from './spdy.ts';
import type { SpdyStream } from './spdy.ts';
import { badRequest, failure, Refusal, success } from './status.ts';

const CHANNELS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const STREAM_PROTOCOL = 'v4.channel.k8s.io';
const CHANNEL = { stdout: 1, stderr: 2, error: 3 } as const;

type Said = Readonly<Record<keyof typeof CHANNEL, string>>;

export interface ExecGoal {
  readonly runtime: PodRuntime;
  readonly pod: KubeObject;
  readonly query: URLSearchParams;
}

/** Throws 501 for anything not simulated, so that silence can't be mistaken for an answer. */
function execute({ runtime, pod, query }: ExecGoal): Executed {
  const { name } = pod.metadata;
  const container = containerOf(docOf(pod), query.get('container'));
  const done = runtime.execute?.(pod, container, query.getAll('command'));
  if (done !== undefined) return done;
  throw new Refusal(failure(501, 'NotImplemented', `the sandbox runs no processes: there is no exec into pod ${name}, but for ls and cat of what is mounted`));
}

function statusOf(code: number): Doc {
  if (code === 0) return success({});
  const causes = [{ reason: 'ExitCode', message: String(code) }];
  return failure(500, 'NonZeroExitCode', `command terminated with non-zero exit code: exit status ${code}`, { causes });
}

/** A terminal merges both outputs, and needs carriage returns. */
function saidOf({ stdout, stderr, code }: Executed, query: URLSearchParams): Said {
  const error = JSON.stringify(statusOf(code));
  return query.get('tty') === 'true' ? { stdout: `${stdout}${stderr}`.replaceAll('\n', '\r\n'), stderr: '', error } : { stdout, stderr, error };
}

function overChannels(said: Said, socket: WebSocket): void {
  for (const [name, channel] of Object.entries(CHANNEL)) {
    const text = said[name as keyof Said];
    if (text !== '') socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  }
  socket.close(1000);
}

/** Answers once the client has opened every stream it requested. */
function overStreams(said: Said, { query, upgrade: { socket, head } }: { readonly query: URLSearchParams; readonly upgrade: Upgrade }): void {
  const expected = 1 + ['stdin', 'stdout', 'stderr'].filter((name) => query.get(name) === 'true').length;
  const opened: SpdyStream[] = [];
  const session = createSpdySession({
    write: (bytes) => void socket.write(bytes),
    opened(stream) {
      opened.push(stream);
      if (opened.length < expected) return;
      for (const one of opened) {
        const text = said[one.headers['streamtype'] as keyof Said] ?? '';
        if (text !== '') one.send(Buffer.from(text));
        one.finish();
      }
    },
    received: () => {},
    finished: () => {},
    closed: () => socket.end(),
  });
  socket.on('data', (bytes: Buffer) => session.feed(bytes));
  socket.on('close', session.close);
  socket.on('error', session.close);
  if (head.length > 0) session.feed(head);
}

const websockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (offered) => CHANNELS.find((protocol) => offered.has(protocol)) ?? false,
});

/** Takes over the connection. Throws 400 before that when the client requests an unsupported protocol. */
export function runInPod(goal: ExecGoal, upgrade: Upgrade): void {
  const { request, socket, head } = upgrade;
  const wanted = String(request.headers.upgrade ?? '').toLowerCase();
  const said = saidOf(execute(goal), goal.query);
  if (wanted === 'spdy/3.1') {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${STREAM_PROTOCOL}\r\n\r\n`);
    return overStreams(said, { query: goal.query, upgrade });
  }
  const offered = String(request.headers['sec-websocket-protocol'] ?? '');
  if (wanted !== 'websocket' || !CHANNELS.some((protocol) => offered.includes(protocol))) {
    throw badRequest(`unable to upgrade: exec speaks SPDY/3.1 and websocket with ${CHANNELS.join(' or ')}, not "${wanted}" with "${offered}"`);
  }
  websockets.handleUpgrade(request, socket, head, (client) => overChannels(said, client));
}
