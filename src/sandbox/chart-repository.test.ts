import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chartArchive } from './chart-archive.ts';
import { chartHosts, startChartRepository } from './chart-repository.ts';
import { makeCertificate } from './kube/certificate.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chart-'));
  mkdirSync(join(folder, 'web', 'templates', 'a'.repeat(60)), { recursive: true });
  writeFileSync(join(folder, 'web', 'Chart.yaml'), 'apiVersion: v2\nname: web\nversion: 1.2.3\ndescription: of a test\n');
  writeFileSync(join(folder, 'web', 'templates', 'a'.repeat(60), `${'b'.repeat(60)}.yaml`), 'x'.repeat(1000));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a folder becomes an archive that tar unpacks, the same bytes each time', async () => {
  const archive = await chartArchive(join(folder, 'web'));
  expect([archive.name, archive.version]).toEqual(['web', '1.2.3']);
  expect((await chartArchive(join(folder, 'web'))).bytes.equals(archive.bytes)).toBe(true);
  writeFileSync(join(folder, 'web.tgz'), archive.bytes);
  const out = join(folder, 'out');
  mkdirSync(out);
  execFileSync('tar', ['-xzf', join(folder, 'web.tgz'), '-C', out]);
  expect(readFileSync(join(out, 'web', 'templates', 'a'.repeat(60), `${'b'.repeat(60)}.yaml`), 'utf8')).toBe('x'.repeat(1000));
  expect(await chartArchive(join(folder, 'web.tgz'))).toEqual(archive);
});

function tunnel(proxyUrl: string, host: string): Promise<{ readonly status: string; readonly socket: Socket }> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(proxyUrl).port), '127.0.0.1', () => socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nhost: ${host}:443\r\n\r\n`));
    socket.once('data', (data) => resolve({ status: String(data).split('\r\n')[0] as string, socket }));
    socket.once('error', reject);
  });
}

test('the proxy serves the repository for its hosts over trusted TLS, and refuses every other host', async () => {
  const certificate = makeCertificate({ names: chartHosts, now: new Date() });
  const repository = await startChartRepository({ charts: [join(folder, 'web')], certificate });
  try {
    const { status, socket } = await tunnel(repository.proxyUrl, 'grafana.github.io');
    expect(status).toBe('HTTP/1.1 200 Connection Established');
    const body = await new Promise<string>((resolve, reject) => {
      const createConnection = () => tlsConnect({ socket, servername: 'grafana.github.io', ca: certificate.ca });
      get('https://grafana.github.io/helm-charts/index.yaml', { createConnection }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text));
      }).on('error', reject);
    });
    expect(JSON.parse(body).entries.web[0]).toMatchObject({ name: 'web', version: '1.2.3', description: 'of a test', urls: ['web-1.2.3.tgz'] });
    expect((await tunnel(repository.proxyUrl, 'ghcr.io')).status).toBe('HTTP/1.1 502 the loki-eks sandbox has no network, ghcr.io is not simulated');
  } finally {
    await repository.close();
  }
});
