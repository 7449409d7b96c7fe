/** What others have written into the workloads of a release since helm made them. */
import { foreignFields, inWords } from '../../design/foreign-fields.ts';
import type { Kubernetes } from '../../ports/kubernetes.ts';

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

/** `Deployment loki/loki-querier: kubectl: spec.replicas` */
export async function foreignIn(
  kubernetes: Pick<Kubernetes, 'list'>,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Promise<readonly string[]> {
  const of = { apiVersion: 'apps/v1', namespace, labels: `app.kubernetes.io/instance=${name}` };
  const all = await Promise.all(KINDS.map(async (kind) => (await kubernetes.list({ ...of, kind })).map((object) => ({ ...object, kind }))));
  return all.flat().flatMap((object) => foreignFields(object).map((fields) => `${object.kind} ${namespace}/${object.metadata.name}: ${inWords(fields)}`));
}
