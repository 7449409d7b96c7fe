/** `loki-eks adopt`: takes over an installation that somebody else made, with everything it has stored. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';

export const adopt: Command = {
  name: 'adopt',
  summary: 'take over a Loki and Alloy that were installed by hand, and keep their logs',
  about:
    'Takes over the Helm releases loki and alloy, their two buckets, the role of the service account and the login of the gateway. Names, tenant, retention and the periods of the schema are read from what runs and go on as they are; no object in a bucket is touched. What will change is shown first. When it fails, everything is taken back, also the marks.',
  examples: [
    { run: 'loki-eks adopt --cluster prod --dry-run', why: 'shows what would change, and stops' },
    { run: 'loki-eks adopt --cluster prod', why: 'asks before it changes anything' },
    { run: 'loki-eks adopt --cluster prod --tenant team-a --yes', why: 'where the tenant can not be read from the collectors' },
  ],
  settings: 'all',
  flags: [
    { flag: '--dry-run', description: 'stop after the plan' },
    { flag: '--discard-unflushed', description: 'give up log lines that ingesters hold and can not put into S3' },
  ],
  run: (given, platform) =>
    runUseCase(given, platform, { command: 'adopt', need: ['cluster'], useCase: platform.useCases.adopt, options: { dryRun: given.flags['dryRun'] === true } }),
};
