/** `loki-eks uninstall`: deletes what loki-eks owns, in reverse order. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';
import { grafanaLogin, naming, place } from '../setting-sets.ts';

export const uninstall: Command = {
  name: 'uninstall',
  summary: 'remove what install created; log data is kept by default',
  about:
    "Removes everything this installation owns, in reverse order, and nothing else. Buckets and their log data are kept unless you pass --delete-data, which deletes every object now, or --expire-data, which adds lifecycle rules so that S3 empties the buckets within a few days. Both show what a bucket contains and require you to confirm its name. Ingesters flush to S3 first; if they can't, nothing is removed unless you pass --discard-unflushed to lose those log lines.",
  examples: [
    { run: 'loki-eks uninstall --cluster prod', why: 'keep the buckets' },
    { run: 'loki-eks uninstall --cluster prod --delete-data', why: 'ask for the name of each bucket before emptying it' },
    { run: 'loki-eks uninstall --cluster prod --yes --delete-data --confirm-delete-data BUCKET', why: 'without prompts, for CI' },
    { run: 'loki-eks uninstall --cluster prod --expire-data', why: 'for millions of objects: let S3 empty the buckets' },
  ],
  settings: [...place, ...naming, ...grafanaLogin, 'helm', 'timeout'],
  flags: [
    { flag: '--delete-data', description: 'also delete the buckets and all log data in them' },
    { flag: '--expire-data', description: 'let S3 empty the buckets within a few days, with lifecycle rules; the buckets stay until then' },
    { flag: '--confirm-delete-data', placeholder: 'BUCKET', repeatable: true, description: 'name of a bucket whose log data may be deleted; repeatable' },
    { flag: '--discard-unflushed', description: "discard log lines that ingesters can't flush to S3" },
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
