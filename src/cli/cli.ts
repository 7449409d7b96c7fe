/** From command line arguments to an exit code. */
import type { SettingSpec } from '../design/setting-specs.ts';
import type { Command, ParsedArgs } from './command.ts';
import type { Platform } from './platform.ts';

/** Never throws. Once it resolves, the process may end at once: nothing is in flight any more. */
export async function main(platform: Platform): Promise<number> {
  const code = await answered(platform);
  // For when no run has watched its output, as with --help.
  await new Promise((resolve) => setImmediate(resolve));
  const losses = platform.untoldLosses();
  if (losses.length === 0) return code;
  const [stdout, stderr] = (['stdout', 'stderr'] as const).map((name) => losses.find(({ stream }) => stream === name));
  if (stdout && !stderr) platform.stderr.write(`loki-eks: stdout can't be written (${stdout.why})\n`);
  return code === 0 ? 130 : code;
}

async function answered(platform: Platform): Promise<number> {
  // The most common requests are answered without loading anything.
  if (platform.argv.length === 1 && (platform.argv[0] === '--version' || platform.argv[0] === '-V')) {
    platform.stdout.write(`${platform.version}\n`);
    return 0;
  }
  if (platform.argv.length === 1 && (platform.argv[0] === '--help' || platform.argv[0] === '-h')) {
    const text = platform.help?.(Math.min(platform.stdout.columns ?? 80, 100));
    if (text !== undefined) {
      platform.stdout.write(text);
      return 0;
    }
  }
  try {
    return await parsed(platform);
  } catch (error) {
    const [{ problemsOf }, { refuse }] = await Promise.all([import('./internal-error.ts'), import('./run-use-case.ts')]);
    return refuse(problemsOf(error), platform, peek(platform.argv));
  }
}

async function parsed(platform: Platform): Promise<number> {
  const { argv, stdout, version } = platform;
  const [{ commands, groups }, { program }, { commandIn, commandUnknown, strangeCommand, usageProblem }, { CommanderError }] = await Promise.all([
    import('./commands.ts'),
    import('./program.ts'),
    import('./usage.ts'),
    import('commander'),
  ]);
  // Commander would answer `nonsense --help` with the general help.
  const strange = strangeCommand(argv, { commands, groups });
  if (strange !== undefined) throw commandUnknown(strange, commands);
  const meant = commandIn(argv, commands);
  const specs: readonly SettingSpec[] = meant && meant.settings.length > 0 ? (await import('../design/setting-specs.ts')).settingSpecs : [];
  let exit = 0;
  const run = async (command: Command, given: ParsedArgs) => void (exit = await command.run(given, platform));
  const made = program({
    version,
    columns: stdout.columns ?? 80,
    commands,
    groups,
    specs,
    ...(meant && { meant }),
    out: (text) => void stdout.write(text),
    run,
  });
  try {
    await made.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const wrong = usageProblem(error, { argv, commands, specs });
    if (wrong) throw wrong;
  }
  return exit;
}

/** What can be inferred from a command line that could not be parsed as a whole: enough to report the error in the right format. */
function peek(argv: readonly string[]): { readonly command: string; readonly settings: ParsedArgs['settings']; readonly color: boolean } {
  const at = argv.findIndex((word) => word === '--output' || word.startsWith('--output='));
  const output = at < 0 ? undefined : argv[at]?.includes('=') ? argv[at]?.slice('--output='.length) : argv[at + 1];
  return { command: argv.find((word) => !word.startsWith('-')) ?? '', settings: { output }, color: !argv.includes('--no-color') };
}
