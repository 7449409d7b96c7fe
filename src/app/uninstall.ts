/** `uninstall`: what is ours goes, last first; log data stays until its bucket is named. */
import { removeAll } from '../engine/remove.ts';
import type { Blueprint } from '../design/blueprint.ts';
import type { Settings } from '../design/settings-type.ts';
import type { Problem, Step } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { BucketContents } from '../ports/buckets.ts';
import { sizeOf } from '../design/quantities.ts';
import type { Context } from '../steps/context.ts';
import { oursByTags } from '../steps/marks.ts';
import { removals } from '../steps/index.ts';
import { contextFor } from './context.ts';
import { discover } from './discover.ts';
import { draft } from './draft.ts';
import { installed } from './installed.ts';
import { locked, lockParts } from './lock.ts';
import type { Run, UninstallOptions, UseCase } from './outside.ts';
import { reach } from './reach.ts';
import { toProblem, within } from './within.ts';

export const uninstall: UseCase<UninstallOptions> = (run, options) =>
  within(run, 'uninstall', async () => {
    const reached = await reach(run, 'facts');
    const known = await installed(run, reached.kubernetes);
    const here = { ...run, settings: known?.settings ?? run.settings };
    const facts = await discover(here, reached);
    const blueprint = await draft({ ...here, settings: withoutClass(here.settings) }, facts, known?.userValues);
    const ctx = await contextFor(here, reached, { blueprint, facts });
    const data = await bucketsWithData(ctx);
    const named = await confirmed(run, data, options);
    const barred = unconfirmed(run, { data, named, options });
    if (barred.length > 0) return { outcome: 'refused', problems: barred };
    if (!(await agreed(run, blueprint.cluster.name))) return { outcome: 'refused', problems: [problem('DECLINED')] };
    const keep = async (step: Step<Context>) => {
      const bucket = data.find(({ step: id }) => id === step.id);
      if (!bucket || named.has(bucket.name)) return undefined;
      // Counted again: Loki has flushed its last lines since. Empty ones stay too, because a deleted name can't be used for up to an hour.
      const contents = await ctx.buckets.contents(bucket.name, COUNTED);
      return {
        target: `s3://${bucket.name}`,
        why: `${inWords(contents)}, kept`,
        how: `${again(here, blueprint)} --delete-data --confirm-delete-data ${bucket.name}`,
      };
    };
    return locked(await lockParts(run, { ctx, blueprint, command: 'uninstall' }), async ({ lost, stillHeld: guard }) => {
      // From here on nobody may take an unfinished install back: its receipts would delete the buckets that are kept now.
      await (await run.outside.journals.unfinished(blueprint.ownership.installId))?.close('done');
      const signal = AbortSignal.any([run.signal, lost]);
      const { outcome, removed, left } = await removeAll(removals(blueprint), { ctx, emit: run.emit, signal, toProblem, keep, guard });
      if (outcome === 'left') return { outcome: 'left', left, problems: left.map(({ problem: why }) => why), writes: removed };
      return { outcome: removed > 0 ? 'ok' : 'nothing-to-do', writes: removed };
    });
  });

/** A class that was removed since is no reason to stay: taking away makes no volumes. */
function withoutClass(given: Settings): Settings {
  const { storageClass: _, ...settings } = given;
  return settings;
}

/** The same command once the cluster has forgotten the settings: all that the buckets' names are made of is in it. */
function again({ settings }: Run, { cluster, region }: Blueprint): string {
  const { namespace, bucketPrefix, bucketNamespace } = settings;
  const made = [
    ['--cluster', cluster.name],
    ['--region', region],
    ['--namespace', namespace, 'loki'],
    ['--bucket-prefix', bucketPrefix, 'loki'],
    ['--bucket-namespace', bucketNamespace, 'account-regional'],
  ];
  return ['loki-eks uninstall', ...made.flatMap(([flag, value, usual]) => (value === usual ? [] : [`${flag} ${value}`]))].join(' ');
}

/** Without anybody to ask, deleting wants a name, and a name that is meant: one that fits no bucket is a mistake. */
function unconfirmed(
  { outside }: Run,
  { data, named, options }: { readonly data: readonly DataBucket[]; readonly named: ReadonlySet<string>; readonly options: UninstallOptions },
): readonly Problem[] {
  const fix = `loki-eks uninstall --delete-data ${data.map(({ name }) => `--confirm-delete-data ${name}`).join(' ')}`;
  const strangers = options.confirmDeleteData.filter((name) => !named.has(name));
  if (strangers.length > 0)
    return strangers.map((name) => problem('DELETE_UNCONFIRMED', { message: `s3://${name} is not a bucket of this installation`, fix }));
  if (!options.deleteData || named.size > 0 || outside.questions) return [];
  return data.map(({ name, words }) => problem('DELETE_UNCONFIRMED', { message: `s3://${name} holds ${words}`, fix }));
}

/** Counting stops here: more is only said to be more. */
const COUNTED = 100_000;

interface DataBucket {
  readonly step: string;
  readonly name: string;
  readonly contents: BucketContents;
  /** `1234 objects, 5.6 MiB, 2026-01-02 to 2026-11-22` */
  readonly words: string;
}

async function bucketsWithData({ buckets, blueprint }: Context): Promise<readonly DataBucket[]> {
  const found = await Promise.all(
    (['chunks', 'ruler'] as const).map(async (use): Promise<DataBucket | undefined> => {
      const { name } = blueprint.buckets[use];
      const state = await buckets.look(name);
      if (state.is !== 'ours-to-read' || !oursByTags(state.tags, blueprint.ownership)) return undefined;
      const contents = await buckets.contents(name, COUNTED);
      return { step: `bucket.${use}`, name, contents, words: inWords(contents) };
    }),
  );
  return found.filter((bucket) => bucket !== undefined);
}

function inWords({ objects, bytes, oldest, newest, exact }: BucketContents): string {
  if (objects === 0) return 'no objects';
  const day = (date: Date | undefined) => date?.toISOString().slice(0, 10) ?? '?';
  return `${exact ? '' : 'more than '}${objects} objects, ${sizeOf(bytes)}, ${day(oldest)} to ${day(newest)}`;
}

/** A bucket's contents go only when its name was given, by flag or typed here. */
async function confirmed(
  { outside, settled }: Run,
  data: readonly DataBucket[],
  { deleteData, confirmDeleteData }: UninstallOptions,
): Promise<ReadonlySet<string>> {
  const names = new Set(deleteData ? confirmDeleteData.filter((name) => data.some((bucket) => bucket.name === name)) : []);
  if (!deleteData || !outside.questions) return names;
  for (const { name, words } of data) {
    if (names.has(name)) continue;
    await settled();
    const typed = await outside.questions.text(`s3://${name}: ${words}. Type the bucket's name to delete all of it, or nothing to keep it`, {});
    if (typed === name) names.add(name);
  }
  return names;
}

async function agreed({ yes, outside, settled }: Run, cluster: string): Promise<boolean> {
  if (yes || !outside.questions) return true;
  await settled();
  return outside.questions.confirm(`Take loki-eks away from cluster ${cluster}?`, false);
}
