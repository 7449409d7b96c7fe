/** A running Alloy: reads the files its pod can see, runs the pipeline, pushes, and serves its port. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import type { NodeFile } from '../node-files.ts';
import { flag, hostPathOf, mayReadMounted, mountAt, type Process, readMounted, storageAt, userOf } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { type Component, type Graph, type GraphWorld, loadGraph } from './graph.ts';
import { AlloySyntaxError } from './lexer.ts';
import { createEndpoint, type Endpoint, type PushParts } from './push.ts';
import { discover, fileJobs, type Job, matchFiles, tailJobs } from './reading.ts';
import type { LogEntry } from './stages.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

export interface Collector {
  /** Called when there may be something to read. */
  wake(): void;
  /** Reads its configuration again, as on SIGHUP or `POST /-/reload`. */
  reload(): SandboxResponse;
  serve(request: SandboxRequest): SandboxResponse;
  /** `graceful`: it saves its positions and sends what it has read. A killed process does neither. */
  stop(options: { readonly graceful: boolean }): void;
}

/** Where reading stopped, by storage; what is on a disk outlives the process. */
export type Positions = Map<string, Saved>;

interface Place {
  readonly file: NodeFile;
  /** The next line to read. */
  readonly at: number;
}

interface Saved {
  /** As Alloy writes them, every ten seconds and at its end: an offset, whichever file has the name by then. */
  positions: ReadonlyMap<string, number>;
  /** Acknowledged positions, as the checkpoint script keeps them. */
  acknowledged: ReadonlyMap<string, Place>;
}

export type CollectorStart =
  | { readonly is: 'running'; readonly collector: Collector; readonly lines: readonly string[] }
  | { readonly is: 'crashed'; readonly lines: readonly string[] };

/** Everything Alloy 1.18.1 logs at startup before it reads. */
function startLines(process: Process, graph: readonly string[]): readonly string[] {
  const said = (msg: string, rest = ''): string => `level=info msg=${JSON.stringify(msg)}${rest}`;
  const evaluation = ' controller_path=/ controller_id="" trace_id=5b00e5075c4f56fc6dd61d2a227a0e51';
  return [
    said('Alloy is starting'),
    said('boringcrypto enabled', ' enabled=false'),
    said('no peer discovery configured: both join and discover peers are empty', ' service=cluster'),
    said('starting complete graph evaluation', evaluation),
    ...graph.map((id) => said('finished node evaluation', `${evaluation} node_id=${id} duration=0.6ms`)),
    said('finished complete graph evaluation', `${evaluation} duration=5.4ms`),
    said('{^_^} Alloy is running'),
    said('scheduling loaded components and services', ' controller_id=""'),
    said('starting cluster node', ' service=cluster peers_count=0 peers="" advertise_addr=127.0.0.1:12345 minimum_cluster_size=0 minimum_size_wait_timeout=0s'),
    said('peers changed', ` service=cluster peers_count=1 min_cluster_size=0 peers=${process.pod.metadata.name}`),
    said('now listening for http traffic', ' service=http addr=0.0.0.0:12345'),
  ];
}

const READ_DELAY_MS = 100;
/** The interval of the positions file. */
const SAVED_EVERY_MS = 10_000;
const OF_FILES = ['loki_source_file_read_lines_total', 'loki_source_file_read_bytes_total', 'loki_source_file_file_bytes_total'];

export function isAlloy(process: Process): boolean {
  return /(^|\/)alloy(:|@|$)/.test(process.container.image) && process.words.includes('run');
}

/** The configuration file is the first argument after `run` that is not a flag. */
function configPath(process: Process): string {
  return process.words.slice(process.words.indexOf('run') + 1).find((word) => !word.startsWith('-')) ?? '';
}

