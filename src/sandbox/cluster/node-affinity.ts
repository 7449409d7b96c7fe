/** Whether a node matches a pod's nodeSelector and required node affinity. */
import { termMatchesNode } from './selector.ts';
import type { Node, PodSpec } from './shapes.ts';

export function nodeFits(spec: Pick<PodSpec, 'nodeSelector' | 'affinity'>, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => termMatchesNode(term, { name: node.metadata.name, labels }));
}
