/** Kind to URL path: a fixed table for what we use, discovery for everything else. */
import { stop } from '../../problems/problem.ts';
import { readJson, unreadable } from './answers.ts';
import type { Rest } from './rest.ts';

export interface Kind {
  readonly plural: string;
  readonly namespaced: boolean;
}

const cluster = (plural: string): Kind => ({ plural, namespaced: false });
const inNamespace = (plural: string): Kind => ({ plural, namespaced: true });

const known: Readonly<Record<string, Kind>> = {
  'v1/Namespace': cluster('namespaces'),
  'v1/Node': cluster('nodes'),
  'v1/PersistentVolume': cluster('persistentvolumes'),
  'v1/Pod': inNamespace('pods'),
  'v1/Service': inNamespace('services'),
  'v1/Secret': inNamespace('secrets'),
  'v1/ConfigMap': inNamespace('configmaps'),
  'v1/ServiceAccount': inNamespace('serviceaccounts'),
  'v1/Event': inNamespace('events'),
  'v1/Endpoints': inNamespace('endpoints'),
  'v1/PersistentVolumeClaim': inNamespace('persistentvolumeclaims'),
  'apps/v1/Deployment': inNamespace('deployments'),
  'apps/v1/StatefulSet': inNamespace('statefulsets'),
  'apps/v1/DaemonSet': inNamespace('daemonsets'),
  'apps/v1/ReplicaSet': inNamespace('replicasets'),
  'apps/v1/ControllerRevision': inNamespace('controllerrevisions'),
  'autoscaling/v2/HorizontalPodAutoscaler': inNamespace('horizontalpodautoscalers'),
  'batch/v1/Job': inNamespace('jobs'),
  'policy/v1/PodDisruptionBudget': inNamespace('poddisruptionbudgets'),
  'networking.k8s.io/v1/NetworkPolicy': inNamespace('networkpolicies'),
  'networking.k8s.io/v1/Ingress': inNamespace('ingresses'),
  'discovery.k8s.io/v1/EndpointSlice': inNamespace('endpointslices'),
  'coordination.k8s.io/v1/Lease': inNamespace('leases'),
  'storage.k8s.io/v1/StorageClass': cluster('storageclasses'),
  'storage.k8s.io/v1/CSIDriver': cluster('csidrivers'),
  'rbac.authorization.k8s.io/v1/Role': inNamespace('roles'),
  'rbac.authorization.k8s.io/v1/RoleBinding': inNamespace('rolebindings'),
  'rbac.authorization.k8s.io/v1/ClusterRole': cluster('clusterroles'),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': cluster('clusterrolebindings'),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': cluster('customresourcedefinitions'),
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': cluster('validatingwebhookconfigurations'),
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': cluster('mutatingwebhookconfigurations'),
};

export const groupPath = (apiVersion: string): string => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

/** Throws KUBE_KIND_UNKNOWN if the cluster does not serve it. One discovery request per group and version. */
export function openKinds(rest: Rest, server: string): (apiVersion: string, kind: string) => Promise<Kind> {
  const groups = new Map<string, Promise<ReadonlyMap<string, Kind>>>();
  return async (apiVersion, kind) => {
    const fixed = known[`${apiVersion}/${kind}`];
    if (fixed) return fixed;
    let group = groups.get(apiVersion);
    if (!group) {
      group = discover(rest, { apiVersion, server });
      groups.set(apiVersion, group);
      // A group that could not be read, or lacks the kind, may be available later: CRDs come with charts.
      group.catch(() => groups.delete(apiVersion));
    }
    const found = (await group).get(kind);
    if (found) return found;
    groups.delete(apiVersion);
    throw stop('KUBE_KIND_UNKNOWN', { message: `The cluster does not serve ${kind} of ${apiVersion}` });
  };
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}
const isResource = (one: Partial<Resource> | null): one is Resource => typeof one?.name === 'string' && typeof one.kind === 'string';

async function discover(rest: Rest, { apiVersion, server }: { readonly apiVersion: string; readonly server: string }): Promise<ReadonlyMap<string, Kind>> {
  const reply = await rest({ method: 'GET', path: groupPath(apiVersion) });
  const asked = { verb: 'get', target: apiVersion, server };
  const { resources } = readJson(asked, reply) as { resources?: unknown };
  if (!Array.isArray(resources) || !resources.every(isResource)) throw unreadable(asked, { reply, why: 'is not a list of resources' });
  // Subresources (`pods/log`) have their own kinds and no path to objects.
  return new Map(resources.filter(({ name }) => !name.includes('/')).map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]));
}
