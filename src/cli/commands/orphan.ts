/** `loki-eks orphan`: lets an installation go without deleting anything. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { place } from '../setting-sets.ts';

export const orphan: Command = {
  name: 'orphan',
  summary: 'let go of an installation: marks come off, everything stays',
  about:
    'Takes the tags, labels and annotations of loki-eks off everything, and its memory of the installation out of the cluster. Nothing else is deleted or changed, no pod restarts, and logs go on being collected. From then on loki-eks takes nothing there for its own; adopt takes it back.',
  examples: [
    { run: 'loki-eks orphan --cluster prod --dry-run', why: 'shows what would lose its marks, and stops' },
    { run: 'loki-eks orphan --cluster prod --yes', why: 'asks nothing' },
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
