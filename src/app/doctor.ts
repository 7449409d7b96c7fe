/** `doctor`: walks the way of the logs, hop by hop, and names where it breaks first. Reads only, unless it is told to mend. */
import { doctorChecks } from '../checks/doctor/index.ts';
import { hops, type DoctorCheck, type Survey } from '../checks/doctor/survey.ts';
import { autofixOf, stepsMending } from '../design/mending.ts';
import { lintValues, type LintFile } from '../design/values-lint.ts';
import { examine } from '../engine/examine.ts';
import type { CheckResult, Json, Problem } from '../engine/types.ts';
import { doctorRow } from '../problems/catalogue.ts';
import type { FailureClass } from '../problems/failure-classes.ts';
import { problem } from '../problems/problem.ts';
import type { Autofix } from '../problems/row.ts';
import { deadline } from './deadline.ts';
import type { Examined } from './doctor-papers.ts';
import { valuesIn } from './draft.ts';
import type { DoctorOptions, Run, UseCase } from './outside.ts';
import { reach, type Reached } from './reach.ts';
import { survey } from './survey.ts';
import { toProblem, within, type Ending } from './within.ts';

/** `root`: begin here. `also`: wrong by itself. `consequence`: may go with the root. */
export type Role = 'root' | 'also' | 'consequence';

export interface Finding {
  readonly check: string;
  readonly hop: string;
  readonly role: Role;
  readonly severity: 'fail' | 'warn';
  readonly problem: Problem;
  /** Whether it may be mended without a person; never more than `confirm` where the installation is not ours. */
  readonly autofix: Autofix;
  /** Classes of failure that this is a sign of. */
  readonly classes: readonly FailureClass[];
}

