/** The chart ignores no key of the user's values files. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

export const valuesKnown: Check<Pick<CheckContext, 'blueprint'>> = {
  id: 'values.known',
  title: 'The charts use every key in your values',
  at: ['preflight'],
  async run({ blueprint: { loki, alloy } }) {
    const unknown = [...loki.unknownKeys, ...alloy.unknownKeys];
    if (unknown.length === 0) return { is: 'pass' };
    const [first] = unknown;
    return {
      is: 'fail',
      problem: problem('VALUES_UNKNOWN_KEY', {
        message: `${first?.file}: the chart would ignore "${first?.path}"${unknown.length > 1 ? ` and ${unknown.length - 1} more` : ''}`,
        ...(first?.nearest && { fix: `did you mean "${first.nearest}"?` }),
        evidence: unknown.map(({ file, path, nearest }) => `${file}: ${path}${nearest ? ` (nearest known key: ${nearest})` : ''}`),
      }),
    };
  },
};
