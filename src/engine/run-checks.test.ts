import { expect, it } from 'vitest';
import { runChecks, failures } from './run-checks.ts';
import { redaction } from './redaction.ts';
import type { Check, Event, Verdict } from './types.ts';

const check = (id: string, verdict: Verdict | Error, needs: readonly string[] = []): Check<undefined> => ({
  id,
  title: id,
  at: ['preflight'],
  needs,
  run: async () => {
    if (verdict instanceof Error) throw verdict;
    return verdict;
  },
});
const bad = { code: 'BAD', message: 'bad', fix: '-' };

it('asks all, skips what rests on a failure, and tells in the order of the list', async () => {
  const events: Event[] = [];
  const results = await runChecks(
    [check('a', { is: 'pass' }), check('b', { is: 'fail', problem: bad }), check('c', { is: 'pass' }, ['b']), check('d', new Error('odd'), ['a'])],
    undefined,
    {
      at: 'preflight',
      emit: (event) => void events.push(event),
      signal: new AbortController().signal,
      toProblem: (error) => ({ ...bad, message: (error as Error).message }),
    },
  );
  expect(results.map(({ verdict }) => verdict.is)).toEqual(['pass', 'fail', 'skip', 'fail']);
  expect(failures(results).map(({ message }) => message)).toEqual(['bad', 'odd']);
  expect(events.map(({ type }) => type)).toEqual(['checks.started', 'check.finished', 'check.finished', 'check.finished', 'check.finished']);
});

it('asks only the checks of its time', async () => {
  const options = { emit: () => {}, signal: new AbortController().signal, toProblem: () => bad } as const;
  expect(await runChecks([check('a', { is: 'pass' })], undefined, { ...options, at: 'status' })).toEqual([]);
});

it('rejects once with the reason of an interruption, however many checks were to come', async () => {
  const options = { at: 'preflight', emit: () => {}, signal: AbortSignal.abort(new Error('stop')), toProblem: () => bad } as const;
  const all = [check('a', { is: 'pass' }), check('b', { is: 'pass' }), check('c', { is: 'pass' })];
  await expect(runChecks(all, undefined, options)).rejects.toThrow('stop');
  // An unhandled rejection would end the process: the test runner fails on one.
  await new Promise((resolve) => setTimeout(resolve, 5));
});

it('redacts a secret and its base64 form wherever they stand', () => {
  const seen: Event[] = [];
  const secrets = redaction();
  secrets.hide('hunter2-hunter2');
  secrets.guard((event) => void seen.push(event))({
    type: 'note.given',
    text: `it is hunter2-hunter2 or ${Buffer.from('hunter2-hunter2').toString('base64')}`,
  });
  expect(seen).toEqual([{ type: 'note.given', text: 'it is [secret] or [secret]' }]);
});
