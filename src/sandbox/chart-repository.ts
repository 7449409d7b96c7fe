/** The Grafana chart repositories without a network: a loopback proxy that answers for their hosts and no others. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type ChartArchive, chartArchive } from './chart-archive.ts';

export interface ChartRepository {
  /** For HTTPS_PROXY: `http://127.0.0.1:port`. */
  readonly proxyUrl: string;
  close(): Promise<void>;
}

export interface ChartRepositoryOptions {
  /** Folders or .tgz files. */
  readonly charts: readonly string[];
  /** PEM; must be valid for `chartHosts`. */
  readonly certificate: { readonly cert: string; readonly key: string };
}

export const chartHosts: readonly string[] = ['grafana.github.io', 'grafana-community.github.io'];

export async function startChartRepository(options: ChartRepositoryOptions): Promise<ChartRepository> {
  const archives = await Promise.all(options.charts.map(chartArchive));
  const site = createTlsServer(options.certificate, (request, response) => answer(archives, request, response));
  const sockets = new Set<Socket>();
  const proxy = createServer((request, response) => {
    response.writeHead(502, { 'content-type': 'text/plain' }).end(`${noNetwork(request.headers.host ?? 'that host')}\n`);
  });
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  site.on('connection', keep);
  proxy.on('connection', keep);
  const sitePort = await listen(site);
  proxy.on('connect', (request, socket: Socket, head: Buffer) => {
    const host = (request.url ?? '').replace(/:\d+$/, '');
    // Go's HTTP client shows the reason phrase to the user.
    if (!chartHosts.includes(host)) return void socket.end(`HTTP/1.1 502 ${noNetwork(host)}\r\ncontent-length: 0\r\n\r\n`);
    const upstream = connect(sitePort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  const port = await listen(proxy);
  return {
    proxyUrl: `http://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed(site), closed(proxy)]);
    },
  };
}

function noNetwork(host: string): string {
  return `the loki-eks sandbox has no network, ${host} is not simulated`;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

function answer(archives: readonly ChartArchive[], request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').replace(/\?.*$/, '');
  if (path === '/helm-charts/index.yaml') {
    response.writeHead(200, { 'content-type': 'text/yaml' }).end(index(archives));
    return;
  }
  const archive = archives.find((candidate) => path === `/helm-charts/${fileName(candidate)}`);
  if (archive === undefined) response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
  else response.writeHead(200, { 'content-type': 'application/gzip', 'content-length': String(archive.bytes.length) }).end(archive.bytes);
}

function fileName({ name, version }: ChartArchive): string {
  return `${name}-${version}.tgz`;
}

/** JSON is YAML. */
function index(archives: readonly ChartArchive[]): string {
  const created = '2026-08-20T00:00:00Z';
  const entries = archives.map((archive) => [
    archive.name,
    [{ ...archive.metadata, created, digest: createHash('sha256').update(archive.bytes).digest('hex'), urls: [fileName(archive)] }],
  ]);
  return JSON.stringify({ apiVersion: 'v1', entries: Object.fromEntries(entries), generated: created });
}
