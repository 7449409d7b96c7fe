/** A Kubernetes API for tests: the sandbox's store and door over TLS, a fixed clock's worth of pods, and controllers that make everything ready. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createClock } from '../../../src/sandbox/clock.ts';
import { createFaults } from '../../../src/sandbox/faults.ts';
import type { Faults } from '../../../src/sandbox/faults.ts';
import { makeCertificate } from '../../../src/sandbox/kube/certificate.ts';
import { kubeDoor } from '../../../src/sandbox/kube/door.ts';
import { serviceAccountUser } from '../../../src/sandbox/kube/rbac.ts';
import type { User } from '../../../src/sandbox/kube/request.ts';
import { createStore } from '../../../src/sandbox/kube/store.ts';
import type { KubeStore } from '../../../src/sandbox/kube/store.ts';
import type { Call, PodRuntime, SandboxRequest } from '../../../src/sandbox/types.ts';
import { makeEverythingReady } from './ready.ts';

export interface TestServer {
  readonly url: string;
  readonly ca: string;
  readonly store: KubeStore;
  readonly faults: Faults;
  readonly calls: Call[];
  /** Requests that reached pods. */
  readonly reached: SandboxRequest[];
  /** Tells everyone who follows pod `name` of a further line. */
  print(name: string, line: string): void;
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

function fakeRuntime(reached: SandboxRequest[], followers: Map<string, Set<(line: string) => void>>): PodRuntime {
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
      reached.push(request);
      const body = JSON.stringify({ pod: pod.metadata.name, port, method: request.method, path: request.path, body: Buffer.from(request.body).toString() });
      return { status: request.path.startsWith('/missing') ? 404 : 200, headers: { 'Content-Type': 'application/json' }, body };
    },
  };
}

/** `readyAfterMs` undefined: nothing ever becomes ready. */
export async function startServer(options: { readonly readyAfterMs?: number } = {}): Promise<TestServer> {
  const clock = createClock();
  const { ca, cert, key } = makeCertificate({ now: new Date() });
  const store = createStore({ clock, rootCa: ca });
  for (const name of ['default', 'kube-system']) store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  if (options.readyAfterMs !== undefined) makeEverythingReady(store, clock, options.readyAfterMs);
  const calls: Call[] = [];
  const reached: SandboxRequest[] = [];
  const followers = new Map<string, Set<(line: string) => void>>();
  const faults = createFaults();
  const door = kubeDoor({
    store,
    clock,
    faults,
    runtime: fakeRuntime(reached, followers),
    authenticate: (bearer) => (bearer === undefined ? undefined : USERS[bearer]),
    mintToken: ({ namespace, serviceAccount, audiences, seconds }) => ({
      token: `${namespace}/${serviceAccount}/${audiences.join('+')}`,
      expires: new Date(Date.now() + seconds * 1000),
    }),
    onCall: (call) => void calls.push(call),
    version: 'v1.33.4-eks-0000000',
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
    url,
    ca,
    store,
    faults,
    calls,
    reached,
    print: (name, line) => followers.get(name)?.forEach((tell) => tell(line)),
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
