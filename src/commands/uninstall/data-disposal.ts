/** What happens to the log data at an uninstall: shown bucket by bucket, then given up by name or kept. */
import { sizeOf } from '../../design/quantities.ts';
import type { Problem } from '../../engine/types.ts';
import type { BucketContents } from '../../ports/buckets.ts';
import { problem } from '../../problems/problem.ts';
import { isExpiring } from '../../steps/bucket-expiry.ts';
import type { Context } from '../../context.ts';
import { counted } from '../../steps/emptying-progress.ts';
import { isOwnedByTags } from '../../steps/ownership.ts';
import type { RunContext, UninstallOptions } from '../../deps.ts';

/** The limit of counting for a question: more is only reported as "more", and left to S3 to expire if the user likes. */
const COUNTED = 1_000_000;
/** The limit of counting for a line about what is kept. */
const GLANCED = 100_000;

export interface DataBucket {
  readonly step: string;
  readonly name: string;
  /** An earlier uninstall told S3 to empty it. */
  readonly expiring: boolean;
}

/** Includes its contents: `1,234 objects, 5.6 MiB, 2026-01-02 to 2026-11-22`. */
export interface CountedBucket extends DataBucket {
  readonly contents: BucketContents;
  readonly words: string;
}

export async function dataBuckets({ buckets, blueprint }: Context): Promise<readonly DataBucket[]> {
  const found = await Promise.all(
    (['chunks', 'ruler'] as const).map(async (use): Promise<DataBucket | undefined> => {
      const { name } = blueprint.buckets[use];
      const state = await buckets.look(name);
      if (state.is !== 'ours-to-read' || !isOwnedByTags(state.tags, blueprint.ownership)) return undefined;
      return { step: `bucket.${use}`, name, expiring: isExpiring(state) };
    }),
  );
  return found.filter((bucket) => bucket !== undefined);
}

/** `left`: Loki is no longer installed, and an earlier uninstall left this, or had not deleted it when it was interrupted. */
export const counter =
  ({ buckets }: Context, { left }: { readonly left: boolean }) =>
  async (bucket: DataBucket): Promise<CountedBucket> => {
    const contents = await buckets.contents(bucket.name, COUNTED);
    return { ...bucket, contents, words: `${left ? 'still ' : ''}${inWords(contents, bucket)}` };
  };

/** Counted again after the releases are deleted: Loki has flushed its last lines since. */
export async function keptWords({ buckets }: Context, bucket: DataBucket): Promise<string> {
  return `${inWords(await buckets.contents(bucket.name, GLANCED), bucket)}, ${bucket.expiring ? 'until then the bucket stays' : 'kept'}`;
}

function inWords({ objects, older = 0, markers = 0, uploads = 0, bytes, oldest, newest, exact }: BucketContents, { expiring }: DataBucket): string {
  const day = (date: Date | undefined) => date?.toISOString().slice(0, 10) ?? '?';
  const many = (number: number, thing: string) => `${counted(number)} ${thing}${number === 1 ? '' : 's'}`;
  const kinds =
    older + markers === 0 ? '' : ` (${counted(objects - older - markers)} current, ${many(older, 'older version')}, ${many(markers, 'delete marker')})`;
  const held =
    objects === 0 ? 'no objects' : `${exact ? '' : 'more than '}${many(objects, 'object')}${kinds}, ${sizeOf(bytes)}, ${day(oldest)} to ${day(newest)}`;
  return `${held}${uploads > 0 ? `, ${many(uploads, 'unfinished upload')}` : ''}${expiring ? '; S3 is emptying it' : ''}`;
}

/** How a bucket is given up: emptied and deleted now, or emptied by S3's lifecycle. */
export type Fate = 'delete' | 'expire';

type Options = Pick<UninstallOptions, 'deleteData' | 'expireData' | 'confirmDeleteData'>;

/** A bucket's contents are deleted only if its name was given, by flag or typed here. */
export async function confirmDeletions(
  { deps, settled, emit }: RunContext,
  data: readonly CountedBucket[],
  { deleteData, expireData = false, confirmDeleteData }: Options,
): Promise<ReadonlyMap<string, Fate>> {
  const given = new Map<string, Fate>();
  if (!deleteData && !expireData) return given;
  const how = expireData ? 'expire' : 'delete';
  for (const { name, words, contents } of data) {
    const confirmed = confirmDeleteData.includes(name);
    if (confirmed || deps.questions) emit({ type: 'fact.found', fact: `s3://${name}`, value: words });
    if (confirmed) given.set(name, how);
    else if (deps.questions) {
      await settled();
      const check = (text: string) => (['', name, `expire ${name}`].includes(text.trim()) ? undefined : `Type ${name}, or press Enter to keep it`);
      const typed = (await deps.questions.text(question({ how, huge: !contents.exact }), { check })).trim();
      if (typed === name) given.set(name, how);
      else if (typed === `expire ${name}`) given.set(name, 'expire');
    }
  }
  return given;
}

function question({ how, huge }: { readonly how: Fate; readonly huge: boolean }): string {
  if (how === 'expire') return 'Type the bucket name to let S3 delete all its data within a few days, or press Enter to keep it';
  const offer = huge ? ', "expire" and the name to let S3 do it within a few days' : '';
  return `Type the bucket name to delete all its data${offer}, or press Enter to keep it`;
}

/** In a non-interactive run, deletion requires an exact name: one that matches no bucket is an error. */
export function unconfirmed(
  { deps, yes }: RunContext,
  of: { readonly data: readonly CountedBucket[]; readonly named: ReadonlyMap<string, unknown>; readonly options: Options; readonly command: string },
): readonly Problem[] {
  const { data, named, options, command } = of;
  const how = options.expireData ? '--expire-data' : '--delete-data';
  const again = `${command}${yes ? ' --yes' : ''} ${how} ${data.map(({ name }) => `--confirm-delete-data ${name}`).join(' ')}`;
  const strangers = options.confirmDeleteData.filter((name) => !named.has(name));
  if (strangers.length > 0)
    return strangers.map((name) => problem('DELETE_UNCONFIRMED', { message: `s3://${name} is not a bucket of this installation`, fix: `Run \`${again}\`` }));
  if (!(options.deleteData || options.expireData) || named.size > 0 || deps.questions) return [];
  return data.map(({ name, words, contents }) =>
    problem('DELETE_UNCONFIRMED', {
      message: `s3://${name} contains ${words}`,
      fix: `Run \`${again}\`${contents.exact || options.expireData ? '' : ', or replace `--delete-data` with `--expire-data` to let S3 empty the bucket within a few days'}`,
    }),
  );
}
