/** `loki-eks uninstall`: takes away what is ours, last thing first. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, naming, place } from '../setting-sets.ts';

export const uninstall: Command = {
  name: 'uninstall',
  summary: 'take away what install made; log data is kept unless asked',
  about:
    "Takes away everything that carries this installation's marks, last thing first, and nothing else. The buckets and the log data in them are kept unless --delete-data or --expire-data is given: the first deletes every object now, the second puts lifecycle rules on the buckets that let S3 empty them by itself within some days. Both show what is in a bucket, and want its name. Ingesters put what they hold into S3 first; where they can't, nothing is removed, unless --discard-unflushed gives these log lines up.",
  examples: [
    { run: 'loki-eks uninstall --cluster prod', why: 'keeps the buckets' },
    { run: 'loki-eks uninstall --cluster prod --delete-data', why: 'asks for the name of each bucket before it is emptied' },
    { run: 'loki-eks uninstall --cluster prod --yes --delete-data --confirm-delete-data BUCKET', why: 'asks nothing: for CI' },
    { run: 'loki-eks uninstall --cluster prod --expire-data', why: 'for millions of objects: S3 empties the buckets by itself' },
  ],
  settings: [...place, ...naming, ...grafanaLogin, 'helm', 'timeout'],
  flags: [
    { flag: '--delete-data', description: 'delete the buckets and all log lines in them too' },
    { flag: '--expire-data', description: 'let S3 empty the buckets within some days, by lifecycle rules; the buckets stay until then' },
    { flag: '--confirm-delete-data', placeholder: 'BUCKET', repeatable: true, description: 'name of a bucket whose log data may go; repeatable' },
    { flag: '--discard-unflushed', description: 'give up log lines that ingesters hold and can not put into S3' },
  ],
  run: (given, platform) =>
    runUseCase(given, platform, {
      command: 'uninstall',
      need: ['cluster'],
      useCase: platform.useCases.uninstall,
      options: {
        deleteData: given.flags['deleteData'] === true,
        expireData: given.flags['expireData'] === true,
        confirmDeleteData: Array.isArray(given.flags['confirmDeleteData']) ? (given.flags['confirmDeleteData'] as string[]) : [],
      },
    }),
};
