/** A platform for in-process tests of the command line: everything that is not expected fails the test. */
import type { Aws } from '../../src/ports/aws.ts';
import type { Dependencies, RunContext, UseCase } from '../../src/deps.ts';
import { main } from '../../src/cli/cli.ts';
import type { Env, Platform } from '../../src/cli/platform.ts';
import type { Event } from '../../src/engine/types.ts';
import type { Questions } from '../../src/ports/system.ts';
import { stop } from '../../src/problems/problem.ts';

export interface Told {
  readonly run: RunContext;
  readonly options: unknown;
}

export interface Setup {
  readonly env?: Env;
  readonly files?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly questions?: Partial<Questions>;
  /** What the one use case that may be called does; a call without it fails. */
  readonly useCase?: (told: Told) => Promise<number>;
  /** Which one may be called. */
  readonly may?: keyof Platform['useCases'];
  readonly deps?: Partial<Dependencies>;
  readonly sandbox?: Platform['sandbox'];
  readonly platform?: Partial<Platform>;
}

export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly disposed: number;
  /** NDJSON of stdout. */
  readonly events: () => readonly (Event & { readonly v: number; readonly seq: number })[];
}

export function unexpected(what: string): never {
  throw new Error(`unexpected call: ${what}`);
}

/** Any property of it fails when it is called. */
function refusing<T extends object>(name: string, known: Partial<T>): T {
  return new Proxy(known as T, {
    get: (target, key) => {
      if (typeof key === 'symbol' || key === 'then' || key in target) return Reflect.get(target, key);
      return () => unexpected(`${name}.${key}`);
    },
  });
}

/** Who calls is asked ahead of every use case that reaches a cluster; the rest of AWS is none of the command line's. */
const onlyCaller = refusing<Aws>('aws', {
  callers: { whoami: async () => ({ account: '111122223333', arn: 'arn:aws:iam::111122223333:user/tester', partition: 'aws' }) },
});

export async function cli(line: string | readonly string[], setup: Setup = {}): Promise<Outcome> {
  const argv = typeof line === 'string' ? line.split(' ').filter(Boolean) : line;
  const { env = {}, files = {}, terminal = false, columns = 80 } = setup;
  let [stdout, stderr, disposed, clock] = ['', '', 0, Date.parse('2026-01-02T03:04:05Z')];
  const stream = (write: (text: string) => void) => ({ write: (text: string) => (write(text), true), isTTY: terminal, columns, rows: 24 });
  const useCase = (name: keyof Platform['useCases']) => async (): Promise<UseCase<unknown>> =>
    setup.may === name && setup.useCase ? async (run, options) => setup.useCase?.({ run, options }) ?? 0 : unexpected(`use case ${name}`);
  const platform: Platform = {
    argv,
    env,
    cwd: '/nowhere',
    stdin: { isTTY: terminal },
    stdout: stream((text) => (stdout += text)),
    stderr: stream((text) => (stderr += text)),
    version: '9.8.7',
    node: process.execPath,
    script: '/nowhere/loki-eks.js',
    now: () => new Date((clock += 10)),
    files: {
      exists: async (path) => path in files,
      mode: async () => undefined,
      write: async () => unexpected('files.write'),
      writable: async () => unexpected('files.writable'),
      read: async (path) => files[path] ?? Promise.reject(stop('FILE_UNREADABLE', { message: `${path}: there is no such file` })),
    },
    onSignal: () => () => {},
    onOutputLost: () => () => {},
    untoldLosses: () => [],
    exit: (code) => unexpected(`exit ${code}`),
    questions: async () => (setup.questions ? refusing('questions', setup.questions) : unexpected('questions')),
    deps: async ({ questions }) =>
      setup.may || setup.deps
        ? refusing<Dependencies>('outside', {
            ...(questions && { questions }),
            dispose: async () => void disposed++,
            aws: async () => onlyCaller,
            ...setup.deps,
          })
        : unexpected('outside'),
    useCases: {
      install: useCase('install'),
      adopt: useCase('adopt'),
      orphan: useCase('orphan'),
      plan: useCase('plan'),
      status: useCase('status'),
      uninstall: useCase('uninstall'),
      verify: useCase('verify'),
      doctor: useCase('doctor'),
    },
    sandbox: setup.sandbox ?? (() => unexpected('sandbox')),
    ...setup.platform,
  };
  const exit = await main(platform);
  return {
    exit,
    stdout,
    stderr,
    disposed,
    events: () =>
      stdout
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text)),
  };
}

/** A use case that ends as `within` of the application would. */
export const ending =
  (event: Omit<Extract<Event, { type: 'run.finished' }>, 'type' | 'command' | 'sandbox' | 'seconds'>) =>
  async ({ run }: Told): Promise<number> => {
    run.emit({ type: 'run.started', command: 'x', version: run.version, sandbox: run.sandbox });
    run.emit({ type: 'run.finished', command: 'x', sandbox: run.sandbox, seconds: 1, ...event });
    return event.exit;
  };
