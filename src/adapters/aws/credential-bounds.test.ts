import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openExchanges } from '../exchanges.ts';
import { credentialHosts, withinBounds } from './credential-bounds.ts';
import { credentials } from './credentials.ts';
import { Unreadable } from './readable.ts';

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** Bytes written so far by the endpoint. */
let written = 0;
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  endless: (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      written += 65_536;
      if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more));
    };
    more();
  },
  'announced, and too long': (response) => {
    response.writeHead(200, { 'content-length': String(64 * 1024 * 1024) });
    for (let n = 0; n < 64; n++) response.write('x'.repeat(1024 * 1024));
  },
  'stopped in the middle': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"AccessKeyId":"A');
  },
  dripping: (response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drip));
  },
};

async function endpoint(answer: (response: ServerResponse) => void): Promise<string> {
  written = 0;
  const server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const asked = (url: string): Promise<string> => fetchWithHttp(url);
async function fetchWithHttp(url: string): Promise<string> {
  const { get } = await import('node:http');
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

describe('endpoints that hand out credentials', () => {
  it.each(Object.keys(answers))('end when the answer is %s', async (name) => {
    const url = await endpoint(answers[name]!);
    const began = Date.now();
    const bounds = { hosts: new Set([new URL(url).host]), most: 100_000, ms: 500 };
    await expect(withinBounds(bounds, () => asked(url))).rejects.toBeInstanceOf(Unreadable);
    expect(Date.now() - began).toBeLessThan(5000);
    const before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written - before).toBeLessThan(1024 * 1024);
  });

  it('give what they answer, and others are not looked at', async () => {
    const url = await endpoint((response) => response.end('y'.repeat(200_000)));
    expect(await withinBounds({ hosts: new Set(['169.254.170.2']), most: 1000 }, () => asked(url))).toHaveLength(200_000);
    expect(await withinBounds({ hosts: new Set([new URL(url).host]) }, () => asked(url))).toHaveLength(200_000);
  });

  it('are those that the environment names, and the ones of AWS', () => {
    const hosts = credentialHosts({ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:8080/x', AWS_EC2_METADATA_SERVICE_ENDPOINT: 'no url' });
    expect([...hosts]).toEqual(expect.arrayContaining(['127.0.0.1:8080', '169.254.170.2', '169.254.170.23', '169.254.169.254']));
  });

  it('become a problem that names the endpoint', { timeout: 30_000 }, async () => {
    const url = `${await endpoint(answers['announced, and too long']!)}/creds`;
    const former = process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = url;
    closers.push(() =>
      former === undefined ? delete process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] : (process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = former),
    );
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONFIG_FILE: '/nonexistent', AWS_SHARED_CREDENTIALS_FILE: '/nonexistent' };
    const resolve = credentials({
      region: 'us-east-1',
      env,
      profile: { name: 'default', named: false, keys: {} } as never,
      explicit: false,
      exchanges: openExchanges(),
    });
    await expect(resolve()).rejects.toMatchObject({ problem: { code: 'AWS_ANSWER_UNREADABLE', message: expect.stringContaining(url) } });
  });
});
