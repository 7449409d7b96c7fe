/** Composition root: the one file that touches `process`. Heavy modules are loaded on first use. */
import { closeSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import type { Dependencies } from './deps.ts';
import type { findHelm } from './adapters/helm/binary.ts';
import { systemClock, systemPulse } from './adapters/system/clock.ts';
import { endChildren, endChildrenAtOnce } from './adapters/children.ts';
import { systemFiles } from './adapters/system/files.ts';
import { watchedOutput } from './adapters/system/output.ts';
import { main } from './cli/cli.ts';
import type { OutsideOptions, Platform, Signal } from './cli/platform.ts';
import type { Helm } from './ports/releases.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
const script = join(root, 'bin', 'loki-eks.js');
const { env } = process;
const lookUp = async (host: string) => (await import('node:dns/promises')).lookup(host);

const terminals = [0, 1, 2].filter((fd) => isatty(fd));

/** How long helm gets to mark its release as failed, once nothing else is awaited. */
const CHILDREN_MS = 2000;

const output = watchedOutput(process);
let files: Platform['files'] | undefined;

const platform: Platform = {
  argv: process.argv.slice(2),
  env,
  get cwd() {
    return workingDirectory();
  },
  // Node opens each standard stream on first access, which takes a millisecond or two.
  get stdin() {
    return standardInput();
  },
  get stdout() {
    return output.stdout;
  },
  get stderr() {
    return output.stderr;
  },
  version,
  help: printedHelp,
  node: process.execPath,
  script,
  now: () => systemClock.now(),
  get files() {
    return (files ??= systemFiles({ cwd: workingDirectory(), stdin: standardInput }));
  },
  onSignal,
  onOutputLost: output.onLost,
  untoldLosses: output.untold,
  exit: (code) => void endChildren(CHILDREN_MS).finally(() => process.exit(code)),
  questions: async () => (await import('./adapters/system/questions.ts')).terminalQuestions({ input: standardInput(), output: output.stderr }),
  deps,
  useCases: {
    install: async () => (await import('./commands/install.ts')).install,
    adopt: async () => (await import('./commands/adopt.ts')).adopt,
    orphan: async () => (await import('./commands/orphan.ts')).orphan,
    plan: async () => (await import('./commands/plan.ts')).plan,
    status: async () => (await import('./commands/status.ts')).status,
    uninstall: async () => {
      collectEarly();
      return (await import('./commands/uninstall/uninstall.ts')).uninstall;
    },
    verify: async () => (await import('./commands/verify/verify.ts')).verify,
    doctor: async () => (await import('./commands/doctor/doctor.ts')).doctor,
  },
  sandbox: async (options) => (await import('./sandbox/start.ts')).startSandbox({ ...options, charts: join(root, 'dist', 'charts'), env }),
};

/**
 * A million objects leave gigabytes of garbage behind, and V8 lets it grow to four times the live heap before a full collection. It
 * reads this flag at each collection, so it takes effect even if set late; measured in docs/performance.md.
 */
function collectEarly(): void {
  setFlagsFromString('--heap-growing-percent=50');
}

/** Next to the bundle; absent when running from source. */
function printedHelp(columns: number): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(root, 'dist', 'help.json'), 'utf8')) as Readonly<Record<string, string>>)[columns];
  } catch {
    return undefined;
  }
}

/** A lost terminal can't be read either: a pending prompt gets no answer, and the signal explains why. */
function standardInput(): NodeJS.ReadStream {
  if (process.stdin.listenerCount('error', unread) === 0) process.stdin.on('error', unread);
  return process.stdin;
}

function unread(): void {}

/** Node aborts, whatever the exit code, when it can't restore the modes of a terminal; a lost terminal has no modes to restore. */
function leaveTerminal(): void {
  for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
}

/** Used where no port exists: a caller gets this problem, and its text is loaded only then. */
let withoutDirectory: Error | undefined;

async function findDirectory(): Promise<void> {
  try {
    process.cwd();
  } catch (cause) {
    const { stop } = await import('./problems/problem.ts');
    withoutDirectory = stop('WORKING_DIRECTORY_GONE', {}, { cause });
  }
}

function workingDirectory(): string {
  if (withoutDirectory) throw withoutDirectory;
  return process.cwd();
}

function onSignal(listener: (signal: Signal) => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listener);
  return () => signals.forEach((signal) => void process.off(signal, listener));
}

