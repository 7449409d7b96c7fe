/** A running Alloy: reads the files its pod can see, runs the pipeline, pushes, and answers on its port. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import type { NodeFile } from '../node-files.ts';
import { globExpression } from '../node-files.ts';
import { flag, hostPathOf, mountAt, type Process, readMounted, storageAt, userOf } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { podTargets } from './discovery.ts';
import { type Component, type Graph, type GraphWorld, loadGraph } from './graph.ts';
import { AlloySyntaxError } from './lexer.ts';
import { mayListPods, mayReadPodLogs } from './may-list.ts';
import { createEndpoint, type Endpoint } from './push.ts';
import type { Labels } from './relabel.ts';

export interface Collector {
  /** There may be something to read. */
  wake(): void;
  /** Reads its configuration again, as on SIGHUP or `POST /-/reload`. */
  reload(): SandboxResponse;
  serve(request: SandboxRequest): SandboxResponse;
  stop(): void;
}

/** Where reading stopped, by storage and file; what is on a disk outlives the process. */
export type Positions = Map<string, Map<string, number>>;

export type CollectorStart = { readonly is: 'running'; readonly collector: Collector; readonly lines: readonly string[] } | { readonly is: 'crashed'; readonly lines: readonly string[] };

const LISTEN = ['level=info msg="starting complete graph evaluation" controller_path=/ controller_id=""', 'level=info msg="finished complete graph evaluation" controller_path=/ controller_id=""', 'level=info msg="scheduling loaded components and services"', 'level=info msg="now listening for http traffic" service=http addr=0.0.0.0:12345'];
const READ_DELAY_MS = 100;

export function isAlloy(process: Process): boolean {
  return /(^|\/)alloy(:|@|$)/.test(process.container.image) && process.words.includes('run');
}

/** The configuration file is the first argument after `run` that is no flag. */
function configPath(process: Process): string {
  return process.words.slice(process.words.indexOf('run') + 1).find((word) => !word.startsWith('-')) ?? '';
}

/** Starts it, or says why it ends at once. */
export function startCollector(around: LogSurroundings, process: Process, positions: Positions): CollectorStart {
  const path = configPath(process);
  const storage = flag(process, 'storage.path') ?? '/data-alloy';
  const refused = unwritable(process, storage);
  if (refused !== undefined) return { is: 'crashed', lines: [`Error: ${refused}`] };
  try {
    const collector = createCollector(around, process, { path, positions: positionsOf(positions, storageAt(process, storage)) });
    return { is: 'running', collector, lines: LISTEN };
  } catch (error) {
    if (!(error instanceof AlloySyntaxError)) throw error;
    return { is: 'crashed', lines: [`Error: ${path}:${error.message}`, 'Error: could not perform the initial load successfully'] };
  }
}

function unwritable(process: Process, storage: string): string | undefined {
  const security = (process.container as { readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean } }).securityContext;
  const mount = mountAt(process, storage);
  if (mount?.mount.readOnly === true || (mount === undefined && security?.readOnlyRootFilesystem === true)) return `failed to build component: mkdir ${storage}: read-only file system`;
  // The kubelet makes a hostPath folder as root, mode 0755.
  if (hostPathOf(process, storage) !== undefined && userOf(process) !== 0) return `failed to build component: mkdir ${storage}: permission denied`;
  return undefined;
}

function positionsOf(all: Positions, storage: string | undefined): Map<string, number> {
  const found = (storage === undefined ? undefined : all.get(storage)) ?? new Map<string, number>();
  if (storage !== undefined) all.set(storage, found);
  return found;
}

