/** k8s-sidecar: which files its folder holds, from the labeled ConfigMaps and Secrets of the namespaces it watches. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Process } from '../logs/process.ts';
import type { ObjectStore } from '../types.ts';

export interface Watch {
  readonly label: string;
  readonly value: string | undefined;
  readonly folder: string;
  readonly kinds: readonly ('ConfigMap' | 'Secret')[];
  /** All of them when absent. */
  readonly namespaces: readonly string[] | undefined;
  /** The request sent to Grafana after a change; absent when none is sent. */
  readonly reload: { readonly path: string; readonly login: string | undefined } | undefined;
}

const KINDS: Readonly<Record<string, Watch['kinds']>> = { configmap: ['ConfigMap'], secret: ['Secret'], both: ['ConfigMap', 'Secret'] };

/** `undefined` for any other container. */
export function watchOf({ container, env, namespace }: Process): Watch | undefined {
  const { LABEL: label, FOLDER: folder, LABEL_VALUE: value, RESOURCE = 'configmap', NAMESPACE = '', REQ_URL, REQ_USERNAME, REQ_PASSWORD } = env;
  if (!/k8s-sidecar/.test(container.image) || !label || !folder) return undefined;
  const login = REQ_USERNAME !== undefined && REQ_PASSWORD !== undefined ? `${REQ_USERNAME}:${REQ_PASSWORD}` : undefined;
  return {
    label,
    value: value || undefined,
    folder,
    kinds: KINDS[RESOURCE] ?? [],
    namespaces: NAMESPACE === 'ALL' ? undefined : NAMESPACE === '' ? [namespace] : NAMESPACE.split(','),
    reload: REQ_URL ? { path: new URL(REQ_URL).pathname, login } : undefined,
  };
}

export function concerns(watch: Watch, { kind, metadata }: KubeObject): boolean {
  if (!watch.kinds.includes(kind as 'Secret') || !(watch.namespaces?.includes(metadata.namespace ?? '') ?? true)) return false;
  const found = metadata.labels?.[watch.label];
  return found !== undefined && (watch.value === undefined || found === watch.value);
}

/** Files are named after the keys: if two objects share a key, the later one wins. */
export function filesOf(store: ObjectStore, watch: Watch): ReadonlyMap<string, string> {
  const objects = watch.kinds.flatMap((kind) => store.list(kind).filter((object) => concerns(watch, object)));
  return new Map(
    objects.flatMap(({ kind, ...object }) =>
      Object.entries((object['data'] ?? {}) as Readonly<Record<string, string>>).map(
        ([key, text]) => [key, kind === 'Secret' ? Buffer.from(text, 'base64').toString() : text] as const,
      ),
    ),
  );
}
