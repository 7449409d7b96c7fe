/** The user's shared AWS config: the existing profiles, and the selected one. */
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { stop } from '../../problems/problem.ts';

/** For one of AWS's files: many times the size of the largest. */
const MOST_BYTES = 16 * 1024 * 1024;

export type Env = Readonly<Record<string, string | undefined>>;

export interface SharedFiles {
  readonly filepath: string;
  readonly configFilepath: string;
}

/** The paths of the two files; the SDK would read the process environment instead of `env`. */
export function sharedFiles(env: Env): SharedFiles {
  const home = join(env['HOME'] || env['USERPROFILE'] || homedir(), '.aws');
  return {
    filepath: env['AWS_SHARED_CREDENTIALS_FILE'] || join(home, 'credentials'),
    configFilepath: env['AWS_CONFIG_FILE'] || join(home, 'config'),
  };
}

export interface Profile {
  readonly name: string;
  /** Was it named (by setting or AWS_PROFILE), or is it just the default? */
  readonly named: boolean;
  /** Its keys from both files; empty if the default profile does not exist. */
  readonly keys: Readonly<Record<string, string | undefined>>;
}

/**
 * The selected profile. Throws AWS_PROFILE_UNKNOWN if a named one is in neither file: the SDK
 * would only report that it found no credentials.
 */
export async function readProfile(wanted: string | undefined, env: Env): Promise<Profile> {
  const { loadSharedConfigFiles } = await import('@smithy/core/config');
  const files = sharedFiles(env);
  await Promise.all([files.configFilepath, files.filepath, env['AWS_WEB_IDENTITY_TOKEN_FILE']].map(refuseIrregular));
  // Cached by the SDK per process; a second connection may follow an `aws configure`.
  const { configFile, credentialsFile } = await loadSharedConfigFiles({ ...files, ignoreCache: true });
  const name = wanted || env['AWS_PROFILE'] || 'default';
  const named = Boolean(wanted || env['AWS_PROFILE']);
  if (named && configFile[name] === undefined && credentialsFile[name] === undefined) {
    const known = [...new Set([...Object.keys(configFile), ...Object.keys(credentialsFile)])].filter((key) => !key.includes('.'));
    throw stop('AWS_PROFILE_UNKNOWN', {
      message: `Unknown AWS profile ${JSON.stringify(name)}`,
      fix:
        nearest(name, known).length > 0
          ? `Use \`--profile ${nearest(name, known)[0]}\`, or run \`aws configure --profile ${name}\``
          : `Run \`aws configure --profile ${name}\``,
      evidence: [
        `read ${files.configFilepath} and ${files.filepath}`,
        known.length === 0 ? 'no profiles defined' : `defined profiles: ${known.sort().slice(0, 20).join(', ')}`,
      ],
    });
  }
  return { name, named, keys: { ...configFile[name], ...credentialsFile[name] } };
}

/** The SDK would read a pipe or a device forever. */
async function refuseIrregular(file: string | undefined): Promise<void> {
  const found = file && (await stat(file).catch(() => undefined));
  if (!found || (found.isFile() && found.size <= MOST_BYTES) || (await realpath(file)) === '/dev/null') return;
  const why = found.isFile() ? `is larger than ${MOST_BYTES / 1024 / 1024} MiB` : found.isDirectory() ? 'is a directory' : 'is not a regular file';
  throw stop('AWS_CONFIG_UNREADABLE', { message: `The AWS file ${file} ${why}` });
}

/** The known names for which it may be a typo, best first. */
export function nearest(name: string, known: readonly string[]): readonly string[] {
  return known
    .map((candidate) => ({ candidate, far: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, far }) => far <= Math.max(2, name.length / 3) || candidate.includes(name) || name.includes(candidate))
    .sort((a, b) => a.far - b.far || a.candidate.localeCompare(b.candidate))
    .map(({ candidate }) => candidate);
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
