/** Files that `doctor` writes: the report as HTML, and the support bundle. Refused before anything is looked at when they can't be written. */
import type { Json } from '../../engine/types.ts';
import { bundle } from './bundle.ts';
import type { Walked } from './walk.ts';
import type { DoctorPapers, Run } from '../outside.ts';
import { problemOf, type Ending } from '../within.ts';

export interface Examined {
  /** The result of `doctor.finished`. */
  readonly result: Json;
  readonly ending: Ending;
  readonly walked?: Walked;
  /** What of the bundle's time is gone already. */
  readonly tookMs?: number;
}

export async function written(run: Run, papers: DoctorPapers, examine: (run: Run) => Promise<Examined>): Promise<Ending> {
  const { files, clock } = run.outside;
  const replace = papers.force;
  for (const path of [papers.html, papers.bundle]) if (path !== undefined) await files.writable(path, { replace });
  const { listening, secrets } = overhearing(run);
  const { result, ending, walked, tookMs = 0 } = await examine(listening).catch((error: unknown) => unexamined(run, papers, error));
  const made = clock.now();
  const page = await papers.page(result, { version: run.version, made, sandbox: run.sandbox });
  if (papers.html !== undefined) {
    await files.write(papers.html, page, { replace });
    run.emit({ type: 'note.given', text: `Report: ${papers.html}` });
  }
  if (papers.bundle !== undefined) {
    await files.write(papers.bundle, await bundle({ run: listening, result, page, secrets, made, tookMs, ...(walked && { walked }) }), { replace });
    run.emit({ type: 'note.given', text: `Support bundle: ${papers.bundle}. What was removed from it is in its manifest.json.` });
  }
  return ending;
}

/** Where nothing could be walked at all, whoever is asked for help wants to know as much as there is. */
function unexamined(run: Run, { bundle: wanted }: DoctorPapers, error: unknown): Examined {
  const known = problemOf(error, run.signal);
  if (!known || known.code === 'INTERRUPTED' || wanted === undefined) throw error;
  const finding = { check: 'doctor', hop: '', role: 'root', severity: 'fail', problem: known };
  const result = {
    mode: 'cluster',
    healthy: false,
    root: finding,
    findings: [finding],
    hops: [],
    unseen: [{ what: 'the log path', why: known.message }],
    subject: {},
  };
  return { result: result as unknown as Json, ending: { outcome: 'refused', problems: [known] } };
}

/** Whatever is hidden from the screen is hidden from the bundle as well. */
function overhearing(run: Run): { readonly listening: Run; readonly secrets: ReadonlySet<string> } {
  const secrets = new Set<string>();
  const hide = (secret: string): void => {
    secrets.add(secret);
    run.outside.hide(secret);
  };
  return { listening: { ...run, outside: { ...run.outside, hide } }, secrets };
}
