/**
 * A separate program, run in the network namespace of the simulated cluster: it serves Services and the cluster's DNS, connects pods to the sandbox's
 * servers, and lets the sandbox dial pods. It receives its state as lines of JSON, and ends with its parent.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Answer, readQuestion, TYPE, writeAnswer } from './dns-message.ts';
import type { Names, ServicePort, SwitchSetup, SwitchState } from './switch-state.ts';

const DIAL_MS = 5_000;

let names: Names = { addresses: {}, services: {}, below: {} };
const services = new Map<string, ServicePort>();
const listening = new Map<string, Server>();
const owned = new Set<string>();

function own(address: string): void {
  if (owned.has(address)) return;
  owned.add(address);
  execFileSync('ip', ['addr', 'replace', `${address}/32`, 'dev', 'lo'], { stdio: 'ignore' });
}

/** Both ways until both are done: after one side has finished, the other may still send. */
function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  const abandon = (socket: Socket) => () => void socket.destroy();
  one.on('error', abandon(other)).on('close', abandon(other));
  other.on('error', () => one.resetAndDestroy()).on('close', abandon(one));
}

function serve(key: string): Server {
  return createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    const from = client.remoteAddress ?? '';
    const open = (services.get(key)?.endpoints ?? []).filter(({ barred }) => !barred.includes(from));
    const chosen = open[Math.floor(Math.random() * open.length)];
    if (chosen === undefined) return void client.resetAndDestroy();
    const pod = connect({ host: chosen.address, port: chosen.port, allowHalfOpen: true });
    join(client, pod);
  });
}

function listen(server: Server, at: { readonly host: string; readonly port: number }): void {
  server.on('error', (error) => process.stderr.write(`${at.host}:${at.port}: ${error.message}\n`));
  server.listen({ ...at, exclusive: true });
}

/** A Service without endpoints refuses connections, as with kube-proxy: nothing listens. */
function apply(state: SwitchState): void {
  ({ names } = state);
  services.clear();
  for (const service of state.services) {
    own(service.address);
    if (service.endpoints.length > 0) services.set(`${service.address}:${service.port}`, service);
  }
  for (const [key, { address: host, port }] of services) {
    if (listening.has(key)) continue;
    const server = serve(key);
    listening.set(key, server);
    listen(server, { host, port });
  }
  for (const [key, server] of listening) {
    if (services.has(key)) continue;
    listening.delete(key);
    server.close();
  }
}

/** `undefined`: the name does not exist; an empty list: it has no address of this kind. */
function resolve(name: string, type: number): readonly Answer[] | undefined {
  const ports = names.services[name];
  if (ports !== undefined) return type === TYPE.SRV ? ports.map(({ target, port }) => ({ type: 'SRV', target, port })) : [];
  const suffix = Object.keys(names.below).find((end) => name.endsWith(end) || `.${name}` === end);
  const addresses = names.addresses[name] ?? (suffix === undefined ? undefined : [names.below[suffix] as string]);
  if (addresses === undefined) return undefined;
  return type === TYPE.A ? addresses.map((address) => ({ type: 'A', address })) : [];
}

function startDns(address: string): void {
  own(address);
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const question = readQuestion(message);
    if (question !== undefined) udp.send(writeAnswer(question, resolve(question.name, question.type)), from.port, from.address);
  });
  udp.on('error', (error) => process.stderr.write(`dns: ${error.message}\n`));
  udp.bind(53, address);
  const tcp = createServer((client) => {
    let got = Buffer.alloc(0);
    client.on('error', () => client.destroy());
    client.on('data', (bytes: Buffer) => {
      got = Buffer.concat([got, bytes]);
      while (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) {
        const question = readQuestion(got.subarray(2, 2 + got.readUInt16BE(0)));
        got = got.subarray(2 + got.readUInt16BE(0));
        if (question === undefined) return void client.destroy();
        const answer = writeAnswer(question, resolve(question.name, question.type), 'tcp');
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        client.write(Buffer.concat([length, answer]));
      }
    });
  });
  listen(tcp, { host: address, port: 53 });
}

function startDoor({ address, port, socket }: SwitchSetup['doors'][number]): void {
  own(address);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => join(client, connect({ path: socket, allowHalfOpen: true })));
  listen(server, { host: address, port });
}

/** The first line says where to; the rest is the connection itself. */
function startDial(path: string): void {
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => client.destroy());
    client.once('readable', () => {
      const [address = '', port = ''] = String(client.read() ?? '')
        .trim()
        .split(' ');
      const pod = connect({ host: address, port: Number(port), allowHalfOpen: true, timeout: DIAL_MS });
      const refuse = (code: string): void => void client.end(`${code}\n`);
      pod.once('timeout', () => pod.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
      pod.once('error', (error: NodeJS.ErrnoException) => refuse(error.code ?? 'ECONNREFUSED'));
      pod.once('connect', () => {
        pod.setTimeout(0);
        pod.removeAllListeners('error');
        client.write('ok\n');
        join(client, pod);
      });
    });
  });
  server.on('error', (error) => process.stderr.write(`dial: ${error.message}\n`));
  server.listen(path);
}

let begun = false;
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (begun) return apply(JSON.parse(line) as SwitchState);
    begun = true;
    const setup = JSON.parse(line) as SwitchSetup;
    startDns(setup.dns);
    setup.doors.forEach(startDoor);
    startDial(setup.dial);
    process.stdout.write('ready\n');
  })
  .on('close', () => process.exit(0));
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
