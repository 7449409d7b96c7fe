/** Whether others have changed the objects of a release: helm 4 refuses to overwrite that unless told to. */
import { foreignFields } from '../../design/foreign-fields.ts';
import type { Kubernetes } from '../../ports/kubernetes.ts';

const KINDS = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['v1', 'ConfigMap'],
  ['v1', 'Service'],
  ['v1', 'ServiceAccount'],
  ['policy/v1', 'PodDisruptionBudget'],
] as const;

export async function hasForeign(
  kubernetes: Pick<Kubernetes, 'list'>,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Promise<boolean> {
  const labels = `app.kubernetes.io/instance=${name}`;
  const all = await Promise.all(KINDS.map(([apiVersion, kind]) => kubernetes.list({ apiVersion, kind, namespace, labels })));
  return all.flat().some((object) => foreignFields(object).length > 0);
}
