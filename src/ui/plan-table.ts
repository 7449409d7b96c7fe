/** The plan: every change by step, with the semantic differences of documents, and what is up to date in one line. */
import type { Change, PlanResult, PlannedStep } from '../engine/types.ts';
import type { Paint } from './colour.ts';
import { clean, count, cut, fold, oneLine, spread } from './text.ts';
import { problemLines } from './problem.ts';

export interface Look {
  readonly columns: number;
  readonly paint: Paint;
}

const marks = { create: '+', update: '~', delete: '-', keep: '=' } as const;

export function planLines(steps: readonly PlannedStep[], look: Look): readonly string[] {
  const differing = steps.filter(({ finding }) => finding.is === 'differs');
  const blocked = steps.filter(({ finding }) => finding.is === 'blocked');
  const matching = steps.length - differing.length - blocked.length;
  return [
    '',
    ...differing.flatMap((step) => [...stepLines(step, look), '']),
    ...blocked.flatMap((step) => [...stepLines(step, look), '']),
    ...(matching > 0 && differing.length + blocked.length > 0 ? [look.paint.faint(`  ${matching} more up to date`), ''] : []),
    summary(steps, look),
  ];
}

function stepLines({ title, finding }: PlannedStep, look: Look): readonly string[] {
  const heading = `  ${look.paint.strong(oneLine(title))}`;
  if (finding.is === 'differs') return [heading, ...finding.changes.flatMap((change) => changeLines(change, look))];
  if (finding.is === 'blocked') return [heading, ...problemLines(finding.problem, { ...look, columns: look.columns - 4 }).map((line) => `    ${line}`)];
  return [heading];
}

function changeLines(change: Change, { columns, paint }: Look): readonly string[] {
  const colour = colourOf(change, paint);
  const target = oneLine(change.target);
  const detail = change.detail ? oneLine(change.detail) : '';
  const line = `    ${colour(marks[change.action])} ${target}`;
  const beside = detail !== '' && target.length + detail.length + 10 <= columns;
  const below = detail !== '' && !beside ? fold(detail, columns - 8).map((text) => paint.faint(`        ${text}`)) : [];
  return [
    beside ? spread(line, paint.faint(detail), Math.min(columns, 100)) : line,
    ...below,
    ...(change.diff ?? []).map((text) => diffLine(text, { columns, paint })),
  ];
}

function colourOf(change: Change, paint: Paint) {
  return { create: paint.good, update: paint.careful, delete: paint.bad, keep: paint.faint }[change.action];
}

function diffLine(text: string, { columns, paint }: Look): string {
  const line = cut(clean(text).replaceAll('\n', ' '), columns - 8);
  const colour = line.startsWith('+') ? paint.good : line.startsWith('-') ? paint.bad : paint.faint;
  return `        ${colour(line)}`;
}

/** `Plan: 7 to create, 2 to update.` or that there is nothing to do. */
export function summary(steps: readonly PlannedStep[], { paint }: Look): string {
  const changes = steps.flatMap(({ finding }) => (finding.is === 'differs' ? finding.changes : []));
  const blocked = steps.filter(({ finding }) => finding.is === 'blocked').length;
  const of = (action: Change['action']) => changes.filter((change) => change.action === action).length;
  const parts = [
    of('create') > 0 && paint.good(`${of('create')} to create`),
    of('update') > 0 && paint.careful(`${of('update')} to update`),
    of('delete') > 0 && paint.bad(`${of('delete')} to delete`),
    of('keep') > 0 && `${of('keep')} to keep`,
    blocked > 0 && paint.bad(`${count(blocked, 'step')} blocked`),
  ].filter((part) => part !== false);
  return parts.length === 0 ? paint.good('Nothing to change: everything is up to date.') : `${paint.strong('Plan:')} ${parts.join(', ')}.`;
}

/** Rendered documents, as they would be on disk, ready to be piped; if there are several, a comment line names each, and YAML stays one stream. */
export function documentLines(result: PlanResult | undefined): readonly string[] {
  const documents = Object.entries(result?.shown ?? {});
  const head = (name: string) => [name.endsWith('.yaml') ? '---' : '', `# ${oneLine(name)}`];
  return documents.flatMap(([name, text]) => [...(documents.length > 1 ? head(name) : []), ...clean(text).trimEnd().split('\n')]);
}
