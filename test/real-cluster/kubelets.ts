/** The kubelets of all nodes: the sandbox's own, over the real cluster's objects; heartbeats, and the port that the API server forwards to. */
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { createTeller } from '../../src/sandbox/cluster/events.ts';
import { createKubelet } from '../../src/sandbox/cluster/kubelet.ts';
import type { ClusterParts } from '../../src/sandbox/cluster/parts.ts';
import { createPodIndex } from '../../src/sandbox/cluster/pod-index.ts';
import type { Node } from '../../src/sandbox/cluster/shapes.ts';
import { refusalOf, send, STREAMED } from '../../src/sandbox/kube/answer.ts';
import type { KeyedCertificate } from '../../src/sandbox/kube/certificate.ts';
import { runInPod } from '../../src/sandbox/kube/exec.ts';
import { answerContainerLog } from '../../src/sandbox/kube/logs.ts';
import { forwardPorts } from '../../src/sandbox/kube/port-forward.ts';
import { Refusal } from '../../src/sandbox/kube/status.ts';
import { createLogPath } from '../../src/sandbox/logs/log-path.ts';
import type { LogPath, PodRuntime, SandboxAccount, SandboxClock } from '../../src/sandbox/types.ts';
import type { KubeApi } from './api.ts';
import type { Mirror } from './mirror.ts';

export interface KubeletPort {
  readonly port: number;
  /** Answers from now on for what runs in pods. */
  attach(of: { readonly mirror: Mirror; readonly runtime: PodRuntime; readonly clock: SandboxClock }): void;
  /** While set, every connection is refused in this way. */
  broken: 'refuses' | 'silent' | undefined;
  close(): Promise<void>;
}

