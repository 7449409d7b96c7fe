/** What it takes to start: against a bare node, and against the programs people know. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inTurn, wall } from '../measure.mjs';
import { script } from '../sandbox.mjs';

/** On Node 20 this alone costs each process as much again as a bare node: it reads a bundle of certificates before anything else. */
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
const own =
  (...words) =>
  () =>
    wall(process.execPath, [script, ...words], { env });
const bare = () => wall(process.execPath, ['-e', '0'], { env });
const runs = 21;

export async function startUp({ add, peers }) {
  await add('--version against node -e 0', 1.6, () => inTurn(own('--version'), bare, { runs }));
  await add('--help against node -e 0', 1.6, () => inTurn(own('--help'), bare, { runs }));
  await add('install --help against node -e 0', undefined, () => inTurn(own('install', '--help'), bare, { runs }));
  await add('--version against helm version', 1.1, () => inTurn(own('--version'), () => wall(peers.helm(), ['version']), { runs }));
  await add('--version against kubectl version --client', 1, () => inTurn(own('--version'), () => wall(peers.kubectl(), ['version', '--client']), { runs }));
  await add('--version against aws --version', 1, () => inTurn(own('--version'), () => wall(peers.aws(), ['--version']), { runs: 5 }));
  await add('--version against cdk --version', 1, () => inTurn(own('--version'), () => wall(peers.cdk(), ['--version']), { runs: 5 }));
  const first = async () => {
    const cache = mkdtempSync(join(tmpdir(), 'loki-eks-bench-'));
    return toFirstCall(cache).finally(() => rmSync(cache, { recursive: true, force: true }));
  };
  await add('status to its first call, first run, against node -e 0', 6, () => inTurn(first, bare, { runs: 11 }));
  const kept = mkdtempSync(join(tmpdir(), 'loki-eks-bench-'));
  await add('status to its first call, from the second run on, against node -e 0', 4, () => inTurn(() => toFirstCall(kept), bare, { runs: 11 }));
  rmSync(kept, { recursive: true, force: true });
}

/** Seconds from the start of the process to its first connection to the AWS endpoint, which answers nothing. */
async function toFirstCall(cache) {
  const server = createServer();
  await new Promise((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const env = {
    PATH: process.env.PATH,
    HOME: cache,
    XDG_CACHE_HOME: cache,
    XDG_STATE_HOME: cache,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${server.address().port}`,
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_REGION: 'eu-central-1',
    NODE_COMPILE_CACHE: '',
  };
  const from = performance.now();
  const child = spawn(process.execPath, [script, 'status', '--cluster', 'bench', '--output', 'plain'], { env, stdio: 'ignore' });
  const ended = new Promise((resolve) => void child.once('close', resolve));
  try {
    return await new Promise((resolve, reject) => {
      server.once('connection', () => resolve((performance.now() - from) / 1000));
      child.once('close', (code) => reject(new Error(`status ended with ${code} before it called anything`)));
    });
  } finally {
    // The third signal ends it at once, by an exit of its own: that is when Node writes its compile cache.
    const signal = setInterval(() => child.kill('SIGTERM'), 20);
    server.close();
    void ended.then(() => clearInterval(signal));
    await ended;
  }
}
