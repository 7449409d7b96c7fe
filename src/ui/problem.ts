/** How a problem is printed: what is wrong, the evidence, what to do next, where to read more. */
import type { Problem } from '../engine/types.ts';
import type { Paint } from './colour.ts';
import { clean, fold, oneLine, spread, width } from './text.ts';

export interface ProblemLook {
  readonly columns: number;
  readonly paint: Paint;
  /** A warning does not stop anything. */
  readonly as?: 'problem' | 'warning';
  /** The next one has the same fix, and prints it. */
  readonly followed?: boolean;
}

const LABEL = 9;

export function problemLines(problem: Problem, look: ProblemLook): readonly string[] {
  const { paint } = look;
  const columns = Math.min(look.columns, 100);
  const label = (name: string, text: string) => labelled(name, clean(text), { columns, paint });
  return [
    ...headline(problem, { ...look, columns }),
    ...(problem.evidence ?? []).flatMap((fact, index) => label(index === 0 ? 'saw' : '', fact)),
    ...(look.followed ? [] : [...label('fix', problem.fix), ...label('more', `loki-eks explain ${oneLine(problem.code)}`)]),
  ];
}

/** The code is at the right edge of the message's last line, or below it if there is no room. */
function headline(problem: Problem, { columns, paint, as }: ProblemLook): readonly string[] {
  const code = `[${oneLine(problem.code)}]`;
  const lines = fold(clean(problem.message), columns - 2);
  const last = lines.at(-1) ?? '';
  const fits = width(last) + 4 + width(code) <= columns;
  const mark = as === 'warning' ? paint.careful('▲') : paint.bad('✖');
  const shown = lines.map((line, index) => {
    const start = index === 0 ? `${mark} ` : '  ';
    const text = paint.strong(line);
    return fits && index === lines.length - 1 ? spread(start + text, paint.faint(code), columns) : start + text;
  });
  return fits ? shown : [...shown, spread('', paint.faint(code), columns)];
}

function labelled(name: string, text: string, { columns, paint }: ProblemLook): readonly string[] {
  return fold(text, columns - LABEL).map((line, index) => `  ${paint.faint((index === 0 ? name : '').padEnd(LABEL - 2))}${line}`);
}
