/** Before anything is removed: the data of ingesters is flushed to S3, or given up, by flag or typed. */
import type { Problem } from '../../engine/types.ts';
import type { Consent } from '../../steps/consent.ts';
import type { Context } from '../../context.ts';
import { flushBeforehand, unflushedProblem } from '../../steps/ingester-guard.ts';
import { isOwnedByLabels, isOwnedRelease } from '../../steps/ownership.ts';
import type { RunContext } from '../../deps.ts';

type Answer = { readonly is: 'consented'; readonly consent: Consent } | { readonly is: 'refused'; readonly problem: Problem };

/** `command`: the current command, as one would type it again. */
export async function flushedOrGivenUp({ consent = {}, deps, settled, emit, signal }: RunContext, ctx: Context, command: string): Promise<Answer> {
  const consented: Answer = { is: 'consented', consent };
  if (consent.unflushed || !(await goes(ctx))) return consented;
  const { loki, buckets } = ctx.blueprint;
  emit({ type: 'fact.found', fact: 'ingesters', value: 'their data is flushed to S3 first' });
  const unflushed = await flushBeforehand(ctx, loki, { signal, say: () => {} });
  if (unflushed.length === 0) return consented;
  const { newest } = await ctx.buckets.contents(buckets.chunks.name, GLANCED).catch(() => ({ newest: undefined }));
  const { problem } = unflushedProblem(unflushed, {
    of: Math.max(unflushed.length, await ingestersOf(ctx)),
    since: newest && `s3://${buckets.chunks.name} was last written at ${newest.toISOString().slice(0, 19)}Z`,
    fix: `Run \`loki-eks doctor\` to find the cause; or discard these log lines permanently with \`${command} --discard-unflushed\``,
  });
  if (!deps.questions) return { is: 'refused', problem };
  emit({ type: 'warning.raised', problem });
  await settled();
  const typed = await deps.questions.text('Type "discard" to lose these log lines permanently, or press Enter to stop', {});
  return typed.trim() === 'discard' ? { is: 'consented', consent: { ...consent, unflushed: true } } : { is: 'refused', problem };
}

/** For a line about what is kept. */
const GLANCED = 100_000;

const ingestersOf = async ({ kubernetes, blueprint: { loki } }: Context): Promise<number> =>
  (
    await kubernetes.list({
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: loki.namespace,
      labels: `app.kubernetes.io/instance=${loki.name},app.kubernetes.io/component=ingester`,
      metadataOnly: true,
    })
  ).length;

/** Whether this uninstall would stop ingesters, or delete what they left: the release is ours, or it is gone and its namespace is ours. */
async function goes({ releases, kubernetes, blueprint: { loki, ownership } }: Context): Promise<boolean> {
  const found = await releases.find(loki.name, loki.namespace);
  if (found) return isOwnedRelease(found, ownership);
  const home = await kubernetes.get({ apiVersion: 'v1', kind: 'Namespace', name: loki.namespace });
  return home !== undefined && isOwnedByLabels(home, ownership);
}
