/** etcd, API server, controller manager and scheduler as child processes on loopback: no root, no container, everything in one folder. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Authority, KeyedCertificate } from '../../src/sandbox/kube/certificate.ts';
import { createApi, type KubeApi } from './api.ts';
import type { Binaries } from './binaries.ts';
import { writeBelow } from './etcd.ts';

export interface ControlPlaneOptions {
  readonly binaries: Binaries;
  /** Where data, keys and logs go. */
  readonly folder: string;
  readonly authority: Authority;
  readonly issuer: { readonly url: string; readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** Answers `/authenticate` for bearer tokens. */
  readonly webhooks: string;
  /** Fixed bearer tokens, as lines of `--token-auth-file`. */
  readonly tokens?: string;
  /** For thousands of nodes: heartbeats are rare, controllers ask more in a second. */
  readonly big?: boolean;
  /** What lies in etcd before the API server starts. */
  readonly beneath?: Iterable<KubeObject>;
}

export interface ControlPlane {
  readonly url: string;
  readonly api: KubeApi;
  /** A kubeconfig as text, for whoever is named. */
  kubeconfig(user: { readonly certificate: KeyedCertificate } | { readonly token: string }): string;
  readonly auditLog: string;
  readonly etcdUrl: string;
  log(program: string): string;
  readonly pids: Readonly<Record<string, number>>;
  start(program: Controller): void;
  stop(program: Controller): Promise<void>;
  close(): Promise<void>;
}

type Controller = 'kube-controller-manager' | 'kube-scheduler';

