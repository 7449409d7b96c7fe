/** However a run is ended (signals, a terminal that goes, disks that are full): nothing is left half done, and it says so where it can. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onCall } from '../support/on-call.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { everyRow } from './tally.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
const cli = `${process.execPath} ${script}`;
/** util-linux's `script` gives a pseudo-terminal. */
const pty = spawnSync('script', ['--version']).status === 0;
const isFull = existsSync('/dev/full');

let terminal: Terminal;
let pristine: string;
let temp: string;

beforeAll(async () => {
  terminal = await openTerminal({ speed: 100 });
  pristine = terminal.snapshot();
  temp = join(terminal.folder, 'tmp');
  mkdirSync(temp);
});
afterAll(() => terminal.close());

interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Shell {
  readonly env?: Readonly<Record<string, string>>;
  /** What happens to it when so many calls have reached the sandbox. */
  readonly after?: number;
  readonly act?: (pid: number) => void;
  readonly terminal?: boolean;
}

/** Words for bash, in which `$CLI` is the program. Ends when the program has, also when its terminal has not waited for it. */
async function shell(words: string, { env = {}, after, act, terminal: inTerminal = false }: Shell = {}): Promise<Ended> {
  const [pid, code] = ['pid', 'code'].map((name) => join(terminal.folder, name)) as [string, string];
  for (const file of [pid, code]) rmSync(file, { force: true });
  const inner = join(terminal.folder, 'inner.sh');
  writeFileSync(inner, `echo $$ > ${pid}\nexec ${words.replaceAll('$CLI', cli)}\n`);
  const outer = `trap "" HUP; bash ${inner}; echo $? > ${code}`;
  const { CI: _, ...all }: NodeJS.ProcessEnv = { ...terminal.env, TMPDIR: temp, TERM: 'xterm', ...env };
  const options = { cwd: terminal.folder, env: inTerminal ? all : { ...all, CI: '1' } };
  const child = inTerminal
    ? spawn('script', ['--quiet', '--return', '--flush', '--command', outer, '/dev/null'], { ...options, stdio: 'pipe' })
    : spawn('bash', ['-c', outer], { ...options, stdio: 'pipe' });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => {});
  const forget = after === undefined ? () => {} : onCall(terminal, after, () => (act ? act(Number(readFileSync(pid, 'utf8'))) : child.kill('SIGKILL')));
  try {
    await new Promise((resolve) => child.once('close', resolve));
    await expect.poll(() => existsSync(code) && readFileSync(code, 'utf8').trim() !== '', { timeout: 60_000, interval: 50 }).toBe(true);
    return { exit: Number(readFileSync(code, 'utf8')), stdout, stderr };
  } finally {
    forget();
    child.stdin.destroy();
  }
}

/** The world is as it was, and nothing of the run is left on this machine. */
async function nothingLeft(ended: Ended): Promise<void> {
  const about = JSON.stringify(ended).slice(0, 3000);
  await expect.poll(() => terminal.snapshot() === pristine, { timeout: 10_000, message: about }).toBe(true);
  await expect.poll(() => readdirSync(temp), { timeout: 5000, message: about }).toEqual([]);
  await expect.poll(ours, { timeout: 10_000, message: about }).toEqual([]);
}

/** Processes that were started with this test's folder for temporary files. */
function ours(): readonly string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const mine = /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${temp}`);
      return mine ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`] : [];
    } catch {
      return [];
    }
  });
}

async function takeAway(): Promise<void> {
  const names = [...terminal.sandbox.world.account.state.s3.buckets.keys()];
  const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...names.flatMap((name) => ['--confirm-delete-data', name])]);
  expect(ran.exit, ran.stderr).toBe(0);
  expect(terminal.snapshot()).toBe(pristine);
}

const install = '$CLI install --yes --no-verify';
describe('signals', () => {
  // Fifty moments of each are tried by npm run faults.
  const rows = (
    [
      ['SIGINT', 60],
      ['SIGTERM', 110],
      ['SIGHUP', 12],
      ['SIGHUP', 60],
      ['SIGHUP', 110],
    ] as const
  ).map(([signal, after]) => [`${signal} after ${after} calls`, { signal, after }] as const);
  it('take back what an install did', { timeout: 600_000 }, (context) =>
    everyRow(context, rows, async ({ signal, after }) => {
      const ended = await shell(`${install} --output json`, { after, act: (pid) => void process.kill(pid, signal) });
      expect(ended.exit, JSON.stringify(ended)).toBe(130);
      expect(ended.stdout).toContain(`Interrupted by ${signal}`);
      await nothingLeft(ended);
    }),
  );
});

