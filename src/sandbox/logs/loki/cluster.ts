/** All Loki processes together: which are up, which are in the ring, and what survived those that are gone. */
import type { KubeObject } from '../../../ports/kubernetes.ts';
import { isReady, type Pod } from '../../cluster/shapes.ts';
import type { ComponentStart, SandboxRequest, SandboxResponse } from '../../types.ts';
import { claimAt, type Process, restartsOf } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { isLoki, type LokiConfig, loadLokiConfig } from './configuration.ts';
import { createIngester, type TenantStreams } from './ingester.ts';
import { objectClient } from './object-store.ts';
import { serveLoki } from './server.ts';
import { firstLines, isCacheless, keepTrying, ringProblem, schedulerGone } from './startup.ts';
import { lokiMetrics } from './telemetry.ts';
import { decodeChunk, mergeStreams, type Stream } from './streams.ts';
import { type Loki, type LokiPeers, plays, type RingMember } from './loki.ts';

export interface LokiCluster {
  start(process: Process): ComponentStart | undefined;
  serve(process: Process, port: number, request: SandboxRequest): SandboxResponse | undefined;
  /** The pod is gone: what its ingester held is flushed, kept by its volume, or lost. */
  gone(pod: KubeObject): void;
  claimGone(claim: KubeObject): void;
}

/** From process start until `/ready` succeeds; an ingester waits, ten times as long, until its ring has been healthy for a while. */
const READY_AFTER_MS = 1_000;
const INGESTER_READY_AFTER_MS = 2_000;
/** Until an instance is active in its ring. */
const JOINS_AFTER_MS = 300;

export function createLokiCluster(around: LogSurroundings): LokiCluster {
  const running = new Map<string, Loki>();
  /** Write-ahead logs by volume claim. */
  const disks = new Map<string, TenantStreams>();
  /** Memory of a pod whose container restarted: its emptyDir is still there. */
  const scratch = new Map<string, TenantStreams>();
  const written = new Set<string>();
  const markers = new Set<string>();
  const chunks = new Map<string, Stream>();
  const idOf = (process: Process): string => `${process.pod.metadata.uid}/${process.container.name}`;

  const peers: LokiPeers = {
    ready: (of, component) => [...running.values()].filter((other) => meets(around, of, other) && plays(other, component) && isUp(around, other)),
    ring: (of, component) =>
      [...running.values()]
        .filter((other) => meets(around, of, other) && plays(other, component) && isMember(around, other))
        .map((other) => ({
          loki: other,
          address: `${latest(around, other.process).status?.podIP ?? ''}:9095`,
          state: other.joined ? 'ACTIVE' : 'JOINING',
          registered: other.started,
          heartbeat: around.clock.now(),
        })),
    streams: (of, tenant) => {
      if (of.config.indexGateway !== undefined && peers.ready(of, 'index-gateway').length === 0)
        throw new Error('rpc error: code = Unavailable desc = name resolver error: produced zero addresses');
      const recent = readable(peers.ring(of, 'ingester'), of.config.replicationFactor).flatMap((other) => other.ingester?.streams(tenant) ?? []);
      return mergeStreams([...recent, ...stored(around, of, { tenant, chunks })]);
    },
  };

  const begin = (process: Process): ComponentStart => {
    const loaded = loadLokiConfig(around.store, process);
    if (loaded.is === 'bad') return { ready: false, crash: { exitCode: 1 }, lines: [loaded.line] };
    const { config } = loaded;
    const store = deleteStoreProblem(around, process, config);
    if (store !== undefined)
      return {
        ready: false,
        crash: { exitCode: 1 },
        lines: [
          `level=error ts=${around.clock.now().toISOString()} caller=log.go:223 msg="error running loki" err=${JSON.stringify(`init compactor: failed to init delete store: ${store}`)}`,
        ],
      };
    const claim = claimAt(process, config.dataFolder);
    const kept = (claim === undefined ? scratch.get(idOf(process)) : disks.get(claim)) ?? new Map<string, readonly Stream[]>();
    if (claim !== undefined) disks.delete(claim);
    const metrics = lokiMetrics((component) => plays({ config }, component), imageVersion(process));
    const started = around.clock.now();
    const loki: Loki = {
      process,
      config,
      joined: false,
      ready: false,
      cacheless: false,
      started,
      complained: { second: 0, bytes: 0 },
      metrics,
      ingester: undefined,
    };
    const parts = { config, metrics, kept, written, markers, disk: claim ?? idOf(process) };
    const withIngester: Loki = plays(loki, 'ingester') ? { ...loki, ingester: createIngester(around, process, parts) } : loki;
    running.set(idOf(process), withIngester);
    around.clock.after(JOINS_AFTER_MS, () => void (withIngester.joined = true));
    around.clock.after(withIngester.ingester === undefined ? READY_AFTER_MS : INGESTER_READY_AFTER_MS, () => {
      withIngester.ready = true;
      firstLook(around, withIngester);
    });
    withIngester.cacheless = isCacheless(around, withIngester);
    const lines = firstLines(around, withIngester);
    keepTrying(around, peers, { loki: withIngester, runs: () => running.get(idOf(process)) === withIngester });
    return { ready: false, lines };
  };

  return {
    start(process) {
      if (!isLoki(process)) return undefined;
      const known = running.get(idOf(process));
      if (known === undefined) return begin(process);
      const again = restartsOf(process.pod, process.container.name) !== restartsOf(known.process.pod, known.process.container.name);
      if (again) return restart(process, known);
      const problem = known.ingester === undefined || known.ready ? undefined : ringProblem(around, peers, known);
      if (problem !== undefined) around.print(process.pod, process.container.name, problem);
      return { ready: known.ready, lines: [] };
    },
    serve(process, port, request) {
      const loki = running.get(idOf(process));
      if (loki === undefined || port !== loki.config.port) return undefined;
      return serveLoki(around, peers, { loki, request });
    },
    gone(pod) {
      for (const [id, loki] of running) {
        if (loki.process.pod.metadata.uid !== pod.metadata.uid) continue;
        running.delete(id);
        scratch.delete(id);
        if (plays(loki, 'query-scheduler'))
          for (const { process } of peers.ready(loki, 'querier'))
            around.print(process.pod, process.container.name, schedulerGone(around, `${(pod as Pod).status?.podIP ?? ''}:9095`));
        const left = loki.ingester?.stop({ graceful: true });
        const claim = claimAt(loki.process, loki.config.dataFolder);
        if (left !== undefined && claim !== undefined && left.size > 0) disks.set(claim, left);
      }
    },
    claimGone(claim) {
      const disk = `${claim.metadata.namespace}/${claim.metadata.name}`;
      disks.delete(disk);
      markers.delete(disk);
    },
  };

  function restart(process: Process, known: Loki): ComponentStart {
    const left = known.ingester?.stop({ graceful: false });
    running.delete(idOf(process));
    const claim = claimAt(process, known.config.dataFolder);
    if (left !== undefined) (claim === undefined ? scratch : disks).set(claim ?? idOf(process), left);
    return begin(process);
  }
}

