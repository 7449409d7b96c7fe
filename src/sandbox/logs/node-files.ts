/** The log files on the nodes, as the kubelet and containerd write them. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import { restartsOf } from './process.ts';

export interface NodeFile {
  readonly node: string;
  /** `/var/log/pods/<namespace>_<pod>_<uid>/<container>/<restart>.log`; a rotated file has the time of its rotation appended. */
  readonly path: string;
  readonly uid: string;
  readonly container: string;
  /** The restart count; the kubelet keeps the files of the last two. */
  readonly run: number;
  readonly pod: { readonly namespace: string; readonly name: string };
  readonly lines: readonly string[];
  readonly bytes: number;
}

export interface NodeFiles {
  append(pod: KubeObject, container: string, entry: { readonly time: Date; readonly line: string }): void;
  on(node: string): readonly NodeFile[];
  at(node: string, path: string): NodeFile | undefined;
  all(): readonly NodeFile[];
  /** The kubelet removes a pod's folder. */
  remove(uid: string): void;
}

/** `containerLogMaxSize` and `containerLogMaxFiles` of the kubelet. A reader with an open file continues in the renamed one. */
const ROTATED_AT = 10 * 1_048_576;
const KEPT_FILES = 5;
/** Containerd writes a longer line in parts. */
const PART = 16_384;

type OpenFile = { -readonly [field in keyof NodeFile]: field extends 'lines' ? string[] : NodeFile[field] };

/** The kubelet names the folder of a static pod after the hash of its manifest, whatever uid its mirror has. */
function folderUid({ metadata: { annotations, uid = '' } }: KubeObject): string {
  return annotations?.['kubernetes.io/config.mirror'] === undefined ? uid : (annotations['kubernetes.io/config.hash'] ?? uid);
}

/** Indexed by node and by pod: thousands of nodes repeatedly look up their own few files. */
export function createNodeFiles(): NodeFiles {
  const byNode = new Map<string, Map<string, OpenFile>>();
  const byPod = new Map<string, Set<OpenFile>>();
  const drop = (file: OpenFile): void => {
    byNode.get(file.node)?.delete(file.path);
    byPod.get(file.uid)?.delete(file);
  };
  const begin = (file: OpenFile): OpenFile => {
    const siblings = byPod.get(file.uid) ?? new Set();
    byPod.set(file.uid, siblings);
    for (const old of siblings) if (old.container === file.container && old.run < file.run - 1) drop(old);
    siblings.add(file);
    const here = byNode.get(file.node) ?? new Map<string, OpenFile>();
    byNode.set(file.node, here.set(file.path, file));
    return file;
  };
  const rotate = (file: OpenFile, time: Date): OpenFile => {
    const { path } = file;
    const here = byNode.get(file.node);
    const renamed = `${path}.${time.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`;
    if (here?.has(renamed)) return file;
    here?.delete(path);
    file.path = renamed;
    here?.set(renamed, file);
    const rotated = [...(byPod.get(file.uid) ?? [])].filter((one) => one.path.startsWith(`${path}.`));
    for (const old of rotated.toSorted((a, b) => (a.path < b.path ? -1 : 1)).slice(0, Math.max(0, rotated.length - (KEPT_FILES - 1)))) drop(old);
    return begin({ ...file, path, lines: [], bytes: 0 });
  };
  return {
    append(pod, container, entry) {
      const { namespace = 'default', name, uid = '' } = pod.metadata;
      const node = (pod as Pod).spec.nodeName ?? '';
      const run = restartsOf(pod, container);
      const path = `/var/log/pods/${namespace}_${name}_${folderUid(pod)}/${container}/${run}.log`;
      const known = byNode.get(node)?.get(path) ?? begin({ node, path, uid, container, run, pod: { namespace, name }, lines: [], bytes: 0 });
      const file = known.bytes >= ROTATED_AT ? rotate(known, entry.time) : known;
      for (const line of criLines(entry)) {
        file.lines.push(line);
        file.bytes += Buffer.byteLength(line) + 1;
      }
    },
    on: (node) => [...(byNode.get(node)?.values() ?? [])],
    at: (node, path) => byNode.get(node)?.get(path),
    all: () => [...byNode.values()].flatMap((files) => [...files.values()]),
    remove(uid) {
      for (const file of byPod.get(uid) ?? []) byNode.get(file.node)?.delete(file.path);
      byPod.delete(uid);
    },
  };
}

function criLines(entry: { readonly time: Date; readonly line: string }): readonly string[] {
  const prefix = `${entry.time.toISOString().replace('Z', '000000Z')} stdout`;
  return entry.line.split('\n').flatMap((line) => {
    const parts = line.match(new RegExp(`[\\s\\S]{1,${PART}}`, 'g')) ?? [''];
    return parts.map((part, at) => `${prefix} ${at === parts.length - 1 ? 'F' : 'P'} ${part}`);
  });
}

/** A shell pattern (`*`, `**`, `?`, `[a-z]`, `{a,b}`) over paths. */
export function globExpression(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/?|\*|\?|\[!?[^\]]*\]|\{[^}]*\}|[.+^$()|\\{}[\]]/g, (token) => {
    if (token === '**/') return '(?:.*/)?';
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.startsWith('[') && token.length > 2) return token.replace('[!', '[^');
    if (token.startsWith('{') && token.length > 2)
      return `(?:${token
        .slice(1, -1)
        .split(',')
        .map((part) => part.replace(/[.+^$()|\\*?]/g, '\\$&'))
        .join('|')})`;
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}
