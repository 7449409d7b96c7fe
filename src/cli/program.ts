/** The commander program, built from the declarations of commands and settings; its errors become our problems. */
import { Command as Commander, Option, type Argument, type Help } from 'commander';
import { fold } from '../ui/text.ts';
import { nearest } from '../design/nearest.ts';
import type { SettingSpec } from '../design/setting-specs.ts';
import { stop, type ProblemError } from '../problems/problem.ts';
import { commonFlags, type Command, type Flag, type ParsedArgs } from './command.ts';

export interface ProgramOptions {
  readonly version: string;
  readonly columns: number;
  readonly commands: readonly Command[];
  /** Names of commands that only have subcommands. */
  readonly groups: ReadonlySet<string>;
  /** Empty if the command has no settings: their list need not be loaded then. */
  readonly specs: readonly SettingSpec[];
  /** The only command whose setting flags are needed; without it, all commands get theirs. */
  readonly meant?: Command;
  readonly out: (text: string) => void;
  readonly run: (command: Command, given: ParsedArgs) => Promise<void>;
}

export const HELP_COLUMNS = 100;

const EXAMPLES = [
  { run: 'loki-eks sandbox run -- loki-eks install', why: 'try it on a simulated account and cluster' },
  { run: 'loki-eks plan --cluster prod', why: 'show what would change' },
  { run: 'loki-eks install --cluster prod', why: 'install, repair or upgrade' },
];
const SETTINGS = 'Settings come from flags, LOKI_EKS_* environment variables, loki-eks.yaml, or prompts.';
const EXITS =
  'Exit codes: 0 done or healthy, 1 internal error, 2 usage error, 3 stopped before any change, 4 failed and rolled back, 5 failed with resources left behind, 6 problems found, 7 changes pending, 130 interrupted and rolled back.';

export function program(options: ProgramOptions): Commander {
  const root = new Commander('loki-eks')
    .description('Installs Grafana Loki and Alloy on an EKS cluster and verifies that logs from every node can be queried.')
    .version(options.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help (for a command: loki-eks COMMAND --help)')
    .helpCommand(false)
    .enablePositionalOptions()
    .addHelpText(
      'after',
      ['', exampleText({ examples: EXAMPLES }), '', ...[SETTINGS, EXITS].flatMap((text) => fold(text, Math.min(options.columns, HELP_COLUMNS)))].join('\n'),
    );
  quiet(root, options);
  for (const command of options.commands) add(root, command, options);
  return root;
}

/** Commander prints nothing but help: errors are thrown. */
function quiet(command: Commander, { columns, out }: ProgramOptions): void {
  command
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureHelp({
      formatItem,
      padWidth: (shown, helper) =>
        Math.min(
          TERM_COLUMNS,
          Math.max(
            helper.longestOptionTermLength(shown, helper),
            helper.longestSubcommandTermLength(shown, helper),
            helper.longestArgumentTermLength(shown, helper),
          ),
        ),
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(humanReadable)].join(' '),
      optionTerm: ({ flags }) => flags.replace(/<([^<>]*)>/, '$1'),
      optionDescription: ({ description }) => description,
    })
    .configureOutput({
      writeOut: out,
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(columns, HELP_COLUMNS),
      getErrHelpWidth: () => HELP_COLUMNS,
      getOutHasColors: () => false,
    });
}

const TERM_COLUMNS = 28;

const humanReadable = (argument: Argument) => (argument.required ? argument.name() : `[${argument.name()}]`);

/** A term that is too long for its column gets its own line, so that descriptions stay readable at 80 columns. */
function formatItem(term: string, width: number, description: string, help: Pick<Help, 'helpWidth'>): string {
  const lines = fold(description, (help.helpWidth ?? HELP_COLUMNS) - width - 4);
  const beside = term.length <= width;
  const below = beside ? lines.slice(1) : lines;
  const first = beside ? `  ${term.padEnd(width)}  ${lines[0] ?? ''}`.trimEnd() : `  ${term}`;
  return [first, ...below.map((line) => ' '.repeat(width + 4) + line)].join('\n');
}

