/** The pods of each node, so that each of thousands of collectors checks only its own few. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import type { ObjectStore } from '../types.ts';

export interface PodsByNode {
  /** In the order of the API: by namespace, then name. */
  on(node: string): readonly Pod[];
}

const keyOf = ({ metadata: { namespace = '', name } }: KubeObject): string => `${namespace}/${name}`;

export function createPodsByNode(store: ObjectStore): PodsByNode {
  const nodes = new Map<string, Map<string, Pod>>();
  const saw = (pod: Pod): void => {
    const node = pod.spec.nodeName;
    if (node === undefined) return;
    const here = nodes.get(node) ?? new Map<string, Pod>();
    nodes.set(node, here.set(keyOf(pod), pod));
  };
  for (const pod of store.list('Pod')) saw(pod as Pod);
  store.subscribe(({ type, object }) => {
    if (object.kind !== 'Pod') return;
    if (type === 'DELETED') nodes.get((object as Pod).spec.nodeName ?? '')?.delete(keyOf(object));
    else saw(object as Pod);
  });
  return { on: (node) => [...(nodes.get(node) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pod]) => pod) };
}
