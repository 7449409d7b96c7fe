/** The files a container sees below its mounts: logs of its node, ConfigMaps, Secrets. */
import type { MountedFiles } from '../types.ts';
import { hostPathOf, mountAt, type Process, readMounted } from './process.ts';
import type { LogSurroundings } from './surroundings.ts';

type Around = Pick<LogSurroundings, 'store' | 'files'>;

export function mountedFiles(around: Around, process: Process): MountedFiles {
  const roots = (process.container.volumeMounts ?? []).map(({ mountPath }) => mountPath.replace(/(?<=.)\/+$/, ''));
  const files = roots.flatMap((root) => {
    const host = hostPathOf(process, root);
    return host === undefined ? configured(around, process, root) : logsBelow(around, process, { root, host });
  });
  return { roots, files };
}

function logsBelow({ files }: Around, process: Process, at: { readonly root: string; readonly host: string }): MountedFiles['files'] {
  const below = files.on(process.node).filter(({ path }) => path.startsWith(`${at.host}/`));
  return below.map(({ path, lines }) => ({ path: `${at.root}${path.slice(at.host.length)}`, text: lines.map((line) => `${line}\n`).join('') }));
}

interface Source {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly { readonly key: string; readonly path?: string }[];
}

/** A `subPath` mount is one file, any other a folder of keys. */
function configured({ store }: Around, process: Process, root: string): MountedFiles['files'] {
  const found = mountAt(process, root);
  if (found === undefined) return [];
  const { volume, mount } = found;
  const sources = [volume, ...(volume.projected?.sources ?? [])].flatMap(({ configMap, secret }) => [
    { kind: 'ConfigMap', source: configMap as Source | undefined },
    { kind: 'Secret', source: secret as Source | undefined },
  ]);
  const names = sources.flatMap(({ kind, source }) => {
    if (source?.items !== undefined) return source.items.map((item) => item.path ?? item.key);
    const object = source === undefined ? undefined : store.get(kind, process.namespace, source.secretName ?? source.name ?? '');
    return Object.keys((object?.['data'] ?? {}) as object);
  });
  const paths = mount.subPath === undefined ? names.map((name) => `${root}/${name}`) : [root];
  return paths.flatMap((path) => {
    const text = readMounted(store, process, path);
    return text === undefined ? [] : [{ path, text }];
  });
}
