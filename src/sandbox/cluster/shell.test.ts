import { expect, test } from 'vitest';
import { interpret } from './shell.ts';

function run(argv: readonly string[], options: { readonly env?: Record<string, string>; readonly most?: number } = {}) {
  const program = interpret(argv, { env: options.env ?? {}, now: () => new Date('2026-01-02T03:04:05.678Z') });
  if (program === undefined) return undefined;
  const lines: string[] = [];
  let slept = 0;
  for (let step = 0; step < (options.most ?? 1000); step += 1) {
    const next = program.next();
    if (next.done === true) return { lines, slept, code: next.value };
    if (next.value.is === 'print') lines.push(next.value.line);
    else if (next.value.is === 'sleep') slept += next.value.ms;
    else return { lines, slept, code: undefined };
  }
  return { lines, slept, code: undefined };
}

test('echo prints its words as one line and ends well', () => {
  expect(run(['echo', 'hello  there', 'x'])).toEqual({ lines: ['hello  there x'], slept: 0, code: 0 });
});

test('only the real image could run any other program', () => {
  expect(run(['python', 'train.py'])).toBeUndefined();
  expect(run([])).toBeUndefined();
});

test('a script of sh -c runs lists, conditions and substitutions', () => {
  const script = `set -e; i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo "step=$i of \${MAX:-3}"; sleep 0.5; done; false || printf '%s-%03d\\n' "$NAME" 7 && echo $(date +%F)`;
  expect(run(['/bin/sh', '-c', script], { env: { NAME: 'n' } })).toEqual({
    lines: ['step=1 of 3', 'step=2 of 3', 'step=3 of 3', 'n-007', '2026-01-02'],
    slept: 1500,
    code: 0,
  });
});

test('exit gives the code, and what printf left unfinished is still written', () => {
  expect(run(['sh', '-c', `printf 'no newline'; exit 3; echo never`])).toEqual({ lines: ['no newline'], slept: 0, code: 3 });
});

test('an unknown command inside a script is not found, like in a shell', () => {
  expect(run(['sh', '-c', 'frobnicate --now'])).toEqual({ lines: ['sh: frobnicate: not found'], slept: 0, code: 127 });
});

test('if, elif, for and quoting', () => {
  const script = `for w in a "b c" 'd;e'; do if [ "$w" = a ]; then echo first; elif [ "$w" = "b c" ]; then echo "<$w>"; else echo rest $w; fi; done > /dev/null 2>&1`;
  expect(run(['sh', '-ec', script])?.lines).toEqual(['first', '<b c>', 'rest d;e']);
});

test('set -e ends a script at the first failure, but not in a condition', () => {
  expect(run(['sh', '-c', 'set -eu; if false; then echo no; fi; false || echo one; ! true; false; echo never'])).toEqual({ lines: ['one'], slept: 0, code: 1 });
  expect(run(['sh', '-c', 'false; echo goes on'])?.lines).toEqual(['goes on']);
});

test('sleep infinity blocks, and an endless loop keeps going', () => {
  expect(run(['sh', '-c', 'echo up; sleep infinity; echo no'])).toEqual({ lines: ['up'], slept: 0, code: undefined });
  expect(run(['sh', '-c', 'while true; do echo x; sleep 1; done'], { most: 20 })?.lines.length).toBe(10);
});

test('a script that cannot be parsed ends with 2', () => {
  expect(run(['sh', '-c', 'while true; do echo x'])?.code).toBe(2);
});
