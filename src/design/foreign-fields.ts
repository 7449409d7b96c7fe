/** Fields of a workload that others have written behind helm's back, by what the API server keeps of who wrote what. */
import type { KubeObject } from '../ports/kubernetes.ts';
import { isMap } from './merge.ts';

export interface ForeignFields {
  /** As the API server knows the writer: `kubectl`, `kubectl-set`, `kube-controller-manager`. */
  readonly manager: string;
  /** An autoscaler sets the number of pods on purpose, and does so again whenever somebody else sets it. */
  readonly by: 'hand' | 'autoscaler';
  /** `spec.replicas`, `spec.template.spec.containers[loki].env[FOO]` */
  readonly paths: readonly string[];
}

interface Entry {
  readonly manager?: unknown;
  readonly subresource?: unknown;
  readonly fieldsV1?: unknown;
}

/** Helm's releases, what loki-eks patches itself, and what controllers report. */
const EXPECTED = /^(helm\d*|loki-eks)\b/i;
/** A restart says nothing of what should run. */
const RESTARTED = /restartedAt$|deployment\.kubernetes\.io\/revision$/;

export function foreignFields({ metadata }: KubeObject): readonly ForeignFields[] {
  const entries = (metadata as { readonly managedFields?: unknown }).managedFields;
  if (!Array.isArray(entries)) return [];
  return (entries as readonly unknown[]).flatMap((entry): readonly ForeignFields[] => {
    if (!isMap(entry)) return [];
    const { manager = '', subresource = '', fieldsV1 } = entry as Entry;
    const name = String(manager);
    if (EXPECTED.test(name) || subresource === 'status' || !isMap(fieldsV1)) return [];
    const spec = fieldsV1['f:spec'];
    const paths = isMap(spec) ? pathsIn(spec, 'spec').filter((path) => !RESTARTED.test(path)) : [];
    if (paths.length === 0) return [];
    const scales = subresource === 'scale' && !/kubectl/.test(name);
    return [{ manager: name, by: scales ? 'autoscaler' : 'hand', paths }];
  });
}

/** Leaves only; `k:{"name":"loki"}` is the item of that name. Bounded, because the document is the server's. */
function pathsIn(fields: Readonly<Record<string, unknown>>, above: string, depth = 0): readonly string[] {
  const inner = Object.entries(fields).filter(([key]) => key !== '.');
  if (inner.length === 0 || depth > 40) return [above];
  return inner.flatMap(([key, value]) => pathsIn(isMap(value) ? value : {}, joined(above, key), depth + 1));
}

function joined(above: string, key: string): string {
  if (key.startsWith('f:')) return `${above}.${key.slice(2)}`;
  const named = /"(?:name|containerPort|mountPath|key)":"?([^",}]+)/.exec(key)?.[1];
  return `${above}[${named ?? key.slice(2, 40)}]`;
}

/** `kubectl-set: spec.template.spec.containers[loki].env[FOO]` */
export const inWords = ({ manager, paths }: ForeignFields): string =>
  `${manager}: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;