/** Throws AlloySyntaxError. */
function createCollector(around: LogSurroundings, process: Process, of: { readonly path: string; readonly positions: Map<string, number> }): Collector {
  const { clock, store } = around;
  const endpoints = new Map<string, Endpoint>();
  const metrics = new Map<string, number>();
  const told = new Set<string>();
  let active = 0;
  let waiting: (() => void) | undefined;
  let stopped = false;

  const say = (level: string, fields: Readonly<Record<string, string | number>>): void => {
    const words = Object.entries(fields).map(([name, value]) => `${name}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : value}`);
    around.print(process.pod, process.container.name, `ts=${clock.now().toISOString()} level=${level} ${words.join(' ')}`);
  };
  const once = (key: string, tell: () => void): void => {
    if (told.has(key)) return;
    told.add(key);
    tell();
  };
  const count = (metric: string, labels: Labels, by: number): void => {
    const key = `${metric}{${Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}}`;
    metrics.set(key, (metrics.get(key) ?? 0) + by);
  };
  const read = (file: string): string => {
    const text = readMounted(store, process, file);
    if (text === undefined) throw new Error(`unable to read file ${file}: open ${file}: no such file or directory`);
    return text;
  };
  const world: GraphWorld = {
    env: process.env,
    hostname: process.pod.metadata.name,
    discover: (component) => discover(around, process, { component, refuse: (message) => once(message, () => say('error', { msg: 'Unhandled Error', component_id: component.id, logger: 'UnhandledError', err: message })) }),
    match: (targets) => targets.flatMap((target) => matchFiles(around, process, target)),
    read,
    write(component, entry) {
      component.blocks.forEach((block, at) => {
        if (block.name !== 'endpoint') return;
        const key = `${component.id}/${at}`;
        const endpoint = endpoints.get(key) ?? createEndpoint({ clock, network: around.network, namespace: process.namespace, read, say, count, drained: () => wake() }, { component, block });
        endpoints.set(key, endpoint);
        endpoint.add(entry);
      });
    },
  };
  const load = (): Graph => loadGraph(read(of.path), world);
  let graph = readable(load, of.path);

  const wake = (): void => {
    if (!stopped) waiting ??= clock.after(READ_DELAY_MS, round);
  };
  const round = (): void => {
    waiting = undefined;
    if (stopped || [...endpoints.values()].some((endpoint) => endpoint.isFull())) return;
    try {
      active = 0;
      for (const source of graph.components('loki.source.file')) for (const job of fileJobs(around, process, source)) take(source, job);
      for (const source of graph.components('loki.source.kubernetes')) for (const job of tailJobs(around, process, source)) take(source, job);
    } catch (error) {
      if (!(error instanceof AlloySyntaxError)) throw error;
      once(error.message, () => say('error', { msg: 'failed to evaluate config', controller_path: '/', err: error.message }));
    }
  };
  const take = (source: Component, job: Job): void => {
    if (job.refused !== undefined) {
      const { refused } = job;
      return once(refused, () => say('error', { msg: 'failed to tail file', component_path: '/', component_id: source.id, path: job.path, err: refused }));
    }
    active += 1;
    const key = `${source.id}|${job.path}|${JSON.stringify(job.labels)}`;
    once(`started ${key}`, () => say('info', { msg: 'tail routine: started', component_path: '/', component_id: source.id, component: 'tailer', path: job.path }));
    const end = job.file.first + job.file.lines.length;
    const from = of.positions.get(key) ?? (source.args['tail_from_end'] === true ? end : job.file.first);
    of.positions.set(key, end);
    const lines = job.file.lines.slice(Math.max(0, from - job.file.first));
    if (lines.length === 0) return;
    count(source.name === 'loki.source.file' ? 'loki_source_file_read_lines_total' : 'loki_source_kubernetes_read_lines_total', { path: job.path }, lines.length);
    const nanos = BigInt(clock.now().getTime()) * 1_000_000n;
    lines.forEach((line, at) => graph.forward(source.args['forward_to'], { labels: job.labels, line: job.strip(line), nanos: nanos + BigInt(at), extracted: { ...job.labels } }));
  };
  wake();
  return {
    wake,
    stop() {
      stopped = true;
      waiting?.();
      for (const endpoint of endpoints.values()) endpoint.stop();
    },
    reload() {
      try {
        graph = load();
        told.clear();
        for (const endpoint of endpoints.values()) endpoint.stop();
        endpoints.clear();
        say('info', { msg: 'config reloaded', service: 'http' });
        wake();
        return { status: 200, body: 'config reloaded\n' };
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        say('error', { msg: 'failed to reload config', service: 'http', err: `${of.path}:${message}` });
        return { status: 400, body: `error during the initial load: ${of.path}:${message}\n` };
      }
    },
    serve(request) {
      const route = request.path.split('?')[0];
      if (route === '/-/ready') return { status: 200, body: 'Alloy is ready.\n' };
      if (route === '/-/healthy') return { status: 200, body: 'All Alloy components are healthy.\n' };
      if (route === '/-/reload') return this.reload();
      if (route === '/metrics') return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: exposition(metrics, active) };
      return { status: 404, body: '404 page not found\n' };
    },
  };
}

