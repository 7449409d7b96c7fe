/** One diagnosis of the log path: collects all evidence, runs every check, and ranks the findings. */
import { doctorChecks } from './analyze/index.ts';
import { hops, type DoctorCheck, type Evidence } from './analyze/evidence.ts';
import { remediationOf, remediationSteps } from '../../design/remediation.ts';
import { runChecks } from '../../engine/run-checks.ts';
import type { CheckResult, DoctorFinding, DoctorResult, Problem, Verdict } from '../../engine/types.ts';
import { doctorRow } from '../../problems/catalogue.ts';
import type { FailureClass } from '../../problems/failure-classes.ts';
import type { Remediation } from '../../problems/row.ts';
import { deadline } from '../deadline.ts';
import type { RunContext } from '../../deps.ts';
import { connect, type Session } from '../connect.ts';
import { toProblem } from '../run-command.ts';
import { collect } from './collect/collect.ts';
import { collectErrors, type CollectErrors, type NotCollected } from './collect/objects.ts';

/** A finding, with its row of the problem catalogue. */
export interface Finding extends DoctorFinding {
  readonly autofix: Remediation;
  readonly classes: readonly FailureClass[];
}

export interface DoctorReport extends Omit<DoctorResult, 'healthy' | 'root'> {
  readonly findings: readonly Finding[];
}

/** A diagnosis, and what it was made from. */
export interface Diagnosis {
  readonly session: Session;
  readonly seen: Evidence;
  readonly result: DoctorReport;
}

/** Leaves a third of the bundle's minute to its collection. */
const WALK_MS = 40_000;

/** Late evidence is skipped, and reported; if the checks can't do without it, this throws COLLECT_TIMED_OUT. */
export async function diagnoseInTime(run: RunContext): Promise<Diagnosis> {
  const limit = deadline(run, WALK_MS);
  try {
    const diagnosis = await diagnose(limit.run);
    if (!limit.passed()) return diagnosis;
    const notCollected = [...diagnosis.result.notCollected, { what: 'remaining checks', why: `timed out after ${WALK_MS / 1000} s` }];
    return { ...diagnosis, result: { ...diagnosis.result, notCollected } };
  } finally {
    limit.lift();
  }
}

export async function diagnose(run: RunContext): Promise<Diagnosis> {
  const session = await connect(run);
  const seen = await collect(run, session);
  const unjudged: NotCollected[] = [];
  const results = await runChecks(sheltered(doctorChecks, collectErrors(unjudged, run.signal)), seen, {
    at: 'doctor',
    emit: run.emit,
    signal: run.signal,
    toProblem,
  });
  const findings = rankFindings(doctorChecks, results).map((one): Finding => withWayOut({ ...one, ...rowOf(one.problem, seen.ours) }));
  const states = hops.map((hop) => stateOf(hop, results));
  const subject = { cluster: session.cluster.name, region: session.aws.region, ...installation(seen) };
  return { session, seen, result: { mode: 'cluster', findings, hops: states, notCollected: [...seen.notCollected, ...unjudged], subject } };
}

/** A check that fails on malformed data has checked nothing; the others continue. */
export const sheltered = (checks: readonly DoctorCheck[], miss: CollectErrors): readonly DoctorCheck[] =>
  checks.map((check) => ({
    ...check,
    run: (seen, signal) =>
      check.run(seen, signal).catch((error: unknown): Verdict => {
        miss(check.title, error);
        return { is: 'skip', why: 'unreadable data' };
      }),
  }));

/** The automatic fix comes first; the manual one is an alternative. */
function withWayOut(finding: Finding): Finding {
  const { autofix, role, severity, problem: found } = finding;
  // Data sources and dashboards are mostly foreign, and those are left unchanged.
  const ours = remediationSteps(found.code).some((step) => !step.startsWith('grafana.'));
  if (autofix === 'no' || role === 'consequence' || severity === 'warn' || !ours) return finding;
  return { ...finding, problem: { ...found, fix: `loki-eks doctor --fix\nor by hand:\n${found.fix}` } };
}

export const rowOf = ({ code }: Problem, ours: boolean): Pick<Finding, 'autofix' | 'classes'> => ({
  autofix: remediationOf(code, ours),
  classes: doctorRow(code)?.covers ?? [],
});

type Ranked = Omit<Finding, 'autofix' | 'classes'>;

/** A total loss explains more than a partial one; within that, what is further up the path. */
export function rankFindings(checks: readonly DoctorCheck[], results: readonly CheckResult[]): readonly Ranked[] {
  const of = new Map(checks.map((check) => [check.id, check]));
  const place = ({ hop }: Pick<DoctorCheck, 'hop'>) => hops.indexOf(hop);
  const found = results
    .flatMap(({ check, verdict }) => {
      const asked = of.get(check);
      return asked && (verdict.is === 'fail' || verdict.is === 'warn') ? [{ asked, severity: verdict.is, problem: verdict.problem }] : [];
    })
    .sort((a, b) => place(a.asked) - place(b.asked));
  const failed = found.filter(({ severity }) => severity === 'fail');
  // NOTHING_ARRIVES explains nothing by itself: a partial failure may lose all lines.
  const root = failed.find(({ asked, problem: { code } }) => !asked.partial && code !== 'NOTHING_ARRIVES') ?? failed[0];
  const after = (one: (typeof found)[number]) => root !== undefined && place(one.asked) >= place(root.asked);
  return found.map((one): Ranked => {
    const { asked, severity, problem } = one;
    const role: DoctorFinding['role'] = one === root ? 'root' : asked.symptom && after(one) ? 'consequence' : 'also';
    return { check: asked.id, hop: asked.hop, role, severity, problem };
  });
}

function stateOf(hop: string, results: readonly CheckResult[]): DoctorReport['hops'][number] {
  const checks = new Map(doctorChecks.flatMap((check) => (check.hop === hop ? [[check.id, check]] : [])));
  const here = results.filter(({ check }) => checks.has(check));
  const verdicts = here.map(({ verdict }) => verdict);
  const unproved = here.find(({ check, verdict }) => verdict.is === 'skip' && checks.get(check)?.proves)?.verdict;
  const order = unproved ? (['fail', 'warn'] as const) : (['fail', 'warn', 'pass'] as const);
  const state = order.find((one) => verdicts.some(({ is }) => is === one)) ?? 'skip';
  const proof = state === 'pass' ? here.find(({ check, verdict }) => checks.get(check)?.proves && verdict.is === 'pass' && verdict.detail)?.verdict : undefined;
  const first = proof ?? verdicts.find((one) => one.is === state && (one.is !== 'pass' || one.detail)) ?? verdicts.find(({ is }) => is === state);
  const told = state === 'skip' ? (unproved ?? first) : first;
  const detail = told?.is === 'pass' ? told.detail : told?.is === 'skip' ? told.why : told?.problem.message;
  return { hop, state, ...(detail && { detail }) };
}

function installation({ loki, collectors }: Evidence): DoctorResult['subject'] {
  return {
    ...(loki && { loki: `${loki.namespace}${loki.release ? `, ${loki.release.chart} ${loki.release.chartVersion}, release ${loki.release.name}` : ''}` }),
    collectors: collectors.map(
      ({ workload, release }) => `${workload.kind} ${workload.namespace}/${workload.name}${release ? `, ${release.chart} ${release.chartVersion}` : ''}`,
    ),
  };
}
