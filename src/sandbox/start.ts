/** Starts a sandbox: the world, its servers on loopback, and the environment that points clients at them. */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { awsServer } from './aws/server.ts';
import { stop } from '../problems/problem.ts';
import { chartArchive } from './chart-archive.ts';
import { chartHosts, startChartRepository } from './chart-repository.ts';
import { clusterFaults } from './faults/index.ts';
import { answerControl, CONTROL_VARIABLE, controlPrefix } from './control-server.ts';
import { createEnvironment } from './environment.ts';
import { makeCertificate, type ServerCertificate } from './kube/certificate.ts';
import { type KubeServer, kubeServer } from './kube/server.ts';
import type { Binaries } from './real/binaries.ts';
import { createKubeAccess } from './kube-access.ts';
import { createWorld, kubernetesVersion, type OpenWorld, type WorldOptions } from './world.ts';

export interface SandboxOptions extends Partial<Omit<WorldOptions, 'endpoint' | 'ca' | 'real'>> {
  /** The folder with the bundled test charts `loki` and `alloy`, each as a folder or as a .tgz. */
  readonly charts: string;
  /** The user's environment: `LOKI_EKS_LOKI_CHART` and `LOKI_EKS_ALLOY_CHART` replace the bundled test charts with real ones. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The folder with real programs of the log path, which then replace the simulated ones. */
  readonly real?: string;
  /** Of the AWS server; any free one by default. */
  readonly port?: number;
}

