/** Retention is shortened only with explicit consent: Loki's compactor permanently deletes what is older. */
import { canonical } from '../design/canonical.ts';
import { retentionTag } from '../design/ownership.ts';
import { inWords, keptFor, retentionOf, shortened, type Retention } from '../design/retention.ts';
import type { Change, Json, Problem } from '../engine/types.ts';
import type { Buckets } from '../ports/buckets.ts';
import type { Chart, Release, Releases } from '../ports/releases.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from '../context.ts';

/** `tags`: of the bucket that holds the lines, in use or kept from a previous installation. */
export function unsaidRetention(tags: Readonly<Record<string, string>>, { blueprint, said }: Pick<Context, 'blueprint' | 'said'>): Problem | undefined {
  const kept = Number(tags[retentionTag] ?? 0);
  if (!(kept > blueprint.retentionDays) || said === undefined || said.has('retentionDays')) return undefined;
  return problem('RETENTION_WOULD_SHORTEN', {
    message: `Logs are kept for ${kept} days; this run would keep them for only ${blueprint.retentionDays} (the default), and Loki would delete older ones`,
    fix: `Run \`loki-eks install --retention-days ${kept}\` to keep them, or set \`--retention-days ${blueprint.retentionDays}\` to delete them`,
  });
}

/** The effect of a shorter retention, for the plan: users should not have to infer it from the name of a tag. */
export function lostLines(tags: Readonly<Record<string, string>>, { retentionDays }: Pick<Context['blueprint'], 'retentionDays'>): readonly Change[] {
  const kept = Number(tags[retentionTag] ?? 0);
  if (!(kept > retentionDays)) return [];
  return [{ action: 'delete', target: `log lines older than ${retentionDays} days`, detail: `permanently, by Loki; they were kept for ${kept} days` }];
}

interface Looking extends Pick<Context, 'blueprint' | 'said' | 'consent'> {
  readonly releases: Pick<Releases, 'find' | 'render'>;
  readonly buckets: Pick<Buckets, 'look' | 'contents'>;
  readonly facts?: { readonly kubeVersion: string };
}

/**
 * Values that let Loki delete log lines sooner than it does now, whichever value causes it: judged by the chart's rendering. `undefined`
 * if nothing is stored yet, or the user has consented in this run.
 */
export async function unsaidShortening(ctx: Looking, { chart, values }: { readonly chart: Chart; readonly values: object }): Promise<Problem | undefined> {
  const { releases, blueprint, facts } = ctx;
  const { name, namespace } = blueprint.loki;
  // A chart that is not on disk can't be rendered; such a run only reads.
  if (chart.path === '') return undefined;
  const found = await releases.find(name, namespace);
  if (found ? canonical(found.values as Json) === canonical(values as Json) : Object.keys((blueprint.record.lokiValues ?? {}) as object).length === 0)
    return undefined;
  const after = retentionOf(await releases.render({ name, namespace, chart, values, kubeVersion: facts?.kubeVersion ?? '' }));
  const before = await inForce(ctx, found);
  if (!before) return undefined;
  const shorter = shortened(before, after).filter(({ to }) => !agreed(ctx, to));
  const unknown = after.unknown.filter((one) => !before.unknown.includes(one) && !agreed(ctx, 0));
  const said = [
    ...shorter.map(
      ({ of, from, to }) =>
        `Loki would delete ${of} after ${inWords(to)}; it now keeps them ${from === Number.POSITIVE_INFINITY ? 'forever' : `for ${inWords(from)}`}`,
    ),
    ...unknown.map((one) => `loki-eks can't tell how long Loki would keep logs: ${one}`),
  ];
  const [first, ...more] = said;
  if (first === undefined) return undefined;
  const period = unknown.length > 0 ? 'any' : `${Math.min(...shorter.map(({ to }) => to))}h`;
  return problem('RETENTION_WOULD_SHORTEN', {
    message: more.length === 0 ? first : `${first}, and ${more.length} more`,
    fix: `Run \`loki-eks install --confirm-retention ${period}\` to let it delete them, or remove it from the chart values`,
    ...(more.length > 0 && { evidence: said }),
  });
}

/** As configured in the installed Loki, or as tagged on an earlier one's bucket; `undefined` if there is nothing to lose. */
async function inForce({ buckets, blueprint }: Looking, found: Release | undefined): Promise<Retention | undefined> {
  const installed = found?.manifest === undefined ? undefined : retentionOf(found.manifest);
  if (installed?.configured) return installed;
  const bucket = blueprint.buckets.chunks.name;
  const look = await buckets.look(bucket);
  if (look.is !== 'ours-to-read' || (await buckets.contents(bucket, 1)).objects === 0) return undefined;
  return keptFor(Number(look.tags[retentionTag] ?? blueprint.retentionDays));
}

/** A retention given as a setting applies to everything. */
const agreed = ({ blueprint, said, consent }: Looking, to: number): boolean =>
  (consent?.retentionHours !== undefined && to >= consent.retentionHours) || (said?.has('retentionDays') === true && to >= blueprint.retentionDays * 24);
