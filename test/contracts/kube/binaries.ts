/** Real kubectl and helm as clients: where they are, and how they are run against a test server. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestServer } from './server.ts';

/** Throws, rather than skips, when the tool is missing: an unproved contract is not a green one. */
export function binary(variable: 'LOKI_EKS_HELM' | 'TOOLS_HELM3' | 'TOOLS_KUBECTL'): string {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} is not set: \`npm run tools\` provides the tools, and the test command sets it`);
  return path;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Bench {
  /** A directory of this run's own. */
  readonly home: string;
  run(program: string, args: readonly string[], input?: string): Promise<Ran>;
  /** For what does not end by itself. */
  start(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  remove(): void;
}

export function openBench(server: TestServer, token?: string): Bench {
  const home = mkdtempSync(join(tmpdir(), 'kube-contract-'));
  const kubeconfig = join(home, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig(token), { mode: 0o600 });
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
  };
  const start: Bench['start'] = (program, args, more = {}) => spawn(program, [...args], { env: { ...env, ...more }, cwd: home });
  return {
    home,
    start,
    run: (program, args, input = '') =>
      new Promise((resolve, reject) => {
        const child = start(program, args);
        let [out, err] = ['', ''];
        child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
        child.on('error', reject);
        child.on('close', (code) => resolve({ code: code ?? -1, out, err }));
        child.stdin?.end(input);
      }),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