/** Starts it, or returns why it exits at once. */
export function startCollector(around: LogSurroundings, process: Process, positions: Positions): CollectorStart {
  const path = configPath(process);
  const storage = flag(process, 'storage.path') ?? '/data-alloy';
  const refused = unwritable(process, storage);
  if (refused !== undefined) return { is: 'crashed', lines: [`Error: ${refused}`] };
  try {
    const { collector, components } = createCollector(around, process, { path, saved: savedAt(positions, storageAt(process, storage)) });
    return { is: 'running', collector, lines: startLines(process, components) };
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
  // The kubelet creates a hostPath folder as root, mode 0755.
  if (hostPathOf(process, storage) !== undefined && userOf(process) !== 0) return `failed to build component: mkdir ${storage}: permission denied`;
  return undefined;
}

function savedAt(all: Positions, storage: string | undefined): Saved {
  const found = (storage === undefined ? undefined : all.get(storage)) ?? { positions: new Map(), acknowledged: new Map() };
  if (storage !== undefined) all.set(storage, found);
  return found;
}

/** The script that resumes from what Loki accepted, and keeps files rotated before they were read, runs beside Alloy. */
const hasCheckpoint = (process: Process): boolean => process.words.some((word) => /\bcheckpoint\.pl\b/.test(word));

interface Endpoints {
  /** The endpoint of a `loki.write`; created with its first entry. */
  write(component: Component, entry: LogEntry): void;
  hasRoom(): boolean;
  isIdle(): boolean;
  /** A new configuration creates new ones; the old ones send what they have. */
  renew(): void;
  /** Returns whether nothing was lost. */
  stop(options: { readonly graceful: boolean }): boolean;
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
    hasRoom: () => [...current.values()].every((endpoint) => endpoint.hasRoom()),
    isIdle: () => all.every((endpoint) => endpoint.isIdle()),
    renew: () => void (current = new Map()),
    stop: (options) => all.map((endpoint) => endpoint.stop(options)).every(Boolean),
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
  const refused = (why: string): Error => new Error(`unable to read file ${file}: open ${file}: ${why}`);
  if (text === undefined) throw refused('no such file or directory');
  if (!mayReadMounted(process, file)) throw refused('permission denied');
  return text;
}

interface Tailer {
  readonly source: Component;
  readonly job: Job;
  file: NodeFile;
  at: number;
}

/** Throws AlloySyntaxError. */
function createCollector(
  around: LogSurroundings,
  process: Process,
  of: { readonly path: string; readonly saved: Saved },
): { readonly collector: Collector; readonly components: readonly string[] } {
  const { clock, network } = around;
  const { saved } = of;
  const checkpoint = hasCheckpoint(process);
  const telemetry = createTelemetry(around, process);
  const read = (file: string): string => readFile(around, process, file);
  const tailers = new Map<string, Tailer>();
  const endpoints = createEndpoints({
    clock,
    network,
    from: process.pod,
    read,
    say: telemetry.say,
    metrics: telemetry.of,
    drained: () => {
      if (endpoints.isIdle()) acknowledge();
      wake();
    },
  });
  const world = worldOf(around, process, { telemetry, endpoints });
  const load = (): Graph => {
    const loaded = loadGraph(read(of.path), world);
    telemetry.setLevel(String(loaded.components('logging')[0]?.args['level'] ?? 'info'));
    return loaded;
  };
  let graph = readable(load, of.path);
  let waiting: (() => void) | undefined;
  let saving: (() => void) | undefined;
  let stopped = false;

  const acknowledge = (): void => void (saved.acknowledged = new Map([...tailers].map(([key, { file, at }]) => [key, { file, at }])));
  const save = (): void => {
    saving = undefined;
    saved.positions = new Map([...tailers].map(([key, { at }]) => [key, at]));
  };
  const wake = (): void => {
    if (!stopped) waiting ??= clock.after(READ_DELAY_MS, round);
  };
  const begin = (source: Component, job: Job, file: NodeFile): Tailer => {
    const key = keyOf(source, job);
    telemetry.say('info', { msg: 'start tailing file', ...aboutTailer(source, job) });
    const position = saved.positions.get(key) ?? (source.args['tail_from_end'] === true ? file.lines.length : 0);
    const place = checkpoint ? saved.acknowledged.get(key) : undefined;
    // An offset beyond the end belongs to another file.
    const tailer = { source, job, file, at: position > file.lines.length ? 0 : position, ...(place && { file: place.file, at: place.at }) };
    if (checkpoint && place === undefined) tailer.at = 0;
    tailers.set(key, tailer);
    return tailer;
  };
  const take =
    (source: Component) =>
    (job: Job): boolean => {
      if (job.refused !== undefined || job.file === undefined) {
        telemetry.once(`${job.path} ${job.refused}`, 'error', { msg: 'failed to run tailer', ...aboutTailer(source, job), error: job.refused ?? '' });
        return false;
      }
      const tailer = tailers.get(keyOf(source, job)) ?? begin(source, job, job.file);
      if (around.layer?.stalled(process.pod) !== true) advance(tailer);
      return true;
    };
  /** Reads new lines until it has to wait for room. Its file may have been renamed by now; the file with the current name comes next. */
  const advance = (tailer: Tailer): void => {
    for (let next: NodeFile | undefined = tailer.file; next !== undefined; next = successor(around, tailer, { checkpoint })) {
      if (next !== tailer.file) Object.assign(tailer, { file: next, at: 0 });
      const taken = takeLines(around, tailer, { graph, endpoints, telemetry });
      if (taken > 0) saving ??= clock.after(SAVED_EVERY_MS, save);
      if (tailer.at < tailer.file.lines.length) return;
    }
  };
  /** The pod is gone: its last lines are read, then its file is closed and its metrics end. */
  const finish = (key: string, tailer: Tailer): void => {
    advance(tailer);
    tailers.delete(key);
    const { source, job } = tailer;
    if (source.name !== 'loki.source.file') return;
    telemetry.say('info', { msg: 'stopped tailing file', ...aboutTailer(source, job) });
    for (const metric of OF_FILES) telemetry.of(source.id).forget(metric, { path: job.path });
  };
  const round = (): void => {
    waiting = undefined;
    if (stopped) return;
    try {
      const current = new Set<string>();
      for (const [name, jobsOf] of [
        ['loki.source.file', fileJobs],
        ['loki.source.kubernetes', tailJobs],
      ] as const)
        for (const source of graph.components(name)) {
          const jobs = jobsOf(around, process, source).filter(take(source));
          for (const job of jobs) current.add(keyOf(source, job));
          if (name === 'loki.source.file') telemetry.of(source.id).set('loki_source_file_files_active_total', {}, jobs.length);
        }
      for (const [key, tailer] of tailers) if (!current.has(key)) finish(key, tailer);
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
  const collector: Collector = {
    wake,
    reload,
    stop({ graceful }) {
      stopped = true;
      waiting?.();
      saving?.();
      const sent = endpoints.stop({ graceful });
      if (graceful) save();
      if (graceful && sent) acknowledge();
    },
    serve(request) {
      const route = request.path.split('?')[0];
      if (route === '/-/ready') return { status: 200, body: 'Alloy is ready.\n' };
      if (route === '/-/healthy') return { status: 200, body: 'All Alloy components are healthy.\n' };
      if (route === '/-/reload') return reload();
      if (route === '/metrics')
        return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores' }, body: telemetry.exposition() };
      return { status: 404, body: '404 page not found\n' };
    },
  };
  return { collector, components: graph.ids };
}

const keyOf = (source: Component, job: Job): string => `${source.id}|${job.path}|${JSON.stringify(job.labels)}`;
const aboutTailer = (source: Component, job: Job) => ({ component_path: '/', component_id: source.id, component: 'tailer', path: job.path });

/** The file after a rotated one: the one with the current name, skipping any rotated in between, unless the backlog keeps those. */
function successor(around: LogSurroundings, { job, file }: Tailer, how: { readonly checkpoint: boolean }): NodeFile | undefined {
  if (file.path.endsWith('.log')) return undefined;
  const name = file.path.replace(/\.\d{8}-\d{6}$/, '');
  const newest = around.files.at(file.node, name);
  if (!how.checkpoint || job.file === undefined) return newest;
  const rotated = around.files.on(file.node).filter(({ path }) => path.startsWith(`${name}.`) && path > file.path);
  return rotated.toSorted((a, b) => (a.path < b.path ? -1 : 1))[0] ?? newest;
}

/** How many lines of the file were forwarded. */
function takeLines(
  around: LogSurroundings,
  tailer: Tailer,
  to: { readonly graph: Graph; readonly endpoints: Endpoints; readonly telemetry: Telemetry },
): number {
  const { source, job, file } = tailer;
  const nanos = BigInt(around.clock.now().getTime()) * 1_000_000n;
  const from = tailer.at;
  let bytes = 0;
  for (; tailer.at < file.lines.length; tailer.at += 1) {
    const line = file.lines[tailer.at] as string;
    if (!to.endpoints.hasRoom()) break;
    bytes += Buffer.byteLength(line) + 1;
    to.graph.forward(source.args['forward_to'], {
      labels: job.labels,
      line: job.strip(line),
      nanos: nanos + BigInt(tailer.at - from),
      extracted: { ...job.labels },
    });
  }
  const taken = tailer.at - from;
  // Alloy counts nothing that it reads through the API.
  if (taken > 0 && source.name === 'loki.source.file') {
    const metrics = to.telemetry.of(source.id);
    metrics.count('loki_source_file_read_lines_total', { path: job.path }, taken);
    metrics.count('loki_source_file_read_bytes_total', { path: job.path }, bytes);
    metrics.set('loki_source_file_file_bytes_total', { path: job.path }, file.bytes);
  }
  return taken;
}

/** A missing configuration file ends Alloy like an invalid one. */
function readable(load: () => Graph, path: string): Graph {
  try {
    return load();
  } catch (error) {
    if (error instanceof AlloySyntaxError) throw error;
    throw new AlloySyntaxError({ line: 1, column: 1 }, `reading config path "${path}": ${error instanceof Error ? error.message : String(error)}`);
  }
}
