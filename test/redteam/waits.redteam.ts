/** Endpoints that are silent, stop in the middle or never end: every run has an end, and a signal ends it soon. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { standBetween, type Treatment } from './between.ts';
import { everyRow } from './tally.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal();
});
afterAll(() => terminal?.close());

interface Ended {
  readonly exit: number | null;
  /** Whether the call that is treated was made. */
  readonly met: boolean;
  readonly seconds: number;
  /** From the signal on. */
  readonly afterSignal: number;
  readonly text: string;
}

interface Row {
  readonly match: RegExp;
  readonly treat: Treatment;
  readonly words: readonly string[];
  /** Seconds; a run that outlives them is killed, and has not held. */
  readonly most: number;
  /** So many seconds after the call was made. */
  readonly signal?: { readonly after: number; readonly name: NodeJS.Signals };
}

/** Runs until it ends by itself or by the signal. */
async function run({ match, treat, words, most, signal }: Row): Promise<Ended> {
  const between = await standBetween(terminal);
  between.rules = [{ match, treat }];
  const child = spawn(process.execPath, [script, ...words, '--cluster', 'training-on-eks', '--output', 'plain'], {
    env: { ...terminal.env, ...between.env },
    cwd: terminal.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const began = Date.now();
  let signalled = 0;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const timers: NodeJS.Timeout[] = [setTimeout(() => child.kill('SIGKILL'), most * 1000)];
  const exit = await new Promise<number | null>((done) => {
    child.on('close', done);
    if (!signal) return;
    const send = () => {
      signalled = Date.now();
      child.kill(signal.name);
    };
    const met = setInterval(() => {
      if (!between.asked.some(({ treated }) => treated)) return;
      clearInterval(met);
      timers.push(setTimeout(send, signal.after * 1000));
    }, 100);
    timers.push(met);
  });
  timers.forEach(clearTimeout);
  const now = Date.now();
  const met = between.asked.some(({ treated }) => treated);
  await between.close();
  return { exit, met, seconds: (now - began) / 1000, afterSignal: signalled ? (now - signalled) / 1000 : 0, text };
}

/** What only waits can wait side by side. */
function sideBySide(rows: readonly (readonly [string, Row])[]): readonly (readonly [string, () => Promise<Ended>])[] {
  return rows.map(([name, row]) => {
    const ended = run(row);
    ended.catch(() => undefined);
    return [name, () => ended] as const;
  });
}

const places: readonly (readonly [string, RegExp, readonly string[]])[] = [
  ['sts', /^sts:GetCallerIdentity/, ['plan']],
  ['eks', /^eks:GET \/clusters/, ['plan']],
  ['iam', /^iam:/, ['plan']],
  ['s3', /^s3:/, ['plan']],
  ['the Kubernetes API', /^kube:GET/, ['status']],
];

describe('answers that never come whole', () => {
  it('end with a problem that names the call, within a minute and a half', { timeout: 300_000 }, (context) => {
    const rows = places.flatMap(([name, match, words]) =>
      (['stall', 'stall-body', 'endless'] as const).map((treat) => [`${name}: ${treat}`, { match, treat, words, most: 100 }] as const),
    );
    return everyRow(context, sideBySide(rows), async (ended) => {
      const { exit, text, seconds, met } = await ended();
      expect(met).toBe(true);
      expect(text).not.toMatch(/INTERNAL_ERROR|\n\s+at /);
      expect(text).toMatch(/\[(AWS_UNREACHABLE|AWS_ANSWER_UNREADABLE|KUBE_UNREACHABLE|KUBE_ANSWER_UNREADABLE)\]/);
      expect(exit).toBe(3);
      if (seconds > 30) expect(text).toMatch(/still waiting for (\w+:\w+|GET \/)/);
    });
  });

  it('end soon after a signal', { timeout: 300_000 }, (context) => {
    const rows = places.flatMap(([name, match, words]) =>
      (['SIGINT', 'SIGTERM'] as const).map(
        (signal) => [`${name}: ${signal}`, { match, words, treat: 'stall-body', most: 40, signal: { after: 2, name: signal } }] as const,
      ),
    );
    return everyRow(context, sideBySide(rows), async (ended) => {
      const { exit, afterSignal, met } = await ended();
      expect(met).toBe(true);
      expect(exit).toBe(130);
      expect(afterSignal).toBeLessThan(10);
    });
  });

  const writes: readonly (readonly [string, RegExp])[] = [
    ['a role policy', /^iam:PutRolePolicy/],
    ['a bucket', /^s3:PUT/],
    ['a namespace', /^kube:POST \/api\/v1\/namespaces/],
    ['what helm makes', /^kube:(POST|PATCH) .*\/(configmaps|deployments|statefulsets)/],
  ];
  it('let an install that is at work be taken back', { timeout: 600_000 }, (context) =>
    everyRow(context, writes, async (match) => {
      const before = terminal.snapshot();
      const ended = await run({ match, treat: 'stall', words: ['install', '--yes'], most: 120, signal: { after: 2, name: 'SIGTERM' } });
      expect(ended.met).toBe(true);
      expect(ended.text).not.toMatch(/INTERNAL_ERROR|\n\s+at /);
      expect(ended.afterSignal).toBeLessThan(30);
      expect([130, 5]).toContain(ended.exit);
      // What the call would have made may be there or not; whatever is left is taken back by the next run.
      if (ended.exit === 5) await terminal.cli(['install', '--yes', '--cluster', 'training-on-eks', '--on-unfinished', 'undo', '--dry-run']);
      expect(terminal.snapshot()).toBe(before);
    }),
  );
});
