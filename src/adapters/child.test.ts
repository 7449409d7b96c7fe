/** Programs that do not end, do not listen, leave children behind or print endlessly. */
import { expect, it } from 'vitest';
import { runChild, type Child } from './child.ts';

const node = (script: string, more: Partial<Child> = {}) =>
  runChild({ path: process.execPath, args: ['-e', script], env: {}, ms: 10_000, graceMs: 200, ...more });
/** Prints the pid of a child that keeps its outputs open. */
const withChild = (then: string) =>
  `const c = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM",()=>{});setInterval(()=>{},1000)'], { stdio: 'inherit' }); console.log(c.pid); ${then}`;
const lives = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it('gives code and outputs, and what was written to its input', async () => {
  const ended = await node('process.stdin.on("data", (d) => process.stdout.write(d)).on("end", () => { console.error("e"); process.exitCode = 3; })', {
    input: 'in',
  });
  expect(ended).toEqual({ code: 3, stdout: 'in', stderr: 'e', killed: false });
});

it('tells a program that is not there', async () => {
  expect(await runChild({ path: '/no/such/program', args: [], env: {}, ms: 1000 })).toMatchObject({ failure: { code: 'ENOENT' } });
});

it.each([
  ['a program that never ends', 'setInterval(() => {}, 1000)', false],
  ['one that ignores SIGTERM', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)', true],
])('%s is late', async (_, script, killed) => {
  const began = Date.now();
  expect(await node(script, { ms: 500 })).toMatchObject({ stopped: 'late', killed });
  expect(Date.now() - began).toBeLessThan(8_000);
});

it('ends with its children, at the end and at a signal', async () => {
  for (const [then, more] of [
    ['process.exit(0)', () => ({})],
    ['setInterval(() => {}, 1000)', () => ({ signal: AbortSignal.timeout(2_000) })],
  ] as const) {
    const ended = await node(withChild(`setTimeout(() => { ${then} }, 300)`), more());
    const pid = Number(ended.stdout);
    expect(pid).toBeGreaterThan(0);
    await expect.poll(() => lives(pid), { timeout: 5_000 }).toBe(false);
  }
});

it('is stopped when it talks without end', async () => {
  const ended = await node('const w = () => { while (process.stdout.write("x".repeat(65536))); process.stdout.once("drain", w); }; w()', { most: 1_000_000 });
  expect(ended.stopped).toBe('too-long');
  expect(ended.stdout.length).toBeLessThanOrEqual(1_000_000);
});
