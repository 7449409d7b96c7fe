/** Helm releases: read through the Kubernetes API, changed by the helm binary, recovered if an earlier helm was interrupted. */
import { installIdLabel } from '../../design/ownership.ts';
import { stop } from '../../problems/problem.ts';
import type { KubeAccess, Kubernetes } from '../../ports/kubernetes.ts';
import type { Helm, HelmTask, Releases } from '../../ports/releases.ts';
import type { Clock } from '../../ports/system.ts';
import { findHelm, type Env } from './binary.ts';
import { helmFailure } from './failures.ts';
import { rollbackArgs, templateArgs, uninstallArgs, upgradeArgs } from './flags.ts';
import { kubeFlags, makeHome, systemTempDir, type Home, type KubeFlags, type TempDir } from './helm-env.ts';
import { hasForeign } from './foreign-in.ts';
import { lend } from './detach-conflicts.ts';
import { recovery } from './pending.ts';
import { runHelm } from './process.ts';
import { openReadiness, systemClock } from './ready.ts';
import { failRevision, manifestOf, readRelease } from './release-secret.ts';

export interface ReleasesOptions {
  readonly access: KubeAccess;
  readonly kubernetes: Kubernetes;
  /** What the exec plugin of the private kubeconfig signs for. */
  readonly eks: { readonly cluster: string; readonly region: string; readonly profile?: string };
  /** Path of the helm binary; looked up on PATH when absent. */
  readonly helm?: string;
  readonly env: Env;
  /** How to start this program again: the exec plugin of the private kubeconfig. */
  readonly cli: { readonly node: string; readonly script: string };
  readonly tempDir?: TempDir;
  readonly clock?: Clock;
  /** What runs helm, and what finds it: the real program by default. */
  readonly run?: typeof runHelm;
  readonly find?: typeof findHelm;
}

