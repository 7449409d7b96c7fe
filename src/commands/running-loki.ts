/** Constraints of an installed Loki, read from the running one: its layout over nodes, the periods of its schema, its buckets. */
import { parse } from 'yaml';
import { installIdLabel } from '../design/ownership.ts';
import { periodFault } from '../design/installation-record.ts';
import { keptInConfig, type Kept } from '../design/schema.ts';
import type { Json } from '../engine/types.ts';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import { stop } from '../problems/problem.ts';

interface Ingesters extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: { readonly affinity?: { readonly podAntiAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly unknown[] } } };
    };
  };
}

/**
 * The number of nodes for which the design gives the current layout; `undefined` if none runs. Removing copies of lines and ingesters
 * because a node is gone for an hour would be an unrequested, dangerous change.
 */
export async function spreadInUse(kubernetes: Pick<Kubernetes, 'get'>, namespace: string): Promise<number | undefined> {
  const [ingesters, config] = await Promise.all([
    kubernetes.get({ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: 'loki-ingester' }) as Promise<Ingesters | undefined>,
    kubernetes.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'loki' }),
  ]);
  if (!ingesters) return undefined;
  const { replicas = 1, template } = ingesters.spec ?? {};
  const apart = template?.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const text = (config?.['data'] as Readonly<Record<string, string>> | undefined)?.['config.yaml'] ?? '';
  const copies = Number(/^[ \t]*replication_factor: (\d+)/m.exec(text)?.[1] ?? 1);
  if (copies < 3) return Math.min(replicas, 2);
  return Math.max(3, apart.length > 0 ? replicas : 0);
}

/** For the Loki of this installation; a foreign Loki in that namespace does not constrain the design. Throws SCHEMA_UNSUPPORTED. */
export async function keptInUse(
  kubernetes: Pick<Kubernetes, 'get'>,
  of: { readonly namespace: string; readonly installId: string },
): Promise<Kept | undefined> {
  const found = await kubernetes.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: of.namespace, name: 'loki' });
  if (found?.metadata.labels?.[installIdLabel] !== of.installId) return undefined;
  const kept = keptInConfig(configured((found['data'] as Readonly<Record<string, string>> | undefined)?.['config.yaml']));
  if (kept.schema.length === 0) return undefined;
  const fault = periodFault(kept.schema);
  if (fault) throw stop('SCHEMA_UNSUPPORTED', { message: `ConfigMap ${of.namespace}/loki: ${fault}` });
  return kept;
}

/** A file that Loki itself could not read has no configuration. */
function configured(text: string | undefined): Json | undefined {
  try {
    return parse(text ?? '') as Json;
  } catch {
    return undefined;
  }
}