/** What the product and its helm ask; not what the cluster asks itself. */
const AUDIT = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', users: ['harness', 'system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', 'system:anonymous'] },
    { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ],
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** Resolves when all of it is ready. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { binaries, folder, authority, issuer } = options;
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const keyed = async (name: string, { cert, key }: KeyedCertificate): Promise<readonly [cert: string, key: string]> => [
    await file(`${name}.crt`, cert),
    await file(`${name}.key`, key),
  ];
  await mkdir(folder, { recursive: true });
  const [etcdPort, peerPort, port, managerPort, schedulerPort] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()]);
  const url = `https://127.0.0.1:${port}`;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const kubeconfig: ControlPlane['kubeconfig'] = (user) => kubeconfigOf({ url, ca: authority.ca, user });
  const client = (commonName: string, ...organizations: readonly string[]): KeyedCertificate => authority.issue({ commonName, organizations });

  const ca = await file('ca.crt', authority.ca);
  const [serverCert, serverKey] = await keyed(
    'apiserver',
    authority.issue({
      commonName: 'kube-apiserver',
      names: ['127.0.0.1', '10.100.0.1', 'localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    }),
  );
  const [kubeletCert, kubeletKey] = await keyed('apiserver-kubelet', client('kube-apiserver-kubelet-client', 'system:masters'));
  const [proxyCert, proxyKey] = await keyed('front-proxy', client('front-proxy-client'));
  const signing = await file('service-accounts.key', issuer.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const verifying = await file('service-accounts.pub', issuer.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const webhook = await file(
    'token-webhook.kubeconfig',
    kubeconfigOf({ url: `${options.webhooks}/authenticate`, ca: authority.ca, user: { certificate: client('kube-apiserver') } }),
  );
  const policy = await file('audit-policy.json', JSON.stringify(AUDIT));
  const auditLog = await file('audit.log', '');
  const tokens = options.tokens === undefined ? [] : [`--token-auth-file=${await file('tokens.csv', options.tokens)}`];
  const controllers: Readonly<Record<Controller, readonly string[]>> = {
    'kube-controller-manager': [
      ...(await asClient('kube-controller-manager')),
      `--secure-port=${managerPort}`,
      `--service-account-private-key-file=${signing}`,
      `--root-ca-file=${ca}`,
      '--use-service-account-credentials=true',
      '--controllers=*,-nodeipam,-cloud-node-lifecycle,-node-route-controller',
      '--service-cluster-ip-range=10.100.0.0/16',
      ...(options.big ? ['--node-monitor-grace-period=1h', '--kube-api-qps=2000', '--kube-api-burst=4000'] : ['--kube-api-qps=200', '--kube-api-burst=400']),
    ],
    'kube-scheduler': [
      ...(await asClient('kube-scheduler')),
      `--secure-port=${schedulerPort}`,
      ...(options.big ? ['--kube-api-qps=2000', '--kube-api-burst=4000'] : ['--kube-api-qps=200', '--kube-api-burst=400']),
    ],
  };
  async function asClient(name: Controller): Promise<readonly string[]> {
    const config = await file(`${name}.kubeconfig`, kubeconfig({ certificate: client(`system:${name}`) }));
    const flags = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${config}`);
    return [...flags, '--bind-address=127.0.0.1', '--leader-elect=false', '--v=1'];
  }

  const running = new Map<string, ChildProcess>();
  const start = (program: keyof Binaries, args: readonly string[]): void => {
    const out = openSync(join(folder, `${program}.log`), 'a');
    const [command = '', ...words] = [...dyingWithUs(), binaries[program], ...args];
    const child = spawn(command, words, { stdio: ['ignore', out, out], env: { ...process.env, GOMAXPROCS: '2' } });
    closeSync(out);
    running.set(program, child);
    child.once('exit', () => running.get(program) === child && running.delete(program));
    child.once('error', () => running.delete(program));
  };
  const stop = async (program: string): Promise<void> => {
    const child = running.get(program);
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
    // Nothing of it is kept, and the API server takes up to a minute to say goodbye.
    child.kill('SIGKILL');
    await gone;
  };
  const log = (program: string): string => readFileSync(join(folder, `${program}.log`), 'utf8');
  const killAll = (): void => {
    for (const child of running.values()) child.kill('SIGKILL');
  };
  process.once('exit', killAll);

  start('etcd', [
    '--name=default',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--log-level=error',
    '--unsafe-no-fsync',
    '--quota-backend-bytes=8000000000',
  ]);
  if (options.beneath !== undefined) await writeBelow(etcdUrl, options.beneath);
  start('kube-apiserver', [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    // Only said to pods, of which none is real.
    '--advertise-address=192.0.2.1',
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--tls-cert-file=${serverCert}`,
    `--tls-private-key-file=${serverKey}`,
    `--client-ca-file=${ca}`,
    `--service-account-issuer=${issuer.url}`,
    `--service-account-jwks-uri=${issuer.url}/keys`,
    `--service-account-key-file=${verifying}`,
    `--service-account-signing-key-file=${signing}`,
    '--api-audiences=https://kubernetes.default.svc',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--service-cluster-ip-range=10.100.0.0/16',
    `--kubelet-client-certificate=${kubeletCert}`,
    `--kubelet-client-key=${kubeletKey}`,
    `--kubelet-certificate-authority=${ca}`,
    // The nodes' internal addresses are those of no machine: each has its loopback address as the external one.
    '--kubelet-preferred-address-types=ExternalIP,InternalIP',
    `--requestheader-client-ca-file=${ca}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${proxyCert}`,
    `--proxy-client-key-file=${proxyKey}`,
    `--authentication-token-webhook-config-file=${webhook}`,
    '--authentication-token-webhook-version=v1',
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${auditLog}`,
    '--audit-log-mode=blocking',
    ...tokens,
    '--v=1',
  ]);
  const admin = client('harness', 'system:masters');
  const api = createApi({ url, ca: authority.ca, ...admin });
  const close = async (): Promise<void> => {
    process.off('exit', killAll);
    api.close();
    await Promise.all([...running.keys()].reverse().map(stop));
  };
  try {
    await ready({ api, running: () => running.size === 2, log });
  } catch (error) {
    await close();
    throw error;
  }
  for (const [program, flags] of Object.entries(controllers)) start(program as Controller, flags);
  return {
    url,
    api,
    kubeconfig,
    auditLog,
    etcdUrl,
    log,
    get pids() {
      return Object.fromEntries([...running].map(([name, { pid = 0 }]) => [name, pid]));
    },
    start: (program) => start(program, controllers[program]),
    stop,
    close,
  };
}

/** Nothing of it outlives a test run that is killed. */
function dyingWithUs(): readonly string[] {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  return setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
}

async function ready(of: { readonly api: KubeApi; readonly running: () => boolean; readonly log: (program: string) => string }): Promise<void> {
  for (const end = Date.now() + 90_000; Date.now() < end;) {
    const reply = await of.api.ask('GET', '/readyz').catch(() => undefined);
    if (reply?.status === 200) return;
    if (!of.running()) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const tail = (program: string): string => `${program}:\n${of.log(program).split('\n').slice(-15).join('\n')}`;
  throw new Error(`the API server did not become ready\n${tail('etcd')}\n${tail('kube-apiserver')}`);
}

function kubeconfigOf(of: {
  readonly url: string;
  readonly ca: string;
  readonly user: { readonly certificate: KeyedCertificate } | { readonly token: string };
}): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user =
    'token' in of.user
      ? { token: of.user.token }
      : { 'client-certificate-data': base64(of.user.certificate.cert), 'client-key-data': base64(of.user.certificate.key) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'real',
    clusters: [{ name: 'real', cluster: { server: of.url, 'certificate-authority-data': base64(of.ca) } }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'real', context: { cluster: 'real', user: 'user' } }],
  });
}
