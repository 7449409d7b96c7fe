/**
 * Command lines of helm 3 and 4. All we use means the same in both: `--labels`, `--history-max`, `--install`, `--timeout`,
 * `--ignore-not-found`. Not used because they differ: `--wait` (a strategy in 4; we watch the rollout ourselves), `--atomic` (renamed
 * in 4; we undo ourselves), `--force` (renamed), `list -a` (gone), post-renderers (plugins only). Server-side apply: helm 4's default
 * for new releases, unknown to helm 3; left at the default of each, since an upgrade keeps the method of the release.
 */
import type { Chart } from '../../ports/releases.ts';

const HISTORY = '10';

interface Of {
  readonly name: string;
  readonly namespace: string;
}
const seconds = (ms: number) => `${Math.max(1, Math.ceil(ms / 1000))}s`;
export function upgradeArgs(
  of: Of & {
    readonly chart: Chart;
    readonly labels: Readonly<Record<string, string>>;
    readonly description: string;
    readonly timeoutMs: number;
    readonly force?: boolean;
    readonly helm?: string;
  },
): readonly string[] {
  // Label values can't hold the commas that separate them here.
  const labels = Object.entries(of.labels).map(([key, value]) => `${key}=${value}`);
  return [
    'upgrade',
    of.name,
    of.chart.path,
    '--install',
    '--namespace',
    of.namespace,
    '--values',
    '-',
    '--history-max',
    HISTORY,
    '--timeout',
    seconds(of.timeoutMs),
    '--description',
    of.description,
    ...(labels.length > 0 ? ['--labels', labels.join(',')] : []),
    ...forced(of),
  ];
}

/** `force`: helm 4 does not overwrite foreign fields unless told to; helm 3 knows no field owners. */
const forced = ({ force, helm }: { readonly force?: boolean; readonly helm?: string }) =>
  force && helm?.startsWith('4.') ? ['--server-side=true', '--force-conflicts'] : [];

export const rollbackArgs = (
  of: Of & { readonly revision: number; readonly timeoutMs: number; readonly force?: boolean; readonly helm?: string },
): readonly string[] => [
  'rollback',
  of.name,
  String(of.revision),
  '--namespace',
  of.namespace,
  '--history-max',
  HISTORY,
  '--timeout',
  seconds(of.timeoutMs),
  ...forced(of),
];

export const uninstallArgs = (of: Of & { readonly timeoutMs: number }): readonly string[] => [
  'uninstall',
  of.name,
  '--namespace',
  of.namespace,
  '--ignore-not-found',
  '--timeout',
  seconds(of.timeoutMs),
];

/** Without a cluster. */
export const templateArgs = (of: Of & { readonly chart: Chart; readonly kubeVersion: string }): readonly string[] => [
  'template',
  of.name,
  of.chart.path,
  '--namespace',
  of.namespace,
  '--values',
  '-',
  '--include-crds',
  '--kube-version',
  of.kubeVersion,
];

export const pullArgs = (of: { readonly name: string; readonly repo?: string; readonly version?: string; readonly into: string }): readonly string[] => [
  'pull',
  of.name,
  ...(of.repo ? ['--repo', of.repo] : []),
  ...(of.version ? ['--version', of.version] : []),
  '--destination',
  of.into,
];
