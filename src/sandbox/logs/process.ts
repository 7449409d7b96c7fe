/** A container of the log path as its process sees itself: arguments, environment, files, identity. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { environmentOf, expandArguments } from '../cluster/environment.ts';
import type { Container, ContainerStatus, Pod, Volume } from '../cluster/shapes.ts';
import type { ObjectStore } from '../types.ts';

export interface Process {
  readonly pod: Pod;
  readonly container: Container;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly node: string;
  readonly env: Readonly<Record<string, string>>;
  /** Command and arguments, `$(NAME)` expanded. */
  readonly words: readonly string[];
}

export function processOf(store: ObjectStore, object: KubeObject, name: string): Process | undefined {
  const pod = object as Pod;
  const container = pod.spec.containers.find((candidate) => candidate.name === name);
  if (container === undefined) return undefined;
  const known = environmentOf(store, pod, container);
  const env = known.is === 'known' ? known.env : {};
  return {
    pod,
    container,
    env,
    namespace: pod.metadata.namespace ?? 'default',
    serviceAccount: pod.spec.serviceAccountName ?? 'default',
    node: pod.spec.nodeName ?? '',
    words: expandArguments([...(container.command ?? []), ...(container.args ?? [])], env),
  };
}

/** The value of `-name=value` or `--name=value`. */
export function flag(process: Process, name: string): string | undefined {
  const found = process.words.find((word) => word.startsWith(`-${name}=`) || word.startsWith(`--${name}=`));
  return found?.slice(found.indexOf('=') + 1);
}

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

/** Where a path of the container is: the deepest mount over it, and the rest of the path below that. */
export function mountAt(process: Process, path: string): { readonly mount: Mount; readonly volume: Volume; readonly below: string } | undefined {
  const mounts = (process.container.volumeMounts ?? []) as readonly Mount[];
  const over = mounts
    .map((mount) => ({ mount, root: mount.mountPath.replace(/\/+$/, '') }))
    .filter(({ root }) => path === root || path.startsWith(`${root}/`))
    .sort((a, b) => b.root.length - a.root.length)[0];
  const volume = process.pod.spec.volumes?.find((candidate) => candidate.name === over?.mount.name);
  if (over === undefined || volume === undefined) return undefined;
  const below = path.slice(over.root.length).replace(/^\/+/, '');
  return { mount: over.mount, volume, below: [over.mount.subPath, below].filter(Boolean).join('/') };
}

/** The path on the node, when a hostPath volume is mounted over it. */
export function hostPathOf(process: Process, path: string): string | undefined {
  const found = mountAt(process, path);
  const host = (found?.volume['hostPath'] as { readonly path: string } | undefined)?.path;
  return host === undefined ? undefined : [host.replace(/\/+$/, ''), found?.below].filter((part) => part !== '').join('/');
}

/** The storage at this path that outlives the container; `undefined` is the container's own file system. */
export function storageAt(process: Process, path: string): string | undefined {
  const found = mountAt(process, path);
  if (found === undefined) return undefined;
  const host = hostPathOf(process, path);
  if (host !== undefined) return `node/${process.node}/${host}`;
  const claim = claimAt(process, path);
  return claim === undefined ? `pod/${process.pod.metadata.uid}/${found.volume.name}` : `claim/${claim}`;
}

/** `namespace/name` of the volume claim at this path. */
export function claimAt(process: Process, path: string): string | undefined {
  const claim = mountAt(process, path)?.volume.persistentVolumeClaim?.claimName;
  return claim === undefined ? undefined : `${process.namespace}/${claim}`;
}

interface Source {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly { readonly key: string; readonly path?: string }[];
}

/** The text of a file that comes from a ConfigMap or a Secret; `undefined` when there is none. */
export function readMounted(store: ObjectStore, process: Process, path: string): string | undefined {
  const found = mountAt(process, path);
  if (found === undefined) return undefined;
  const { volume, below } = found;
  const projected = (volume.projected?.sources ?? []) as readonly { readonly configMap?: Source; readonly secret?: Source }[];
  for (const { configMap, secret } of [volume as { readonly configMap?: Source; readonly secret?: Source }, ...projected]) {
    const text = readSource(store, process, { source: configMap ?? secret, kind: configMap === undefined ? 'Secret' : 'ConfigMap', file: below });
    if (text !== undefined) return text;
  }
  return undefined;
}

function readSource(
  store: ObjectStore,
  process: Process,
  of: { readonly source: Source | undefined; readonly kind: 'ConfigMap' | 'Secret'; readonly file: string },
): string | undefined {
  if (of.source === undefined) return undefined;
  const { items } = of.source;
  const key = items === undefined ? of.file : items.find((item) => (item.path ?? item.key) === of.file)?.key;
  const object = store.get(of.kind, process.namespace, of.source.secretName ?? of.source.name ?? '');
  const value = key === undefined ? undefined : (object?.['data'] as Readonly<Record<string, string>> | undefined)?.[key];
  if (value !== undefined) return of.kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value;
  const plain = key === undefined || of.kind === 'ConfigMap' ? undefined : (object?.['stringData'] as Readonly<Record<string, string>> | undefined)?.[key];
  return plain;
}

interface Identity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly supplementalGroups?: readonly number[];
}

function identityOf(process: Process): Identity {
  const own = process.container as { readonly securityContext?: Identity };
  return { ...(process.pod.spec['securityContext'] as Identity | undefined), ...own.securityContext };
}

/** The user the process runs as; the images of the log path run as root unless told otherwise. */
export const userOf = (process: Process): number => identityOf(process).runAsUser ?? 0;

/** Whether the kernel lets the process read a file of root and of this group. */
export function mayRead(process: Process, file: { readonly mode: number; readonly group?: number }): boolean {
  const { runAsUser = 0, runAsGroup = 0, fsGroup, supplementalGroups = [] } = identityOf(process);
  // Reading any file takes a capability that root has, unless it is dropped; it can read its own files without.
  if (runAsUser === 0) return (file.mode & 0o400) !== 0;
  const inGroup = [runAsGroup, fsGroup, ...supplementalGroups].includes(file.group ?? 0);
  return (file.mode & (inGroup ? 0o040 : 0o004)) !== 0;
}

/** Whether a file of a ConfigMap or a Secret may be read: it belongs to root, or to the pod's fsGroup if there is one. */
export function mayReadMounted(process: Process, path: string): boolean {
  const found = mountAt(process, path);
  const source = (found?.volume['secret'] ?? found?.volume.configMap ?? found?.volume.projected) as
    | { readonly defaultMode?: number; readonly items?: readonly { readonly path?: string; readonly key: string; readonly mode?: number }[] }
    | undefined;
  const mode = source?.items?.find((item) => (item.path ?? item.key) === found?.below)?.mode ?? source?.defaultMode ?? 0o644;
  const { fsGroup } = identityOf(process);
  // The kubelet lets the pod's group read what its owner may read.
  return fsGroup === undefined ? mayRead(process, { mode }) : mayRead(process, { mode: mode | ((mode & 0o400) >> 3), group: fsGroup });
}

/** The restart count the API shows: part of a log file's name. */
export function restartsOf(pod: KubeObject, container: string): number {
  const { containerStatuses = [], initContainerStatuses = [] } = ((pod as Pod).status ?? {}) as {
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === container)?.restartCount ?? 0;
}
