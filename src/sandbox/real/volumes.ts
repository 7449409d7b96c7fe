/** What is mounted into a container: folders of the node, claims, emptyDirs, and the files of ConfigMaps, Secrets and tokens. */
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, Pod, Volume } from '../cluster/shapes.ts';
import type { ObjectStore } from '../types.ts';

export interface VolumeParts {
  readonly store: ObjectStore;
  /** Where nodes, claims and pods have their folders. */
  readonly folder: string;
  /** PEM of the cluster's authority. */
  readonly ca: string;
  readonly signToken: (of: { readonly namespace: string; readonly serviceAccount: string; readonly audience: string; readonly seconds: number }) => string;
}

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly isFile: boolean;
  readonly readOnly: boolean;
}

interface Source {
  readonly name?: string;
  readonly secretName?: string;
  readonly defaultMode?: number;
  readonly items?: readonly { readonly key: string; readonly path?: string; readonly mode?: number }[];
}
interface TokenSource {
  readonly path: string;
  readonly audience?: string;
  readonly expirationSeconds?: number;
}
interface DownwardSource {
  readonly items?: readonly { readonly path: string; readonly fieldRef?: { readonly fieldPath: string } }[];
}
interface Sources {
  readonly configMap?: Source;
  readonly secret?: Source;
  readonly serviceAccountToken?: TokenSource;
  readonly downwardAPI?: DownwardSource;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const FILE_MODE = 0o644;
const TOKEN_SECONDS = 3607;

export const nodeFolder = (root: string, node: string, path = ''): string => join(root, 'nodes', node, path);
export const podVolumes = (root: string, pod: Pod): string => join(root, 'pods', pod.metadata.uid ?? '', 'volumes');

/** Creates what is missing, and returns the mounts of a container with the outer ones first. */
export function mountsOf(parts: VolumeParts, pod: Pod, container: Container): readonly Mount[] {
  const mounts = (container.volumeMounts ?? []).map((mount): Mount => {
    const { subPath } = mount as { readonly subPath?: string };
    const volume = pod.spec.volumes?.find(({ name }) => name === mount.name) ?? { name: mount.name, emptyDir: {} };
    const folder = prepare(parts, pod, volume);
    const source = subPath === undefined ? folder : join(folder, subPath);
    if (subPath !== undefined && statSync(source, { throwIfNoEntry: false }) === undefined) mkdirSync(source, { recursive: true });
    return { source, target: mount.mountPath, isFile: statSync(source).isFile(), readOnly: mount.readOnly === true || isWritten(volume) };
  });
  const automatic = (pod.spec as { readonly automountServiceAccountToken?: boolean }).automountServiceAccountToken;
  if (automatic !== false && !mounts.some(({ target }) => target === SERVICE_ACCOUNT))
    mounts.push({ source: serviceAccount(parts, pod), target: SERVICE_ACCOUNT, isFile: false, readOnly: true });
  return mounts.toSorted((a, b) => a.target.split('/').length - b.target.split('/').length);
}

/** Filled by the kubelet, and therefore read-only. */
const isWritten = ({ configMap, secret, projected, downwardAPI }: Volume & Sources): boolean =>
  configMap !== undefined || secret !== undefined || projected !== undefined || downwardAPI !== undefined;

function prepare(parts: VolumeParts, pod: Pod, volume: Volume): string {
  const host = (volume['hostPath'] as { readonly path: string } | undefined)?.path;
  const claim = volume.persistentVolumeClaim?.claimName;
  const folder =
    host !== undefined
      ? nodeFolder(parts.folder, pod.spec.nodeName ?? '', host)
      : claim !== undefined
        ? join(parts.folder, 'claims', `${pod.metadata.namespace}_${claim}`)
        : join(podVolumes(parts.folder, pod), volume.name);
  const isNew = statSync(folder, { throwIfNoEntry: false }) === undefined;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (isNew && host === undefined && !isWritten(volume)) share(folder, pod);
  if (isWritten(volume)) fill(parts, pod, { folder, volume });
  return folder;
}

/** For every user and, with fsGroup, for that group. */
function share(folder: string, pod: Pod): void {
  const group = (pod.spec['securityContext'] as { readonly fsGroup?: number } | undefined)?.fsGroup;
  if (group !== undefined) chownSync(folder, 0, group);
  chmodSync(folder, group === undefined ? 0o777 : 0o2775);
}

/** Writes the objects' current contents; removes what they no longer hold. */
export function fill(parts: VolumeParts, pod: Pod, of: { readonly folder: string; readonly volume: Volume }): void {
  const { projected } = of.volume as { readonly projected?: { readonly defaultMode?: number; readonly sources?: readonly Sources[] } };
  const sources = projected?.sources ?? [of.volume as Sources];
  const wanted = sources.flatMap((source) => filesOf(parts, pod, { source, mode: projected?.defaultMode ?? FILE_MODE, folder: of.folder }));
  mkdirSync(of.folder, { recursive: true });
  for (const { path, bytes, mode } of wanted) put(join(of.folder, path), bytes, mode);
  const kept = new Set(wanted.map(({ path }) => path.split('/')[0]));
  // A folder may be the mount point of another mount.
  for (const entry of readdirSync(of.folder, { withFileTypes: true }))
    if (entry.isFile() && !kept.has(entry.name) && !entry.name.endsWith('.tmp')) rmSync(join(of.folder, entry.name), { force: true });
  const group = (pod.spec['securityContext'] as { readonly fsGroup?: number } | undefined)?.fsGroup;
  // As the kubelet does: the group may read what its owner may read.
  if (group !== undefined)
    for (const { path, mode } of wanted) {
      chownSync(join(of.folder, path), 0, group);
      chmodSync(join(of.folder, path), mode | ((mode & 0o400) >> 3));
    }
}

interface Written {
  readonly path: string;
  readonly bytes: Buffer;
  readonly mode: number;
}

function filesOf(parts: VolumeParts, pod: Pod, of: { readonly source: Sources; readonly mode: number; readonly folder: string }): readonly Written[] {
  const { configMap, secret, serviceAccountToken: token, downwardAPI } = of.source;
  const namespace = pod.metadata.namespace ?? 'default';
  if (token !== undefined) return [{ path: token.path, bytes: tokenFor(parts, pod, { token, path: join(of.folder, token.path) }), mode: of.mode }];
  if (downwardAPI !== undefined)
    return (downwardAPI.items ?? []).map(({ path, fieldRef }) => ({
      path,
      bytes: Buffer.from(fieldRef?.fieldPath === 'metadata.namespace' ? namespace : pod.metadata.name),
      mode: of.mode,
    }));
  const source = configMap ?? secret;
  if (source === undefined) return [];
  const name = source.secretName ?? source.name ?? '';
  const data = dataOf(parts, { kind: configMap === undefined ? 'Secret' : 'ConfigMap', namespace, name });
  const items = source.items ?? Object.keys(data).map((key) => ({ key, path: key }));
  return items.flatMap((item: { readonly key: string; readonly path?: string; readonly mode?: number }) => {
    const bytes = data[item.key];
    return bytes === undefined ? [] : [{ path: item.path ?? item.key, bytes, mode: item.mode ?? source.defaultMode ?? of.mode }];
  });
}

function dataOf(
  parts: VolumeParts,
  of: { readonly kind: 'ConfigMap' | 'Secret'; readonly namespace: string; readonly name: string },
): Readonly<Record<string, Buffer>> {
  // Every namespace has this one, created by a controller.
  if (of.kind === 'ConfigMap' && of.name === 'kube-root-ca.crt') return { 'ca.crt': Buffer.from(parts.ca) };
  const object = parts.store.get(of.kind, of.namespace, of.name);
  const decoded = (values: unknown, encoding: 'base64' | 'utf8') =>
    Object.entries((values ?? {}) as Readonly<Record<string, string>>).map(([key, text]) => [key, Buffer.from(text, encoding)] as const);
  return Object.fromEntries([...decoded(object?.['data'], of.kind === 'Secret' ? 'base64' : 'utf8'), ...decoded(object?.['binaryData'], 'base64')]);
}

/** A token is kept while a fifth of its lifetime remains. */
function tokenFor(parts: VolumeParts, pod: Pod, { token, path }: { readonly token: TokenSource; readonly path: string }): Buffer {
  const seconds = token.expirationSeconds ?? TOKEN_SECONDS;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && Date.now() - found.mtimeMs < seconds * 800) return readFileSync(path);
  return Buffer.from(
    parts.signToken({
      namespace: pod.metadata.namespace ?? 'default',
      serviceAccount: pod.spec.serviceAccountName ?? 'default',
      audience: token.audience ?? 'https://kubernetes.default.svc',
      seconds,
    }),
  );
}

function serviceAccount(parts: VolumeParts, pod: Pod): string {
  const folder = join(podVolumes(parts.folder, pod), 'kube-api-access');
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
    { configMap: { name: 'kube-root-ca.crt' } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
  ];
  fill(parts, pod, { folder, volume: { name: 'kube-api-access', projected: { sources } } });
  return folder;
}

/** Replaced by a rename, so that a reader never sees half of it. */
function put(path: string, bytes: Buffer, mode: number): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true && (found.mode & 0o7777) === mode && readFileSync(path).equals(bytes)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, bytes, { mode });
  chmodSync(`${path}.tmp`, mode);
  renameSync(`${path}.tmp`, path);
}
