/** `loki-eks install`: brings everything up to date; running it again repairs and upgrades. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';

export const install: Command = {
  name: 'install',
  summary: 'install, repair or upgrade Loki and Alloy on a cluster',
  about:
    'Inspects the account and the cluster, shows what would change, runs preflight checks, makes the changes, and verifies that log lines from every node can be queried. Run it again to repair or upgrade; if nothing differs, nothing is written. If it fails, it rolls back what it did.',
  examples: [
    { run: 'loki-eks install', why: 'prompts for what it needs' },
    { run: 'loki-eks install --cluster prod --region eu-central-1 --yes', why: 'without prompts, for CI' },
    { run: 'loki-eks install --config loki-eks.yaml --dry-run', why: 'stop after the plan' },
    { run: 'loki-eks install --loki-chart ./loki-18.11.0.tgz --alloy-chart ./alloy-1.11.1.tgz', why: 'without access to chart repositories' },
  ],
  settings: 'all',
  flags: [
    { flag: '--dry-run', description: 'stop after the plan' },
    { flag: '--rotate-login', description: 'rotate the gateway password without losing log lines' },
    {
      flag: '--confirm-retention',
      placeholder: 'PERIOD',
      description: 'shortest retention that chart values may set, such as 7d or 24h; any if it cannot be read',
    },
    { flag: '--discard-unflushed', description: "discard log lines that ingesters can't flush to S3" },
  ],
  run: (given, platform) =>
    runUseCase(given, platform, {
      command: 'install',
      need: ['cluster'],
      useCase: platform.useCases.install,
      options: { dryRun: given.flags['dryRun'] === true, ...(given.flags['rotateLogin'] === true && { rotateLogin: true }) },
    }),
};
