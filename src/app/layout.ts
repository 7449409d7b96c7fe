/** How an installed Loki is laid out over nodes, read from what runs. */
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';

interface Ingesters extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: { readonly affinity?: { readonly podAntiAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly unknown[] } } };
    };
  };
}

/**
 * The number of nodes for which the design gives the layout that runs now; `undefined` when none runs. Copies of a line and ingesters
 * that vanish with a node that is gone for an hour would be a change nobody asked for, and a dangerous one.
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
  const copies = Number(/^\s*replication_factor: (\d+)/m.exec(text)?.[1] ?? 1);
  if (copies < 3) return Math.min(replicas, 2);
  return Math.max(3, apart.length > 0 ? replicas : 0);
}
