/** Fields of a workload that were changed outside of helm, by the field owners that the API server records. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../ports/kubernetes.ts';
import { isMap } from './merge.ts';

export interface ForeignFields {
  /** The field manager: `kubectl`, `kubectl-set`, `kube-controller-manager`. */
  readonly manager: string;
  /** An autoscaler sets the replica count on purpose, and sets it again whenever someone else changes it. */
  readonly by: 'hand' | 'autoscaler';
  readonly fields: readonly ForeignField[];
}

export interface ForeignField {
  /** `spec.replicas`, `spec.template.spec.containers[loki].env[FOO]` */
  readonly path: string;
  /** The keys of the field set that lead to it: `f:spec`, `k:{"name":"loki"}`. */
  readonly keys: readonly string[];
  readonly is: unknown;
  /** Absent if the chart does not set it: Helm leaves such a field to its owner, even with force. */
  readonly wanted?: unknown;
}

interface Entry {
  readonly manager?: unknown;
  readonly subresource?: unknown;
  readonly fieldsV1?: unknown;
}

/** Helm's releases, loki-eks's own patches, and the status that controllers report. */
const EXPECTED = /^(helm\d*|loki-eks)\b/i;
/** A restart does not change what should run. */
const RESTARTED = /restartedAt$|deployment\.kubernetes\.io\/revision$/;
/** Neither do these. */
const BESIDE = new Set(['f:metadata', 'f:status', 'f:apiVersion', 'f:kind']);

/** `wanted`: the object as helm rendered it, if known: a field restored by hand is owned by its writer, but does not differ. */
export function foreignFields(object: KubeObject, wanted?: KubeObject): readonly ForeignFields[] {
  const entries = (object.metadata as { readonly managedFields?: unknown }).managedFields;
  if (!Array.isArray(entries)) return [];
  return (entries as readonly unknown[]).flatMap((entry): readonly ForeignFields[] => {
    if (!isMap(entry)) return [];
    const { manager = '', subresource = '', fieldsV1 } = entry as Entry;
    const name = String(manager);
    if (EXPECTED.test(name) || subresource === 'status' || !isMap(fieldsV1)) return [];
    const own = Object.fromEntries(Object.entries(fieldsV1).filter(([key, value]) => !BESIDE.has(key) && isMap(value)));
    const all = fieldsIn(own, { path: '', keys: [], is: object, ...(wanted && { wanted }), depth: 0 });
    const fields = all.filter(({ path, ...field }) => !RESTARTED.test(path) && (!wanted || !isDeepStrictEqual(field.is, field.wanted)));
    if (fields.length === 0) return [];
    const scales = subresource === 'scale' && !/kubectl/.test(name);
    return [{ manager: name, by: scales ? 'autoscaler' : 'hand', fields }];
  });
}

/** Leaf fields, or a whole subtree that the chart lacks and its writer has created. Depth is limited, because the document comes from the server. */
function fieldsIn(fields: Readonly<Record<string, unknown>>, at: ForeignField & { readonly depth: number }): readonly ForeignField[] {
  const { depth, ...field } = at;
  const inner = Object.entries(fields).filter(([key]) => key !== '.');
  const created = depth > 0 && '.' in fields && 'wanted' in at && at.wanted === undefined;
  if (depth > 0 && (inner.length === 0 || created || depth > 40)) return [field];
  return inner.flatMap(([key, value]) => {
    const wanted = 'wanted' in at && { wanted: part(at.wanted, key) };
    return fieldsIn(isMap(value) ? value : {}, { path: joined(at.path, key), keys: [...at.keys, key], is: part(at.is, key), ...wanted, depth: depth + 1 });
  });
}

/** The object without these fields. */
export function withoutFields(object: KubeObject, fields: readonly Pick<ForeignField, 'keys'>[]): KubeObject {
  return fields.reduce<unknown>((rest, { keys }) => without(rest, keys), object) as KubeObject;
}

function without(of: unknown, [key = '', ...deeper]: readonly string[]): unknown {
  const inner = part(of, key);
  if (inner === undefined) return of;
  const less = deeper.length === 0 ? undefined : without(inner, deeper);
  if (Array.isArray(of)) return (of as readonly unknown[]).flatMap((one) => (one !== inner ? [one] : less === undefined ? [] : [less]));
  if (!isMap(of)) return of;
  return Object.fromEntries(
    Object.entries(of).flatMap(([name, value]) => (name !== key.slice(2) ? [[name, value]] : less === undefined ? [] : [[name, less]])),
  );
}

/** The value under one key of a field set: `f:` a field, `k:` the list item with these values, `v:` the value itself. */
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
  if (key.startsWith('f:')) return above === '' ? key.slice(2) : `${above}.${key.slice(2)}`;
  const named = /"(?:name|containerPort|mountPath|key)":"?([^",}]+)/.exec(key)?.[1];
  return `${above}[${named ?? key.slice(2, 40)}]`;
}

/** `kubectl-set: spec.template.spec.containers[loki].env[FOO]` */
export function inWords({ manager, fields }: ForeignFields): string {
  const paths = fields.map(({ path }) => path);
  return `${manager}: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;
}
