/** The three renderers, fed with recorded runs at 80 columns. */
import { describe, expect, it, vi } from 'vitest';
import type { Event } from '../../src/engine/types.ts';
import { makeRenderer } from '../../src/ui/make-renderer.ts';
import { type Output } from '../../src/ui/renderer.ts';
import { width } from '../../src/ui/text.ts';
import { installed, notReady, rolledBack, unhealthy } from './recorded-events.ts';

interface Screen {
  readonly stdout: string;
  readonly stderr: string;
}

/** What could steer a terminal or reorder what it shows. */
const STEERING = /(?!\n)[\p{Cc}\p{Bidi_Control}]/u;
const ESCAPE = '\u001b';
const COLOURS = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');
/** What moves the cursor, erases, or hides it: never wanted outside a terminal. */
const CURSOR = new RegExp(`${ESCAPE}\\[[0-9;?]*[A-HJKSTfhlsu]`);

async function render(
  events: readonly Event[],
  { output, terminal = false, color = false }: { output: Output; terminal?: boolean; color?: boolean },
): Promise<Screen> {
  let [stdout, stderr] = ['', ''];
  let clock = Date.parse('2026-01-02T03:04:05.678Z');
  const stream = (write: (text: string) => void) => ({ write: (text: string) => (write(String(text)), true), isTTY: terminal, columns: 80, rows: 24 });
  const renderer = await makeRenderer({
    output,
    color,
    now: () => new Date((clock += 10)),
    stdout: stream((text) => (stdout += text)),
    stderr: stream((text) => (stderr += text)),
  });
  for (const event of events) renderer.sink(event);
  await renderer.close();
  return { stdout, stderr };
}

/** What stays on the screen: the last picture of each live block, without cursor codes. */
function settled(text: string): readonly string[] {
  const lines: string[] = [];
  let row = 0;
  let column = 0;
  // A terminal as far as log updates need one: text, line ends, cursor up, column and line erasure.
  for (const [, code, value, kind, piece] of text.replace(COLOURS, '').matchAll(new RegExp(`(${ESCAPE}\\[(\\??[\\d;]*)([A-Za-z]))|([\\s\\S])`, 'g'))) {
    if (code !== undefined) {
      const n = Number(value?.replace(/\D/g, '') || 1);
      if (kind === 'A') row = Math.max(0, row - n);
      else if (kind === 'G') column = n - 1;
      else if (kind === 'K') lines[row] = value === '2' ? '' : (lines[row] ?? '').slice(0, column);
      else if (kind === 'J') lines.splice(row, Infinity, (lines[row] ?? '').slice(0, column));
    } else if (piece === '\n') [row, column] = [row + 1, 0];
    else {
      const line = (lines[row] ?? '').padEnd(column);
      lines[row] = line.slice(0, column) + piece + line.slice(column + 1);
      column++;
    }
  }
  return Array.from(lines, (line) => (line ?? '').trimEnd());
}

const runs = { installed, rolledBack, unhealthy } as const;

describe('json', () => {
  it.each(Object.entries(runs))('%s: every event, one a line, numbered, and nothing on stderr', async (_, events) => {
    const { stdout, stderr } = await render(events, { output: 'json', terminal: true, color: true });
    expect(stderr).toBe('');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ v: _v, seq: _seq, time: _time, ...event }) => event)).toEqual(events);
    expect(lines.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
    expect(lines.every(({ v, time }) => v === 1 && new Date(time).toISOString() === time)).toBe(true);
  });
});

