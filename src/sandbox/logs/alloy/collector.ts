/** A running Alloy: reads the files its pod can see, runs the pipeline, pushes, and answers on its port. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import { flag, hostPathOf, mountAt, type Process, readMounted, storageAt, userOf } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { type Component, type Graph, type GraphWorld, loadGraph } from './graph.ts';
import { AlloySyntaxError } from './lexer.ts';
import { createEndpoint, type Endpoint, type PushParts } from './push.ts';
import { discover, fileJobs, type Job, matchFiles, tailJobs } from './reading.ts';
import type { LogEntry } from './stages.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

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
const OF_FILES = ['loki_source_file_read_lines_total', 'loki_source_file_read_bytes_total', 'loki_source_file_file_bytes_total'];

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

interface Endpoints {
  /** Where entries of a `loki.write` go; made when the first one comes. */
  write(component: Component, entry: LogEntry): void;
  isFull(): boolean;
  /** A new configuration makes new ones; the old ones send what they have. */
  renew(): void;
  stop(): void;
}

function createEndpoints(parts: PushParts): Endpoints {
  let current = new Map<string, Endpoint>();
  const all: Endpoint[] = [];
  return {
    write(component, entry) {
      component.blocks.forEach((block, at) => {
        if (block.name !== 'endpoint') return;
        const key = `${component.id}/${at}`;
        const known = current.get(key);
        const endpoint = known ?? createEndpoint(parts, { component, block });
        if (known === undefined) all.push(endpoint);
        current.set(key, endpoint);
        endpoint.add(entry, { component, block });
      });
    },
    isFull: () => [...current.values()].some((endpoint) => endpoint.isFull()),
    renew: () => void (current = new Map()),
    stop: () => all.forEach((endpoint) => endpoint.stop()),
  };
}

function worldOf(around: LogSurroundings, process: Process, of: { readonly telemetry: Telemetry; readonly endpoints: Endpoints }): GraphWorld {
  const forbidden = (id: string, message: string): void =>
    of.telemetry.once(message, 'error', { msg: 'Unhandled Error', component_id: id, logger: 'UnhandledError', err: message });
  return {
    env: process.env,
    hostname: process.pod.metadata.name,
    discover: (component) => discover(around, process, { component, refuse: (message) => forbidden(component.id, message) }),
    match: (targets) => targets.flatMap((target) => matchFiles(around, process, target)),
    read: (file) => readFile(around, process, file),
    write: (component, entry) => of.endpoints.write(component, entry),
  };
}

function readFile(around: LogSurroundings, process: Process, file: string): string {
  const text = readMounted(around.store, process, file);
  if (text === undefined) throw new Error(`unable to read file ${file}: open ${file}: no such file or directory`);
  return text;
}

