/** A supported helm binary is installed. */
import type { Check } from '../engine/types.ts';
import type { CheckContext } from './context.ts';

export const helmUsable: Check<Pick<CheckContext, 'releases'>> = {
  id: 'helm.usable',
  title: 'helm ≥ 3.14 found',
  at: ['preflight'],
  async run({ releases }) {
    const { path, version } = await releases.helm();
    return { is: 'pass', detail: `${version}, ${path}` };
  },
};