describe('plain', () => {
  it.each(Object.entries(runs))('%s: no cursor codes and no colours, even on a terminal', async (_, events) => {
    const { stdout, stderr } = await render(events, { output: 'plain', terminal: true, color: true });
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('is one timestamped line an event, results on stdout', async () => {
    const { stdout, stderr } = await render(rolledBack, { output: 'plain' });
    const lines = stderr
      .split('\n')
      .filter((line) => /^\d{4}-/.test(line))
      .map((line) => line.replace(/^\S+ /, ''));
    expect(lines).toEqual(
      [
        'start  loki-eks install 0.1.0 (simulated: no AWS account is touched)',
        'found  account: 123456789012 as arn:aws:iam::123456789012:user/admin',
        'found  cluster: demo, Kubernetes 1.33, ap-northeast-2',
        'found  nodes: 4 Linux, 1 of them GPU, 1 tainted, 2 Fargate',
        'check  preflight: 4 checks',
        'ok     AWS credentials last long enough',
        'ok     The cluster is active (ACTIVE)',
        'ok     You may create what is needed in Kubernetes',
        'warn   Every pod finds a place on these nodes: After the install, 0.3 cores are left on the fullest node [NODES_TIGHT]; fix: Add a node before the next upgrade.',
        'install 6 steps',
        'step   Bucket for log chunks',
        'step   Bucket for rules',
        'same   Namespaces (up to date)',
        'ok     Bucket for rules',
        'ok     Bucket for log chunks',
        'step   IAM role of Loki',
        'ok     IAM role of Loki',
        'step   Loki release',
        'Loki release: StatefulSet loki/loki-ingester: 1 of 3 ready; loki-ingester-2 Pending: 0/3 nodes are available: 3 Insufficient memory',
        `FAILED Loki release: ${notReady.message} [RELEASE_NOT_READY]`,
        'undo   Loki release: install-release',
        'undone Loki release: install-release',
        'undo   Bucket for log chunks: create-bucket',
        'FAILED could not roll back Bucket for log chunks: create-bucket: s3:DeleteBucket is denied [AWS_DENIED]',
      ].map((line) => expect.stringMatching(new RegExp(`^\\s*${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`))),
    );
    expect(stdout).toBe('');
    expect((await render(unhealthy, { output: 'plain' })).stdout).toContain('1/3 ready');
  });

  it('beats every 15 seconds in a long wait, also when no step is under way, and stops with the run', async () => {
    vi.useFakeTimers({ now: Date.parse('2026-01-02T03:00:00Z') });
    try {
      let stderr = '';
      const stream = { write: (text: string) => ((stderr += text), true) };
      const renderer = await makeRenderer({ output: 'plain', color: false, now: () => new Date(), stdout: stream, stderr: stream });
      renderer.sink({ type: 'steps.started', action: 'install', steps: [{ id: 'loki', title: 'Loki release' }] });
      renderer.sink({ type: 'step.started', step: 'loki' });
      renderer.sink({ type: 'step.said', step: 'loki', text: 'ingester 1 of 3 ready' });
      renderer.sink({ type: 'step.said', step: 'loki', text: 'ingester 1 of 3 ready' });
      await vi.advanceTimersByTimeAsync(46_000);
      renderer.sink({ type: 'step.done', step: 'loki' });
      await vi.advanceTimersByTimeAsync(16_000);
      await renderer.close();
      expect(stderr.trimEnd().split('\n').slice(2)).toEqual([
        '2026-01-02T03:00:00Z        Loki release: ingester 1 of 3 ready',
        '2026-01-02T03:00:15Z ...    Loki release (15 s): ingester 1 of 3 ready',
        '2026-01-02T03:00:30Z ...    Loki release (30 s): ingester 1 of 3 ready',
        '2026-01-02T03:00:45Z ...    Loki release (45 s): ingester 1 of 3 ready',
        '2026-01-02T03:00:46Z ok     Loki release (46 s)',
        '2026-01-02T03:01:01Z ...    still working (1 min 01 s)',
      ]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('tree', () => {
  it.each(Object.entries(runs))('%s: no line is wider than the terminal, but for commands to copy', async (_, events) => {
    const { stdout, stderr } = await render(events, { output: 'tree', terminal: true, color: true });
    const wide = [...settled(stderr), ...settled(stdout)].filter((line) => width(line) > 80);
    expect(wide.filter((line) => !/^(Password: kubectl | {2}query )/.test(line))).toEqual([]);
  });

  it('leaves a record of the whole run', async () => {
    const lines = settled((await render(installed, { output: 'tree', terminal: true })).stderr);
    const at = lines.findIndex((line) => line.startsWith('Installing'));
    expect(lines.slice(at + 1, at + 7)).toEqual([
      '  ✔ Bucket for log chunks',
      '  ✔ Bucket for rules',
      '  ✔ IAM role of Loki',
      '  = Namespaces                                                        up to date',
      '  ✔ Loki release',
      '  ✔ Alloy release',
    ]);
    expect(lines[0]).toBe('loki-eks install 0.1.0                      simulated: no AWS account is touched');
    expect(lines.filter(Boolean).at(-1)).toBe('✔ Install complete: 17 changes. 42 s. Simulated: no AWS account was touched.');
  });

  it('collapses checks that passed, and shows what did not', async () => {
    const lines = settled((await render(installed, { output: 'tree', terminal: true })).stderr);
    const at = lines.findIndex((line) => line.includes('Preflight'));
    expect(lines[at]).toMatch(/^▲ Preflight {2}3\/4 checks passed +0\.\d s$/);
    expect(lines[at + 1]).toMatch(/^ {2}▲ Every pod finds a place on these nodes +\[NODES_TIGHT\]$/);
    expect(lines.join('\n')).not.toContain('The cluster is active');
  });

  it('shows what failed, what was taken back, what stays and how to remove it', async () => {
    const text = settled((await render(rolledBack, { output: 'tree', terminal: true })).stderr).join('\n');
    for (const part of [
      '  ✖ Loki release                                             [RELEASE_NOT_READY]',
      '  – Alloy release                                                    not reached',
      'Rolling back',
      '  ✔ Loki release (install release)',
      '  ✖ Bucket for log chunks (create bucket)                           [AWS_DENIED]',
      '  saw    loki-ingester-2 Pending: 0/3 nodes are available: 3 Insufficient memory\n         the pod asks for 2Gi',
      '  fix    kubectl -n loki describe pod loki-ingester-2\n  more   loki-eks explain RELEASE_NOT_READY',
      'Left behind:\n  • Bucket for log chunks (create bucket)\n    s3:DeleteBucket is denied\n    fix: aws s3 rb s3://loki-chunks-1a2b3c4d\nTo roll back the rest: loki-eks install --on-unfinished undo',
      '✖ Install failed; 1 change could not be rolled back. 15 min 12 s.',
    ])
      expect(text).toContain(part);
  });

  it('puts results on stdout, without colours when that is a file', async () => {
    let [stdout, stderr] = ['', ''];
    const renderer = await makeRenderer({
      output: 'tree',
      color: true,
      now: () => new Date(0),
      stdout: { write: (text) => ((stdout += text), true) },
      stderr: { write: (text) => ((stderr += text), true), isTTY: true, columns: 80, rows: 24 },
    });
    for (const event of unhealthy) renderer.sink(event);
    await renderer.close();
    expect(stdout).not.toContain('\u001b');
    expect(stdout.split('\n').slice(1, 8)).toEqual([
      'demo  ap-northeast-2 · namespace loki',
      '',
      '  ✔ gateway   Deployment   1/1 ready    1.29',
      '  ▲ ingester  StatefulSet  1/3 ready    3.7.6',
      '      loki-ingester-2 Pending: 0/3 nodes are available: 3 Insufficient memory',
      '  ✖ alloy     DaemonSet    0/4 ready',
      '      image can not be pulled',
    ]);
    expect(stderr).not.toContain('ingester');
  });

  it('is settled when no live block is drawn: a question may follow', async () => {
    let stderr = '';
    const renderer = await makeRenderer({
      output: 'tree',
      color: false,
      now: () => new Date(0),
      stdout: { write: () => true },
      stderr: { write: (text) => ((stderr += text), true), isTTY: true, columns: 80, rows: 24 },
    });
    renderer.sink({
      type: 'steps.started',
      action: 'install',
      steps: [
        { id: 'a', title: 'A' },
        { id: 'b', title: 'B' },
      ],
    });
    renderer.sink({ type: 'step.started', step: 'a' });
    await renderer.settled();
    const before = stderr;
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(stderr).toBe(before);
    expect(settled(stderr)).toContain('  – A                                                                    stopped');
  });

  it('shows a warning under the live block at once', async () => {
    let stderr = '';
    const renderer = await makeRenderer({
      output: 'tree',
      color: false,
      now: () => new Date(0),
      stdout: { write: () => true },
      stderr: { write: (text) => ((stderr += text), true), isTTY: true, columns: 80, rows: 24 },
    });
    renderer.sink({ type: 'steps.started', action: 'install', steps: [{ id: 'a', title: 'A' }] });
    renderer.sink({ type: 'step.started', step: 'a' });
    renderer.sink({ type: 'warning.raised', problem: { code: 'INTERRUPTED', message: 'Interrupted: taking back', fix: 'Wait.' } });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(stderr).toContain('▲ Interrupted: taking back');
    await renderer.close();
  });
});

describe('plan --show', () => {
  it.each(['tree', 'plain'] as const)('leaves nothing but the document on stdout in %s', async (output) => {
    const events: readonly Event[] = [
      { type: 'run.started', command: 'plan', version: '1', sandbox: false },
      { type: 'note.given', text: 'No Alertmanager is set.' },
      { type: 'plan.finished', changes: 1, steps: [], result: { shown: { 'config.alloy': 'logging {\n  level = "info"\n}\n' } } },
      { type: 'run.finished', command: 'plan', outcome: 'ok', exit: 0, sandbox: false, seconds: 1 },
    ];
    const { stdout, stderr } = await render(events, { output, terminal: output === 'tree' });
    expect(stdout).toBe('logging {\n  level = "info"\n}\n');
    expect(stderr).toContain('No Alertmanager is set.');
  });
});

describe('whatever comes from outside', () => {
  const nasty = 'evil\u001b[2J\u001b]0;title\u0007\u009b31m\u202etxt\r\nnext\u0000';
  const events: readonly Event[] = [
    { type: 'run.started', command: 'install', version: '1', sandbox: false },
    { type: 'fact.found', fact: nasty, value: nasty },
    {
      type: 'plan.finished',
      changes: 1,
      steps: [{ step: 'a', title: nasty, finding: { is: 'differs', changes: [{ action: 'create', target: nasty, detail: nasty, diff: [`+ ${nasty}`] }] } }],
      result: { shown: { [nasty]: nasty } },
    },
    { type: 'steps.started', action: 'install', steps: [{ id: 'a', title: nasty }] },
    { type: 'step.started', step: 'a' },
    { type: 'step.said', step: 'a', text: nasty },
    { type: 'step.failed', step: 'a', problem: { code: 'X', message: nasty, fix: nasty, evidence: [nasty] } },
    {
      type: 'verify.finished',
      result: {
        found: false,
        counts: { linux: 1, tried: 1, found: 0, failed: 1, passedOver: 0, sampled: false },
        nodes: [{ node: nasty, state: 'failed', why: nasty, taints: [nasty], problem: { code: 'X', message: nasty, fix: nasty } }],
        proofs: [{ proof: nasty, title: nasty, state: 'skipped', why: nasty }],
        untried: [{ proof: nasty, title: nasty }],
        problems: [],
        line: nasty,
        seconds: 1,
        query: nasty,
        labels: { [nasty]: nasty },
        tenant: nasty,
        node: nasty,
      },
    },
    {
      type: 'status.finished',
      result: {
        cluster: nasty,
        region: nasty,
        namespace: nasty,
        sandbox: false,
        healthy: false,
        releases: [{ name: nasty, namespace: nasty, chart: nasty, version: nasty, pinned: nasty, status: nasty, revision: 1 }],
        nodes: { linux: 1, withCollector: 0, without: [nasty], fargate: 0, windows: 0 },
        buckets: [{ use: nasty, name: nasty }],
        components: [{ name: nasty, kind: nasty, ready: 0, wanted: 1, state: 'down', why: nasty }],
        drift: [{ step: 'a', title: nasty, changes: [nasty] }],
        notes: [nasty],
      },
    },
    { type: 'note.given', text: nasty },
    {
      type: 'run.finished',
      command: 'install',
      outcome: 'left',
      exit: 5,
      problems: [{ code: 'X', message: nasty, fix: nasty }],
      left: [{ step: 'a', receipt: { did: nasty }, problem: { code: 'X', message: nasty, fix: nasty } }],
      sandbox: false,
      seconds: 0,
    },
  ];

  it.each(['plain', 'json'] as const)('can not steer the terminal in %s', async (output) => {
    const { stdout, stderr } = await render(events, { output });
    expect(stdout + stderr).not.toMatch(STEERING);
  });

  it('can not steer the terminal in tree', async () => {
    const { stdout, stderr } = await render(events, { output: 'tree', terminal: true });
    expect(stdout).not.toMatch(STEERING);
    for (const part of ['\u001b[2J', '\u001b]0', '\u0007', '\u009b', '\u202e', '\u0000']) expect(stderr).not.toContain(part);
    expect(stderr).toMatch(CURSOR);
  });
});
