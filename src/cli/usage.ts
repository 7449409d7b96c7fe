/** Usage errors: commander's errors as our problems, with the nearest existing word. */
import type { CommanderError } from 'commander';
import { nearest } from '../design/nearest.ts';
import type { SettingSpec } from '../design/setting-specs.ts';
import { stop, type ProblemError } from '../problems/problem.ts';
import type { Command } from './command.ts';
import { flagsOf, specsOf, type ProgramOptions } from './program.ts';

interface Known {
  readonly argv: readonly string[];
  readonly commands: readonly Command[];
  readonly specs: readonly SettingSpec[];
}

/** What commander threw, as a problem; `undefined` if it only showed help or the version. */
export function usageProblem(error: CommanderError, { argv, commands, specs }: Known): ProblemError | undefined {
  const word = /'(.*)'/s.exec(error.message)?.[1] ?? '';
  const command = commandIn(argv, commands);
  const help = command ? `loki-eks ${command.name} --help` : 'loki-eks --help';
  switch (error.code) {
    case 'commander.helpDisplayed':
    case 'commander.version':
      return undefined;
    case 'commander.help':
      return argv.length === 0
        ? stop('COMMAND_MISSING')
        : stop('COMMAND_MISSING', { message: `loki-eks ${argv.join(' ')} requires a subcommand`, fix: `loki-eks ${argv.join(' ')} --help` });
    case 'commander.unknownCommand':
      return commandUnknown(word, commands);
    case 'commander.unknownOption': {
      const flag = word.split('=')[0] ?? word;
      if (flag !== word && command && allFlags(command, specs).includes(flag))
        return stop('FLAG_UNKNOWN', { message: `${flag} takes no value`, fix: `Write ${flag} alone, or see ${help}` });
      const near = nearest(flag, command ? allFlags(command, specs) : ['--help', '--version']);
      const where = command ? `loki-eks ${command.name}` : 'loki-eks';
      return stop('FLAG_UNKNOWN', {
        message: `${where} has no flag ${flag}${near ? `; did you mean ${near}?` : ''}`,
        fix: near ? `Write ${near}, or see ${help}` : help,
      });
    }
    case 'commander.optionMissingArgument': {
      const [flag, value] = [word.replace(/ ?<.*/, ''), /<([^<>]*)>/.exec(word)?.[1] ?? 'VALUE'];
      return stop('FLAG_VALUE_MISSING', { message: `${flag} has no value`, fix: `Write ${flag.split(', ').at(-1)} ${value}` });
    }
    case 'commander.missingArgument':
      return stop('ARGUMENT_MISSING', { message: `loki-eks ${command?.name ?? ''} requires ${word}`, fix: command?.examples[0]?.run ?? help });
    case 'commander.invalidArgument': {
      const [, flag = '', value = ''] = /^[^']{0,100}option '([^']*)' argument '(.*)' is invalid/s.exec(error.message) ?? [];
      const allowed = error.message.split('Allowed choices are ').at(1)?.replace(/\.$/, '') ?? '';
      return stop('FLAG_VALUE_INVALID', { message: `${flag.replace(/ ?<.*/, '')} can't be "${value}"`, fix: allowed ? `Use one of ${allowed}` : help });
    }
    default:
      return stop('FLAG_UNKNOWN', { message: error.message.replace(/^error: /, ''), fix: help });
  }
}

export function commandUnknown(word: string, commands: readonly Command[]): ProblemError {
  const names = commands.filter(({ hidden }) => !hidden).map(({ name }) => name.split(' ').at(-1) ?? name);
  const near = nearest(word, names);
  return stop('COMMAND_UNKNOWN', {
    message: `Unknown command "${word}"${near ? `; did you mean ${near}?` : ''}`,
    fix: near ? `loki-eks ${commands.find(({ name }) => name.endsWith(near))?.name}` : 'loki-eks --help',
  });
}

/** The word where only a command is allowed, and that is not one. */
export function strangeCommand(argv: readonly string[], { commands, groups }: Pick<ProgramOptions, 'commands' | 'groups'>): string | undefined {
  const names = new Set(commands.map(({ name }) => name));
  const [first, second] = argv.slice(argv.findIndex((word) => !['-h', '--help', '-V', '--version'].includes(word)));
  // An unknown flag may take the next word as its value.
  if (first === undefined || first.startsWith('-')) return undefined;
  if (!names.has(first)) return first;
  return groups.has(first) && second !== undefined && !second.startsWith('-') && !names.has(`${first} ${second}`) ? second : undefined;
}

/** The declaration of the command that the first words name. */
export function commandIn(argv: readonly string[], commands: readonly Command[]): Command | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  return commands.find(({ name }) => name.includes(' ') && name === words.slice(0, 2).join(' ')) ?? commands.find(({ name }) => name === words[0]);
}

export function allFlags(command: Command, specs: readonly SettingSpec[]): readonly string[] {
  const settings = specsOf(command, specs).flatMap((spec) => (spec.kind === 'boolean' ? [spec.flag, `--no-${spec.flag.slice(2)}`] : [spec.flag]));
  return [...settings, ...flagsOf(command).map(({ flag }) => flag), '--help'];
}
