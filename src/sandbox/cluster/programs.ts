/** The programs that `exec` can run in a container: `ls` and `cat` over mounts, as images themselves are not simulated. */
import type { Executed, MountedFiles } from '../types.ts';

/** `undefined` for any other program, any other flag, and any path that only the image could tell. */
export function runProgram(words: readonly string[], mounted: MountedFiles): Executed | undefined {
  const [program = '', ...rest] = words;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const flags = rest.filter((word) => word.startsWith('-')).join('');
  const paths = rest.filter((word) => !word.startsWith('-')).map((path) => path.replace(/(?<=.)\/+$/, ''));
  if (paths.length === 0 || !paths.every((path) => isKnown(mounted, path))) return undefined;
  if (name === 'ls' && /^[-R1]*$/.test(flags))
    return joined(
      paths.map((path) => ls(mounted, path, { deep: flags.includes('R'), named: paths.length > 1 })),
      '\n',
    );
  if (name === 'cat' && flags === '')
    return joined(
      paths.map((path) => cat(mounted, path)),
      '',
    );
  return undefined;
}

/** Below a mount everything is known; and images of the log path keep no files in /var/log. */
function isKnown({ roots }: MountedFiles, path: string): boolean {
  return [...roots, '/var/log'].some((root) => path === root || path.startsWith(`${root}/`)) && !(path === '/var/log' && !roots.includes(path));
}

function joined(runs: readonly Executed[], between: string): Executed {
  const said = runs.map(({ stdout }) => stdout).filter((text) => text !== '');
  return { stdout: said.join(between), stderr: runs.map(({ stderr }) => stderr).join(''), code: Math.max(...runs.map(({ code }) => code)) };
}

function cat({ files }: MountedFiles, path: string): Executed {
  const file = files.find((candidate) => candidate.path === path);
  if (file !== undefined) return { stdout: file.text, stderr: '', code: 0 };
  return { stdout: '', stderr: `cat: ${path}: No such file or directory\n`, code: 1 };
}

/** Names directly below a folder, sorted; `undefined` when the folder does not exist. */
function entriesOf({ roots, files }: MountedFiles, folder: string): readonly string[] | undefined {
  const below = [...roots, ...files.map(({ path }) => path)].filter((path) => path.startsWith(`${folder}/`));
  if (below.length === 0 && !roots.includes(folder)) return undefined;
  return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0] as string))].sort();
}

function ls(mounted: MountedFiles, path: string, how: { readonly deep: boolean; readonly named: boolean }): Executed {
  if (mounted.files.some((file) => file.path === path)) return { stdout: `${path}\n`, stderr: '', code: 0 };
  const entries = entriesOf(mounted, path);
  if (entries === undefined) return { stdout: '', stderr: `ls: cannot access '${path}': No such file or directory\n`, code: 2 };
  const own = [...(how.deep || how.named ? [`${path}:`] : []), ...entries].map((line) => `${line}\n`).join('');
  const folders = how.deep ? entries.map((entry) => `${path}/${entry}`).filter((below) => entriesOf(mounted, below) !== undefined) : [];
  return joined([{ stdout: own, stderr: '', code: 0 }, ...folders.map((folder) => ls(mounted, folder, how))], '\n');
}