/** With retention enabled, the compactor accesses its bucket before it starts, and exits when that is denied. */
function deleteStoreProblem(around: LogSurroundings, process: Process, config: LokiConfig): string | undefined {
  if (!config.retentionEnabled || !['compactor', 'backend', 'all'].some((target) => config.targets.includes(target))) return undefined;
  try {
    objectClient(around, process, { config, bucket: config.chunkBucket }).delete('index/delete_requests/delete_requests.gz');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function imageVersion(process: Process): string {
  return /:([^@]+)(?:@|$)/.exec(process.container.image)?.[1] ?? 'unknown';
}

function latest(around: LogSurroundings, process: Process): Pod {
  return (around.store.get('Pod', process.namespace, process.pod.metadata.name) ?? process.pod) as Pod;
}

/** Components find each other by a shared DNS name; without such a Service each is alone. */
function meets(around: LogSurroundings, of: Loki, other: Loki): boolean {
  const { ring } = of.config;
  return other === of || (other.config.ring === ring && (ring === '' || around.network.service(ring, of.process.namespace) !== undefined));
}

/** The kubelet notices a little later that a process is ready. */
const SEEN_READY_MS = 3_000;

/** In its ring before it is ready; no longer once it was ready and the kubelet reports otherwise. */
function isMember(around: LogSurroundings, loki: Loki): boolean {
  const pod = latest(around, loki.process);
  const fresh = around.clock.now().getTime() - loki.started.getTime() < INGESTER_READY_AFTER_MS + SEEN_READY_MS;
  return pod.metadata.uid === loki.process.pod.metadata.uid && (fresh || isReady(pod));
}

/** The ingesters that a query reads from. Throws when too few are available. */
function readable(ring: readonly RingMember[], replicationFactor: number): readonly Loki[] {
  const active = ring.filter(({ state }) => state === 'ACTIVE');
  if (ring.length === 0) throw new Error('empty ring');
  if (active.length < Math.max(ring.length, replicationFactor) - Math.floor(replicationFactor / 2)) throw new Error('too many unhealthy instances in the ring');
  return active.map(({ loki }) => loki);
}

function isUp(around: LogSurroundings, loki: Loki): boolean {
  const pod = latest(around, loki.process);
  return loki.ready && pod.metadata.uid === loki.process.pod.metadata.uid && isReady(pod);
}

/** What is in the bucket, as this process may read it; chunks are cached once read. */
function stored(around: LogSurroundings, loki: Loki, of: { readonly tenant: string; readonly chunks: Map<string, Stream> }): readonly Stream[] {
  const client = objectClient(around, loki.process, { config: loki.config, bucket: loki.config.chunkBucket });
  return client.list(`${of.tenant}/`).map((key) => {
    const name = `${loki.config.chunkBucket}/${key}`;
    const stream = of.chunks.get(name) ?? decodeChunk(client.get(key));
    of.chunks.set(name, stream);
    return stream;
  });
}

/** Components that access the bucket by themselves log at once when they are denied. */
function firstLook(around: LogSurroundings, loki: Loki): void {
  const jobs: readonly (readonly [string, string | undefined, string, string])[] = [
    ['compactor', loki.config.chunkBucket, 'index/', 'caller=compactor.go:580 msg="failed to run compaction" err='],
    ['ruler', loki.config.rulerBucket, 'rules/', 'caller=ruler.go:553 msg="unable to list rules" err='],
    ['index-gateway', loki.config.chunkBucket, 'index/', 'caller=table_manager.go:240 msg="error refreshing index list cache" err='],
  ];
  for (const [component, bucket, prefix, lead] of jobs) {
    if (bucket === undefined || !plays(loki, component)) continue;
    try {
      objectClient(around, loki.process, { config: loki.config, bucket }).list(prefix);
    } catch (error) {
      around.print(
        loki.process.pod,
        loki.process.container.name,
        `level=error ts=${around.clock.now().toISOString()} ${lead}${JSON.stringify(error instanceof Error ? error.message : String(error))}`,
      );
    }
  }
}
