/** Runs the machine's programs that create namespaces and mounts. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const start = promisify(execFile);
const MOST_MS = 20_000;

/** Its stdout. Throws with its stderr when it fails. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await start(program, [...args], { timeout: MOST_MS, maxBuffer: 16 * 2 ** 20 })).stdout;
  } catch (cause) {
    const { stderr = '' } = cause as { readonly stderr?: string };
    throw new Error(`${program} ${args.join(' ')}: ${stderr.trim() || (cause as Error).message}`, { cause });
  }
}

/** The same where failure does not matter. */
export async function tryRun(program: string, ...args: readonly string[]): Promise<string> {
  return run(program, ...args).catch(() => '');
}
