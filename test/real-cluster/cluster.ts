/** A real Kubernetes control plane with the sandbox's kubelets and log path behind it, and the sandbox's AWS account beside it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { type AwsAccount, createAccount } from '../../src/sandbox/aws/account.ts';
import { awsServer } from '../../src/sandbox/aws/server.ts';
import { chartHosts, startChartRepository } from '../../src/sandbox/chart-repository.ts';
import { createClock } from '../../src/sandbox/clock.ts';
import { seedOf } from '../../src/sandbox/cluster/seed.ts';
import { isReady, type Pod } from '../../src/sandbox/cluster/shapes.ts';
import { createEnvironment } from '../../src/sandbox/environment.ts';
import { createFaults, type Faults } from '../../src/sandbox/call-faults.ts';
import { createAuthority, type Authority } from '../../src/sandbox/kube/certificate.ts';
import type { Call, PodRuntime } from '../../src/sandbox/types.ts';
import type { Doc, KubeApi } from './api.ts';
import { KUBERNETES, provideBinaries } from './binaries.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type KubeletPort, type Kubelets, openKubeletPort, startKubelets } from './kubelets.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { startProvisioner } from './volumes.ts';
import { openWebhooks } from './webhooks.ts';

const REGION = 'ap-northeast-2';
const ACCOUNT = '111122223333';
const CLUSTER = 'training-on-eks';
/** Of the sandbox's default cluster. */
const PODS = 20;
const root = fileURLToPath(new URL('../..', import.meta.url));

export interface RealClusterOptions {
  /** Objects the cluster starts with; the sandbox's default cluster unless given. */
  readonly seed?: readonly KubeObject[];
  readonly tokens?: string;
  readonly big?: boolean;
  /** What lies in etcd before the API server starts; is told the port that nodes are reached by. */
  readonly beneath?: (kubeletPort: number) => Iterable<KubeObject>;
  /** Which pods the kubelets look after, by label; all unless given. */
  readonly pods?: string;
  /** What runs in pods instead of the sandbox's log path. */
  readonly runtime?: (own: PodRuntime) => PodRuntime;
}

export interface RealCluster {
  readonly plane: ControlPlane;
  readonly api: KubeApi;
  readonly account: AwsAccount;
  readonly mirror: Mirror;
  readonly kubelets: Kubelets;
  readonly kubeletPort: KubeletPort;
  readonly authority: Authority;
  readonly faults: Faults;
  readonly awsCalls: Call[];
  /** What leads the program, helm and kubectl here, and nowhere else. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** What went wrong in the harness itself. */
  readonly complaints: readonly string[];
  /** Requests in the audit log since this was last asked, those of the harness and the cluster itself left out. */
  audited(): Promise<readonly Audited[]>;
  close(): Promise<void>;
}

export interface Audited {
  readonly verb: string;
  readonly uri: string;
  readonly user: string;
  readonly agent: string;
  readonly code: number;
}

/** The sandbox's cluster, without what real controllers and admission put there by themselves. */
export function defaultSeed(nodes?: number): readonly KubeObject[] {
  const all = seedOf({ region: REGION, version: KUBERNETES.split('.').slice(0, 2).join('.'), ...(nodes !== undefined && { nodes }) });
  return all.filter(({ kind, metadata }) => !(kind === 'Service' && metadata.name === 'kubernetes'));
}

