/**
 * A Kubernetes API for tests: the sandbox's store and door over TLS, a fixed clock's worth of pods, and controllers that make everything
 * ready; or, with KUBE_CONTRACTS=real, a real control plane with the same pods behind it.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KubeObject } from '../../../src/ports/kubernetes.ts';
import { createClock } from '../../../src/sandbox/clock.ts';
import { createFaults } from '../../../src/sandbox/call-faults.ts';
import type { Faults } from '../../../src/sandbox/call-faults.ts';
import { makeCertificate } from '../../../src/sandbox/kube/certificate.ts';
import { kubeServer } from '../../../src/sandbox/kube/server.ts';
import { serviceAccountUser } from '../../../src/sandbox/kube/rbac.ts';
import type { User } from '../../../src/sandbox/kube/request.ts';
import { createStore } from '../../../src/sandbox/kube/store.ts';
import type { Call, PodRuntime, SandboxRequest } from '../../../src/sandbox/types.ts';
import { makeEverythingReady } from './ready.ts';

export interface TestServer {
  /** What a contract may have to know of the side it is asked of. */
  readonly is: 'sandbox' | 'real';
  readonly url: string;
  readonly ca: string;
  /** As `kubectl version` shows it. */
  readonly version: string;
  /** What goes wrong, in the sandbox alone. */
  readonly faults: Faults;
  readonly calls: Call[];
  /** Requests that reached pods. */
  readonly session: SandboxRequest[];
  /** Tells everyone who follows pod `name` of a further line. */
  print(name: string, line: string): void;
  /** How many follow the log of pod `name`. */
  following(name: string): number;
  /** Creates or replaces as an administrator, the status included. */
  put(object: KubeObject): Promise<void>;
  get(kind: string, namespace: string | undefined, name: string): Promise<KubeObject | undefined>;
  list(kind: string, options: { readonly namespace: string; readonly selector: string }): Promise<readonly KubeObject[]>;
  remove(kind: string, namespace: string | undefined, name: string): Promise<void>;
  /** Resolves when the pod runs and is ready. */
  running(namespace: string, name: string): Promise<void>;
  /** Everything that is there: equal values are equal worlds. */
  world(): Promise<unknown>;
  kubeconfig(token?: string): string;
  close(): Promise<void>;
}

const USERS: Readonly<Record<string, User>> = {
  admin: { user: 'admin', groups: ['system:masters', 'system:authenticated'] },
  viewer: { user: 'viewer', groups: ['system:authenticated'] },
  alloy: serviceAccountUser('logs', 'alloy'),
};

const START = Date.parse('2026-01-07T10:00:00Z');
const LINES = ['one', 'two', 'three'].map((line, index) => ({ time: new Date(START + index * 1000), line }));

export type Followers = Map<string, Set<(line: string) => void>>;

/** Pods that have said three lines each, and answer with what they were asked. */
export function fakeRuntime(session: SandboxRequest[], followers: Followers): PodRuntime {
  return {
    logs: (_pod, container, { previous }) => LINES.map(({ time, line }) => ({ time, line: `${container} ${previous ? 'before ' : ''}${line}` })),
    follow(pod, _container, listener) {
      const listeners = followers.get(pod.metadata.name) ?? new Set();
      followers.set(pod.metadata.name, listeners);
      const tell = (line: string): void => listener({ time: new Date(), line });
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    async request(pod, port, request) {
      session.push(request);
      const body = JSON.stringify({ pod: pod.metadata.name, port, method: request.method, path: request.path, body: Buffer.from(request.body).toString() });
      return { status: request.path.startsWith('/missing') ? 404 : 200, headers: { 'Content-Type': 'application/json' }, body };
    },
  };
}

export interface ServerOptions {
  /** Of the sandbox's side: nothing becomes ready by itself when absent. */
  readonly readyAfterMs?: number;
  /** Nothing ever becomes ready, on either side. */
  readonly stuck?: true;
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  if (process.env['KUBE_CONTRACTS'] !== 'real') return startSandboxServer(options);
  const { startRealServer } = await import('../../real-cluster/contract-server.ts');
  return startRealServer(options);
}

const VERSION = 'v1.34.4-eks-0000000';

/** Not signed: who reads it wants to know for whom it is. */
const unsigned = (claims: object): string => [{ alg: 'none' }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

export const claimsIn = (token: string): { readonly sub?: string; readonly aud?: readonly string[] } =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;

async function startSandboxServer(options: ServerOptions): Promise<TestServer> {
  const clock = createClock();
  const { ca, cert, key } = makeCertificate({ now: new Date() });
  const store = createStore({ clock, rootCa: ca });
  for (const name of ['default', 'kube-system']) store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  if (options.readyAfterMs !== undefined) makeEverythingReady(store, clock, options.readyAfterMs);
  const calls: Call[] = [];
  const session: SandboxRequest[] = [];
  const followers: Followers = new Map();
  const faults = createFaults();
  const door = kubeServer({
    store,
    clock,
    faults,
    runtime: fakeRuntime(session, followers),
    authenticate: (bearer) => (bearer === undefined ? undefined : USERS[bearer]),
    mintToken: ({ namespace, serviceAccount, audiences, seconds }) => ({
      token: unsigned({ sub: `system:serviceaccount:${namespace}:${serviceAccount}`, aud: audiences }),
      expires: new Date(Date.now() + seconds * 1000),
    }),
    onCall: (call) => void calls.push(call),
    version: VERSION,
  });
  const server = createServer({ cert, key, keepAliveTimeout: 120_000 }, door.request);
  server.on('upgrade', door.upgrade);
  const sockets = new Set<Duplex>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    is: 'sandbox',
    url,
    ca,
    version: VERSION,
    faults,
    calls,
    session,
    print: (name, line) => followers.get(name)?.forEach((tell) => tell(line)),
    following: (name) => followers.get(name)?.size ?? 0,
    put: async (object) => {
      const { kind, metadata } = object;
      if (store.get(kind, metadata.namespace, metadata.name)) store.update(object);
      else store.create(object);
    },
    get: async (kind, namespace, name) => store.get(kind, namespace, name),
    list: async (kind, of) => store.list(kind, of),
    remove: async (kind, namespace, name) => store.delete(kind, namespace, name),
    running: async (namespace, name) => store.setStatus('Pod', namespace, name, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }),
    world: async () => store.snapshot(),
    kubeconfig: (token = 'admin') =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'sandbox',
        clusters: [{ name: 'sandbox', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
        users: [{ name: 'user', user: { token } }],
        contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'user' } }],
      }),
    close: () =>
      new Promise((resolve) => {
        clock.close();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
