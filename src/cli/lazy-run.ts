/** `runUseCase`, loaded when a command runs: help needs neither renderers nor settings. */
import type { ParsedArgs } from './command.ts';
import type { Platform } from './platform.ts';
import type { UseCaseOptions } from './run-use-case.ts';

export async function runUseCase<Options>(given: ParsedArgs, platform: Platform, of: UseCaseOptions<Options>): Promise<number> {
  return (await import('./run-use-case.ts')).runUseCase(given, platform, of);
}
