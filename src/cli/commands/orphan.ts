/** `loki-eks orphan`: gives up ownership of an installation without deleting anything. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { place } from '../setting-sets.ts';

export const orphan: Command = {
  name: 'orphan',
  summary: 'stop managing an installation, leaving it running',
  about:
    'Removes the loki-eks tags, labels and annotations from every resource, and the installation record from the cluster. Nothing else is deleted or changed, no pod restarts, and log collection continues. Afterwards loki-eks no longer manages the installation; `loki-eks adopt` brings it back.',
  examples: [
    { run: 'loki-eks orphan --cluster prod --dry-run', why: 'show which resources would be released, then exit' },
    { run: 'loki-eks orphan --cluster prod --yes', why: 'without prompts' },
  ],
  settings: [...place, 'onFailure', 'onUnfinished'],
  flags: [{ flag: '--dry-run', description: 'stop after the list' }],
  run: (given, platform) =>
    runUseCase(given, platform, {
      command: 'orphan',
      need: ['cluster'],
      useCase: platform.useCases.orphan,
      options: { dryRun: given.flags['dryRun'] === true },
    }),
};