/** Throws AlloySyntaxError. */
function createCollector(around: LogSurroundings, process: Process, of: { readonly path: string; readonly positions: Map<string, number> }): Collector {
  const { clock, network } = around;
  const telemetry = createTelemetry(around, process);
  const read = (file: string): string => readFile(around, process, file);
  const endpoints = createEndpoints({ clock, network, from: process.pod, read, say: telemetry.say, metrics: telemetry.of, drained: () => wake() });
  const world = worldOf(around, process, { telemetry, endpoints });
  const load = (): Graph => loadGraph(read(of.path), world);
  let graph = readable(load, of.path);
  const tailed = new Map<string, ReadonlySet<string>>();
  let waiting: (() => void) | undefined;
  let stopped = false;

  /** The metrics of a file end with its tailer. */
  const gone = ({ id }: Component, now: ReadonlySet<string>): void => {
    for (const path of tailed.get(id) ?? []) if (!now.has(path)) for (const metric of OF_FILES) telemetry.of(id).forget(metric, { path });
    tailed.set(id, now);
  };
  const wake = (): void => {
    if (!stopped) waiting ??= clock.after(READ_DELAY_MS, round);
  };
  const round = (): void => {
    waiting = undefined;
    if (stopped || endpoints.isFull()) return;
    try {
      const stalled = around.layer?.stalled(process.pod) === true;
      const take = (source: Component) => (job: Job) =>
        stalled ? job.refused === undefined : takeLines(around, { graph, source, job, telemetry, positions: of.positions });
      for (const source of graph.components('loki.source.file')) {
        const jobs = fileJobs(around, process, source);
        const read = jobs.filter(take(source)).map(({ path }) => path);
        telemetry.of(source.id).set('loki_source_file_files_active_total', {}, read.length);
        gone(source, new Set(read));
      }
      for (const source of graph.components('loki.source.kubernetes')) tailJobs(around, process, source).forEach(take(source));
    } catch (error) {
      if (!(error instanceof AlloySyntaxError)) throw error;
      telemetry.once(error.message, 'error', { msg: 'failed to evaluate config', controller_path: '/', err: error.message });
    }
  };
  const reload = (): SandboxResponse => {
    try {
      graph = load();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      telemetry.say('error', { msg: 'failed to reload config', service: 'http', err: `${of.path}:${message}` });
      return { status: 400, body: `error during the initial load: ${of.path}:${message}\n` };
    }
    telemetry.forget();
    endpoints.renew();
    telemetry.say('info', { msg: 'config reloaded', service: 'http' });
    wake();
    return { status: 200, body: 'config reloaded\n' };
  };
  wake();
  return {
    wake,
    reload,
    stop() {
      stopped = true;
      waiting?.();
      endpoints.stop();
    },
    serve(request) {
      const route = request.path.split('?')[0];
      if (route === '/-/ready') return { status: 200, body: 'Alloy is ready.\n' };
      if (route === '/-/healthy') return { status: 200, body: 'All Alloy components are healthy.\n' };
      if (route === '/-/reload') return reload();
      if (route === '/metrics') return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: telemetry.exposition() };
      return { status: 404, body: '404 page not found\n' };
    },
  };
}

interface Taking {
  readonly graph: Graph;
  readonly source: Component;
  readonly job: Job;
  readonly telemetry: Telemetry;
  readonly positions: Map<string, number>;
}

/** Forwards what is new in one file; false when it cannot be read. */
function takeLines(around: LogSurroundings, of: Taking): boolean {
  const { source, job, telemetry, positions } = of;
  const about = { component_path: '/', component_id: source.id };
  if (job.refused !== undefined) {
    telemetry.once(job.refused, 'error', { msg: 'failed to tail file', ...about, path: job.path, err: job.refused });
    return false;
  }
  const key = `${source.id}|${job.path}|${JSON.stringify(job.labels)}`;
  telemetry.once(`started ${key}`, 'info', { msg: 'tail routine: started', ...about, component: 'tailer', path: job.path });
  const end = job.file.first + job.file.lines.length;
  const from = positions.get(key) ?? (source.args['tail_from_end'] === true ? end : job.file.first);
  positions.set(key, end);
  const lines = job.file.lines.slice(Math.max(0, from - job.file.first));
  if (lines.length === 0) return true;
  // Of what is read through the API Alloy counts nothing.
  if (source.name === 'loki.source.file') {
    const bytes = (some: readonly string[]): number => some.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    const metrics = telemetry.of(source.id);
    metrics.count('loki_source_file_read_lines_total', { path: job.path }, lines.length);
    metrics.count('loki_source_file_read_bytes_total', { path: job.path }, bytes(lines));
    metrics.count('loki_source_file_file_bytes_total', { path: job.path }, bytes(lines));
  }
  const nanos = BigInt(around.clock.now().getTime()) * 1_000_000n;
  lines.forEach((line, at) =>
    of.graph.forward(source.args['forward_to'], { labels: job.labels, line: job.strip(line), nanos: nanos + BigInt(at), extracted: { ...job.labels } }),
  );
  return true;
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
