/** Charts: fetched by helm into our own folder, and compared with their pins before anything uses them. */
import { copyFile, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { stop } from '../../problems/problem.ts';
import type { Chart, Charts, ChartSource } from '../../ports/releases.ts';
import { makeFolder } from '../disk/folder.ts';
import { readRegular } from '../system/regular.ts';
import { findHelm, type Env } from './binary.ts';
import { readChart } from './chart-file.ts';
import { helmFailure } from './failures.ts';
import { pullArgs } from './flags.ts';
import { inTempDir, makeHome, minimalEnv, systemTempDir, type Home, type TempDir } from './helm-env.ts';
import { runHelm } from './process.ts';

export interface ChartsOptions {
  readonly helm?: string;
  readonly env: Env;
  /** Relative chart paths are resolved from here. */
  readonly cwd?: string;
  readonly tempDir?: TempDir;
  /** Cache for pinned charts; a cached one is trusted by its digest alone. */
  readonly keep?: string;
  /** Finds the helm binary. */
  readonly find?: typeof findHelm;
}

/** Pinned charts are some hundred kilobytes. */
const MOST_KEPT = 16 * 1024 * 1024;

type Pinned = Extract<ChartSource, { is: 'pinned' }>;
type Reference = Extract<ChartSource, { is: 'reference' }>;

/** A fetched chart lives until `dispose`. */
export function openCharts(options: ChartsOptions): Charts & { dispose(): Promise<void> } {
  let home: Promise<Home> | undefined;
  // A prefetch for a run that has ended must not keep the process alive.
  const ended = new AbortController();
  const open = () => (home ??= makeHome(options.env, options.tempDir ?? systemTempDir));

  /** Resolves with the path of the one file that helm has written. */
  const pull = async (of: { readonly name: string; readonly repo?: string; readonly version?: string }, own?: Readonly<Record<string, string>>) => {
    const [{ path }, { dir, env }] = await Promise.all([(options.find ?? findHelm)({ env: options.env, ...(options.helm && { path: options.helm }) }), open()]);
    const into = await inTempDir(() => mkdtemp(join(dir, 'chart-')));
    const answer = await runHelm({ path, args: pullArgs({ ...of, into }), env: own ?? env, cwd: dir, signal: ended.signal });
    const what = `pull of chart ${of.name}${of.version ? ` ${of.version}` : ''}${of.repo ? ` from ${of.repo}` : ''}`;
    if (answer.code !== 0) throw helmFailure({ what, name: of.name, ...answer });
    const file = (await readdir(into)).find((one) => one.endsWith('.tgz'));
    if (!file) throw stop('CHART_INVALID', { message: `${what} returned no packed chart` });
    return join(into, file);
  };

  const copied = async (kept: string): Promise<string> => {
    const content = await readRegular(kept, MOST_KEPT);
    const to = join(await mkdtemp(join((await open()).dir, 'chart-')), basename(kept));
    await writeFile(to, content, { mode: 0o600 });
    return to;
  };

  const pinned = async (source: Pinned): Promise<Chart> => {
    const read = (path: string) => readChart(path, ({ name, version }) => `${repoName(source.repo)}/${name} ${version} (pinned)`);
    const isPinned = ({ sha256 }: Chart) => sha256 === source.sha256.toLowerCase();
    const kept = options.keep && join(options.keep, `${source.sha256.toLowerCase()}.tgz`);
    // Checked where no one else can change it any more.
    const before =
      kept &&
      (await copied(kept)
        .then(read)
        .catch(() => undefined));
    if (before && isPinned(before)) return before;
    const chart = await read(await pull(source));
    if (isPinned(chart)) {
      if (kept) await keep(chart.path, kept);
      return chart;
    }
    throw stop('CHART_DIGEST_WRONG', {
      message: `${source.repo} serves a chart ${source.name} ${source.version} whose digest is not the pinned one`,
      evidence: [`pinned  sha256 ${source.sha256}`, `fetched sha256 ${chart.sha256}`],
    });
  };
  const reference = async (source: Reference): Promise<Chart> =>
    // Such a reference relies on the user's own repositories and registry logins.
    readChart(
      await pull(source, source.repo ? undefined : usersHelm(options.env)),
      ({ name, version }) => `${source.repo ? `${source.repo} ` : ''}${source.name.startsWith('oci://') ? source.name : name} ${version} (not pinned)`,
    );
  const file = (path: string): Promise<Chart> => {
    const base = options.cwd ?? '.';
    return readChart(
      resolve(base, path),
      ({ name, version }) => `${isAbsolute(path) ? path : `./${relative(base, resolve(base, path))}`} ${name} ${version} (local, not pinned)`,
    );
  };

  return {
    obtain: async (source) => (source.is === 'pinned' ? pinned(source) : source.is === 'file' ? file(source.path) : reference(source)),
    dispose: async () => {
      ended.abort(new Error('the run has ended'));
      const made = await home?.catch(() => undefined);
      home = undefined;
      await made?.dispose();
    },
  };
}

/** Caching is skipped if the folder is not writable. A file is written atomically. */
async function keep(from: string, to: string): Promise<void> {
  const part = `${to}.${basename(dirname(from))}`;
  try {
    await makeFolder(dirname(to), 0o755);
    await copyFile(from, part);
    await rename(part, to);
  } catch {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

/** `https://grafana-community.github.io/helm-charts` is named grafana-community. */
const repoName = (repo: string): string => /^https?:\/\/([^./]+)\.github\.io\//.exec(repo)?.[1] ?? repo;

/** Not our environment, but all of the user's: repositories, downloader plugins, registry logins. */
const usersHelm = (env: Env): Record<string, string> => ({ ...minimalEnv(env), ...helmOf(env) });
const helmOf = (env: Env): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((one): one is [string, string] => one[0].startsWith('HELM_') && one[1] !== undefined));
