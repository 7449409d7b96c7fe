/** `loki-eks status`: what is installed and how it is. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, place } from '../setting-sets.ts';

export const status: Command = {
  name: 'status',
  summary: 'show what is installed and whether it is healthy',
  about:
    'Shows the health of each component, installed versions against those this loki-eks installs, drift, and nodes without a collector. Exits with 6 if something is wrong. Settings are read from the installation record in the cluster.',
  examples: [
    { run: 'loki-eks status --cluster prod', why: 'human-readable status' },
    { run: 'loki-eks status --cluster prod --output json | tail -n 2 | head -n 1 | jq .result', why: 'the same as JSON' },
  ],
  settings: [...place, ...grafanaLogin],
  flags: [],
  run: (given, platform) => runUseCase(given, platform, { command: 'status', need: ['cluster'], useCase: platform.useCases.status, options: {} }),
};
