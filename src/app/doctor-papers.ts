/** Files that `doctor` writes: the report as HTML. Refused before anything is looked at when they can't be written. */
import type { Json } from '../engine/types.ts';
import type { DoctorPapers, Run } from './outside.ts';
import type { Ending } from './within.ts';

interface Examined {
  /** The result of `doctor.finished`. */
  readonly result: Json;
  readonly ending: Ending;
}

export async function written(run: Run, papers: DoctorPapers, examine: (run: Run) => Promise<Examined>): Promise<Ending> {
  const { files, clock } = run.outside;
  const replace = papers.force;
  for (const path of [papers.html, papers.bundle]) if (path !== undefined) await files.writable(path, { replace });
  const { result, ending } = await examine(run);
  const about = { version: run.version, made: clock.now(), sandbox: run.sandbox };
  if (papers.html !== undefined) {
    await files.write(papers.html, await papers.page(result, about), { replace });
    run.emit({ type: 'note.given', text: `Report: ${papers.html}` });
  }
  return ending;
}
