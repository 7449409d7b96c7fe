/** `loki-eks explain CODE`: the problem catalogue, offline. */
import { nearest } from '../../design/nearest.ts';
import { catalogue, type ProblemCode } from '../../problems/catalogue.ts';
import { stop } from '../../problems/problem.ts';
import { fold } from '../../ui/text.ts';
import type { Command } from '../command.ts';

export const explain: Command = {
  name: 'explain',
  summary: 'explain a problem code, or list all of them',
  about: 'Says what a problem code means, what to look at and what to do. Needs no network. Without a code it lists all of them.',
  examples: [{ run: 'loki-eks explain LINE_NOT_FOUND', why: 'what it means when a line does not come back' }],
  settings: [],
  flags: [],
  argument: {
    name: 'CODE',
    description: 'a problem code, as printed in brackets',
    required: false,
    get choices() {
      return Object.keys(catalogue);
    },
  },
  run: async ({ args }, { stdout }) => {
    const columns = Math.min(stdout.columns ?? 80, 100);
    const said = args[0];
    stdout.write(`${(said === undefined ? all(columns) : one(said, columns)).join('\n')}\n`);
    return 0;
  },
};

function all(columns: number): readonly string[] {
  const codes = (Object.keys(catalogue) as ProblemCode[]).toSorted();
  const widest = Math.max(...codes.map((code) => code.length));
  return codes.flatMap((code) =>
    fold(catalogue[code].title, columns - widest - 2).map((line, index) => `${(index === 0 ? code : '').padEnd(widest)}  ${line}`),
  );
}

function one(said: string, columns: number): readonly string[] {
  const codes = Object.keys(catalogue) as ProblemCode[];
  const wanted = said
    .replace(/^\[|\]$/g, '')
    .toUpperCase()
    .replaceAll('-', '_');
  const code = codes.find((known) => known === wanted);
  if (!code) {
    const near = nearest(wanted, codes);
    throw stop('CODE_UNKNOWN', {
      message: `There is no problem code ${said}${near ? `; did you mean ${near}?` : ''}`,
      fix: near ? `loki-eks explain ${near}` : 'loki-eks explain    (lists all codes)',
    });
  }
  const { title, cause, fix, explain: more } = catalogue[code];
  const part = (name: string, text: string) => fold(text, columns - 9).map((line, index) => `  ${(index === 0 ? name : '').padEnd(7)}${line}`);
  return [`${code}: ${title}`, '', ...part('why', cause), ...part('fix', fix), ...part('more', more)];
}
