/** The image of the probe pod: Alloy's own, because every node has already pulled it. */
import type { Json } from '../engine/types.ts';
import type { Blueprint, ProbePlan } from './blueprint.ts';
import { isMap, type Values } from './merge.ts';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const at = (values: Values, ...path: readonly string[]): unknown => path.reduce<unknown>((node, key) => (isMap(node) ? node[key] : undefined), values);

/** Follows the user's mirror, tag and digest, with the chart's precedence; the default tag is the chart's `appVersion`. */
function probeImage(alloy: Values, appVersion: string): string {
  const registry = text(at(alloy, 'global', 'image', 'registry')) ?? text(at(alloy, 'image', 'registry')) ?? 'docker.io';
  const repository = text(at(alloy, 'image', 'repository')) ?? 'grafana/alloy';
  const digest = text(at(alloy, 'image', 'digest'));
  return digest === undefined ? `${registry}/${repository}:${text(at(alloy, 'image', 'tag')) ?? appVersion}` : `${registry}/${repository}@${digest}`;
}

const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

/** Everything but the namespace. */
export function probePlan({ loki, alloy }: Pick<Blueprint, 'loki' | 'alloy'>, appVersion: string): Omit<ProbePlan, 'namespace'> {
  const pullSecrets = [
    at(alloy.values, 'global', 'image', 'pullSecrets'),
    at(alloy.values, 'image', 'pullSecrets'),
    at(loki.values, 'imagePullSecrets'),
  ].flatMap(list);
  return {
    image: probeImage(alloy.values, appVersion),
    ...(pullSecrets.length > 0 && { pullSecrets }),
  };
}
