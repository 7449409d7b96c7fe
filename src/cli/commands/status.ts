/** `loki-eks status`: what is installed and how it is. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, place } from '../setting-sets.ts';

export const status: Command = {
  name: 'status',
  summary: 'show what is installed and how healthy it is',
  about:
    'Shows each component and its health, versions against those this loki-eks installs, what is no longer as installed, and nodes without a collector. Exits 6 when something is wrong. The cluster remembers the settings of the install.',
  examples: [
    { run: 'loki-eks status --cluster prod', why: 'a page to read' },
    { run: 'loki-eks status --cluster prod --output json | tail -n 2 | head -n 1 | jq .result', why: 'the same for programs' },
  ],
  settings: [...place, ...grafanaLogin],
  flags: [],
  run: (given, platform) => runUseCase(given, platform, { command: 'status', need: ['cluster'], useCase: platform.useCases.status, options: {} }),
};
