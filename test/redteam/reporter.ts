/** Prints what was tried of each kind and what held, when everything has run, and the sums as the last lines. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import './tally.ts';

export interface KindRow {
  readonly kind: string;
  readonly tried: number;
  readonly held: number;
}

export function tableOfKinds(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const tests = modules.flatMap((module) => [...module.children.allTests()]);
      // A file that can't be loaded has no test that could fail.
      const broken = modules.filter((module) => module.state() === 'failed' && [...module.children.allTests('failed')].length === 0);
      const rows = rowsOf([...tests.map(counted), ...broken.map(({ relativeModuleId }) => ({ kind: relativeModuleId, tried: 1, held: 0 }))]);
      const passed = tests.filter((test) => test.result().state === 'passed').length;
      const failed = tests.filter((test) => test.result().state === 'failed').length + broken.length;
      // After the summary of the reporter before this one.
      process.on('exit', () => process.stdout.write(`\n${tableText(rows)}\n${passed} passed, ${failed} failed\n`));
    },
  };
}

/** A test that did not run has tried nothing. */
function counted(test: TestCase): KindRow {
  const { state } = test.result();
  const kind = kindOf(test);
  if (state !== 'passed' && state !== 'failed') return { kind, tried: 0, held: 0 };
  const { tried, held } = test.meta().tally ?? { tried: 1, held: 1 };
  return { kind, tried: Math.max(tried, 1), held: state === 'passed' ? held : Math.min(held, Math.max(tried, 1) - 1) };
}

/** The outermost `describe`. */
function kindOf(test: TestCase): string {
  let kind = test.name;
  for (let at: TestCase['parent'] = test.parent; at.type === 'suite'; at = at.parent) kind = at.name;
  return kind;
}

export function rowsOf(cases: readonly KindRow[]): readonly KindRow[] {
  const sums = new Map<string, KindRow>();
  for (const { kind, tried, held } of cases) {
    const before = sums.get(kind);
    sums.set(kind, { kind, tried: tried + (before?.tried ?? 0), held: held + (before?.held ?? 0) });
  }
  return [...sums.values()].toSorted((a, b) => a.kind.localeCompare(b.kind, 'en'));
}

export function tableText(rows: readonly KindRow[]): string {
  const broad = Math.max(4, ...rows.map(({ kind }) => kind.length));
  const line = (kind: string, tried: string | number, held: string | number) =>
    `${kind.padEnd(broad)}  ${String(tried).padStart(7)}  ${String(held).padStart(7)}`;
  const sum = (of: 'tried' | 'held') => rows.reduce((total, row) => total + row[of], 0);
  return [
    line('kind', 'tried', 'held'),
    ...rows.map(({ kind, tried, held }) => `${line(kind, tried, held)}${held < tried ? '  <-- did not hold' : ''}`),
    '',
    `tried ${sum('tried')}, held ${sum('held')}`,
  ].join('\n');
}
