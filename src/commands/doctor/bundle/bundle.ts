/** The support bundle: everything needed to analyze a log path, redacted, partial if time or permissions run out. */
import { createHash } from 'node:crypto';
import type { DoctorResult } from '../../../engine/types.ts';
import type { Clock } from '../../../ports/system.ts';
import { archive } from './archive.ts';
import { blanking, type Removed } from './redaction.ts';
import type { BundleWriter, Source, Sourcing } from './bundle-writer.ts';
import { sources } from './sources.ts';
import { problemOf } from '../../run-command.ts';

export interface BundleOptions extends Omit<Sourcing, 'blanking'> {
  /** The result of `doctor.finished`, or why there is none. */
  readonly result: DoctorResult;
  /** The same as an HTML page. */
  readonly page?: string;
  /** Values already known to be secret. */
  readonly secrets: ReadonlySet<string>;
  readonly made: Date;
  /** How long the diagnosis took. */
  readonly tookMs: number;
}

/** The longest a user waits for a bundle: the diagnosis and the collection after it share this time. */
const DEADLINE_MS = 60_000;
/** Reserved for collection in any case. */
const LEAST_MS = 20_000;
/** Per file, after redaction: the end of a log is most useful. */
const MOST_BYTES = 2 * 1024 * 1024;

interface Missing {
  readonly what: string;
  readonly why: string;
}

/** A .tar.gz; its manifest.json lists every file with what was redacted in it, and what is missing. */
export async function bundle({ result, page, secrets, made, tookMs, run, diagnosis }: BundleOptions): Promise<Uint8Array> {
  const blank = blanking();
  for (const secret of secrets) blank.learn(secret, 'password');
  const missing: Missing[] = [...result.notCollected];
  const texts = new Map<string, string>([['doctor.json', `${JSON.stringify(blank.document(result), null, 1)}\n`]]);
  if (page !== undefined) texts.set('report.html', page);
  await gather(sources({ run, blanking: blank, ...(diagnosis && { diagnosis }) }), {
    texts,
    missing,
    clock: run.deps.clock,
    signal: run.signal,
    deadlineMs: Math.max(LEAST_MS, DEADLINE_MS - tookMs),
  });
  const listed: { readonly path: string; readonly size: number; readonly sha256: string; readonly removed: readonly Removed[] }[] = [];
  const files = [...texts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, given]) => {
      const { text, removed } = blank.text(given);
      const content = ending(text, { path, missing });
      listed.push({ path, size: content.length, sha256: createHash('sha256').update(content).digest('hex'), removed });
      return { path, content };
    });
  const manifest = {
    format: 1,
    made: made.toISOString(),
    by: `loki-eks ${run.version}`,
    simulated: run.sandbox,
    never: 'contents of Secrets',
    files: listed,
    missing,
  };
  const folder = `loki-eks-bundle-${made.toISOString().slice(0, 19).replaceAll(/[:-]/g, '')}Z`;
  const all = [{ path: 'manifest.json', content: Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`) }, ...files];
  return archive(
    all.map(({ path, content }) => ({ path: `${folder}/${path}`, content })),
    made,
  );
}

function ending(text: string, { path, missing }: { readonly path: string; readonly missing: Missing[] }): Buffer {
  const content = Buffer.from(text);
  if (content.length <= MOST_BYTES) return content;
  missing.push({ what: `beginning of ${path}`, why: `only the last ${MOST_BYTES} of ${content.length} bytes are included` });
  return content.subarray(-MOST_BYTES);
}

export interface Gathering {
  readonly texts: Map<string, string>;
  readonly missing: Missing[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** All sources concurrently, until the deadline: what has arrived by then is kept, the rest is listed as missing. */
export async function gather(all: readonly Source[], { texts, missing, clock, signal, deadlineMs }: Gathering): Promise<void> {
  const open = { yes: true };
  const writer: BundleWriter = {
    put: (path, text) => void (open.yes && texts.set(path, text)),
    miss: (what, error) => void (open.yes && missing.push({ what, why: typeof error === 'string' ? error : whyOf(error) })),
  };
  const over = new AbortController();
  const late = clock.sleep(deadlineMs, AbortSignal.any([signal, over.signal])).then(() => 'late' as const);
  // The loser of the race is ignored.
  late.catch(() => {});
  try {
    await Promise.all(
      all.map(async ({ what, fill }) => {
        const filled = fill(writer).then(
          () => 'filled' as const,
          (error: unknown) => {
            writer.miss(what, error);
            return 'filled' as const;
          },
        );
        if ((await Promise.race([filled, late])) === 'late')
          writer.miss(what, `timed out after ${Math.round(deadlineMs / 1000)} s; includes what was collected by then`);
      }),
    );
  } finally {
    open.yes = false;
    over.abort();
  }
}

const whyOf = (error: unknown): string => problemOf(error)?.message ?? (error instanceof Error ? error.message : String(error));