function add(root: Commander, command: Command, options: ProgramOptions): void {
  const words = command.name.split(' ');
  const parent = words.slice(0, -1).reduce((above, word) => above.commands.find((one) => one.name() === word) ?? above, root);
  const made = parent.command(words.at(-1) ?? command.name, { hidden: command.hidden === true });
  quiet(made, options);
  made.summary(command.summary).description(command.about).helpOption('-h, --help', 'show this help').helpCommand(false).helpGroup('Commands:');
  if (command.argument) {
    const { name, required, rest, description } = command.argument;
    const shown = `${name}${rest ? '...' : ''}`;
    made.argument(required ? `<${shown}>` : `[${shown}]`, description);
  }
  // Words after the first one belong to the command to run, even if they look like flags.
  if (command.argument?.rest) made.passThroughOptions();
  else made.allowExcessArguments(true);
  for (const flag of flagsOf(command)) made.addOption(flagOption(flag));
  const specs = (options.meant ?? command) === command ? specsOf(command, options.specs) : [];
  for (const spec of specs) for (const option of settingOptions(spec)) made.addOption(option);
  if (command.examples.length > 0) made.addHelpText('after', `\n${exampleText(command)}`);
  if (!options.groups.has(command.name)) made.action(async () => options.run(command, givenBy(made, command, options)));
  else if (command.flags.length > 0) made.action(async () => runGroup(made, command, options));
}

/** A command that only has subcommands may have its own flags; any word after it must be a subcommand. */
async function runGroup(made: Commander, command: Command, options: ProgramOptions): Promise<void> {
  const [word] = made.args;
  if (word !== undefined) made.error(`error: unknown command '${word}'`, { code: 'commander.unknownCommand' });
  await options.run(command, givenBy(made, command, options));
}

/** Settings that have a flag on this command. */
export const specsOf = (command: Command, specs: readonly SettingSpec[]): readonly SettingSpec[] =>
  command.settings === 'all' ? specs : specs.filter(({ key }) => command.settings.includes(key));

/** The command's own flags, and those that go with settings. */
export const flagsOf = (command: Command): readonly Flag[] =>
  command.settings.length > 0 && !command.hidden ? [...command.flags, ...commonFlags] : command.flags;

function settingOptions(spec: SettingSpec): readonly Option[] {
  const group = `${spec.group}:`;
  const fallback = spec.default === undefined ? '' : ` (default: ${String(spec.default)})`;
  if (spec.kind === 'boolean') {
    const off = new Option(`--no-${spec.flag.slice(2)}`, `do not ${spec.description}`).helpGroup(group);
    const on = new Option(spec.flag, spec.description).helpGroup(group);
    // Only the one that differs from the default needs a line in the help.
    return spec.default === true ? [on.hideHelp(), off] : [on, off.hideHelp()];
  }
  const option = new Option(`${spec.flag} <${spec.placeholder}>`, spec.description + fallback).helpGroup(group);
  return [spec.kind === 'list' || spec.kind === 'map' ? option.argParser(collect) : option];
}

function flagOption({ flag, short, placeholder, choices, repeatable, description }: Flag): Option {
  const option = new Option(`${short ? `${short}, ` : ''}${flag}${placeholder ? ` <${placeholder}>` : ''}`, description);
  if (choices) option.choices([...choices]);
  if (repeatable) option.argParser(collect);
  return option;
}

const collect = (value: string, before: unknown): readonly string[] => [...(Array.isArray(before) ? (before as string[]) : []), value];

function exampleText({ examples }: Pick<Command, 'examples'>): string {
  return ['Examples:', ...examples.flatMap(({ run, why }) => [`  ${run}`, `      ${why}`])].join('\n');
}

/** Only explicit values: a default of commander's was not given by the user. */
function givenBy(made: Commander, command: Command, { specs }: ProgramOptions): ParsedArgs {
  const said = Object.entries(made.opts()).filter(([name]) => made.getOptionValueSource(name) === 'cli');
  const keys = new Set(specsOf(command, specs).map(({ key }) => key));
  const args = made.args;
  const most = command.argument ? (command.argument.rest ? Number.POSITIVE_INFINITY : 1) : 0;
  const extra = args.slice(most);
  if (extra.length > 0) throw unexpected(extra, command);
  const choice = command.argument?.closed ? args[0] : undefined;
  if (choice !== undefined && !command.argument?.choices?.includes(choice)) throw badChoice(choice, command);
  return {
    settings: Object.fromEntries(said.filter(([name]) => keys.has(name))),
    flags: Object.fromEntries(said.filter(([name]) => !keys.has(name))),
    args,
  };
}

function unexpected(extra: readonly string[], command: Command): ProblemError {
  const words = extra.map((word) => `"${word}"`).join(' ');
  return stop('ARGUMENT_UNEXPECTED', { message: `loki-eks ${command.name} does not accept ${words}`, fix: `loki-eks ${command.name} --help` });
}

function badChoice(choice: string, command: Command): ProblemError {
  const choices = command.argument?.choices ?? [];
  return stop('FLAG_VALUE_INVALID', {
    message: `"${choice}" is not one of ${choices.join(', ')}`,
    fix: `loki-eks ${command.name} ${nearest(choice, choices) ?? choices[0] ?? '--help'}`,
  });
}
