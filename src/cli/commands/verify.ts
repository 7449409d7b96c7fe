/** `loki-eks verify`: the proof that log lines come back, on demand. */
import { stop } from '../../problems/problem.ts';
import type { Command } from '../command.ts';
import { runUseCase } from '../run-use-case.ts';
import { naming, place } from '../setting-sets.ts';

export const verify: Command = {
  name: 'verify',
  summary: 'prove that a line printed by a pod can be queried',
  about: 'Lets a short-lived pod print a unique line and finds that line through the gateway, under your tenant. Exits 6 when it does not come back.',
  examples: [
    { run: 'loki-eks verify --cluster prod', why: 'prove it now' },
    { run: 'loki-eks verify --cluster prod --nodes 3', why: 'on three nodes' },
  ],
  settings: [...place, ...naming],
  flags: [{ flag: '--nodes', placeholder: 'N', description: 'prove it on at most N nodes' }],
  run: async (given, platform) => {
    const nodes = numberOf(given.flags['nodes']);
    return runUseCase(given, platform, { command: 'verify', need: ['cluster'], useCase: platform.useCases.verify, options: { ...(nodes !== undefined && { nodes }) } });
  },
};

function numberOf(said: unknown): number | undefined {
  if (said === undefined) return undefined;
  if (typeof said === 'string' && /^[1-9]\d{0,4}$/.test(said)) return Number(said);
  throw stop('FLAG_VALUE_INVALID', { message: `--nodes can't be "${String(said)}"`, fix: 'Use a whole number from 1 on: --nodes 3' });
}
