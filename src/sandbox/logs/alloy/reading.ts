/** What a collector can see from inside its pod: targets by RBAC, files by mounts and user. */
import { globExpression, type NodeFile } from '../node-files.ts';
import { hostPathOf, mayRead, type Process } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { podTargets } from './discovery.ts';
import type { Component } from './graph.ts';
import { AlloySyntaxError } from './lexer.ts';
import { deniedPodList, deniedPodLogs } from './access.ts';
import type { Labels } from './relabel.ts';

export function discover(
  around: LogSurroundings,
  process: Process,
  of: { readonly component: Component; readonly refuse: (message: string) => void },
): readonly Labels[] {
  if (of.component.args['role'] !== 'pod') return [];
  const account = { namespace: process.namespace, name: process.serviceAccount };
  if (!hasToken(around, process))
    throw new AlloySyntaxError(
      { line: 1, column: 1 },
      `failed to build component: unable to load in-cluster configuration: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory (${of.component.id})`,
    );
  const spaces = of.component.blocks.find((block) => block.name === 'namespaces')?.args;
  const named = [...((spaces?.['names'] ?? []) as readonly string[]), ...(spaces?.['own_namespace'] === true ? [process.namespace] : [])];
  const allowed = (named.length === 0 ? [undefined] : named).filter((namespace) => {
    const denial = deniedPodList(around.store, account, namespace);
    if (denial === undefined) return true;
    of.refuse(`failed to list *v1.Pod: pods is forbidden: ${denial}`);
    return false;
  });
  if (allowed.length === 0) return [];
  const selector = of.component.blocks.find((block) => block.name === 'selectors' && block.args['role'] === 'pod')?.args ?? {};
  const [label, field] = [selector['label'], selector['field']];
  return podTargets(around, {
    namespaces: allowed.filter((namespace) => namespace !== undefined),
    ...(typeof label === 'string' && { label }),
    ...(typeof field === 'string' && { field }),
  });
}

function hasToken(around: LogSurroundings, process: Process): boolean {
  const own = process.pod.spec['automountServiceAccountToken'];
  const account = around.store.get('ServiceAccount', process.namespace, process.serviceAccount)?.['automountServiceAccountToken'];
  return (own ?? account ?? true) !== false;
}

/** The files that a `__path__` pattern matches in the container: none, without any error, when nothing is mounted there. */
export function matchFiles(around: LogSurroundings, process: Process, target: Labels): readonly Labels[] {
  return alternatives(target['__path__'] ?? '').flatMap((pattern) => matchPattern(around, process, { target, pattern }));
}

/** `/var/{log/pods,lib/backlog}/*` matches paths under several mounts: one pattern each. */
function alternatives(pattern: string): readonly string[] {
  const [whole, before, list, after] = /^([^{]*)\{([^{}]*,[^{}]*)\}(.*)$/.exec(pattern) ?? [];
  return whole === undefined ? [pattern] : list!.split(',').flatMap((one) => alternatives(`${before}${one}${after}`));
}

function matchPattern(around: LogSurroundings, process: Process, of: { readonly target: Labels; readonly pattern: string }): readonly Labels[] {
  const { target, pattern } = of;
  const fixed = pattern.slice(0, pattern.search(/[*?[{]|$/)).replace(/\/[^/]*$/, '');
  const host = hostPathOf(process, fixed);
  if (host === undefined) return [];
  const wanted = globExpression(pattern);
  const unwanted = target['__path_exclude__'] === undefined ? undefined : globExpression(target['__path_exclude__']);
  return around.files
    .on(process.node)
    .filter((file) => file.path.startsWith(`${host}/`))
    .map((file) => fixed + file.path.slice(host.length))
    .filter((path) => wanted.test(path) && unwanted?.test(path) !== true)
    .map((path) => ({ ...target, __path__: path }));
}

export interface Job {
  readonly path: string;
  readonly labels: Labels;
  readonly file: NodeFile | undefined;
  readonly refused?: string;
  readonly strip: (line: string) => string;
}

const visible = (labels: Labels): Labels => Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith('__')));
/** Containerd writes logs as root, readable by root's group. */
const LOG_MODE = 0o640;

export function fileJobs(around: LogSurroundings, process: Process, source: Component): readonly Job[] {
  const given = (source.args['targets'] ?? []) as unknown as readonly Labels[];
  const globbing = source.blocks.some((block) => block.name === 'file_match' && block.args['enabled'] === true);
  const jobs = new Map<string, Job>();
  for (const target of globbing ? given.flatMap((one) => matchFiles(around, process, one)) : given) {
    const path = target['__path__'] ?? '';
    const labels = { ...visible(target), filename: path };
    const host = hostPathOf(process, path);
    const file = host === undefined ? undefined : around.files.at(process.node, host);
    const refused =
      file === undefined
        ? `failed to tail file: stat ${path}: no such file or directory`
        : mayRead(process, { mode: LOG_MODE })
          ? undefined
          : `failed to tail the file: open ${path}: permission denied`;
    jobs.set(JSON.stringify(labels), { path, labels, file, strip: (line) => line, ...(refused !== undefined && { refused }) });
  }
  return [...jobs.values()];
}

export function tailJobs(around: LogSurroundings, process: Process, source: Component): readonly Job[] {
  const account = { namespace: process.namespace, name: process.serviceAccount };
  const jobs = new Map<string, Job>();
  for (const target of (source.args['targets'] ?? []) as unknown as readonly Labels[]) {
    const [namespace, pod, container] = ['namespace', 'pod_name', 'pod_container_name'].map((name) => target[`__meta_kubernetes_${name}`] ?? '') as [
      string,
      string,
      string,
    ];
    const path = `${namespace}/${pod}:${container}`;
    const labels = { ...visible(target), instance: path, job: target['job'] ?? source.id };
    const file = around.files
      .all()
      .filter(
        (candidate) =>
          candidate.pod.namespace === namespace && candidate.pod.name === pod && candidate.container === container && candidate.path.endsWith('.log'),
      )
      .at(-1);
    const denial = deniedPodLogs(around.store, account, namespace);
    const refused = denial === undefined ? undefined : `pods "${pod}" is forbidden: ${denial}`;
    jobs.set(path, { path, labels, file, strip: (line) => line.replace(/^\S+ \S+ \S+ /, ''), ...(refused !== undefined && { refused }) });
  }
  return [...jobs.values()];
}
