/** `loki-eks adopt`: takes over a foreign installation, with everything it has stored. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';

export const adopt: Command = {
  name: 'adopt',
  summary: 'take over an existing Loki and Alloy, keeping their logs',
  about:
    "Adopts the Helm releases loki and alloy, their two buckets, the service account's role and the gateway login. Names, tenant, retention and schema periods are read from the running installation and stay as they are; no object in a bucket is touched. Shows what would change first. If it fails, every change is rolled back, including ownership tags and labels.",
  examples: [
    { run: 'loki-eks adopt --cluster prod --dry-run', why: 'show what would change, then exit' },
    { run: 'loki-eks adopt --cluster prod', why: 'ask for confirmation before changing anything' },
    { run: 'loki-eks adopt --cluster prod --tenant team-a --yes', why: "when the tenant can't be read from the collectors" },
  ],
  settings: 'all',
  flags: [
    { flag: '--dry-run', description: 'stop after the plan' },
    {
      flag: '--confirm-retention',
      placeholder: 'PERIOD',
      description: 'shortest retention that chart values may set, such as 7d or 24h; any if it cannot be read',
    },
    { flag: '--discard-unflushed', description: "discard log lines that ingesters can't flush to S3" },
  ],
  run: (given, platform) =>
    runUseCase(given, platform, { command: 'adopt', need: ['cluster'], useCase: platform.useCases.adopt, options: { dryRun: given.flags['dryRun'] === true } }),
};
