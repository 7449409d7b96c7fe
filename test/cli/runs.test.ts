/** Runs as a whole: exit codes in every output format, endings whatever is thrown, signals, and what stays hidden. */
import { describe, expect, it, vi } from 'vitest';
import type { EventMap, Problem } from '../../src/engine/types.ts';
import { stop } from '../../src/problems/problem.ts';
import type { OutputLost, Signal } from '../../src/cli/platform.ts';
import { cli, ending, type Told } from './fake-platform.ts';

const problem: Problem = { code: 'RELEASE_NOT_READY', message: 'not ready', fix: 'kubectl get pods' };
type Case = readonly [EventMap['run.finished']['outcome'], number];
const outcomes: readonly Case[] = [
  ['ok', 0],
  ['nothing-to-do', 0],
  ['refused', 3],
  ['undone', 4],
  ['left', 5],
  ['unhealthy', 6],
  ['changes-pending', 7],
  ['interrupted', 130],
];
const commands = ['install', 'plan', 'status', 'verify', 'uninstall'] as const;

describe('the exit code is the same in every output format', () => {
  for (const command of commands) {
    it.each(outcomes.flatMap(([outcome, exit]) => (['tree', 'plain', 'json'] as const).map((output) => [outcome, exit, output] as const)))(
      `${command}: %s is %i in %s`,
      async (outcome, exit, output) => {
        const result = await cli(`${command} --cluster c --output ${output}`, { may: command, useCase: ending({ outcome, exit, problems: [problem] }) });
        expect(result.exit).toBe(exit);
        expect(result.disposed).toBeGreaterThan(0);
        if (output !== 'json') return expect(result.stdout).toBe('');
        expect(result.stderr).toBe('');
        expect(result.events().map(({ type, seq, v }) => [type, seq, v])).toEqual([
          ['run.started', 0, 1],
          ['run.finished', 1, 1],
        ]);
      },
    );
  }
});

describe('whatever a use case does, the run ends well', () => {
  const thrown = (error: unknown) => async () => Promise.reject(error);

  it('prints a foreseen problem and exits with its code', async () => {
    const { exit, stderr, disposed } = await cli('status --cluster c', { may: 'status', useCase: thrown(stop('AWS_CREDENTIALS_MISSING')) });
    expect(exit).toBe(3);
    expect(stderr).toContain('[AWS_CREDENTIALS_MISSING]');
    expect(stderr).toContain('✖ Stopped before changing anything.');
    expect(disposed).toBe(1);
  });

  it('prints a defect with its stack and its causes and exits 1', async () => {
    const error = new TypeError('undefined is not a name', { cause: new Error('socket closed', { cause: 'ECONNRESET' }) });
    const { exit, stderr, events } = await cli('install --cluster c --output json', { may: 'install', useCase: thrown(error) });
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: '' });
    const last = events().at(-1) as unknown as EventMap['run.finished'];
    expect(last).toMatchObject({ outcome: 'defect', exit: 1 });
    const [defect] = last.problems ?? [];
    expect(defect).toMatchObject({ code: 'INTERNAL_ERROR', message: 'A defect in loki-eks: undefined is not a name' });
    expect(defect?.evidence?.[0]).toBe('TypeError: undefined is not a name');
    expect(defect?.evidence).toEqual(
      expect.arrayContaining([expect.stringMatching(/^ {4}at .*runs\.test\.ts/), 'caused by Error: socket closed', 'caused by ECONNRESET']),
    );
  });

  it('tells of a run that only returned a code', async () => {
    const { exit, events } = await cli('status --cluster c --output json', { may: 'status', useCase: async () => 6 });
    expect(exit).toBe(6);
    expect(events()).toEqual([expect.objectContaining({ type: 'run.finished', outcome: 'unhealthy', exit: 6 })]);
  });

  it('says first and last that everything is simulated', async () => {
    const { events } = await cli('status --cluster c --output json', {
      env: { LOKI_EKS_SANDBOX: '1' },
      may: 'status',
      useCase: ({ run }) => (run.emit({ type: 'fact.found', fact: 'a', value: 'b' }), Promise.resolve(0)),
    });
    expect(events().map((event) => [event.type, 'sandbox' in event && event.sandbox])).toEqual([
      ['run.started', true],
      ['fact.found', false],
      ['run.finished', true],
    ]);
  });
});

