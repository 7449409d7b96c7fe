/** The cluster's network: a namespace with a bridge, one for each pod, and the program that plays kube-proxy and CoreDNS between them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { ServerCertificate } from '../kube/certificate.ts';
import { run, tryRun } from './commands.ts';
import { addNamespace, endProcesses, type Machine } from './machine.ts';
import type { SwitchSetup, SwitchState } from './switch-state.ts';

/** As on EKS: .1 of the service range is the API server, .10 the cluster DNS. */
export const API_ADDRESS = '10.100.0.1';
export const DNS_ADDRESS = '10.100.0.10';
/** Every host of AWS resolves to this one. */
export const AWS_ADDRESS = '10.0.255.253';
const GATEWAY = '10.0.255.254';

/** Two addresses whose packets to each other are dropped. */
export interface Barrier {
  readonly from: string;
  readonly to: string;
}

export interface Network {
  /** Creates the pod's namespace, with this address, and returns its name. */
  addPod(uid: string, address: string): Promise<string>;
  removePod(uid: string): Promise<void>;
  /** Updates the switch; does nothing when nothing has changed. */
  update(state: SwitchState, barriers: readonly Barrier[]): Promise<void>;
  /** A connection to a port of a pod, from the node's side. Rejects with the error's code. */
  dial(address: string, port: number): Promise<Socket>;
  close(): Promise<void>;
}

export interface NetworkOptions {
  readonly machine: Machine;
  readonly certificate: ServerCertificate;
  /** Of the sandbox's servers on loopback, outside the namespace. */
  readonly ports: { readonly kube: () => number; readonly aws: () => number };
  readonly note: (text: string) => void;
}

