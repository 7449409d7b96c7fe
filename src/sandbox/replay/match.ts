/** Which pods and objects a piece of evidence applies to. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import { globPattern } from '../call-faults.ts';
import { labelTest } from '../kube/selectors.ts';

export interface PodWish {
  readonly namespace?: string | undefined;
  readonly component?: string | undefined;
  readonly pod?: string | undefined;
  readonly selector?: string | undefined;
  readonly node?: string | undefined;
}

export interface ObjectsWish {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly selector?: string | undefined;
}

const NAME = 'app.kubernetes.io/name';
const COMPONENT = 'app.kubernetes.io/component';

function isComponent(pod: KubeObject, wanted: string): boolean {
  const { [NAME]: name, [COMPONENT]: component } = pod.metadata.labels ?? {};
  if (wanted === 'alloy' || wanted === 'grafana') return name === wanted;
  if (wanted === 'loki') return name === 'loki' && component !== 'gateway' && !/cache/.test(component ?? '');
  return component === wanted;
}

const fits = (pattern: string | undefined, text: string | undefined): boolean => pattern === undefined || globPattern(pattern).test(text ?? '');

export function isPod(wish: PodWish): (pod: KubeObject) => boolean {
  const labels = labelTest(wish.selector);
  return (pod) =>
    fits(wish.namespace, pod.metadata.namespace) &&
    fits(wish.pod, pod.metadata.name) &&
    fits(wish.node, (pod as Pod).spec.nodeName) &&
    labels(pod.metadata.labels) &&
    (wish.component === undefined || isComponent(pod, wish.component));
}

export function isObject(wish: ObjectsWish): (object: KubeObject) => boolean {
  const labels = labelTest(wish.selector);
  return (object) =>
    object.kind === wish.kind && fits(wish.namespace, object.metadata.namespace) && fits(wish.name, object.metadata.name) && labels(object.metadata.labels);
}
