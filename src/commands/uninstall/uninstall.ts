/** `uninstall`: deletes what loki-eks owns, in reverse order; log data stays until its bucket is named. */
import { removeAll } from '../../engine/remove.ts';
import type { Blueprint } from '../../design/blueprint.ts';
import type { Settings } from '../../design/settings-type.ts';
import type { Step } from '../../engine/types.ts';
import { problem, ProblemError, stop } from '../../problems/problem.ts';
import type { Consent } from '../../steps/consent.ts';
import type { Context } from '../../context.ts';
import { removals } from '../../steps/index.ts';
import { contextFor } from '../step-context.ts';
import { discover } from '../discover.ts';
import { loadBlueprint } from '../load-blueprint.ts';
import { counter, dataBuckets, confirmDeletions, keptWords, unconfirmed, type DataBucket, type Fate } from './data-disposal.ts';
import { readInstallation } from '../read-installation.ts';
import { locked, lockParts } from '../lock/lock.ts';
import type { RunContext, UninstallOptions, UseCase } from '../../deps.ts';
import { sweepProbes } from '../verify/probe-pods.ts';
import { connect } from '../connect.ts';
import { flushedOrGivenUp } from './unflushed.ts';
import { toProblem, runCommand } from '../run-command.ts';

export const uninstall: UseCase<UninstallOptions> = (run, options) =>
  runCommand(run, 'uninstall', async () => {
    if (options.deleteData && options.expireData) throw stop('DELETE_AND_EXPIRE');
    const session = await connect(run, 'facts');
    const known = await readInstallation(run, session);
    const here = { ...run, settings: known?.settings ?? run.settings };
    const facts = await discover(here, session, { sampleNodes: true });
    const blueprint = await loadBlueprint({ ...here, settings: withoutClass(here.settings) }, facts, known?.userValues);
    const ctx = await contextFor(here, session, { blueprint, facts });
    const data = await dataBuckets(ctx);
    const asked = options.deleteData || options.expireData || options.confirmDeleteData.length > 0;
    const shown = asked ? await Promise.all(data.map(counter(ctx, { left: known === undefined }))) : [];
    const named = await confirmDeletions(run, shown, options);
    const blockers = unconfirmed(run, { data: shown, named, options, command: again(here, blueprint) });
    if (blockers.length > 0) return { outcome: 'refused', problems: blockers };
    announce(run, blueprint, { data, named });
    if (!(await agreed(run, { cluster: blueprint.cluster.name, buckets: named.size }))) return { outcome: 'refused', problems: [problem('DECLINED')] };
    const afterwards = (...names: readonly string[]) =>
      `${again(here, blueprint)} --delete-data ${names.map((name) => `--confirm-delete-data ${name}`).join(' ')}`;
    const keep = async (step: Step<Context>) => {
      const bucket = data.find(({ step: id }) => id === step.id);
      if (!bucket || named.has(bucket.name)) return undefined;
      // Empty ones stay too, because a deleted name can't be reused for up to an hour.
      return { target: `s3://${bucket.name}`, why: await keptWords(ctx, bucket), how: afterwards(bucket.name) };
    };
    const consented = new Map(
      shown.flatMap(({ name, contents }) => {
        const how = named.get(name);
        return how === undefined ? [] : [[name, { how, contents, afterwards: afterwards(name) }] as const];
      }),
    );
    const consent: Consent = { ...run.consent, buckets: consented };
    return locked(await lockParts(run, { ctx, blueprint, command: 'uninstall' }), async ({ lost, stillHeld: guard }) => {
      const signal = AbortSignal.any([run.signal, lost]);
      const held = await flushedOrGivenUp({ ...run, consent, signal }, ctx, [again(here, blueprint), ...wordsOf(run, options)].join(' '));
      if (held.is === 'refused') return { outcome: 'refused', problems: [held.problem] };
      const given = await contextFor({ ...here, consent: held.consent }, session, { blueprint, facts });
      // From here on an unfinished install must not be rolled back: its undo records would delete the buckets that are kept now.
      await (await run.deps.journals.unfinished(blueprint.ownership.installId))?.close('done');
      await forgetProbes(run, ctx);
      const taken = await removeAll(removals(blueprint), { ctx: given, emit: run.emit, signal, toProblem, keep, guard });
      const { outcome, removed, left } = taken;
      const withFate = (how: Fate | undefined) => data.filter(({ name }) => named.get(name) === how).map(({ name }) => name);
      const [kept, expiring] = [withFate(undefined), withFate('expire')];
      if (kept.length > 0) run.emit({ type: 'note.given', text: `To delete what was kept, including all logs: ${afterwards(...kept)}` });
      if (expiring.length > 0) run.emit({ type: 'note.given', text: `Once S3 has emptied the bucket, delete it with: ${afterwards(...expiring)}` });
      // The outcome for buckets is reported above, all at once.
      for (const { target, how } of taken.kept.filter(({ logs }) => !logs)) run.emit({ type: 'note.given', text: `To remove ${target} as well: ${how}` });
      const elsewhere = leftInGrafana({ run, blueprint, recorded: known?.written['grafanaUrl'] });
      if (elsewhere) run.emit({ type: 'note.given', text: elsewhere });
      if (outcome === 'left') return { outcome: 'left', left, problems: left.map(({ problem: why }) => why), writes: removed };
      return { outcome: removed > 0 ? 'ok' : 'nothing-to-do', writes: removed };
    });
  });

