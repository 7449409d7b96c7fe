/** The built program against a real control plane, and what it did there. */
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openRunner, type Ran, type Runner } from '../support/sandbox-cli.ts';
import { type Audited, type RealCluster, type RealClusterOptions, startRealCluster } from './cluster.ts';

export interface RealTerminal extends Runner {
  readonly cluster: RealCluster;
  /** `loki-eks` with these words and `--output json`; fails the test when it ends otherwise. */
  run(words: string, exit?: number): Promise<Ran>;
  /** A shell command that has to succeed; its output. */
  does(text: string): Promise<string>;
  /** Writes that reached the API server and AWS since this was last asked: what is asked by POST and changes nothing is left out. */
  writes(): Promise<readonly string[]>;
  /** Everything that is in the cluster and the account, by name: equal texts are equal worlds. */
  world(): Promise<string>;
}

export async function openRealTerminal(options: RealClusterOptions = {}): Promise<RealTerminal> {
  const cluster = await startRealCluster(options);
  const runner = await openRunner(cluster.env);
  let seen = 0;
  return {
    ...runner,
    cluster,
    async run(words, exit = 0) {
      const ran = await runner.cli([...words.split(' '), '--output', 'json']);
      if (ran.exit === exit) return ran;
      const told = ran.events.filter(({ type }) => /failed$|^run\.finished|^note/.test(type));
      throw new Error(`loki-eks ${words} ended with ${ran.exit}, not ${exit}\n${JSON.stringify(told, null, 1).slice(0, 6000)}\n${ran.stderr.slice(0, 3000)}`);
    },
    async does(text) {
      const { exit, stdout, stderr } = await runner.shell(text);
      if (exit !== 0) throw new Error(`${text}\nended with ${exit}: ${stderr}`);
      return stdout;
    },
    async writes() {
      const fresh = cluster.awsCalls.slice(seen).filter(({ write, call }) => write && !call.startsWith('sts:'));
      seen = cluster.awsCalls.length;
      return [...fresh.map(({ call }) => call), ...(await cluster.audited()).filter(isWrite).map(({ verb, uri }) => `${verb} ${uri}`)];
    },
    world: async () => JSON.stringify({ account: accountOf(cluster), cluster: await namesIn(cluster) }, null, 1),
    async close() {
      await runner.close();
      await cluster.close();
    },
  };
}

const isWrite = ({ verb, uri }: Audited): boolean =>
  /^(create|update|patch|delete|deletecollection)$/.test(verb) && !/reviews(\?|$)|\/token(\?|$)|\/portforward|\/exec|[?&]dryRun=All/.test(uri);

const KINDS: readonly (readonly [string, string])[] = [
  ['v1', 'Namespace'],
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['v1', 'ServiceAccount'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'PersistentVolume'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['batch/v1', 'Job'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ['storage.k8s.io/v1', 'StorageClass'],
  ['coordination.k8s.io/v1', 'Lease'],
];

export async function namesIn({ api }: RealCluster): Promise<Readonly<Record<string, readonly string[]>>> {
  const lists = await Promise.all(
    KINDS.map(async ([apiVersion, kind]) => {
      const { items } = await api.must('GET', api.pathOf({ apiVersion, kind, metadata: {} }));
      return [kind, (items as readonly KubeObject[]).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`).sort()] as const;
    }),
  );
  return Object.fromEntries(lists);
}

/** Without what is in the buckets: a running Loki goes on writing. */
function accountOf({ account }: RealCluster): unknown {
  const snapshot = account.snapshot() as { readonly s3: Readonly<Record<string, object>> };
  return { ...snapshot, s3: Object.fromEntries(Object.entries(snapshot.s3).map(([name, bucket]) => [name, { ...bucket, objects: {}, uploads: 0 }])) };
}
