/** The built program, run as a user runs it, against a sandbox of this process whose whole world can be compared. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/start.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const script = join(root, 'bin', 'loki-eks.js');

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of `--output json`. */
  readonly events: readonly { readonly type: string; readonly [key: string]: any }[];
}

export interface Terminal {
  readonly sandbox: Sandbox;
  /** `loki-eks` with these words. */
  cli(words: readonly string[], options?: { readonly env?: Readonly<Record<string, string>>; readonly input?: string }): Promise<Ran>;
  /** Any program, with `loki-eks`, helm and kubectl on its PATH. */
  shell(text: string, options?: { readonly env?: Readonly<Record<string, string>> }): Promise<Ran>;
  /** The world as text: equal texts are equal worlds. */
  snapshot(): string;
  /** Writes that reached the sandbox since the last time this was asked. */
  writes(): readonly string[];
  readonly folder: string;
  /** What both run with. */
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

export function tool(name: 'LOKI_EKS_HELM' | 'TOOLS_HELM3' | 'TOOLS_KUBECTL'): string {
  const path = process.env[name];
  if (!path) throw new Error(`${name} is not set: run the tests with npm test, which provides it (npm run tools)`);
  return path;
}

export async function openTerminal(options: Partial<SandboxOptions> = {}): Promise<Terminal> {
  const sandbox = await startSandbox({ charts: join(root, 'src', 'sandbox', 'charts'), env: process.env, ...options });
  const runner = await openRunner({ ...sandbox.env, LOKI_EKS_SANDBOX: '1' });
  let seen = 0;
  return {
    sandbox,
    ...runner,
    snapshot: () => JSON.stringify(sandbox.world.snapshot(), null, 1),
    writes: () => {
      const fresh = sandbox.world.calls.slice(seen).filter(({ write }) => write);
      seen = sandbox.world.calls.length;
      return fresh.map(({ call }) => call);
    },
    close: async () => {
      await sandbox.close();
      await runner.close();
    },
  };
}

export type Runner = Pick<Terminal, 'cli' | 'shell' | 'folder' | 'env' | 'close'>;

/** The program and its tools, in a home folder of their own and with this environment. */
export async function openRunner(env: Readonly<Record<string, string>>): Promise<Runner> {
  const folder = await mkdtemp(join(tmpdir(), 'loki-eks-e2e-'));
  const paths = [join(root, 'node_modules', '.bin'), dirname(tool('LOKI_EKS_HELM')), dirname(tool('TOOLS_KUBECTL')), process.env['PATH'] ?? ''];
  const base = { ...process.env, ...env, XDG_STATE_HOME: join(folder, 'state'), HOME: folder, PATH: paths.join(delimiter), CI: '1', NO_COLOR: '1' };
  const run = (command: string, args: readonly string[], more: { env?: Readonly<Record<string, string>>; input?: string } = {}) =>
    ran(command, args, { env: { ...base, ...more.env }, cwd: folder, ...(more.input !== undefined && { input: more.input }) });
  return {
    folder,
    env: base,
    cli: (words, more) => run(process.execPath, [script, ...words], more),
    shell: (text, more) => run('bash', ['-c', text], more),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

function ran(
  command: string,
  args: readonly string[],
  { env, cwd, input }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string; readonly input?: string },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    // A program may end before it has read anything.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.on('error', reject);
    child.on('close', (code) => resolve({ exit: code ?? -1, stdout, stderr, events: eventsIn(stdout) }));
  });
}

function eventsIn(stdout: string): Ran['events'] {
  return stdout.split('\n').flatMap((line) => {
    try {
      return line.startsWith('{') ? [JSON.parse(line)] : [];
    } catch {
      return [];
    }
  });
}
