/** `doctor`: checks the log path hop by hop, and names the first broken one. Read-only, unless it is told to fix. */
import { lintValues, type LintFile } from '../../design/values-lint.ts';
import type { DoctorResult } from '../../engine/types.ts';
import { problem } from '../../problems/problem.ts';
import type { Examined } from './report-files.ts';
import { valuesIn } from '../load-blueprint.ts';
import type { DoctorOptions, RunContext, UseCase } from '../../deps.ts';
import { runCommand, type CommandResult } from '../run-command.ts';
import { rowOf, diagnose, diagnoseInTime, type Finding, type DoctorReport } from './diagnose.ts';

export const doctor: UseCase<DoctorOptions> = (run, options) =>
  runCommand(run, 'doctor', async () => {
    const { reportFiles } = options;
    if (!reportFiles) return (await examined(run, options)).ending;
    const { writeReportFiles } = await import('./report-files.ts');
    return writeReportFiles(run, reportFiles, (run) => examined(run, options));
  });

async function examined(run: RunContext, options: DoctorOptions): Promise<Examined> {
  if (options.values.length > 0) {
    const result = await judgeFiles(run, options);
    return { result: resultOf(result), ending: told(run, result) };
  }
  if (!options.fix) {
    const { clock } = run.deps;
    const began = clock.now().getTime();
    const diagnosis = await (options.reportFiles?.bundle === undefined ? diagnose(run) : diagnoseInTime(run));
    const tookMs = clock.now().getTime() - began;
    return { diagnosis, tookMs, result: resultOf(diagnosis.result), ending: told(run, diagnosis.result) };
  }
  const { applyFixes } = await import('./fix/fix.ts');
  const { diagnosis, ending } = await applyFixes(run, options.fix, { walk: diagnose, show: (run, { result }) => told(run, result) });
  return { diagnosis, result: resultOf(diagnosis.result), ending };
}

async function judgeFiles(run: RunContext, { values, chart }: DoctorOptions): Promise<DoctorReport> {
  const files = await Promise.all(values.map(async (file): Promise<LintFile> => ({ file, values: valuesIn(file, await run.deps.files.read(file)) })));
  const judged = files.flatMap((file) => {
    const { chart: found, faults } = lintValues(file, chart);
    return faults.map(({ code, severity, hop, ...said }) => ({ check: `values.${found ?? 'unknown'}`, hop, severity, problem: problem(code, said) }));
  });
  const worst = judged.findIndex(({ severity }) => severity === 'fail');
  const findings = judged.map((one, index): Finding => ({ ...one, role: index === worst ? 'root' : 'also', ...rowOf(one.problem, false) }));
  return { mode: 'values', findings, hops: [], notCollected: [], subject: { files: files.map(({ file }) => file) } };
}

const failuresIn = ({ findings }: DoctorReport) => findings.filter(({ severity }) => severity === 'fail');
const rootOf = ({ findings }: DoctorReport) => findings.find(({ role }) => role === 'root');

/** The result of `doctor.finished`. */
function resultOf(result: DoctorReport): DoctorResult {
  const root = rootOf(result);
  return { ...result, healthy: failuresIn(result).length === 0, ...(root && { root }) };
}

function told(run: RunContext, result: DoctorReport): CommandResult {
  const [root, failed] = [rootOf(result), failuresIn(result)];
  run.emit({ type: 'doctor.finished', result: resultOf(result) });
  if (failed.length === 0) return { outcome: 'ok' };
  // Likely symptoms are in the result; in full they would bury what there is to do.
  const others = failed.filter((one) => one !== root && one.role !== 'consequence');
  return { outcome: 'unhealthy', problems: [...(root ? [root] : []), ...others].map((one) => one.problem) };
}