describe('output', () => {
  it('is plain without a terminal, in CI, and on a dumb one; the environment and the file choose too', async () => {
    const timestamped = /^\d{4}-\d\d-\d\dT/;
    const of = async (setup: Parameters<typeof cli>[1], line = 'status --cluster c') =>
      await cli(line, { may: 'status', useCase: ending({ outcome: 'ok', exit: 0 }), questions: {}, ...setup });
    expect((await of({})).stderr).toMatch(timestamped);
    expect((await of({ terminal: true, env: { CI: '1' } })).stderr).toMatch(timestamped);
    expect((await of({ terminal: true, env: { TERM: 'dumb' } })).stderr).toMatch(timestamped);
    expect((await of({ terminal: true })).stderr).not.toMatch(timestamped);
    expect((await of({ env: { LOKI_EKS_OUTPUT: 'json' } })).stderr).toBe('');
    expect((await of({ files: { 'loki-eks.yaml': 'output: json' } })).stderr).toBe('');
    expect((await of({ files: { 'loki-eks.yaml': 'output: json' } }, 'status --cluster c --output plain')).stderr).toMatch(timestamped);
  });

  it('has no colours with NO_COLOR, --no-color or without a terminal', async () => {
    const escape = '\u001b[';
    const of = async (setup: Parameters<typeof cli>[1], flag = '') =>
      (await cli(`status --cluster c ${flag}`, { may: 'status', useCase: ending({ outcome: 'ok', exit: 0 }), questions: {}, ...setup })).stderr;
    expect(await of({ terminal: true })).toContain(escape);
    for (const text of [await of({ terminal: true, env: { NO_COLOR: '1' } }), await of({ terminal: true }, '--no-color'), await of({})])
      expect(text).not.toContain(escape);
  });

  it('never shows what outside has been told to hide', async () => {
    const password = 'correct-horse-battery';
    for (const output of ['tree', 'plain', 'json']) {
      let hide: (secret: string) => void = () => {};
      const { stdout, stderr } = await cli(`install --cluster c --output ${output}`, {
        terminal: output === 'tree',
        questions: {},
        may: 'install',
        useCase: async (told: Told) => {
          hide(password);
          told.run.emit({ type: 'note.given', text: `the password is ${password}` });
          return ending({ outcome: 'left', exit: 5, problems: [{ ...problem, evidence: [`login failed: ${password}`] }] })(told);
        },
        platform: { deps: async (of) => ((hide = of.hide), { dispose: async () => {}, aws: async () => Promise.reject(new Error('none here')) } as never) },
      });
      expect(stdout + stderr).not.toContain(password);
      expect(stdout + stderr).toContain('[secret]');
    }
  });
});

