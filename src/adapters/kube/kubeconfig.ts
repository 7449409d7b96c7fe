/** Kubeconfig files: found, merged as kubectl merges them, and one context selected. Nothing here makes a call. */
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { parse } from 'yaml';
import { readRegular } from '../system/regular.ts';
import { stop } from '../../problems/problem.ts';

export type Env = Readonly<Record<string, string | undefined>>;
type Fields = Readonly<Record<string, unknown>>;

export interface Exec {
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly apiVersion?: string;
  readonly installHint?: string;
}

/** One context with what it references, file names made absolute. `cluster` and `user` keep the kubeconfig's own keys. */
export interface PickedContext {
  readonly context: string;
  readonly namespace?: string;
  readonly server: string;
  readonly cluster: { readonly name: string; readonly fields: Fields };
  readonly user: { readonly name: string; readonly fields: Fields; readonly exec?: Exec };
}

export interface KubeconfigChoice {
  readonly path?: string;
  readonly context?: string;
  readonly env: Env;
}

interface Named {
  readonly name: string;
  readonly fields: Fields;
}
interface Merged {
  readonly files: readonly string[];
  readonly current?: string;
  readonly contexts: readonly Named[];
  readonly clusters: readonly Named[];
  readonly users: readonly Named[];
}

/** Throws KUBECONFIG_INVALID, KUBE_CONTEXT_UNKNOWN. */
export async function pickContext(choice: KubeconfigChoice): Promise<PickedContext> {
  const merged = await readMerged(choice);
  const where = merged.files.join(', ');
  const name = choice.context ?? merged.current;
  if (!name)
    throw stop('KUBECONFIG_INVALID', {
      message: `${where} has no current context`,
      fix: 'Name one with `--context`; `kubectl config get-contexts` lists them',
    });
  const context = merged.contexts.find((one) => one.name === name);
  if (!context) throw unknownContext(name, merged);
  const need = (list: readonly Named[], kind: 'cluster' | 'user') => {
    const wanted = context.fields[kind];
    const found = list.find((one) => one.name === wanted);
    if (found) return found;
    throw stop('KUBECONFIG_INVALID', { message: `${where}: context ${name} names the ${kind} ${JSON.stringify(wanted)}, which does not exist` });
  };
  const cluster = need(merged.clusters, 'cluster');
  const server = cluster.fields['server'];
  if (typeof server !== 'string' || !server.startsWith('https://'))
    throw stop('KUBECONFIG_INVALID', { message: `${where}: cluster ${cluster.name} has the server ${JSON.stringify(server)}, not an https:// address` });
  const user = need(merged.users, 'user');
  const { exec, ...fields } = user.fields;
  return {
    context: name,
    ...(typeof context.fields['namespace'] === 'string' && { namespace: context.fields['namespace'] }),
    server: server.replace(/(?<!\/)\/+$/, ''),
    cluster,
    user: { name: user.name, fields, ...(exec ? { exec: exec as Exec } : {}) },
  };
}

async function readMerged({ path, env }: KubeconfigChoice): Promise<Merged> {
  const given = path ?? env['KUBECONFIG'];
  const files = path ? [path] : given ? given.split(delimiter).filter(Boolean) : [join(env['HOME'] || homedir(), '.kube', 'config')];
  const read = await Promise.all(files.map((file) => readOne(resolve(file), { required: path !== undefined || files.length === 1 })));
  const found = read.filter((one) => one !== undefined);
  if (found.length === 0) throw stop('KUBECONFIG_INVALID', { message: `None of the kubeconfig files exists: ${files.join(', ')}` });
  const first = (key: 'contexts' | 'clusters' | 'users') => {
    const seen = new Map<string, Named>();
    for (const one of found) for (const named of one[key]) if (!seen.has(named.name)) seen.set(named.name, named);
    return [...seen.values()];
  };
  const current = found.find((one) => one.current)?.current;
  return {
    files: found.flatMap((one) => one.files),
    ...(current && { current }),
    contexts: first('contexts'),
    clusters: first('clusters'),
    users: first('users'),
  };
}

/** One with a thousand clusters is some megabytes. */
const MOST_BYTES = 16 * 1024 * 1024;

async function readOne(file: string, { required }: { readonly required: boolean }): Promise<Merged | undefined> {
  let text: string;
  try {
    text = (await readRegular(file, MOST_BYTES)).toString();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return undefined;
    throw stop(
      'KUBECONFIG_INVALID',
      { message: code === 'ENOENT' ? `Kubeconfig ${file} does not exist` : `The kubeconfig ${file} can't be read (${code ?? (error as Error).message})` },
      { cause: error },
    );
  }
  let document: Fields | null;
  try {
    document = parse(text) as Fields | null;
  } catch (error) {
    throw stop('KUBECONFIG_INVALID', { message: `${file} is not YAML: ${(error as Error).message.split('\n')[0]}` }, { cause: error });
  }
  if (document !== null && (typeof document !== 'object' || Array.isArray(document)))
    throw stop('KUBECONFIG_INVALID', { message: `${file} is not a kubeconfig` });
  const root = dirname(file);
  const entries = (list: string, key: string, files: readonly string[]) => namedEntries(document?.[list], { key, files, root, file });
  const current = document?.['current-context'];
  return {
    files: [file],
    ...(typeof current === 'string' && current !== '' && { current }),
    contexts: entries('contexts', 'context', []),
    clusters: entries('clusters', 'cluster', ['certificate-authority']),
    users: entries('users', 'user', ['client-certificate', 'client-key', 'tokenFile']),
  };
}

function namedEntries(list: unknown, of: { readonly key: string; readonly files: readonly string[]; readonly root: string; readonly file: string }): Named[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw stop('KUBECONFIG_INVALID', { message: `${of.file}: ${of.key}s is not a list` });
  return list.map((entry: Fields | null) => {
    const name = entry?.['name'];
    if (typeof name !== 'string') throw stop('KUBECONFIG_INVALID', { message: `${of.file}: one of its ${of.key}s has no name` });
    const fields: Record<string, unknown> = { ...(entry?.[of.key] as Fields | undefined) };
    for (const key of of.files) {
      const value = fields[key];
      if (typeof value === 'string' && value !== '' && !isAbsolute(value)) fields[key] = join(of.root, value);
    }
    // A command with a slash is relative to the kubeconfig, one without is looked up on PATH.
    const exec = fields['exec'] as Exec | undefined;
    if (exec && typeof exec.command === 'string' && exec.command.includes(sep) && !isAbsolute(exec.command))
      fields['exec'] = { ...exec, command: join(of.root, exec.command) };
    return { name, fields };
  });
}

function unknownContext(name: string, merged: Merged) {
  const names = merged.contexts.map((one) => one.name);
  const close = [...names].sort((a, b) => distance(name, a) - distance(name, b))[0];
  return stop('KUBE_CONTEXT_UNKNOWN', {
    message: `${merged.files.join(', ')} has no context ${JSON.stringify(name)}`,
    fix: close
      ? `Did you mean \`--context ${close}\`? \`kubectl config get-contexts\` lists all ${names.length}`
      : 'The file has no contexts; add one with `aws eks update-kubeconfig --name CLUSTER`',
  });
}

/** Edit distance: letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
