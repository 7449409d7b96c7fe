/** The log files on the nodes, as the kubelet and containerd write them. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import { restartsOf } from './process.ts';

export interface NodeFile {
  readonly node: string;
  /** `/var/log/pods/<namespace>_<pod>_<uid>/<container>/<restart>.log` */
  readonly path: string;
  readonly uid: string;
  readonly container: string;
  /** The restart count; the kubelet keeps the files of the last two. */
  readonly run: number;
  readonly pod: { readonly namespace: string; readonly name: string };
  /** Index of `lines[0]` since the file began; older ones are rotated away. */
  readonly first: number;
  readonly lines: readonly string[];
}

export interface NodeFiles {
  append(pod: KubeObject, container: string, entry: { readonly time: Date; readonly line: string }): void;
  on(node: string): readonly NodeFile[];
  at(node: string, path: string): NodeFile | undefined;
  all(): readonly NodeFile[];
  /** The kubelet clears a pod's folder away. */
  remove(uid: string): void;
}

const KEPT = 10_000;
/** Containerd writes a longer line in parts. */
const PART = 16_384;

type OpenFile = { -readonly [field in keyof NodeFile]: field extends 'lines' ? string[] : NodeFile[field] };

/** Indexed by node and by pod: thousands of nodes ask for their own few files, again and again. */
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
  return {
    append(pod, container, entry) {
      const { namespace = 'default', name, uid = '' } = pod.metadata;
      const node = (pod as Pod).spec.nodeName ?? '';
      const run = restartsOf(pod, container);
      const path = `/var/log/pods/${namespace}_${name}_${uid}/${container}/${run}.log`;
      const file = byNode.get(node)?.get(path) ?? begin({ node, path, uid, container, run, pod: { namespace, name }, first: 0, lines: [] });
      file.lines.push(...criLines(entry));
      const over = file.lines.length - KEPT;
      if (over > 0) {
        file.lines.splice(0, over);
        file.first += over;
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
