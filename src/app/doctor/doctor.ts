/** `doctor`: walks the way of the logs, hop by hop, and names where it breaks first. Reads only, unless it is told to mend. */
import { lintValues, type LintFile } from '../../design/values-lint.ts';
import type { Json } from '../../engine/types.ts';
import { problem } from '../../problems/problem.ts';
import type { Examined } from './papers.ts';
import { valuesIn } from '../draft.ts';
import type { DoctorOptions, Run, UseCase } from '../outside.ts';
import { within, type Ending } from '../within.ts';
import { rowOf, walk, walkInTime, type Finding, type Told } from './walk.ts';

export const doctor: UseCase<DoctorOptions> = (run, options) =>
  within(run, 'doctor', async () => {
    const { papers } = options;
    if (!papers) return (await examined(run, options)).ending;
    const { written } = await import('./papers.ts');
    return written(run, papers, (run) => examined(run, options));
  });

async function examined(run: Run, options: DoctorOptions): Promise<Examined> {
  if (options.values.length > 0) {
    const result = await judgeFiles(run, options);
    return { result: asJson(result), ending: told(run, result) };
  }
  if (!options.fix) {
    const { clock } = run.outside;
    const began = clock.now().getTime();
    const walked = await (options.papers?.bundle === undefined ? walk(run) : walkInTime(run));
    const tookMs = clock.now().getTime() - began;
    return { walked, tookMs, result: asJson(walked.result), ending: told(run, walked.result) };
  }
  const { mended } = await import('./fix.ts');
  const { walked, ending } = await mended(run, options.fix, { walk, show: (run, { result }) => told(run, result) });
  return { walked, result: asJson(walked.result), ending };
}

async function judgeFiles(run: Run, { values, chart }: DoctorOptions): Promise<Told> {
  const files = await Promise.all(values.map(async (file): Promise<LintFile> => ({ file, values: valuesIn(file, await run.outside.files.read(file)) })));
  const judged = files.flatMap((file) => {
    const { chart: found, faults } = lintValues(file, chart);
    return faults.map(({ code, severity, hop, ...said }) => ({ check: `values.${found ?? 'unknown'}`, hop, severity, problem: problem(code, said) }));
  });
  const worst = judged.findIndex(({ severity }) => severity === 'fail');
  const findings = judged.map((one, index): Finding => ({ ...one, role: index === worst ? 'root' : 'also', ...rowOf(one.problem, false) }));
  return { mode: 'values', findings, hops: [], unseen: [], subject: { files: files.map(({ file }) => file) } };
}

const failuresIn = ({ findings }: Told) => findings.filter(({ severity }) => severity === 'fail');
const rootOf = ({ findings }: Told) => findings.find(({ role }) => role === 'root');

/** The result of `doctor.finished`. */
function asJson(result: Told): Json {
  const root = rootOf(result);
  return { ...result, healthy: failuresIn(result).length === 0, ...(root && { root }) } as unknown as Json;
}

function told(run: Run, result: Told): Ending {
  const [root, failed] = [rootOf(result), failuresIn(result)];
  run.emit({ type: 'doctor.finished', result: asJson(result) });
  if (failed.length === 0) return { outcome: 'ok' };
  // What only comes of it is in the result; in full it would bury what there is to do.
  const others = failed.filter((one) => one !== root && one.role !== 'consequence');
  return { outcome: 'unhealthy', problems: [...(root ? [root] : []), ...others].map((one) => one.problem) };
}
