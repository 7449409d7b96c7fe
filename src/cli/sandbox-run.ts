/** A command inside the sandbox: its environment, its signals, and `loki-eks` on its PATH. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stop } from '../problems/problem.ts';
import type { Platform } from './platform.ts';

export interface InsideOptions {
  readonly platform: Pick<Platform, 'env' | 'cwd' | 'node' | 'script' | 'onSignal' | 'stderr'>;
  /** Merged over the platform's own. */
  readonly env: Readonly<Record<string, string>>;
  /** The command's output is captured and passed to this, instead of the terminal. */
  readonly keep?: (text: string) => void;
}

/** Installs before the command runs, reported in one line; its output is shown only if it fails. Resolves with the exit code. */
export async function installInside(options: InsideOptions): Promise<number> {
  const { stderr } = options.platform;
  stderr.write('loki-eks sandbox: running \\`loki-eks install --yes --no-verify\\` first\n');
  const began = Date.now();
  let said = '';
  const words = ['loki-eks', 'install', '--yes', '--no-verify', '--output', 'plain'];
  const code = await runInside(words, { ...options, keep: (text) => void (said += text) });
  stderr.write(code === 0 ? `loki-eks sandbox: installed in ${Math.round((Date.now() - began) / 1000)} s\n` : said);
  return code;
}

/** Resolves with the command's exit code, or 128 plus the signal that ended it. */
export async function runInside(words: readonly string[], { platform, env, keep }: InsideOptions): Promise<number> {
  const [command = '', ...args] = words;
  const folder = await mkdtemp(join(tmpdir(), 'loki-eks-sandbox-')).catch((cause: NodeJS.ErrnoException) => {
    throw stop('TEMP_DIR_UNUSABLE', { message: `Nothing can be written to the temporary directory ${tmpdir()} (${cause.code})` }, { cause });
  });
  try {
    await linkSelf(folder, platform);
    const path = `${folder}${delimiter}${platform.env['PATH'] ?? ''}`;
    const inside = { ...platform.env, ...env, PATH: path };
    return await child(command, args, { cwd: platform.cwd, env: inside, onSignal: platform.onSignal, ...(keep && { keep }) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes `loki-eks` inside the sandbox this very program, wherever it was started from. */
async function linkSelf(folder: string, { node, script }: Pick<Platform, 'node' | 'script'>): Promise<void> {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const file = join(folder, 'loki-eks');
  await writeFile(file, `#!/bin/sh\nexec ${quote(node)} ${quote(script)} "$@"\n`);
  await chmod(file, 0o755);
}

interface ChildOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onSignal: Platform['onSignal'];
  readonly keep?: (text: string) => void;
}

function child(command: string, args: readonly string[], { cwd, env, onSignal, keep }: ChildOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = spawn(command, [...args], { cwd, env, stdio: keep ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    for (const stream of [started.stdout, started.stderr]) stream?.on('data', (chunk: Buffer) => keep?.(chunk.toString('utf8')));
    // Ctrl-C reaches the command through the terminal; other signals may reach only us, so they are forwarded.
    const end = onSignal((signal) => signal !== 'SIGINT' && void started.kill(signal));
    started.once('error', (cause) => {
      end();
      reject(stop('SANDBOX_COMMAND_FAILED', { message: `${command} could not be started`, evidence: [cause.message] }, { cause }));
    });
    started.once('close', (code, signal) => {
      end();
      resolve(code ?? 128 + (signal ? (constants.signals[signal] ?? 0) : 0));
    });
  });
}
