/** All commands, in the order of the help. */
import type { Command } from './command.ts';
import { adopt } from './commands/adopt.ts';
import { completion } from './commands/completion.ts';
import { doctor } from './commands/doctor.ts';
import { explain } from './commands/explain.ts';
import { install } from './commands/install.ts';
import { kubeToken } from './commands/kube-token.ts';
import { orphan } from './commands/orphan.ts';
import { plan } from './commands/plan.ts';
import { sandboxInject } from './commands/sandbox-inject.ts';
import { sandbox, sandboxRun, sandboxStart } from './commands/sandbox.ts';
import { status } from './commands/status.ts';
import { uninstall } from './commands/uninstall.ts';
import { verify } from './commands/verify.ts';

export const commands: readonly Command[] = [
  install,
  plan,
  status,
  verify,
  doctor,
  uninstall,
  adopt,
  orphan,
  sandbox,
  sandboxRun,
  sandboxStart,
  sandboxInject,
  explain,
  completion,
  kubeToken,
];

/** Commands that only have subcommands. */
export const groups: ReadonlySet<string> = new Set(['sandbox']);
