/** `loki-eks uninstall`: takes away what is ours, last thing first. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, naming, place } from '../setting-sets.ts';

export const uninstall: Command = {
  name: 'uninstall',
  summary: 'take away what install made; log data is kept unless asked',
  about:
    "Takes away everything that carries this installation's marks, last thing first, and nothing else. The buckets and the log data in them are kept unless --delete-data is given.",
  examples: [
    { run: 'loki-eks uninstall --cluster prod', why: 'keeps the buckets' },
    { run: 'loki-eks uninstall --cluster prod --delete-data', why: 'asks for the name of each bucket before it is emptied' },
    { run: 'loki-eks uninstall --cluster prod --yes --delete-data --confirm-delete-data BUCKET', why: 'asks nothing: for CI' },
  ],
  settings: [...place, ...naming, 'grafanaUrl', ...grafanaLogin, 'helm', 'timeout'],
  flags: [
    { flag: '--delete-data', description: 'delete the buckets and all log lines in them too' },
    { flag: '--confirm-delete-data', placeholder: 'BUCKET', repeatable: true, description: 'name of a bucket that may be deleted; repeatable' },
  ],
  run: (given, platform) =>
    runUseCase(given, platform, {
      command: 'uninstall',
      need: ['cluster'],
      useCase: platform.useCases.uninstall,
      options: {
        deleteData: given.flags['deleteData'] === true,
        confirmDeleteData: Array.isArray(given.flags['confirmDeleteData']) ? (given.flags['confirmDeleteData'] as string[]) : [],
      },
    }),
};
