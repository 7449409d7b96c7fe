/** The Kubernetes permissions for a Helm release: reading its state, what helm does with its chart's objects, and Loki's volumes. */
import { BY_STEPS, rule } from '../design/permissions.ts';
import type { Occasion, Permission } from '../engine/types.ts';

const ACTS: readonly Occasion[] = ['install', 'adopt'];
const WORKLOADS = { loki: 'deployments.apps statefulsets.apps', collector: 'daemonsets.apps' };
const EACH = 'deployments.apps statefulsets.apps daemonsets.apps';

export const releasePermissions = (use: 'loki' | 'alloy'): readonly Permission[] => {
  const where = use === 'loki' ? 'loki' : 'collector';
  const budgets = use === 'loki' ? ' poddisruptionbudgets.policy' : '';
  return [
    rule(where, 'get list', 'secrets', { to: 'read the Helm release', for: [...BY_STEPS, 'doctor'] }),
    rule(where, 'get list', `${EACH} configmaps services serviceaccounts poddisruptionbudgets.policy`, {
      to: 'see what others have changed in objects of the release',
      for: ['plan', 'status', 'doctor', ...ACTS],
    }),
    rule(where, 'list', 'horizontalpodautoscalers.autoscaling', {
      to: 'leave the replicas of autoscaled components alone',
      for: ['plan', 'status', 'doctor', ...ACTS],
    }),
    rule(where, 'update', `${WORKLOADS[where]} configmaps services serviceaccounts${budgets}`, {
      to: 'remove fields that others have added to objects of the release',
      for: ACTS,
    }),
    rule(where, 'list', EACH, { to: 'see whether everything of the release is ready', for: ['plan', 'status', ...ACTS] }),
    rule(where, 'list', 'pods', { to: 'see why something is not ready, and who uses a volume', for: ['status', ...ACTS, 'uninstall'] }),
    rule(where, 'create update patch delete', 'secrets', { to: 'write revisions of the Helm release, and roll that back', for: ACTS }),
    rule(where, 'get create patch delete', `configmaps services serviceaccounts ${WORKLOADS[where]}`, {
      to: "apply the chart's objects, and roll that back",
      for: ACTS,
    }),
    ...(use === 'loki' ? loki : alloy),
    rule(where, 'patch', 'secrets', { to: 'release the revisions of the Helm release', for: ['orphan'] }),
    rule(where, 'update delete', 'secrets', { to: 'delete the revisions of the Helm release', for: ['uninstall'] }),
    rule(where, 'delete', `configmaps services serviceaccounts ${WORKLOADS[where]}`, { to: "delete the chart's objects", for: ['uninstall'] }),
    rule(where, 'list', 'persistentvolumeclaims', {
      to: 'find volumes',
      for: [...(use === 'loki' ? (['plan', 'status'] as const) : []), ...ACTS, 'uninstall'],
    }),
  ];
};

const loki: readonly Permission[] = [
  rule('loki', 'get create patch delete', 'poddisruptionbudgets.policy', { to: "apply the chart's objects, and roll that back", for: ACTS }),
  rule('loki', 'get', 'statefulsets.apps', { to: 'keep the layout of an installed Loki', for: BY_STEPS }),
  rule('loki', 'get create', 'pods/portforward', { to: 'let ingesters flush before they end', for: [...ACTS, 'uninstall'] }),
  rule('loki', 'get patch delete', 'persistentvolumeclaims', { to: 'delete the volumes of ingesters that have flushed', for: [...ACTS, 'uninstall'] }),
  rule('loki', 'delete', 'poddisruptionbudgets.policy', { to: "delete the chart's objects", for: ['uninstall'] }),
];

const CLUSTER_WIDE = 'clusterroles.rbac.authorization.k8s.io clusterrolebindings.rbac.authorization.k8s.io';
/** Kubernetes lets no one grant a permission that they don't have. */
const alloy: readonly Permission[] = [
  rule('cluster', 'get create patch delete', CLUSTER_WIDE, { to: "apply the collector's ClusterRole, and roll that back", for: ACTS }),
  rule('cluster', 'get list watch', 'pods', { to: "give these rights on to the collector's ClusterRole", for: ACTS }),
  rule('cluster', 'delete', CLUSTER_WIDE, { to: "delete the collector's ClusterRole", for: ['uninstall'] }),
];
