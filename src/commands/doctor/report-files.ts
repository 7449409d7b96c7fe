/** Files that `doctor` writes: the report as HTML, and the support bundle. If they can't be written, it stops before any check. */
import type { DoctorFinding, DoctorResult } from '../../engine/types.ts';
import { bundle } from './bundle/bundle.ts';
import type { Diagnosis } from './diagnose.ts';
import type { ReportFiles, RunContext } from '../../deps.ts';
import { problemOf, type CommandResult } from '../run-command.ts';

export interface Examined {
  /** The result of `doctor.finished`. */
  readonly result: DoctorResult;
  readonly ending: CommandResult;
  readonly diagnosis?: Diagnosis;
  /** The part of the bundle's time that is used up already. */
  readonly tookMs?: number;
}

export async function writeReportFiles(run: RunContext, reportFiles: ReportFiles, examine: (run: RunContext) => Promise<Examined>): Promise<CommandResult> {
  const { files, clock } = run.deps;
  const replace = reportFiles.force;
  for (const path of [reportFiles.html, reportFiles.bundle]) if (path !== undefined) await files.writable(path, { replace });
  const { listening, secrets } = overhearing(run);
  const { result, ending, diagnosis, tookMs = 0 } = await examine(listening).catch((error: unknown) => unexamined(run, reportFiles, error));
  const made = clock.now();
  const page = await reportFiles.page(result, { version: run.version, made, sandbox: run.sandbox });
  if (reportFiles.html !== undefined) {
    await files.write(reportFiles.html, page, { replace });
    run.emit({ type: 'note.given', text: `Report: ${reportFiles.html}` });
  }
  if (reportFiles.bundle !== undefined) {
    await files.write(reportFiles.bundle, await bundle({ run: listening, result, page, secrets, made, tookMs, ...(diagnosis && { diagnosis }) }), { replace });
    run.emit({ type: 'note.given', text: `Support bundle: ${reportFiles.bundle}. Its manifest.json lists what was redacted.` });
  }
  return ending;
}

/** If the diagnosis itself failed, a support bundle should contain as much as there is. */
function unexamined(run: RunContext, { bundle: wanted }: ReportFiles, error: unknown): Examined {
  const known = problemOf(error, run.signal);
  if (!known || known.code === 'INTERRUPTED' || wanted === undefined) throw error;
  const finding: DoctorFinding = { check: 'doctor', hop: '', role: 'root', severity: 'fail', problem: known, autofix: 'no', classes: [] };
  const result: DoctorResult = {
    mode: 'cluster',
    healthy: false,
    root: finding,
    findings: [finding],
    hops: [],
    notCollected: [{ what: 'the log path', why: known.message }],
    subject: {},
  };
  return { result, ending: { outcome: 'refused', problems: [known] } };
}

/** Whatever is redacted on screen is redacted in the bundle as well. */
function overhearing(run: RunContext): { readonly listening: RunContext; readonly secrets: ReadonlySet<string> } {
  const secrets = new Set<string>();
  const hide = (secret: string): void => {
    secrets.add(secret);
    run.deps.hide(secret);
  };
  return { listening: { ...run, deps: { ...run.deps, hide } }, secrets };
}
