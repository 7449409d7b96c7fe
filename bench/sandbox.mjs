/** A sandbox of the built program, started as a user starts it, and what to run in it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const script = join(root, 'bin', 'loki-eks.js');

export async function openSandbox(words = []) {
  const child = spawn(process.execPath, [script, 'sandbox', 'start', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = await new Promise((resolve, reject) => {
    let [out, err] = ['', ''];
    // One write each, but two pipes: either may come first.
    const ready = () => out.endsWith('\n') && err.includes('Paste the lines') && resolve(out);
    child.stdout.on('data', (chunk) => ready((out += chunk)));
    child.stderr.on('data', (chunk) => ready((err += chunk)));
    child.on('close', (code) => reject(new Error(`the sandbox ended with ${code}: ${err}`)));
  });
  const exported = Object.fromEntries([...printed.matchAll(/^export (\w+)='([^']*)'$/gm)].map(([, name, value]) => [name, value]));
  const folder = mkdtempSync(join(tmpdir(), 'loki-eks-bench-'));
  const env = { ...process.env, ...exported, XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache'), NO_COLOR: '1', CI: '1' };
  return {
    env,
    folder,
    endpoint: env.AWS_ENDPOINT_URL,
    close: async () => {
      const ended = new Promise((resolve) => void child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs `act` in a sandbox of its own, and takes that down whatever happens. */
export async function inSandbox(words, act) {
  const sandbox = await openSandbox(words);
  try {
    return await act(sandbox);
  } finally {
    await sandbox.close();
  }
}
