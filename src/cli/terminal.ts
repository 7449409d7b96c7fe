/** What the terminal and the environment imply: output format, colour, and whether the program may prompt. */
import type { Output } from '../ui/renderer.ts';
import type { ParsedArgs } from './command.ts';
import type { Env, Platform } from './platform.ts';

const outputs: readonly Output[] = ['tree', 'plain', 'json'];
const isOutput = (value: unknown): value is Output => outputs.includes(value as Output);

/** Flag, environment, file, else `tree` on a terminal and `plain` elsewhere. An invalid output is reported with the other settings. */
export function outputOf(settings: ParsedArgs['settings'], platform: Pick<Platform, 'env' | 'stderr'>, inFile?: unknown): Output {
  const said = [settings['output'], platform.env['LOKI_EKS_OUTPUT'], inFile].find((value) => value !== undefined && value !== '');
  if (isOutput(said)) return said;
  return platform.stderr.isTTY === true && !isSet(platform.env['CI']) && platform.env['TERM'] !== 'dumb' ? 'tree' : 'plain';
}

/** https://no-color.org: any value but the empty one. */
export function wantsColour(env: Env, flag: boolean): boolean {
  return flag && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** Prompts need a user who can see and answer them; they are drawn on stderr. */
export function mayAsk(given: ParsedArgs, { env, stdin, stdout, stderr }: Pick<Platform, 'env' | 'stdin' | 'stdout' | 'stderr'>): boolean {
  return given.flags['yes'] !== true && stdin.isTTY === true && stdout.isTTY === true && stderr.isTTY === true && !isSet(env['CI']);
}

const isSet = (value: string | undefined) => value !== undefined && value !== '' && value !== '0' && value.toLowerCase() !== 'false';