export const doctor: UseCase<DoctorOptions> = (run, options) =>
  within(run, 'doctor', async () => {
    const { papers } = options;
    if (!papers) return (await examined(run, options)).ending;
    const { written } = await import('./doctor-papers.ts');
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
  const { mended } = await import('./doctor-fix.ts');
  const { walked, ending } = await mended(run, options.fix, { walk, show: (run, { result }) => told(run, result) });
  return { walked, result: asJson(walked.result), ending };
}

/** One walk and what it was made from. */
export interface Walked {
  readonly reached: Reached;
  readonly seen: Survey;
  readonly result: Told;
}

/** Leaves a third of its minute to a bundle. */
const WALK_MS = 40_000;

/** What is late is not looked at, and said; what the checks can't do without ends the walk with LOOK_LATE. */
async function walkInTime(run: Run): Promise<Walked> {
  const limit = deadline(run, WALK_MS);
  try {
    const walked = await walk(limit.run);
    if (!limit.passed()) return walked;
    const unseen = [...walked.result.unseen, { what: 'whatever would have been looked at next', why: `looking was ended after ${WALK_MS / 1000} s` }];
    return { ...walked, result: { ...walked.result, unseen } };
  } finally {
    limit.lift();
  }
}

async function walk(run: Run): Promise<Walked> {
  const reached = await reach(run);
  const seen = await survey(run, reached);
  const results = await examine(doctorChecks, seen, { at: 'doctor', emit: run.emit, signal: run.signal, toProblem });
  const findings = ranked(doctorChecks, results).map((one): Finding => withWayOut({ ...one, ...rowOf(one.problem, seen.ours) }));
  const states = hops.map((hop) => stateOf(hop, results));
  const subject = { cluster: reached.cluster.name, region: reached.aws.region, ...installation(seen) };
  return { reached, seen, result: { mode: 'cluster', findings, hops: states, unseen: seen.unseen, subject } };
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

/** What mends it at once comes first; by hand it can be done as well. */
function withWayOut(finding: Finding): Finding {
  const { autofix, role, severity, problem: found } = finding;
  // Data sources and dashboards are mostly somebody else's, and those are left as they are.
  const ours = stepsMending(found.code).some((step) => !step.startsWith('grafana.'));
  if (autofix === 'no' || role === 'consequence' || severity === 'warn' || !ours) return finding;
  return { ...finding, problem: { ...found, fix: `loki-eks doctor --fix\nor by hand:\n${found.fix}` } };
}

const rowOf = ({ code }: Problem, ours: boolean): Pick<Finding, 'autofix' | 'classes'> => ({
  autofix: autofixOf(code, ours),
  classes: doctorRow(code)?.covers ?? [],
});

export interface Told {
  readonly mode: 'cluster' | 'values';
  readonly findings: readonly Finding[];
  readonly hops: readonly { readonly hop: string; readonly state: string; readonly saw?: string }[];
  readonly unseen: Survey['unseen'];
  readonly subject: Readonly<Record<string, Json>>;
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

type Ranked = Omit<Finding, 'autofix' | 'classes'>;

/** What loses everything explains more than what loses some; within that, what lies further up. */
export function ranked(checks: readonly DoctorCheck[], results: readonly CheckResult[]): readonly Ranked[] {
  const of = new Map(checks.map((check) => [check.id, check]));
  const place = ({ hop }: Pick<DoctorCheck, 'hop'>) => hops.indexOf(hop);
  const found = results
    .flatMap(({ check, verdict }) => {
      const asked = of.get(check);
      return asked && (verdict.is === 'fail' || verdict.is === 'warn') ? [{ asked, severity: verdict.is, problem: verdict.problem }] : [];
    })
    .sort((a, b) => place(a.asked) - place(b.asked));
  const failed = found.filter(({ severity }) => severity === 'fail');
  // That nothing is there explains nothing: whatever loses some may lose all.
  const root = failed.find(({ asked, problem: { code } }) => !asked.partial && code !== 'NOTHING_ARRIVES') ?? failed[0];
  const after = (one: (typeof found)[number]) => root !== undefined && place(one.asked) >= place(root.asked);
  return found.map((one): Ranked => {
    const { asked, severity, problem } = one;
    const role: Role = one === root ? 'root' : asked.symptom && after(one) ? 'consequence' : 'also';
    return { check: asked.id, hop: asked.hop, role, severity, problem };
  });
}

function stateOf(hop: string, results: readonly CheckResult[]): Told['hops'][number] {
  const checks = new Map(doctorChecks.flatMap((check) => (check.hop === hop ? [[check.id, check]] : [])));
  const here = results.filter(({ check }) => checks.has(check));
  const verdicts = here.map(({ verdict }) => verdict);
  const unproved = here.find(({ check, verdict }) => verdict.is === 'skip' && checks.get(check)?.proves)?.verdict;
  const order = unproved ? (['fail', 'warn'] as const) : (['fail', 'warn', 'pass'] as const);
  const state = order.find((one) => verdicts.some(({ is }) => is === one)) ?? 'skip';
  const proof = state === 'pass' ? here.find(({ check, verdict }) => checks.get(check)?.proves && verdict.is === 'pass' && verdict.saw)?.verdict : undefined;
  const first = proof ?? verdicts.find((one) => one.is === state && (one.is !== 'pass' || one.saw)) ?? verdicts.find(({ is }) => is === state);
  const told = state === 'skip' ? (unproved ?? first) : first;
  const saw = told?.is === 'pass' ? told.saw : told?.is === 'skip' ? told.why : told?.problem.message;
  return { hop, state, ...(saw && { saw }) };
}

function installation({ loki, collectors }: Survey): Readonly<Record<string, Json>> {
  return {
    ...(loki && { loki: `${loki.namespace}${loki.release ? `, ${loki.release.chart} ${loki.release.chartVersion}, release ${loki.release.name}` : ''}` }),
    collectors: collectors.map(
      ({ workload, release }) => `${workload.kind} ${workload.namespace}/${workload.name}${release ? `, ${release.chart} ${release.chartVersion}` : ''}`,
    ),
  };
}
