/** `loki-eks completion SHELL`: a completion script, generated from the same declarations as the program. */
import type { Command } from '../command.ts';

export const completion: Command = {
  name: 'completion',
  summary: 'print a completion script for bash, zsh or fish',
  about: 'Prints a completion script. Completion makes no network calls.',
  examples: [
    { run: 'source <(loki-eks completion bash)', why: 'bash: in ~/.bashrc' },
    { run: 'source <(loki-eks completion zsh)', why: 'zsh: in ~/.zshrc, after compinit' },
    { run: 'loki-eks completion fish > ~/.config/fish/completions/loki-eks.fish', why: 'fish' },
  ],
  settings: [],
  flags: [],
  argument: { name: 'SHELL', description: 'bash, zsh or fish', required: true, choices: ['bash', 'zsh', 'fish'], closed: true },
  run: async ({ args }, { stdout }) => {
    const [{ completionScript }, { commands }, { settingSpecs }] = await Promise.all([
      import('../completion.ts'),
      import('../commands.ts'),
      import('../../design/setting-specs.ts'),
    ]);
    stdout.write(completionScript(args[0] as 'bash' | 'zsh' | 'fish', { commands, specs: settingSpecs }));
    return 0;
  },
};
