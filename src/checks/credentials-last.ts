/** Temporary credentials should last longer than an installation takes. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

const ENOUGH_MINUTES = 30;

export const credentialsLast: Check<Pick<CheckContext, 'facts' | 'clock'>> = {
  id: 'aws.credentials-last',
  title: 'The AWS credentials last long enough',
  at: ['preflight'],
  async run({ facts: { caller }, clock }) {
    if (!caller.expires) return { is: 'pass', detail: `${caller.arn}, no end known` };
    const minutes = Math.round((caller.expires.getTime() - clock.now().getTime()) / 60_000);
    if (minutes >= ENOUGH_MINUTES) return { is: 'pass', detail: `${caller.arn}, ${minutes} minutes left` };
    return { is: 'warn', problem: problem('CREDENTIALS_EXPIRE_SOON', { message: `The credentials of ${caller.arn} end in ${minutes} minutes` }) };
  },
};
