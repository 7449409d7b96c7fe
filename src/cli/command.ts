/** What a command declares: its name, its flags and the settings it reads. Program, help, completion and docs are generated from this. */
import type { Platform } from './platform.ts';

export interface Flag {
  /** `--dry-run`, `--show` */
  readonly flag: string;
  readonly short?: string;
  /** Absent for a switch. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly repeatable?: true;
  readonly description: string;
}

export interface Argument {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Takes all remaining arguments, unparsed. */
  readonly rest?: true;
  /** What completion offers, and what is allowed if `closed`. */
  readonly choices?: readonly string[];
  readonly closed?: true;
}

export interface ParsedArgs {
  /** Settings given by flags, by setting key. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The command's own flags, in camelCase. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly args: readonly string[];
}

export interface Command {
  /** One word, or two for a subcommand: `sandbox run`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Paragraphs at the top of its help. */
  readonly about: string;
  readonly examples: readonly { readonly run: string; readonly why: string }[];
  /** Keys of the settings that have a flag here, or all. The environment and the file may contain any setting. */
  readonly settings: 'all' | readonly string[];
  readonly flags: readonly Flag[];
  readonly argument?: Argument;
  readonly hidden?: true;
  readonly run: (given: ParsedArgs, platform: Platform) => Promise<number>;
}

/** Flags of every command that has settings. */
export const commonFlags: readonly Flag[] = [
  { flag: '--config', placeholder: 'FILE', description: 'settings file, - for stdin (default: loki-eks.yaml, if it exists)' },
  { flag: '--print-config', description: 'print each setting and where it came from, then exit' },
  { flag: '--yes', short: '-y', description: 'do not prompt' },
  { flag: '--no-color', description: 'disable colors (same as NO_COLOR)' },
];
