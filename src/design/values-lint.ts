/** Lints values files without a cluster: keys the chart ignores, wrong types, and combinations that lose logs. */
import { chartOf, recordedVersion, unknownKeys, wrongTypes } from './keys.ts';
import type { Values } from './merge.ts';
import { alloyFaults } from './values-lint-alloy.ts';
import { lokiFaults } from './values-lint-loki.ts';
import type { Fault } from './values-fault.ts';

export interface LintFile {
  readonly file: string;
  readonly values: Values;
}

type Chart = 'loki' | 'alloy';

export function lintValues({ file, values }: LintFile, said?: Chart): { readonly chart?: Chart; readonly faults: readonly Fault[] } {
  const chart = said ?? chartOf(values);
  if (!chart) {
    const evidence = [`${file}: ${Object.keys(values).join(', ') || 'no keys'}`];
    return { faults: [{ code: 'VALUES_CHART_UNKNOWN', severity: 'fail', hop: '', message: `The chart that ${file} belongs to can't be inferred`, evidence }] };
  }
  const faults = [...keyFaults({ file, values }, chart), ...(chart === 'loki' ? lokiFaults(values) : alloyFaults(values))];
  // What loses all logs is reported first.
  const ordered = [...faults.filter(({ severity }) => severity === 'fail'), ...faults.filter(({ severity }) => severity === 'warn')];
  return { chart, faults: ordered.map((fault) => ({ ...fault, evidence: [...(fault.evidence ?? []), ...(fault.code.startsWith('VALUES_') ? [] : [file])] })) };
}

function keyFaults({ file, values }: LintFile, chart: Chart): readonly Fault[] {
  const version = recordedVersion(chart);
  const unknown = unknownKeys(values, { name: chart, version }).map(({ path, nearest }): Fault => ({
    code: 'VALUES_UNKNOWN_KEY',
    severity: 'fail',
    hop: '',
    message: `${file}: the chart ignores "${path}"`,
    ...(nearest && { fix: `Did you mean "${nearest}"?` }),
    evidence: [`${chart} ${version} has no key ${path}`],
  }));
  const types = wrongTypes(values, chart).map(({ path, wanted, given }): Fault => ({
    code: 'VALUES_TYPE_WRONG',
    severity: 'fail',
    hop: '',
    message: `${file}: ${path} is ${given}, but the chart expects a ${wanted}`,
  }));
  return [...unknown, ...types];
}
