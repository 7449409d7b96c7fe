/** All commands, in the order of the help. */
import type { Command } from './command.ts';
import { completion } from './commands/completion.ts';
import { doctor } from './commands/doctor.ts';
import { explain } from './commands/explain.ts';
import { install } from './commands/install.ts';
import { kubeToken } from './commands/kube-token.ts';
import { plan } from './commands/plan.ts';
import { sandboxRun, sandboxStart } from './commands/sandbox.ts';
import { status } from './commands/status.ts';
import { uninstall } from './commands/uninstall.ts';
import { verify } from './commands/verify.ts';

const sandbox: Command = {
  name: 'sandbox',
  summary: 'a simulated AWS account and EKS cluster, no account needed',
  about: 'A simulated AWS account and EKS cluster on loopback. No account is touched.',
  examples: sandboxRun.examples,
  settings: [],
  flags: [],
  run: async () => 0,
};

export const commands: readonly Command[] = [
  install,
  plan,
  status,
  verify,
  doctor,
  uninstall,
  sandbox,
  sandboxRun,
  sandboxStart,
  explain,
  completion,
  kubeToken,
];

/** Commands that only hold others. */
export const groups: ReadonlySet<string> = new Set(['sandbox']);
