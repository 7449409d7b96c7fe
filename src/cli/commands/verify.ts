/** `loki-eks verify`: the proof that log lines come back, on demand. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { place } from '../setting-sets.ts';

export const verify: Command = {
  name: 'verify',
  summary: 'prove that a line printed by a pod can be queried',
  about:
    'Lets a short-lived pod print a line that nobody has printed before and finds it through the gateway, under your tenant. Exits 6 when it does not come back.',
  examples: [{ run: 'loki-eks verify --cluster prod', why: 'prove it now' }],
  settings: place,
  flags: [],
  run: (given, platform) => runUseCase(given, platform, { command: 'verify', need: ['cluster'], useCase: platform.useCases.verify, options: {} }),
};
