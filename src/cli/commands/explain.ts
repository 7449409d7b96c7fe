/** `loki-eks explain CODE`: the problem catalogue, offline. */
import { remediationOf } from '../../design/remediation.ts';
import { nearest } from '../../design/nearest.ts';
import { catalogue, doctorRow, type ProblemCode } from '../../problems/catalogue.ts';
import { currentCode } from '../../problems/former-codes.ts';
import { stop } from '../../problems/problem.ts';
import type { Remediation } from '../../problems/row.ts';
import { fold } from '../../ui/text.ts';
import type { Command } from '../command.ts';

export const explain: Command = {
  name: 'explain',
  summary: 'explain a problem code, or list all of them',
  about:
    'Explains what a problem code means, what to check, how to fix it, and whether doctor --fix can do it. Works offline. Without a code it lists all of them.',
  examples: [{ run: 'loki-eks explain LINE_NOT_FOUND', why: 'what a missing log line means' }],
  settings: [],
  flags: [],
  argument: {
    name: 'CODE',
    description: 'problem code, as printed in brackets',
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
  const code = codes.find((known) => known === currentCode(wanted));
  if (!code) {
    const near = nearest(wanted, codes);
    throw stop('CODE_UNKNOWN', {
      message: `There is no problem code ${said}${near ? `; did you mean ${near}?` : ''}`,
      fix: near ? `loki-eks explain ${near}` : 'loki-eks explain    (lists all codes)',
    });
  }
  const { title, cause, fix, explain: more } = catalogue[code];
  const part = (name: string, text: string) => fold(text, columns - 9).map((line, index) => `  ${(index === 0 ? name : '').padEnd(7)}${line}`);
  return [`${code}: ${title}`, '', ...part('why', cause), ...part('fix', fix), ...(doctorRow(code) ? part('--fix', mending(code)) : []), ...part('more', more)];
}

/** Only for what `doctor` can find. */
function mending(code: ProblemCode): string {
  const { ours, elsewhere } = { ours: remediationOf(code, true), elsewhere: remediationOf(code, false) };
  const words: Readonly<Record<Remediation, string>> = {
    yes: 'yes: `loki-eks doctor --fix` fixes it in an installation made by loki-eks',
    confirm:
      'confirm: `loki-eks doctor --fix` fixes it in an installation made by loki-eks once you confirm, because the fix may affect data, cost or security',
    no: 'no: fix it yourself, as described above',
  };
  return elsewhere === 'no' ? words[ours] : `${words[ours]}; in one made by other means, once you confirm that release by name`;
}
