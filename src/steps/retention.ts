/** A retention is made shorter only by somebody who says so: Loki's compactor deletes for good what is older. */
import type { Json, Problem } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from './context.ts';

/** `recorded`: the settings of the installation that stands. */
export function unsaidRetention(recorded: Json | undefined, { blueprint, said }: Pick<Context, 'blueprint' | 'said'>): Problem | undefined {
  const kept = (recorded as { readonly retentionDays?: Json } | undefined)?.retentionDays;
  if (typeof kept !== 'number' || kept <= blueprint.retentionDays || said === undefined || said.has('retentionDays')) return undefined;
  return problem('RETENTION_UNSAID', {
    message: `Loki keeps logs for ${kept} days; this run would keep them for ${blueprint.retentionDays}, the default, and Loki would delete older ones`,
    fix: `loki-eks install --retention-days ${kept}   # or --retention-days ${blueprint.retentionDays}, to delete them`,
  });
}