/** Nothing is created or started before the first call that needs it. `dispose` deletes the private folder. */
export function openReleases(options: ReleasesOptions): Releases & { dispose(): Promise<void> } {
  const { kubernetes, env, clock = systemClock, run = runHelm, find = findHelm } = options;
  const helm = once<Helm>(() => find({ env, ...(options.helm && { path: options.helm }) }));
  const home = once<Home>(() => makeHome(env, options.tempDir ?? systemTempDir));
  const kube = once<KubeFlags>(async () => kubeFlags(await home.get(), { access: options.access, token: { ...options.cli, ...options.eks }, env }));

  const inCluster = async (task: HelmTask, of: { readonly what: string; readonly args: readonly string[]; readonly input?: string }) => {
    const [{ path }, { dir, env: homeEnv }, flags] = await Promise.all([helm.get(), home.get(), kube.get()]);
    const { what, args, ...input } = of;
    const { signal, timeoutMs } = task;
    const answer = await run({ path, args: [...args, ...flags.args], env: { ...homeEnv, ...flags.env }, cwd: dir, signal, timeoutMs, ...input }).finally(() =>
      signal.aborted ? unpend(task) : undefined,
    );
    if (answer.code < 0) await unpend(task);
    if (answer.code !== 0) throw helmFailure({ what, namespace: task.namespace, name: task.name, ...answer });
  };
  /** A helm process of this run that had to be killed has not marked its failure, and would be taken for another one at work. */
  const unpend = async (task: HelmTask): Promise<void> => {
    const release = await readRelease(kubernetes, task).catch(() => undefined);
    if (release?.status.startsWith('pending-')) await failRevision(kubernetes, release).catch(() => undefined);
  };
  /** Helm itself would delete what another one has created so far, and leave the rest. Two concurrent uninstalls do no harm. */
  const alone = async (task: Pick<HelmTask, 'name' | 'namespace'>) => {
    const release = await readRelease(kubernetes, task);
    const next = recovery(release, clock.now());
    if (next.is === 'busy' && release?.status !== 'uninstalling') throw stop('HELM_BUSY', next.problem);
    return release;
  };
  /** In our own release, foreign changes to fields that the chart sets are overwritten; in a foreign release they block the upgrade. */
  const overwrites = async (
    task: HelmTask & { readonly labels: Readonly<Record<string, string>> },
  ): Promise<{ readonly force?: true; readonly helm: string }> => {
    const { version } = await helm.get();
    const release = await readRelease(kubernetes, task);
    if (!release || release.labels[installIdLabel] === undefined || release.labels[installIdLabel] !== task.labels[installIdLabel]) return { helm: version };
    return { helm: version, ...((await hasForeign(kubernetes, task)) && { force: true as const }) };
  };
  const recover = async (task: HelmTask) => {
    const next = recovery(await readRelease(kubernetes, task), clock.now());
    if (next.is === 'busy') throw stop('HELM_BUSY', next.problem);
    if (next.is === 'uninstall') {
      task.say(`release ${task.name} was left incomplete by an earlier run: removing it first`);
      await inCluster(task, { what: `uninstall of the incomplete release ${label(task)}`, args: uninstallArgs(task) });
    }
    if (next.is === 'rollback') {
      task.say(`release ${task.name} was left incomplete by an earlier run: rolling back to revision ${next.revision} first`);
      await inCluster(task, {
        what: `rollback of the incomplete release ${label(task)}`,
        args: rollbackArgs({ ...task, revision: next.revision, force: true, helm: (await helm.get()).version }),
      });
    }
  };

  return {
    // The folder that helm needs is created here as well: a lack of space must not surface halfway.
    helm: async () => (await Promise.all([helm.get(), home.get()]))[0],
    find: (name, namespace) => readRelease(kubernetes, { name, namespace }),
    manifest: (of) => manifestOf(kubernetes, of),
    abandon: async (of) => {
      const release = await alone(of);
      if (release?.status.startsWith('pending-')) await failRevision(kubernetes, release);
    },
    upgrade: async (task) => {
      await recover(task);
      await inCluster(task, {
        what: `install of release ${label(task)}`,
        args: upgradeArgs({ ...task, ...(await overwrites(task)) }),
        input: JSON.stringify(task.values),
      });
    },
    rollback: async (task) => {
      await alone(task);
      await task.prepare?.();
      task.say(`helm rollback ${task.name} ${task.revision}`);
      const { version } = await helm.get();
      const giveBack = await lend(kubernetes, task);
      try {
        await inCluster(task, {
          what: `rollback of release ${label(task)} to revision ${task.revision}`,
          args: rollbackArgs({ ...task, force: true, helm: version }),
        });
      } catch (error) {
        await giveBack();
        throw error;
      }
    },
    uninstall: async (task) => {
      await alone(task);
      task.say(`helm uninstall ${task.name}`);
      await inCluster(task, { what: `uninstall of release ${label(task)}`, args: uninstallArgs(task) });
    },
    render: async (of) => {
      const [{ path }, { dir, env: homeEnv }] = await Promise.all([helm.get(), home.get()]);
      const answer = await run({ path, args: templateArgs(of), env: homeEnv, cwd: dir, input: JSON.stringify(of.values) });
      if (answer.code !== 0) throw helmFailure({ what: `rendering of chart ${of.chart.name}`, namespace: of.namespace, name: of.name, ...answer });
      return answer.stdout;
    },
    ...openReadiness({ kubernetes, clock }),
    dispose: async () => home.forget((made) => made.dispose()),
  };
}

const label = ({ namespace, name }: { readonly namespace: string; readonly name: string }) => `${namespace}/${name}`;

/** Created on the first call; a failure is not cached, so that a helm installed meanwhile is found. */
function once<T>(make: () => Promise<T>) {
  let made: Promise<T> | undefined;
  return {
    get: (): Promise<T> => {
      made ??= make().catch((error: unknown) => {
        made = undefined;
        throw error;
      });
      return made;
    },
    forget: async (put: (value: T) => Promise<void>): Promise<void> => {
      const value = await made?.catch(() => undefined);
      made = undefined;
      if (value !== undefined) await put(value);
    },
  };
}