export interface Sandbox {
  readonly world: OpenWorld;
  readonly env: Readonly<Record<string, string>>;
  /** `http://127.0.0.1:port/_sandbox`: calls, snapshot, fault, reset-calls. */
  readonly controlUrl: string;
  /** Notes for the user: which cluster it is, which charts are used. */
  readonly notes: readonly string[];
  /** Activates these faults, which must exist, and waits until they show; at most a quarter of a minute, longer for those that show late. */
  break(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** How long pods may take to restart before their state is checked; crashing pods never settle. */
const FELT_MS = 15_000;

/** Everything listens on 127.0.0.1 only. Resolves when every seeded pod is up. Throws CHART_INVALID before anything listens. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const charts = { loki: chosen(options, 'loki'), alloy: chosen(options, 'alloy') };
  const notes = await Promise.all([describe(charts.loki), describe(charts.alloy)]);
  const region = options.region ?? 'ap-northeast-2';
  const parts = options.real === undefined ? undefined : await import('./real/index.ts');
  const binaries = parts?.findBinaries(options.real ?? '', options.env ?? {});
  const certificate = makeCertificate({ names: [...chartHosts, ...(parts?.realHosts(region) ?? [])], now: new Date() });
  const kube = await openKube(certificate);
  let awsUrl = '';
  const ports = { kube: () => portOf(kube.url), aws: () => portOf(awsUrl) };
  const real = binaries && (await parts?.openRealLogPath({ binaries, certificate, ports }));
  const clusterName = options.clusterName ?? 'training-on-eks';
  const world = await createWorld({ ...options, region, clusterName, endpoint: kube.url, ca: certificate.ca, real }).catch(async (error: unknown) => {
    await real?.close();
    throw error;
  });
  const access = createKubeAccess(world);
  kube.attach(
    kubeServer({
      store: world.store,
      runtime: world.runtime,
      clock: world.clock,
      ...access,
      faults: world.faults,
      onCall: world.onCall,
      version: `v${kubernetesVersion}.4-eks-99d6cc0`,
    }),
  );
  const aws = await openAws(world, options.port ?? 0);
  awsUrl = aws.url;
  const repository = await startChartRepository({ charts: [charts.loki, charts.alloy], certificate });
  const environment = await createEnvironment({
    region,
    clusterName,
    clusterArn: `arn:${world.account.partition}:eks:${region}:${world.account.id}:cluster/${clusterName}`,
    awsUrl: aws.url,
    kubeUrl: kube.url,
    ca: certificate.ca,
    token: access.token,
    credentials: world.account.admin,
    proxyUrl: repository.proxyUrl,
    charts,
    env: options.env ?? {},
  });
  const controlUrl = `${aws.url}${controlPrefix.slice(0, -1)}`;
  return {
    world,
    env: { ...environment.env, [CONTROL_VARIABLE]: controlUrl },
    controlUrl,
    notes: [
      `cluster ${clusterName} in ${region}, account ${world.account.id}, ${world.store.list('Node').length} nodes`,
      `charts ${notes.join(', ')}`,
      ...(binaries && real ? [realNote(binaries), `files of nodes and notes in ${real.folder}`] : []),
    ],
    async break(names) {
      for (const name of names) world.breaks.make(name);
      if (names.length === 0) return;
      const slow = clusterFaults.filter(({ name }) => names.includes(name)).map(({ showsAfterMs = 0 }) => showsAfterMs);
      await Promise.all([world.cluster.settled(FELT_MS), new Promise((resolve) => setTimeout(resolve, Math.max(0, ...slow)))]);
    },
    close: async () => {
      await real?.close();
      world.close();
      await Promise.all([aws.close(), kube.close(), repository.close(), environment.close()]);
    },
  };
}

const portOf = (url: string): number => Number(new URL(url).port);

function realNote({ paths, fromPath }: Binaries): string {
  const others = fromPath.length > 0 ? `; ${fromPath.map((part) => `${part} from PATH, ${paths[part]}`).join('; ')}` : '';
  return `real processes: ${Object.keys(paths)
    .filter((part) => !(fromPath as readonly string[]).includes(part))
    .join(', ')} from ${dirname(paths.loki)}${others}`;
}

function chosen(options: SandboxOptions, chart: 'loki' | 'alloy'): string {
  const archive = join(options.charts, `${chart}.tgz`);
  return options.env?.[`LOKI_EKS_${chart.toUpperCase()}_CHART`] || (existsSync(archive) ? archive : join(options.charts, chart));
}

async function describe(path: string): Promise<string> {
  try {
    const { name, version, metadata } = await chartArchive(path);
    const annotations = metadata['annotations'] as Readonly<Record<string, string>> | undefined;
    return `${name} ${version}${annotations?.['loki-eks.sandbox/stand-in'] === 'true' ? ' (bundled test chart)' : ''}`;
  } catch (cause) {
    const evidence = [cause instanceof Error ? cause.message : String(cause)];
    throw stop(
      'CHART_INVALID',
      {
        message: `${path} is no chart that the sandbox could serve`,
        fix: 'set LOKI_EKS_LOKI_CHART and LOKI_EKS_ALLOY_CHART to a chart folder or .tgz, or unset them',
        evidence,
      },
      { cause },
    );
  }
}

interface Opened {
  readonly url: string;
  close(): Promise<void>;
}

/** Listens before the world is created, since DescribeCluster returns the address; answers from `attach` on. */
async function openKube(certificate: ServerCertificate): Promise<Opened & { attach(door: KubeServer): void }> {
  let door: KubeServer | undefined;
  // Client certificates are not requested: kubectl would be prompted for none, and the tokens suffice.
  const server = createTlsServer({ cert: certificate.cert, key: certificate.key }, (request, response) =>
    door === undefined ? response.destroy() : door.request(request, response),
  );
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => door?.upgrade(request, socket, head));
  const opened = await open(server, { scheme: 'https', port: 0 });
  return { ...opened, attach: (made) => void (door = made) };
}

async function openAws(world: OpenWorld, port: number): Promise<Opened> {
  const door = awsServer({ account: world.account, faults: world.faults, onCall: world.onCall });
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith(controlPrefix)) void answerControl(world, request, response);
    else door(request, response);
  });
  return open(server, { scheme: 'http', port });
}

async function open(
  server: Pick<HttpServer, 'keepAliveTimeout'> & Server & { on(event: 'connection', listener: (socket: Socket) => void): unknown },
  at: { readonly scheme: string; readonly port: number },
): Promise<Opened> {
  // As in the real servers: a client that was busy for some seconds finds its connection still open.
  server.keepAliveTimeout = 90_000;
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, '127.0.0.1', resolve);
  });
  return {
    url: `${at.scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}