/** Beside the bundle, or beside the chunk that contains this module; in a checkout, where it was built. */
function switchProgram(): string {
  const places = ['./real-switch.js', '../real-switch.js', '../../../dist/real-switch.js'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = places.find(existsSync);
  if (found === undefined) throw new Error(`no real-switch.js at ${places.join(', ')}`);
  return found;
}

export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const { machine, note } = options;
  const world = machine.prefix;
  await addNamespace(world);
  for (const words of [
    ['link', 'add', 'br0', 'type', 'bridge'],
    ['addr', 'add', `${GATEWAY}/16`, 'dev', 'br0'],
    ['link', 'set', 'br0', 'up'],
    // Rules against pods have to come before the local table, since Services are local here.
    ['rule', 'add', 'pref', '1000', 'lookup', 'local'],
    ['rule', 'del', 'pref', '0'],
  ])
    await run('ip', '-n', world, ...words);
  const socket = (name: string): string => join(machine.folder, `${name}.sock`);
  const servers = await Promise.all([
    listening(
      createPlainServer({ allowHalfOpen: true }, (client) => bridge(client, options.ports.kube())),
      socket('kube'),
    ),
    listening(
      createTlsServer({ cert: options.certificate.cert, key: options.certificate.key }, (client) => bridge(client, options.ports.aws())),
      socket('aws'),
    ),
  ]);
  const doors = [
    { address: API_ADDRESS, port: 443, socket: socket('kube') },
    { address: AWS_ADDRESS, port: 443, socket: socket('aws') },
  ];
  const child = await startSwitch(world, { dns: DNS_ADDRESS, doors, dial: socket('dial') }, note);
  const pods = new Map<string, { readonly name: string; readonly address: string }>();
  let count = 0;
  let told = '';
  let barred = new Set<string>();
  let last: Promise<void> = Promise.resolve();

  const bar = async (barriers: readonly Barrier[]): Promise<void> => {
    const wanted = new Set(barriers.map(({ from, to }) => `${from} ${to}`));
    const change = async (verb: 'add' | 'del', pair: string): Promise<void> => {
      const [from = '', to = ''] = pair.split(' ');
      const pod = [...pods.values()].find(({ address }) => address === to);
      // A packet to a Service is dropped in the cluster's namespace, one to a pod in the pod's: the sender gets no error.
      await tryRun('ip', '-n', pod?.name ?? world, 'rule', verb, 'pref', '10', 'from', from, 'to', to, 'blackhole');
    };
    for (const pair of barred) if (!wanted.has(pair)) await change('del', pair);
    for (const pair of wanted) if (!barred.has(pair)) await change('add', pair);
    barred = wanted;
  };

  return {
    async addPod(uid, address) {
      const known = pods.get(uid);
      if (known !== undefined) return known.name;
      count += 1;
      const [name, veth] = [`${world}-${count}`, `pod${count}`];
      pods.set(uid, { name, address });
      await addNamespace(name);
      await run('ip', '-n', world, 'link', 'add', veth, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      await run('ip', '-n', world, 'link', 'set', veth, 'master', 'br0', 'up');
      await run('ip', '-n', name, 'addr', 'add', `${address}/16`, 'dev', 'eth0');
      await run('ip', '-n', name, 'link', 'set', 'eth0', 'up');
      await run('ip', '-n', name, 'route', 'add', 'default', 'via', GATEWAY);
      await run('ip', '-n', name, 'rule', 'add', 'pref', '1000', 'lookup', 'local');
      await run('ip', '-n', name, 'rule', 'del', 'pref', '0');
      return name;
    },
    async removePod(uid) {
      const pod = pods.get(uid);
      if (pod === undefined) return;
      pods.delete(uid);
      barred = new Set([...barred].filter((pair) => !pair.endsWith(` ${pod.address}`)));
      await endProcesses(pod.name);
      await tryRun('ip', 'netns', 'del', pod.name);
    },
    update(state, barriers) {
      const text = JSON.stringify(state);
      if (text !== told) child.stdin?.write(`${text}\n`);
      told = text;
      last = last.then(() => bar(barriers));
      return last;
    },
    dial: (address, port) => dial(socket('dial'), { address, port }),
    async close() {
      child.stdin?.end();
      child.kill('SIGKILL');
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function bridge(client: Socket, port: number): void {
  const server = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  client.pipe(server);
  server.pipe(client);
  client.on('error', () => server.destroy()).on('close', () => server.destroy());
  server.on('error', () => client.destroy()).on('close', () => client.destroy());
}

function listening(server: Server, path: string): Promise<Server> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  const close = server.close.bind(server);
  server.close = (done) => {
    for (const socket of sockets) socket.destroy();
    return close(done);
  };
  return new Promise((resolve, reject) => server.once('error', reject).listen(path, () => resolve(server)));
}

async function startSwitch(world: string, setup: SwitchSetup, note: (text: string) => void): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', world, process.execPath, switchProgram()], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  child.stderr.on('data', (bytes: Buffer) => note(`switch: ${bytes.toString().trim()}`));
  child.stdin.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the switch of the cluster's network ended with ${code}`)));
    child.stdout.once('data', () => resolve());
    child.stdin.write(`${JSON.stringify(setup)}\n`);
  });
  child.removeAllListeners('exit').once('exit', (code, signal) => note(`switch: ended, ${signal ?? code}`));
  return child;
}

function dial(path: string, to: { readonly address: string; readonly port: number }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    const fail = (code: string): void => {
      socket.destroy();
      reject(Object.assign(new Error(`dial tcp ${to.address}:${to.port}: ${WORDS[code] ?? code}`), { code }));
    };
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once('connect', () => socket.write(`${to.address} ${to.port}\n`));
    let head = '';
    const read = (): void => {
      for (let byte = socket.read(1) as Buffer | null; byte !== null; byte = socket.read(1) as Buffer | null) {
        if (byte[0] !== 10) head += byte.toString();
        else {
          socket.off('readable', read).removeAllListeners('error').off('end', ended);
          return head === 'ok' ? resolve(socket) : fail(head);
        }
      }
    };
    const ended = (): void => fail('ECONNRESET');
    socket.on('readable', read).once('end', ended);
  });
}

/** The Go dialer's messages. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ETIMEDOUT: 'i/o timeout',
  EHOSTUNREACH: 'connect: no route to host',
  ECONNRESET: 'connect: connection reset by peer',
};
