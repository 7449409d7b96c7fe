/** A namespace for Loki or for the collector: ours if we created it, borrowed if it existed. */
import { BY_STEPS, rule } from '../design/permissions.ts';
import type { UndoRecord, Step } from '../engine/types.ts';
import { problem, stop } from '../problems/problem.ts';
import type { Query } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';
import { MARKED, unmark } from './ownership-marks.ts';
import { named, isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'clock'>;

const waitFor = (name: string): string => `Wait until it is gone: \`kubectl wait --for=delete namespace/${name} --timeout=10m\``;

export const namespace = (use: 'loki' | 'collector'): Step<Needs, UndoRecord> => ({
  id: `namespace.${use}`,
  ...(use === 'loki' && { remembers: true }),
  title: use === 'loki' ? 'Namespace for Loki' : 'Namespace for the collector',
  scope: 'cluster',
  // Both may be the same one: it is created once.
  needs: use === 'collector' ? ['namespace.loki'] : [],
  permissions: [
    rule('cluster', 'get', 'namespaces', { to: 'read the namespaces', for: BY_STEPS }),
    rule('cluster', 'create delete', 'namespaces', { to: 'create the namespaces, and roll that back', for: ['install', 'adopt'] }),
    rule(use, 'list', INHABITANTS, { to: 'see what a namespace holds before it is deleted', for: ['install', 'adopt', 'uninstall'] }),
    rule('cluster', 'patch', 'namespaces', { to: 'remove the labels from the namespaces', for: ['orphan'] }),
    rule('cluster', 'delete', 'namespaces', { to: 'delete the namespaces that loki-eks created and nothing else uses', for: ['uninstall'] }),
  ],

  async inspect({ kubernetes, blueprint }) {
    const wanted = blueprint.namespaces[use];
    const found = await kubernetes.get(reference(wanted.metadata.name));
    if (!found) return { is: 'differs', changes: [{ action: 'create', target: named(wanted) }] };
    if (found.metadata.deletionTimestamp) {
      return {
        is: 'blocked',
        problem: problem('KUBE_NAMESPACE_TERMINATING', { message: `Namespace ${wanted.metadata.name} is being deleted`, fix: waitFor(wanted.metadata.name) }),
      };
    }
    if (isOwnedByLabels(found, blueprint.ownership)) return { is: 'matches' };
    const level = found.metadata.labels?.[POD_SECURITY];
    if (use === 'collector' && level !== undefined && level !== 'privileged') {
      return {
        is: 'blocked',
        problem: problem('NAMESPACE_FORBIDS_COLLECTOR', {
          message: `Namespace ${wanted.metadata.name} enforces the Pod Security level "${level}", which does not admit pods with hostPath volumes`,
          fix: `Run \`kubectl label namespace ${wanted.metadata.name} ${POD_SECURITY}=privileged --overwrite\`, or choose another namespace with \`--collector-namespace\``,
        }),
      };
    }
    return { is: 'matches', note: 'existed before; uninstall keeps it' };
  },

  async apply({ kubernetes, blueprint }, { record }) {
    const wanted = blueprint.namespaces[use];
    await record({ did: 'create-namespace', name: wanted.metadata.name });
    await kubernetes.create(wanted);
  },

  async undo(ctx, receipt, { signal }) {
    if (receipt.did === MARKED) return unmark(ctx.kubernetes, receipt);
    const { name } = receipt;
    const ref = reference(String(name));
    const found = await ctx.kubernetes.get(ref);
    if (!found || !isOwnedByLabels(found, ctx.blueprint.ownership)) return;
    const { others, releases } = await inhabitants(ctx, String(name));
    const stays = [...releases, ...others];
    if (stays.length > 0) throw stop('NAMESPACE_NOT_EMPTY', { message: `Namespace ${String(name)} now contains ${stays.slice(0, 3).join(', ')}` });
    await ctx.kubernetes.delete(ref);
    await gone(ctx, String(name), signal);
  },

  async remove(ctx, { signal, say }) {
    const { name } = ctx.blueprint.namespaces[use].metadata;
    const found = await ctx.kubernetes.get(reference(name));
    if (!found) return { is: 'absent' };
    if (!isOwnedByLabels(found, ctx.blueprint.ownership)) return { is: 'kept', target: `namespace ${name}`, why: 'it existed before loki-eks' };
    const { others, releases } = await inhabitants(ctx, name);
    // Without its record a release could no longer be uninstalled, and what it created outside the namespace would stay forever.
    if (releases.length > 0)
      return { is: 'kept', target: `namespace ${name}`, why: `it contains the record of ${releases.join(', ')}`, how: 'loki-eks uninstall' };
    if (others.length > 0) {
      return { is: 'kept', target: `namespace ${name}`, why: `it contains ${others.slice(0, 3).join(', ')}`, how: `kubectl delete namespace ${name}` };
    }
    say('waiting for the namespace to be deleted');
    await ctx.kubernetes.delete(reference(name));
    await gone(ctx, name, signal);
    return { is: 'removed' };
  },
});

/** If absent, the cluster's own default applies, which on EKS is `privileged`. */
const POD_SECURITY = 'pod-security.kubernetes.io/enforce';

const reference = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', name });

const INHABITANTS = 'deployments.apps statefulsets.apps daemonsets.apps jobs.batch services secrets configmaps persistentvolumeclaims pods';
const KINDS: readonly Pick<Query, 'apiVersion' | 'kind'>[] = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'v1', kind: 'Pod' },
];

/** What the cluster itself puts into every namespace: Kubernetes, and Istio where it is installed. */
const furniture = new Set(['kube-root-ca.crt', 'istio-ca-root-cert']);

interface Inhabitants {
  /** Objects of other owners. Pods count too: their owner may be of a kind that is not listed. */
  readonly others: readonly string[];
  /** Our Helm releases whose uninstall has not finished. */
  readonly releases: readonly string[];
}

/** What a namespace's deletion would delete with it. */
async function inhabitants({ kubernetes, blueprint }: Needs, namespace: string): Promise<Inhabitants> {
  const lists = await Promise.all(KINDS.map((kind) => kubernetes.list({ ...kind, namespace, metadataOnly: true })));
  const there = lists.flatMap((objects, index) =>
    objects.map((object) => ({ object, kind: KINDS[index]?.kind, ours: isOwnedByLabels(object, blueprint.ownership) })),
  );
  const others = there
    .filter(
      ({ ours, object: { metadata } }) => !ours && !furniture.has(metadata.name) && !metadata.name.startsWith('default-token-') && !metadata.deletionTimestamp,
    )
    .map(({ kind, object }) => `${kind} ${object.metadata.name}`);
  const records = there.filter(({ kind, ours, object }) => ours && kind === 'Secret' && object.metadata.labels?.['owner'] === 'helm');
  return { others, releases: [...new Set(records.map(({ object }) => `release ${object.metadata.labels?.['name'] ?? object.metadata.name}`))] };
}

const PATIENCE_MS = 120_000;

async function gone({ kubernetes, clock }: Needs, name: string, signal: AbortSignal): Promise<void> {
  const until = clock.now().getTime() + PATIENCE_MS;
  for (let pause = 100; await kubernetes.get(reference(name)); pause = Math.min(pause * 2, 2000)) {
    if (clock.now().getTime() > until)
      throw stop('KUBE_NAMESPACE_TERMINATING', { message: `Namespace ${name} is still being deleted after 2 minutes`, fix: waitFor(name) });
    await clock.sleep(pause, signal);
  }
}
