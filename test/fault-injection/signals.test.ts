/** Ctrl-C, SIGTERM, SIGHUP and a terminal that goes, at random moments of an install: it ends by itself, and the world is as it was. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onCall } from '../support/on-call.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
/** util-linux's `script` gives a pseudo-terminal, where Ctrl-C is a character that is typed. Without it the signal is sent to the process. */
const pty = spawnSync('script', ['--version']).status === 0;
const seed = Number(process.env['FAULTS_SEED'] ?? 20_261);
const moments = Number(process.env['FAULTS_SIGNALS'] ?? 50);

let terminal: Terminal;
let pristine: string;
/** How many calls an install makes that nobody interrupts. */
let whole: number;

beforeAll(async () => {
  terminal = await openTerminal({ speed: 100 });
  pristine = terminal.snapshot();
  const before = terminal.sandbox.world.calls.length;
  expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
  whole = terminal.sandbox.world.calls.length - before;
  await takeAway();
});
afterAll(() => terminal.close());

it(
  `${moments} moments, seed ${seed}, ${pty ? 'in a pseudo-terminal' : 'without a terminal: there is no program "script" here'}`,
  async () => {
    const random = randomOf(seed);
    const exits: Record<string, number> = {};
    for (let moment = 0; moment < moments; moment++) {
      const signal = ENDS[moment % ENDS.length]!;
      const after = Math.floor(random() * whole);
      const about = `${signal} after call ${after} of ${whole}`;
      const { exit, said } = await interrupted(signal, { after, lateMs: random() * 60 });
      exits[exit] = (exits[exit] ?? 0) + 1;
      // 0: the last call was made already.
      expect([0, 5, 130], `${about}\n${said}`).toContain(exit);
      if (exit === 0) await takeAway();
      if (exit === 5) {
        if (signal !== 'terminal') expect(said, about).toMatch(/left/i);
        expect((await terminal.cli(['install', '--yes', '--on-unfinished', 'undo'])).exit, about).toBe(0);
      }
      await expect.poll(() => terminal.snapshot() === pristine, { timeout: 10_000, message: `${about}\n${said}` }).toBe(true);
    }
    expect(exits['130'] ?? 0, JSON.stringify(exits)).toBeGreaterThan(moments / 2);
  },
  30_000 + moments * 60_000,
);

const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP', ...(pty ? (['terminal'] as const) : [])] as const;
type End = (typeof ENDS)[number];

interface Moment {
  /** So many calls after the start. */
  readonly after: number;
  readonly lateMs: number;
}

async function interrupted(signal: End, { after, lateMs }: Moment): Promise<{ readonly exit: number; readonly said: string }> {
  const [pidFile, codeFile] = ['pid', 'code'].map((name) => join(terminal.folder, name)) as [string, string];
  for (const file of [pidFile, codeFile]) rmSync(file, { force: true });
  const install = `echo $$ > ${pidFile}; exec ${process.execPath} ${script} install --yes --no-verify`;
  // Where the terminal goes, whoever waits for the exit code has to outlive it.
  const words = signal === 'terminal' ? `trap "" HUP; bash -c '${install}'; echo $? > ${codeFile}` : install;
  const { CI: _, ...env }: NodeJS.ProcessEnv = { ...terminal.env, TERM: 'xterm' };
  const child = pty
    ? spawn('script', ['--quiet', '--return', '--flush', '--command', words, '/dev/null'], { env, cwd: terminal.folder, stdio: 'pipe' })
    : spawn('bash', ['-c', words], { env, cwd: terminal.folder, stdio: 'pipe' });
  const send = () => {
    if (signal === 'SIGINT' && pty) return void child.stdin.write('\u0003');
    if (signal === 'terminal') return void child.kill('SIGKILL');
    try {
      process.kill(Number(readFileSync(pidFile, 'utf8')), signal);
    } catch {
      // It has ended before.
    }
  };
  const forget = onCall(terminal, after, () => setTimeout(send, lateMs));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.on('error', () => {});
  try {
    const exit = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
    if (signal !== 'terminal') return { exit, said };
    const code = () => (existsSync(codeFile) ? readFileSync(codeFile, 'utf8').trim() : '');
    await expect.poll(code, { timeout: 60_000, message: said }).not.toBe('');
    return { exit: Number(code()), said };
  } finally {
    forget();
    child.stdin.destroy();
  }
}

async function takeAway(): Promise<void> {
  const names = [...terminal.sandbox.world.account.state.s3.buckets.keys()];
  const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...names.flatMap((name) => ['--confirm-delete-data', name])]);
  expect(ran.exit, ran.stderr).toBe(0);
  expect(terminal.snapshot()).toBe(pristine);
}

/** mulberry32: the same moments for the same seed. */
function randomOf(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