describe('lost output', () => {
  it.runIf(isFull)('of an install on a full disk: it is taken back, and said on the other stream', { timeout: 600_000 }, (context) =>
    everyRow(
      context,
      [
        ['json on stdout', { words: `${install} --output json > /dev/full`, says: 'stderr' }],
        ['plain on stderr', { words: `${install} --output plain 2> /dev/full`, says: 'stdout' }],
        ['everything', { words: `${install} --output plain > /dev/full 2>&1`, says: undefined }],
      ] as const,
      async ({ words, says }) => {
        const ended = await shell(words);
        expect(ended.exit, JSON.stringify(ended)).toBe(130);
        if (says) expect(ended[says]).toContain("can't be written (ENOSPC: no space left on device)");
        await nothingLeft(ended);
      },
    ),
  );

  it.runIf(pty)('of an install whose terminal goes: it is taken back', { timeout: 600_000 }, (context) =>
    everyRow(
      context,
      [12, 60].map((after) => [`after ${after} calls`, after] as const),
      async (after) => {
        const ended = await shell(install, { terminal: true, after });
        // 0: it was done before it had anything to say.
        expect([0, 130]).toContain(ended.exit);
        if (ended.exit === 0) await takeAway();
        await nothingLeft(ended);
      },
    ),
  );

  it.runIf(isFull)('of a command that looks: it has failed, and says why', { timeout: 120_000 }, (context) =>
    everyRow(
      context,
      ['--version', '--help', 'explain OUTPUT_LOST', 'plan --output json', 'plan --show values', 'status --output json'].map(
        (words) => [words, words] as const,
      ),
      async (words) => {
        const ended = await shell(`$CLI ${words} > /dev/full`);
        expect(ended.exit, JSON.stringify(ended)).toBe(130);
        expect(ended.stderr).toContain("stdout can't be written (ENOSPC: no space left on device)");
        await nothingLeft(ended);
      },
    ),
  );

  it('to a reader that has gone stops nothing', { timeout: 120_000 }, (context) =>
    everyRow(
      context,
      ['plan --output json', '--help'].map((words) => [words, words] as const),
      async (words) => {
        const ended = await shell(`bash -c 'set -o pipefail; ${cli} ${words} | head -c 10'`);
        expect(ended.exit, JSON.stringify(ended)).toBe(0);
        await nothingLeft(ended);
      },
    ),
  );
  it('of an install whose reader has gone: it is done', { timeout: 120_000 }, async () => {
    const ended = await shell(`bash -c 'set -o pipefail; ${cli} install --yes --no-verify --output json 2>&1 | head -c 10'`);
    expect(ended.exit, JSON.stringify(ended)).toBe(0);
    await takeAway();
    await nothingLeft(ended);
  });
});

describe('folders that are not there', () => {
  const refused = async (ended: Ended, code: string) => {
    expect(ended.exit, JSON.stringify(ended)).toBe(3);
    expect(ended.stderr).toContain(code);
    await nothingLeft(ended);
  };
  it('TMPDIR missing, or a file', { timeout: 120_000 }, async (context) => {
    const file = join(terminal.folder, 'a-file');
    writeFileSync(file, '');
    await everyRow(
      context,
      [join(terminal.folder, 'nowhere'), file].map((at) => [at, at] as const),
      async (at) => refused(await shell(install, { env: { TMPDIR: at } }), 'TEMP_DIR_UNUSABLE'),
    );
  });
  it('a working directory that was deleted', { timeout: 120_000 }, async () => {
    const gone = join(terminal.folder, 'gone');
    mkdirSync(gone);
    await refused(await shell(`bash -c 'cd ${gone}; rmdir ${gone}; exec ${cli} install --yes'`), 'WORKING_DIRECTORY_GONE');
  });
  /** Room for the folder but for nothing in it, for some of its files, for one chart and not the other. */
  const sizes = ['4k', '12k', '32k', '128k'];
  const mounted = mkdtempSync(join(tmpdir(), 'full-'));
  const mounts = process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', mounted]).status === 0;
  if (mounts) spawnSync('umount', [mounted]);
  it.runIf(mounts)('TMPDIR full, at whatever moment: one clear problem, and nothing left', { timeout: 600_000 }, (context) =>
    everyRow(
      context,
      sizes.map((size) => [size, size] as const),
      async (size) => {
        expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mounted]).status).toBe(0);
        try {
          const ended = await shell(`${install} --output plain`, { env: { TMPDIR: mounted } });
          expect(ended.stderr + ended.stdout).not.toMatch(/INTERNAL_ERROR|\n\s+at /);
          if (ended.exit === 0) return await takeAway();
          expect([3, 4], JSON.stringify(ended)).toContain(ended.exit);
          expect(ended.stderr + ended.stdout).toContain('TEMP_DIR_UNUSABLE');
          expect(readdirSync(mounted)).toEqual([]);
          await nothingLeft(ended);
        } finally {
          spawnSync('umount', [mounted]);
        }
      },
    ),
  );

  it('those that a killed run has left are removed by the next, and no others', { timeout: 120_000 }, async () => {
    const dead = spawnSync('true').pid;
    const owned = (name: string, owner: object | undefined) => {
      mkdirSync(join(temp, name), { mode: 0o700 });
      if (owner) writeFileSync(join(temp, name, 'owner.json'), JSON.stringify(owner));
    };
    owned('loki-eks-deadAA', { pid: dead, host: hostname() });
    owned('loki-eks-liveAA', { pid: process.pid, host: hostname() });
    owned('loki-eks-elseAA', { pid: dead, host: `${hostname()}-other` });
    owned('loki-eks-noneAA', undefined);
    owned('others-AAAAAA', { pid: dead, host: hostname() });
    const ended = await shell('$CLI plan');
    expect(ended.exit, ended.stderr).toBe(0);
    expect(readdirSync(temp).sort()).toEqual(['loki-eks-elseAA', 'loki-eks-liveAA', 'loki-eks-noneAA', 'others-AAAAAA']);
    for (const name of readdirSync(temp)) rmSync(join(temp, name), { recursive: true });
  });
});