/** One TLS server for all nodes: the API server finds it by their port and their loopback address. */
export async function openKubeletPort(options: { readonly certificate: KeyedCertificate; readonly ca: string }): Promise<KubeletPort> {
  let serving: Parameters<KubeletPort['attach']>[0] | undefined;
  const sockets = new Set<Duplex>();
  const { cert, key } = options.certificate;
  const server = createServer({ cert, key, ca: options.ca, requestCert: true, rejectUnauthorized: true });
  const podAt = (namespace = '', name = ''): KubeObject => {
    const pod = serving?.mirror.get('Pod', decodeURIComponent(namespace), decodeURIComponent(name));
    if (pod === undefined) throw new Refusal({ kind: 'Status', code: 404, message: `pod "${name}" not found` });
    return pod;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (serving === undefined) return void response.destroy();
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubelet');
    const [, what, namespace, name, container = ''] = pathname.split('/');
    try {
      if (what === 'healthz') return void response.end('ok');
      if (what !== 'containerLogs') throw new Refusal({ kind: 'Status', code: 404, message: '404 page not found' });
      const log = { pod: podAt(namespace, name), container, query: searchParams };
      const outcome = answerContainerLog({ runtime: serving.runtime, clock: serving.clock, store: serving.mirror }, log, response);
      if (outcome !== STREAMED) send(request, response, outcome);
    } catch (error) {
      // A kubelet says what is wrong in plain words.
      const { status, body } = refusalOf(error);
      response.writeHead(status, { 'content-type': 'text/plain' }).end(String((body as { readonly message?: string }).message));
    }
  };
  const upgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubelet');
    const [, what, namespace, name, container] = pathname.split('/');
    try {
      if (serving === undefined) throw new Refusal({ kind: 'Status', code: 503, message: 'starting' });
      const pod = podAt(namespace, name);
      const { runtime } = serving;
      if (what === 'portForward') {
        const ports = searchParams
          .getAll('port')
          .flatMap((text) => text.split(','))
          .map(Number);
        return forwardPorts({ runtime, pod, ports }, { request, socket, head });
      }
      if (what !== 'exec') throw new Refusal({ kind: 'Status', code: 404, message: '404 page not found' });
      const query = new URLSearchParams(searchParams);
      query.set('container', container ?? '');
      for (const [kubelets, api] of [
        ['input', 'stdin'],
        ['output', 'stdout'],
        ['error', 'stderr'],
      ] as const)
        if (searchParams.get(kubelets) === '1') query.set(api, 'true');
      if (searchParams.get('tty') === '1') query.set('tty', 'true');
      return runInPod({ runtime, pod, query }, { request, socket, head });
    } catch (error) {
      const { status, body } = refusalOf(error);
      const text = String((body as { readonly message?: string }).message);
      socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`);
    }
  };
  const opened: KubeletPort = {
    port: 0,
    broken: undefined,
    attach: (of) => void (serving = of),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (opened.broken !== 'silent') void answer(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (opened.broken !== 'silent') upgrade(request, socket, head);
  });
  server.on('connection', (socket: Socket) => {
    if (opened.broken === 'refuses') return void socket.resetAndDestroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(opened, { port: (server.address() as AddressInfo).port });
}

export interface KubeletsOptions {
  readonly api: KubeApi;
  readonly mirror: Mirror;
  readonly clock: SandboxClock;
  readonly account: SandboxAccount;
  /** Between two renewals of a node's lease; none when absent. */
  readonly heartbeatMs?: number;
  /** Only events that warn are told: thousands of nodes would do little else. */
  readonly quiet?: boolean;
}

export interface Kubelets {
  readonly runtime: PodRuntime;
  readonly logPath: LogPath;
  readonly deniedImages: Set<string>;
  /** Nodes whose kubelet has stopped: no heartbeat, and its pods are left as they are. */
  readonly stopped: Set<string>;
  close(): void;
}

export function startKubelets({ api, mirror, clock, account, heartbeatMs, quiet = false }: KubeletsOptions): Kubelets {
  const deniedImages = new Set<string>();
  const stopped = new Set<string>();
  const nodes = new Map((mirror.list('Node') as readonly Node[]).map((node) => [node.metadata.name, node]));
  const pods = createPodIndex(mirror);
  const tell = createTeller({ store: mirror, clock });
  const parts: ClusterParts = {
    store: mirror,
    clock,
    pods,
    nodes,
    tell: (happened) => void (quiet && happened.type === 'Normal' ? undefined : tell(happened)),
    pace: (ms) => ms,
  };
  let logPath: LogPath | undefined;
  const kubelet = createKubelet({ ...parts, deniedImages, logPath: () => logPath as LogPath });
  logPath = createLogPath({ store: mirror, account, clock, print: kubelet.print });
  const beats = new Map<string, NodeJS.Timeout>();
  const beat = async (name: string): Promise<void> => {
    if (stopped.has(name)) return;
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const renewed = await api.ask('PATCH', `${path}/${name}`, { spec: { renewTime } }, 'merge');
    if (renewed.status !== 404) return;
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
    await api.ask('POST', path, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease' }, spec });
  };
  const join = (node: Node): void => {
    const { name } = node.metadata;
    nodes.set(name, node);
    if (beats.has(name) || heartbeatMs === undefined) return;
    const go = (): void => void beat(name).catch(() => undefined);
    beats.set(name, setInterval(go, heartbeatMs));
    go();
  };
  const close = mirror.subscribe((event) => {
    const { object, type } = event;
    if (object.kind === 'Node') {
      if (type !== 'DELETED') return join(object as Node);
      nodes.delete(object.metadata.name);
      clearInterval(beats.get(object.metadata.name));
      beats.delete(object.metadata.name);
    }
    if (object.kind === 'Pod' && !stopped.has((object as { readonly spec?: { readonly nodeName?: string } }).spec?.nodeName ?? '')) kubelet.heard(event);
  });
  for (const node of nodes.values()) join(node);
  for (const object of mirror.list('Pod')) kubelet.heard({ type: 'ADDED', object });
  return {
    runtime: kubelet.runtime,
    logPath,
    deniedImages,
    stopped,
    close: () => {
      close();
      for (const timer of beats.values()) clearInterval(timer);
      kubelet.close();
      pods.close();
    },
  };
}
