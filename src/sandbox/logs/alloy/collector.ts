/** A running Alloy: reads the files its pod can see, runs the pipeline, pushes, and answers on its port. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import { flag, hostPathOf, mountAt, type Process, readMounted, storageAt, userOf } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { type Component, type Graph, type GraphWorld, loadGraph } from './graph.ts';
import { AlloySyntaxError } from './lexer.ts';
import { createEndpoint, type Endpoint } from './push.ts';
import { discover, fileJobs, type Job, matchFiles, tailJobs } from './reading.ts';
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

export type CollectorStart =
  | { readonly is: 'running'; readonly collector: Collector; readonly lines: readonly string[] }
  | { readonly is: 'crashed'; readonly lines: readonly string[] };

const LISTEN = [
  'level=info msg="starting complete graph evaluation" controller_path=/ controller_id=""',
  'level=info msg="finished complete graph evaluation" controller_path=/ controller_id=""',
  'level=info msg="scheduling loaded components and services"',
  'level=info msg="failed to register collector with remote server" service=remotecfg name="" err="noop client"',
  'level=info msg="now listening for http traffic" service=http addr=0.0.0.0:12345',
];
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
  if (mount?.mount.readOnly === true || (mount === undefined && security?.readOnlyRootFilesystem === true))
    return `failed to build component: mkdir ${storage}: read-only file system`;
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
    const key = `${metric}{${Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(',')}}`;
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
    discover: (component) =>
      discover(around, process, {
        component,
        refuse: (message) => once(message, () => say('error', { msg: 'Unhandled Error', component_id: component.id, logger: 'UnhandledError', err: message })),
      }),
    match: (targets) => targets.flatMap((target) => matchFiles(around, process, target)),
    read,
    write(component, entry) {
      component.blocks.forEach((block, at) => {
        if (block.name !== 'endpoint') return;
        const key = `${component.id}/${at}`;
        const endpoint =
          endpoints.get(key) ??
          createEndpoint({ clock, network: around.network, namespace: process.namespace, read, say, count, drained: () => wake() }, { component, block });
        endpoints.set(key, endpoint);
        endpoint.add(entry, { component, block });
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
    once(`started ${key}`, () =>
      say('info', { msg: 'tail routine: started', component_path: '/', component_id: source.id, component: 'tailer', path: job.path }),
    );
    const end = job.file.first + job.file.lines.length;
    const from = of.positions.get(key) ?? (source.args['tail_from_end'] === true ? end : job.file.first);
    of.positions.set(key, end);
    const lines = job.file.lines.slice(Math.max(0, from - job.file.first));
    if (lines.length === 0) return;
    count(
      source.name === 'loki.source.file' ? 'loki_source_file_read_lines_total' : 'loki_source_kubernetes_read_lines_total',
      { path: job.path },
      lines.length,
    );
    const nanos = BigInt(clock.now().getTime()) * 1_000_000n;
    lines.forEach((line, at) =>
      graph.forward(source.args['forward_to'], { labels: job.labels, line: job.strip(line), nanos: nanos + BigInt(at), extracted: { ...job.labels } }),
    );
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

const EXPOSED = [
  'loki_source_file_read_lines_total',
  'loki_source_kubernetes_read_lines_total',
  'loki_write_sent_entries_total',
  'loki_write_dropped_entries_total',
  'loki_write_batch_retries_total',
];

function exposition(metrics: ReadonlyMap<string, number>, active: number): string {
  const counters = EXPOSED.flatMap((name) => {
    const series = [...metrics].filter(([key]) => key.startsWith(`${name}{`)).map(([key, value]) => `${key} ${value}`);
    return series.length === 0 ? [] : [`# TYPE ${name} counter`, ...series];
  });
  return `${['# TYPE loki_source_file_files_active_total gauge', `loki_source_file_files_active_total ${active}`, ...counters].join('\n')}\n`;
}
