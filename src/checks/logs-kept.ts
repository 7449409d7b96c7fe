/** Existing logs stay readable: the new values keep the running Loki's bucket and every schema period that has begun. */
import { keptInValues, lostPeriods } from '../design/schema.ts';
import type { Check, Json } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

export const logsKept: Check<Pick<CheckContext, 'blueprint' | 'facts'>> = {
  id: 'logs.kept',
  title: 'Existing logs stay readable',
  at: ['preflight'],
  async run({ blueprint, facts: { inUse, today = '' } }) {
    if (!inUse) return { is: 'skip', why: 'loki-eks has not installed Loki yet' };
    const next = keptInValues(blueprint.loki.values as Json);
    if (inUse.chunksBucket !== undefined && next.chunksBucket !== undefined && inUse.chunksBucket !== next.chunksBucket) {
      return {
        is: 'fail',
        problem: problem('STORAGE_MOVED', {
          message: `Loki keeps its lines in s3://${inUse.chunksBucket}; with these settings it would look for them in s3://${next.chunksBucket}`,
          fix: `Set \`--chunks-bucket ${inUse.chunksBucket}\`; to start with an empty bucket, run \`loki-eks uninstall\` first, which keeps the current one`,
        }),
      };
    }
    const lost = lostPeriods({ before: inUse.schema, after: next.schema, today });
    if (lost.length > 0)
      return { is: 'fail', problem: problem('SCHEMA_CHANGED', { message: `Lines that are stored could no longer be read: ${lost[0]}`, evidence: lost }) };
    return {
      is: 'pass',
      detail: `s3://${inUse.chunksBucket ?? '?'}, ${inUse.schema.length === 1 ? 'one period' : `${inUse.schema.length} periods`} of the schema`,
    };
  },
};
