/** Fields of a workload that others have written behind helm's back, by what the API server keeps of who wrote what. */
import { isDeepStrictEqual } from 'node:util';
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

/** `wanted`: the object as helm made it, if it is known: a field that was set back by hand is its writer's, and is no difference. */
export function foreignFields(object: KubeObject, wanted?: KubeObject): readonly ForeignFields[] {
  const entries = (object.metadata as { readonly managedFields?: unknown }).managedFields;
  if (!Array.isArray(entries)) return [];
  return (entries as readonly unknown[]).flatMap((entry): readonly ForeignFields[] => {
    if (!isMap(entry)) return [];
    const { manager = '', subresource = '', fieldsV1 } = entry as Entry;
    const name = String(manager);
    if (EXPECTED.test(name) || subresource === 'status' || !isMap(fieldsV1)) return [];
    const spec = fieldsV1['f:spec'];
    const both = wanted && { is: object['spec'], wanted: wanted['spec'] };
    const paths = isMap(spec) ? pathsIn(spec, { above: 'spec', both, depth: 0 }).filter((path) => !RESTARTED.test(path)) : [];
    if (paths.length === 0) return [];
    const scales = subresource === 'scale' && !/kubectl/.test(name);
    return [{ manager: name, by: scales ? 'autoscaler' : 'hand', paths }];
  });
}

interface At {
  readonly above: string;
  readonly both: { readonly is: unknown; readonly wanted: unknown } | undefined;
  readonly depth: number;
}

/** Leaves that differ; `k:{"name":"loki"}` is the item of that name. Bounded, because the document is the server's. */
function pathsIn(fields: Readonly<Record<string, unknown>>, { above, both, depth }: At): readonly string[] {
  const inner = Object.entries(fields).filter(([key]) => key !== '.');
  if (inner.length === 0 || depth > 40) return both && isDeepStrictEqual(both.is, both.wanted) ? [] : [above];
  return inner.flatMap(([key, value]) =>
    pathsIn(isMap(value) ? value : {}, {
      above: joined(above, key),
      both: both && { is: part(both.is, key), wanted: part(both.wanted, key) },
      depth: depth + 1,
    }),
  );
}

/** What lies under one key of a field set: `f:` a field, `k:` the list item that has these values, `v:` the value itself. */
function part(of: unknown, key: string): unknown {
  if (key.startsWith('f:')) return isMap(of) && Object.hasOwn(of, key.slice(2)) ? of[key.slice(2)] : undefined;
  if (!Array.isArray(of)) return undefined;
  const wanted = parsed(key.slice(2));
  return (of as readonly unknown[]).find((item) =>
    key.startsWith('k:') && isMap(wanted)
      ? isMap(item) && Object.entries(wanted).every(([name, value]) => item[name] === value)
      : isDeepStrictEqual(item, wanted),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function joined(above: string, key: string): string {
  if (key.startsWith('f:')) return `${above}.${key.slice(2)}`;
  const named = /"(?:name|containerPort|mountPath|key)":"?([^",}]+)/.exec(key)?.[1];
  return `${above}[${named ?? key.slice(2, 40)}]`;
}

/** `kubectl-set: spec.template.spec.containers[loki].env[FOO]` */
export const inWords = ({ manager, paths }: ForeignFields): string =>
  `${manager}: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;
