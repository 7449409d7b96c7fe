/** A retention is made shorter only by somebody who says so: Loki's compactor deletes for good what is older. */
import { retentionTag } from '../design/ownership.ts';
import type { Change, Problem } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from '../context.ts';

/** `tags`: of the bucket that holds the lines, in use or kept from an installation before. */
export function unsaidRetention(tags: Readonly<Record<string, string>>, { blueprint, said }: Pick<Context, 'blueprint' | 'said'>): Problem | undefined {
  const kept = Number(tags[retentionTag] ?? 0);
  if (!(kept > blueprint.retentionDays) || said === undefined || said.has('retentionDays')) return undefined;
  return problem('RETENTION_WOULD_SHORTEN', {
    message: `Logs are kept for ${kept} days; this run would keep them for only ${blueprint.retentionDays} (the default), and Loki would delete older ones`,
    fix: `Run \`loki-eks install --retention-days ${kept}\` to keep them, or set \`--retention-days ${blueprint.retentionDays}\` to delete them`,
  });
}

/** What a shorter retention leads to, in the plan: nobody should have to work it out from the name of a tag. */
export function lostLines(tags: Readonly<Record<string, string>>, { retentionDays }: Pick<Context['blueprint'], 'retentionDays'>): readonly Change[] {
  const kept = Number(tags[retentionTag] ?? 0);
  if (!(kept > retentionDays)) return [];
  return [{ action: 'delete', target: `log lines older than ${retentionDays} days`, detail: `permanently, by Loki; they were kept for ${kept} days` }];
}
