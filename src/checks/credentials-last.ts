/** Temporary credentials should last longer than an installation takes. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

const ENOUGH_MINUTES = 30;

export const credentialsLast: Check<Pick<CheckContext, 'facts' | 'clock'>> = {
  id: 'aws.credentials-last',
  title: 'AWS credentials last long enough',
  at: ['preflight'],
  async run({ facts: { caller }, clock }) {
    if (!caller.expires) return { is: 'pass', detail: `${caller.arn}, no expiry` };
    const minutes = Math.round((caller.expires.getTime() - clock.now().getTime()) / 60_000);
    if (minutes >= ENOUGH_MINUTES) return { is: 'pass', detail: `${caller.arn}, expires in ${minutes} minutes` };
    return { is: 'warn', problem: problem('CREDENTIALS_EXPIRE_SOON', { message: `The credentials of ${caller.arn} end in ${minutes} minutes` }) };
  },
};