/** Resolves when nodes are ready and the seed's pods run. */
export async function startRealCluster(options: RealClusterOptions = {}): Promise<RealCluster> {
  const complaints: string[] = [];
  const complain = (what: string): void => void complaints.push(what);
  const binaries = await provideBinaries((line) => process.stderr.write(`${line}\n`));
  const folder = await mkdtemp(join(tmpdir(), 'loki-eks-real-'));
  const now = new Date();
  const authority = createAuthority({ name: 'kubernetes', now });
  const clock = createClock();
  const webhooks = await openWebhooks(authority.issue({ commonName: 'webhooks', names: ['127.0.0.1'] }));
  const kubeletPort = await openKubeletPort({ certificate: authority.issue({ commonName: 'kubelet', names: ['127.0.0.1'] }), ca: authority.ca });
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const charts = {
    loki: process.env['LOKI_EKS_LOKI_CHART'] || join(root, 'src', 'sandbox', 'charts', 'loki'),
    alloy: process.env['LOKI_EKS_ALLOY_CHART'] || join(root, 'src', 'sandbox', 'charts', 'alloy'),
  };
  const clusterSeed = {
    name: CLUSTER,
    version: KUBERNETES.split('.').slice(0, 2).join('.'),
    endpoint: '',
    certificateAuthority: Buffer.from(authority.ca).toString('base64'),
    vpc: 'vpc-0a1b2c3d4e5f60718',
    serviceCidr: '10.100.0.0/16',
    autoMode: false,
    addons: [
      { name: 'vpc-cni', version: 'v1.20.4-eksbuild.1' },
      { name: 'kube-proxy', version: 'v1.34.0-eksbuild.2' },
      { name: 'coredns', version: 'v1.12.3-eksbuild.1' },
      { name: 'eks-pod-identity-agent', version: 'v1.3.8-eksbuild.2' },
      { name: 'aws-ebs-csi-driver', version: 'v1.50.0-eksbuild.1' },
    ],
    nodegroups: ['general', 'gpu', 'bottlerocket'],
    fargateProfiles: ['fp-default'],
    issuerKeys: keys,
  };
  const account = createAccount({ clock, region: REGION, accountId: ACCOUNT, cluster: clusterSeed });
  const plane = await startControlPlane({
    binaries,
    folder: join(folder, 'control-plane'),
    authority,
    issuer: { url: account.issuer, ...keys },
    webhooks: webhooks.url,
    ...(options.tokens !== undefined && { tokens: options.tokens }),
    ...(options.big !== undefined && { big: options.big }),
    ...(options.beneath !== undefined && { beneath: options.beneath(kubeletPort.port) }),
  });
  account.changeCluster({ endpoint: plane.url });
  const { api } = plane;
  webhooks.attach({ account, api });
  await api.must('POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', podIdentityWebhook(webhooks.url, authority.ca));
  await seed(api, options.seed ?? defaultSeed(), kubeletPort.port);
  const mirror = await createMirror(api, { complain, ...(options.pods !== undefined && { pods: options.pods }) });
  const stopProvisioner = startProvisioner({ api, mirror, complain });
  const kubelets = startKubelets({ api, mirror, clock, account, ...(options.big ? { quiet: true } : { heartbeatMs: 10_000 }) });
  kubeletPort.attach({ mirror, clock, runtime: options.runtime?.(kubelets.runtime) ?? kubelets.runtime });

  if (options.seed === undefined) await until(() => mirror.list('Pod').length >= PODS && mirror.list('Pod').every((pod) => isReady(pod as Pod)));

  const faults = createFaults();
  const awsCalls: Call[] = [];
  const aws = await listen(awsServer({ account, faults, onCall: (call) => void awsCalls.push(call) }));
  const repository = await startChartRepository({
    charts: [charts.loki, charts.alloy],
    certificate: authority.issue({ commonName: 'charts', names: chartHosts }),
  });
  const environment = await createEnvironment({
    region: REGION,
    clusterName: CLUSTER,
    clusterArn: `arn:aws:eks:${REGION}:${ACCOUNT}:cluster/${CLUSTER}`,
    awsUrl: aws.url,
    kubeUrl: plane.url,
    ca: authority.ca,
    token: '',
    credentials: account.admin,
    proxyUrl: repository.proxyUrl,
    charts,
    env: process.env,
  });
  const { LOKI_EKS_SANDBOX: _marked, ...env } = environment.env;
  // A person of their own, so that the audit log tells what people and the program do.
  const person = authority.issue({ commonName: 'person', organizations: ['system:masters'] });
  await writeFile(env['KUBECONFIG'] as string, plane.kubeconfig({ certificate: person }), { mode: 0o600 });
  let read = 0;
  return {
    plane,
    api,
    account,
    mirror,
    kubelets,
    kubeletPort,
    authority,
    faults,
    awsCalls,
    env,
    folder,
    complaints,
    async audited() {
      const text = await readFile(plane.auditLog, 'utf8');
      const fresh = text.slice(read, text.lastIndexOf('\n') + 1);
      read += fresh.length;
      return fresh.split('\n').filter(Boolean).map(auditedOf);
    },
    async close() {
      stopProvisioner();
      kubelets.close();
      clock.close();
      await plane.close();
      await Promise.all([webhooks.close(), kubeletPort.close(), aws.close(), repository.close(), environment.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function auditedOf(line: string): Audited {
  const event = JSON.parse(line) as Doc;
  const { verb, requestURI, user, userAgent = '', responseStatus } = event;
  return { verb, uri: requestURI, user: user.username, agent: userAgent, code: responseStatus?.code ?? 0 };
}

/** Creates in the order given; what the API server and its controllers have made already stays. */
async function seed(api: KubeApi, objects: readonly KubeObject[], kubeletPort: number): Promise<void> {
  // Pods wait for the account that a controller gives each namespace.
  const accounts = new Set<string>();
  for (const object of objects) {
    const { namespace } = object.metadata;
    if (namespace !== undefined && !accounts.has(namespace)) {
      accounts.add(namespace);
      await until(async () => (await api.ask('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`)).status === 200);
    }
    const made = object.kind === 'Node' ? reachable(object, kubeletPort) : object;
    const { name: _name, ...metadata } = made.metadata;
    const reply = await api.ask('POST', api.pathOf({ ...made, metadata: { namespace: metadata.namespace } }), made);
    if (reply.status >= 300 && reply.status !== 409) throw new Error(`seed ${object.kind} ${object.metadata.name}: ${reply.text.slice(0, 500)}`);
  }
}

/** Where the API server finds the kubelet of a node. */
export function reachable(node: KubeObject, port: number): KubeObject {
  const status = node['status'] as { readonly addresses: readonly object[] };
  return {
    ...node,
    status: {
      ...status,
      addresses: [...status.addresses, { type: 'ExternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  };
}

/** The limit only ends a test that will not pass: what takes seconds here takes minutes on a machine that does other things. */
export async function until(holds: () => Promise<boolean> | boolean, ms = 180_000): Promise<void> {
  for (const end = Date.now() + ms; !(await holds());) {
    if (Date.now() > end) throw new Error(`it did not come about in ${ms / 1000} seconds`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function podIdentityWebhook(url: string, ca: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'pod-identity-webhook' },
    webhooks: [
      {
        name: 'iam-for-pods.amazonaws.com',
        clientConfig: { url: `${url}/mutate`, caBundle: Buffer.from(ca).toString('base64') },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' }],
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        reinvocationPolicy: 'IfNeeded',
      },
    ],
  };
}

async function listen(handler: Parameters<typeof createServer>[1]): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(handler as never);
  server.keepAliveTimeout = 90_000;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