/** They end by themselves, and must not block the uninstall. */
async function forgetProbes({ deps }: RunContext, ctx: Context): Promise<void> {
  await sweepProbes(ctx, { self: await deps.self(), all: true }).catch((error: unknown) => {
    if (!(error instanceof ProblemError)) throw error;
  });
}

/** A class that was removed since is no reason to stop: an uninstall creates no volumes. */
function withoutClass(given: Settings): Settings {
  const { storageClass: _, ...settings } = given;
  return settings;
}

/** The same command for when the record is deleted: it includes everything that bucket names are derived from. */
function again({ settings }: RunContext, { cluster, region }: Blueprint): string {
  const { namespace, bucketPrefix, bucketNamespace, chunksBucket, rulerBucket } = settings;
  const made = [
    ['--cluster', cluster.name],
    ['--region', region],
    ['--namespace', namespace, 'loki'],
    ['--bucket-prefix', bucketPrefix, 'loki'],
    ['--bucket-namespace', bucketNamespace, 'account-regional'],
    ['--chunks-bucket', chunksBucket, undefined],
    ['--ruler-bucket', rulerBucket, undefined],
  ];
  return ['loki-eks uninstall', ...made.flatMap(([flag, value, usual]) => (value === usual ? [] : [`${flag} ${value}`]))].join(' ');
}

/** The flags other than those that locate the installation. */
const wordsOf = ({ yes }: RunContext, { deleteData, expireData, confirmDeleteData }: UninstallOptions): readonly string[] => [
  ...(yes ? ['--yes'] : []),
  ...(deleteData ? ['--delete-data'] : []),
  ...(expireData ? ['--expire-data'] : []),
  ...confirmDeleteData.map((name) => `--confirm-delete-data ${name}`),
];

/** Before the user agrees: what will be deleted, as far as it carries our marks, and what happens to each bucket. */
function announce(
  { emit }: RunContext,
  { loki, alloy, role, namespaces, storageClass }: Blueprint,
  { data, named }: { readonly data: readonly DataBucket[]; readonly named: ReadonlyMap<string, Fate> },
): void {
  const say = (fact: string, value: string) => emit({ type: 'fact.found', fact, value });
  const things = [
    `releases ${alloy.namespace}/${alloy.name} and ${loki.namespace}/${loki.name}`,
    `namespaces ${namespaces.collector.metadata.name} and ${namespaces.loki.metadata.name}`,
    `role ${role.name}`,
    ...(storageClass ? [`StorageClass ${storageClass.metadata.name}`] : []),
    'Secrets',
  ];
  say('will delete', things.join(', '));
  for (const { name } of data) {
    const how = named.get(name);
    if (how === undefined) say('will keep', `s3://${name} and its contents`);
    else say('will delete', how === 'delete' ? `s3://${name} and every object in it` : `every object in s3://${name}, by S3 within a few days`);
  }
}

async function agreed({ yes, deps, settled }: RunContext, { cluster, buckets }: { readonly cluster: string; readonly buckets: number }): Promise<boolean> {
  if (yes || !deps.questions) return true;
  await settled();
  const logs = buckets > 0 ? ' and delete its logs' : '';
  return deps.questions.confirm(`Uninstall loki-eks from cluster ${cluster}${logs}?`, false);
}

/** An address that only the record has gets no token, so what exists there stays until the user gives the address. */
function leftInGrafana({
  run,
  blueprint,
  recorded,
}: {
  readonly run: RunContext;
  readonly blueprint: Blueprint;
  readonly recorded: unknown;
}): string | undefined {
  if (run.settings.grafanaUrl !== undefined || recorded === undefined) return undefined;
  const { cluster, ownership } = blueprint;
  const url = readable(recorded);
  const uid = `loki-eks-${ownership.installId}`;
  const command = url === undefined ? `${again(run, blueprint)} --grafana-url URL` : `${again(run, blueprint)} --grafana-url '${url}'`;
  return `Left in the Grafana at ${url ?? 'an address that the record does not tell'}: data source "Loki (${cluster.name})" and dashboard "Logs (${cluster.name})", both with uid ${uid}. If it is yours, remove them with: ${command} --grafana-token-file FILE`;
}

/** Safe to paste into a shell. */
const readable = (recorded: unknown): string | undefined =>
  typeof recorded === 'string' && recorded.length <= 300 && /^https?:\/\/[\w.:[\]/~%-]+$/.test(recorded) ? recorded : undefined;
