/** `loki-eks install`: makes everything as wanted; again is repair and upgrade. */
import type { Command } from '../command.ts';
import { runUseCase } from '../lazy-run.ts';

export const install: Command = {
  name: 'install',
  summary: 'install, repair or upgrade Loki and Alloy on a cluster',
  about:
    'Looks at the account and the cluster, shows what would change, checks everything that could fail, makes the changes and proves that a log line comes back. Run again, it repairs and upgrades; when nothing differs, nothing is written. When it fails, it takes back what it did.',
  examples: [
    { run: 'loki-eks install', why: 'asks what it needs to know' },
    { run: 'loki-eks install --cluster prod --region eu-central-1 --yes', why: 'asks nothing: for CI' },
    { run: 'loki-eks install --config loki-eks.yaml --dry-run', why: 'stops after the plan' },
    { run: 'loki-eks install --loki-chart ./loki-18.11.0.tgz --alloy-chart ./alloy-1.11.1.tgz', why: 'without access to chart repositories' },
  ],
  settings: 'all',
  flags: [
    { flag: '--dry-run', description: 'stop after the plan' },
    { flag: '--rotate-login', description: 'give the gateway a new password, without losing a line' },
    { flag: '--discard-unflushed', description: 'give up log lines that ingesters hold and can not put into S3' },
  ],
  run: (given, platform) =>
    runUseCase(given, platform, {
      command: 'install',
      need: ['cluster'],
      useCase: platform.useCases.install,
      options: { dryRun: given.flags['dryRun'] === true, ...(given.flags['rotateLogin'] === true && { rotateLogin: true }) },
    }),
};