async function deps({ questions, hide, signal, late }: OutsideOptions): Promise<Dependencies> {
  const [{ diskJournals }, { systemRandom }, { openExchanges }] = await Promise.all([
    import('./adapters/disk/journals.ts'),
    import('./adapters/system/random.ts'),
    import('./adapters/exchanges.ts'),
  ]);
  const exchanges = openExchanges({ ...(signal && { signal }), ...(late && { late }) });
  const { once, dispose } = disposables();
  const texts = new Map<string, string>();
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const helms = new Map<string | undefined, Promise<Helm>>();
  const find: typeof findHelm = async (of) => {
    const found = helms.get(of.path) ?? (await import('./adapters/helm/binary.ts')).findHelm(of);
    helms.set(of.path, found);
    // A helm installed in the meantime is found.
    found.catch(() => helms.delete(of.path));
    return found;
  };
  const mfa = questions && ((serial: string) => questions.secret(`MFA code of ${serial}`));
  return {
    clock: systemClock,
    random: systemRandom,
    files: platform.files,
    pulse: systemPulse,
    self: async () => (await import('./adapters/system/self.ts')).systemSelf({ pid: process.pid, env, probe: (pid) => void process.kill(pid, 0) }),
    ...(questions && { questions }),
    journals: diskJournals(join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'loki-eks'), () => systemClock.now()),
    aws: connected(async (of) => (await import('./adapters/aws/connect.ts')).connectAws({ ...of, env, lookUp, exchanges, ...(mfa && { mfa }) })),
    kubernetes: async (access) => (await import('./adapters/kube/connect.ts')).connectKubernetes(access, { env, exchanges }),
    kubeconfigServer: async (of) => (await import('./adapters/kube/kubeconfig-server.ts')).kubeconfigServer({ ...of, env }),
    releases: async (of) => once((await import('./adapters/helm/releases.ts')).openReleases({ ...of, env, cli: { node: platform.node, script }, find })),
    charts: async (of) => once((await import('./adapters/helm/charts.ts')).openCharts({ ...of, env, find, keep: join(cache, 'loki-eks', 'charts') })),
    logs: async (of) => (await import('./adapters/loki/logs.ts')).openLogs(of),
    grafana: async (of) => (await import('./adapters/grafana/connect.ts')).connectGrafana({ ...of, env, exchanges }),
    hide,
    templates: (name) => {
      const known = texts.get(name) ?? readFileSync(join(root, 'templates', name), 'utf8');
      texts.set(name, known);
      return known;
    },
    dispose,
  };
}

/** One connection per region and profile: the caller identity is resolved once, and an MFA code is asked for once. */
function connected(connect: Dependencies['aws']): Dependencies['aws'] {
  const known = new Map<string, ReturnType<Dependencies['aws']>>();
  return (of) => {
    const key = JSON.stringify([of.region, of.profile]);
    const found = known.get(key) ?? connect(of);
    known.set(key, found);
    return found;
  };
}

/** Temporary files of a run are deleted with it, once, whichever caller is first. */
function disposables() {
  const made = new Set<{ dispose(): Promise<void> }>();
  let ended = false;
  return {
    once: <T extends { dispose(): Promise<void> }>(thing: T): T => {
      // Prefetched, it may become available only after the run has ended.
      if (ended) void thing.dispose();
      else made.add(thing);
      return thing;
    },
    dispose: async () => {
      ended = true;
      const all = [...made];
      made.clear();
      await Promise.all(all.map((thing) => thing.dispose()));
    },
  };
}

// When the SDK reads two profiles at once and one fails, it drops the other's failure; the one it threw is the one that counts.
// An interruption rejects everything that is pending; the first awaiter has reported it. Anything else is a bug and must be visible.
process.on('unhandledRejection', (error) => {
  const { name, problem } = (error ?? {}) as { readonly name?: string; readonly problem?: { readonly code: string } };
  if (name !== 'CredentialsProviderError' && problem?.code !== 'INTERRUPTED') throw error;
});

// However this process ends, no helm process is left running.
process.on('exit', endChildrenAtOnce);
process.on('exit', leaveTerminal);

await findDirectory();
process.exitCode = await main(platform);
// All output is written and all cleanup done; a late response that nothing awaits must not keep the process alive.
const leave = (): void => {
  // A pipe may still be draining.
  if (process.stdout.writableLength + process.stderr.writableLength > 0) setTimeout(leave, 100).unref();
  else process.exit();
};
setTimeout(leave, 1000).unref();