/** A missing configuration file ends Alloy the way a wrong one does. */
function readable(load: () => Graph, path: string): Graph {
  try {
    return load();
  } catch (error) {
    if (error instanceof AlloySyntaxError) throw error;
    throw new AlloySyntaxError({ line: 1, column: 1 }, `reading config path "${path}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

const EXPOSED = ['loki_source_file_read_lines_total', 'loki_source_kubernetes_read_lines_total', 'loki_write_sent_entries_total', 'loki_write_dropped_entries_total'];

function exposition(metrics: ReadonlyMap<string, number>, active: number): string {
  const counters = EXPOSED.flatMap((name) => {
    const series = [...metrics].filter(([key]) => key.startsWith(`${name}{`)).map(([key, value]) => `${key} ${value}`);
    return series.length === 0 ? [] : [`# TYPE ${name} counter`, ...series];
  });
  return `${['# TYPE loki_source_file_files_active_total gauge', `loki_source_file_files_active_total ${active}`, ...counters].join('\n')}\n`;
}

function discover(around: LogSurroundings, process: Process, of: { readonly component: Component; readonly refuse: (message: string) => void }): readonly Labels[] {
  if (of.component.args['role'] !== 'pod') return [];
  const account = { namespace: process.namespace, name: process.serviceAccount };
  if (!hasToken(around, process)) throw new AlloySyntaxError({ line: 1, column: 1 }, `failed to build component: unable to load in-cluster configuration: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory (${of.component.id})`);
  const spaces = of.component.blocks.find((block) => block.name === 'namespaces')?.args;
  const named = [...((spaces?.['names'] ?? []) as readonly string[]), ...(spaces?.['own_namespace'] === true ? [process.namespace] : [])];
  const allowed = (named.length === 0 ? [undefined] : named).filter((namespace) => {
    if (mayListPods(around.store, account, namespace)) return true;
    const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    of.refuse(`failed to list *v1.Pod: pods is forbidden: User "system:serviceaccount:${account.namespace}:${account.name}" cannot list resource "pods" in API group "" ${scope}`);
    return false;
  });
  if (allowed.length === 0) return [];
  const selector = of.component.blocks.find((block) => block.name === 'selectors' && block.args['role'] === 'pod')?.args ?? {};
  const [label, field] = [selector['label'], selector['field']];
  return podTargets(around.store, {
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

/** The files a `__path__` pattern finds from inside the container: none, without a word, when nothing is mounted there. */
function matchFiles(around: LogSurroundings, process: Process, target: Labels): readonly Labels[] {
  const pattern = target['__path__'] ?? '';
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

interface Job {
  readonly path: string;
  readonly labels: Labels;
  readonly file: Pick<NodeFile, 'first' | 'lines'>;
  readonly refused?: string;
  readonly strip: (line: string) => string;
}

const visible = (labels: Labels): Labels => Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith('__')));
const NOTHING = { first: 0, lines: [] };

function fileJobs(around: LogSurroundings, process: Process, source: Component): readonly Job[] {
  const given = (source.args['targets'] ?? []) as unknown as readonly Labels[];
  const globbing = source.blocks.some((block) => block.name === 'file_match' && block.args['enabled'] === true);
  const jobs = new Map<string, Job>();
  for (const target of globbing ? given.flatMap((one) => matchFiles(around, process, one)) : given) {
    const path = target['__path__'] ?? '';
    const labels = { ...visible(target), filename: path };
    const host = hostPathOf(process, path);
    const file = host === undefined ? undefined : around.files.on(process.node).find((candidate) => candidate.path === host);
    const refused = file === undefined ? `stat ${path}: no such file or directory` : userOf(process) === 0 ? undefined : `open ${path}: permission denied`;
    jobs.set(JSON.stringify(labels), { path, labels, file: file ?? NOTHING, strip: (line) => line, ...(refused !== undefined && { refused }) });
  }
  return [...jobs.values()];
}

function tailJobs(around: LogSurroundings, process: Process, source: Component): readonly Job[] {
  const account = { namespace: process.namespace, name: process.serviceAccount };
  const jobs = new Map<string, Job>();
  for (const target of (source.args['targets'] ?? []) as unknown as readonly Labels[]) {
    const [namespace, pod, container] = ['namespace', 'pod_name', 'pod_container_name'].map((name) => target[`__meta_kubernetes_${name}`] ?? '') as [string, string, string];
    const path = `${namespace}/${pod}:${container}`;
    const labels = { ...visible(target), instance: path, job: target['job'] ?? source.id };
    const file = around.files.all().filter((candidate) => candidate.pod.namespace === namespace && candidate.pod.name === pod && candidate.container === container).at(-1);
    const refused = mayReadPodLogs(around.store, account, namespace) ? undefined : `pods "${pod}" is forbidden: User "system:serviceaccount:${account.namespace}:${account.name}" cannot get resource "pods/log" in API group "" in the namespace "${namespace}"`;
    jobs.set(path, { path, labels, file: file ?? NOTHING, strip: (line) => line.replace(/^\S+ \S+ \S+ /, ''), ...(refused !== undefined && { refused }) });
  }
  return [...jobs.values()];
}