describe('signals', () => {
  /** A use case under way, with a way to send signals to it. */
  async function underWay(useCase: (told: Told, signal: () => void) => Promise<number>) {
    let listener: (signal: Signal) => void = () => {};
    const exits: number[] = [];
    const outcome = await cli('install --cluster c --output json', {
      may: 'install',
      useCase: (told) => useCase(told, () => listener('SIGINT')),
      platform: { onSignal: (given) => ((listener = given), () => (listener = () => {})), exit: (code) => void exits.push(code) },
    });
    return { ...outcome, exits };
  }
  const begin = ({ run }: Told) => {
    run.emit({ type: 'steps.started', action: 'install', steps: [{ id: 'bucket', title: 'Bucket for log chunks' }] });
    run.emit({ type: 'step.started', step: 'bucket' });
  };
  const warnings = (events: readonly unknown[]) =>
    (events as readonly { type: string; problem: Problem }[]).filter(({ type }) => type === 'warning.raised').map((event) => event.problem);

  it('the first aborts the run and says what happens now', async () => {
    const { exit, events } = await underWay(async (told, signal) => {
      begin(told);
      signal();
      expect(told.run.signal.aborted).toBe(true);
      expect((told.run.signal.reason as { problem: Problem }).problem.code).toBe('INTERRUPTED');
      told.run.emit({ type: 'undo.done', step: 'bucket', did: 'create-bucket' });
      return ending({ outcome: 'interrupted', exit: 130, writes: 1 })(told);
    });
    expect(exit).toBe(130);
    expect(warnings(events())).toEqual([expect.objectContaining({ code: 'INTERRUPTED', message: 'Interrupted by SIGINT: rolling back what this run did' })]);
  });

  it('the second names what leaving would leave, the third leaves with 5', async () => {
    const { events, exits } = await underWay(async (told, signal) => {
      begin(told);
      signal();
      signal();
      signal();
      await new Promise((resolve) => setTimeout(resolve, 5));
      return ending({ outcome: 'left', exit: 5 })(told);
    });
    expect(warnings(events())[1]).toMatchObject({ code: 'LEAVING_EARLY', evidence: ['Bucket for log chunks'] });
    expect(exits).toEqual([5]);
  });

  it.each(['json', 'plain'])('output that is lost ends a run that changes something, and the other stream says so: %s', async (output) => {
    const [main, other] = output === 'json' ? (['stdout', 'stderr'] as const) : (['stderr', 'stdout'] as const);
    let lose: (lost: OutputLost) => void = () => {};
    const outcome = await cli(`install --cluster c --output ${output}`, {
      may: 'install',
      useCase: async (told) => {
        begin(told);
        lose({ stream: main, why: 'EIO: i/o error' });
        lose({ stream: main, why: 'EIO: i/o error' });
        expect(told.run.signal.aborted).toBe(true);
        told.run.emit({ type: 'undo.failed', step: 'bucket', did: 'create-bucket', problem });
        return ending({ outcome: 'left', exit: 5 })(told);
      },
      platform: { onOutputLost: (listener) => ((lose = listener), () => {}) },
    });
    expect(outcome.exit).toBe(5);
    expect(outcome[other]).toContain(`${main} can't be written (EIO: i/o error): rolling back what this run did [OUTPUT_LOST]`);
    expect(outcome[other].match(/OUTPUT_LOST/g)).toHaveLength(1);
    expect(outcome[other]).toContain('could not roll back Bucket for log chunks');
  });

  it('words that were lost after the end fail a run that only looks, and no other', async () => {
    const lost = async (useCase: (told: Told) => Promise<number>) => {
      let lose: (lost: OutputLost) => void = () => {};
      const { exit, stderr } = await cli('install --cluster c --output json', {
        may: 'install',
        useCase: async (told) => {
          const code = await useCase(told);
          lose({ stream: 'stdout', why: 'ENOSPC' });
          return code;
        },
        platform: { onOutputLost: (listener) => ((lose = listener), () => {}) },
      });
      expect(stderr).toContain("stdout can't be written (ENOSPC); the install itself ended with exit code 0");
      return exit;
    };
    expect(await lost(ending({ outcome: 'nothing-to-do', exit: 0 }))).toBe(130);
    expect(
      await lost(async (told) => {
        begin(told);
        return ending({ outcome: 'ok', exit: 0 })(told);
      }),
    ).toBe(0);
  });

  it('in an uninstall they name what has not been taken away yet', async () => {
    const { events, exits } = await underWay(async (told, signal) => {
      const steps = ['alloy', 'loki', 'bucket'].map((id) => ({ id, title: `Title of ${id}` }));
      told.run.emit({ type: 'steps.started', action: 'uninstall', steps });
      told.run.emit({ type: 'step.started', step: 'alloy' });
      told.run.emit({ type: 'step.done', step: 'alloy' });
      told.run.emit({ type: 'step.started', step: 'loki' });
      signal();
      signal();
      signal();
      await new Promise((resolve) => setTimeout(resolve, 5));
      return ending({ outcome: 'left', exit: 5 })(told);
    });
    const [first, second] = warnings(events());
    expect(first?.message).toContain('what was removed stays removed');
    expect(second?.evidence).toEqual(['Title of loki', 'Title of bucket']);
    expect(exits).toEqual([5]);
  });

  it('a run that is changing something is waited for, however long it takes', async () => {
    vi.useFakeTimers();
    try {
      const running = underWay(async (told, signal) => {
        begin(told);
        signal();
        await new Promise((resolve) => setTimeout(resolve, 60_000));
        return ending({ outcome: 'interrupted', exit: 130 })(told);
      });
      await vi.advanceTimersByTimeAsync(30_000);
      await vi.advanceTimersByTimeAsync(60_000);
      expect((await running).exits).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('a run that has changed nothing and does not listen is left after a moment', async () => {
    vi.useFakeTimers();
    try {
      const running = underWay(async (_, signal) => {
        signal();
        return new Promise<never>(() => {});
      });
      await vi.advanceTimersByTimeAsync(20_000);
      const { exit, exits, events } = await running;
      expect({ exit, exits }).toEqual({ exit: 130, exits: [130] });
      expect(events().at(-1)).toMatchObject({ type: 'run.finished', outcome: 'interrupted', exit: 130 });
    } finally {
      vi.useRealTimers();
    }
  });
});
