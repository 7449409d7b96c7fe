/** The path of a log line through the cluster, computed from what is deployed: Alloy, the gateway, Loki, the bucket. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { ComponentStart, LogPath, LogPathParts, SandboxRequest, SandboxResponse, StoreEvent } from '../types.ts';
import { createGrafanas } from '../grafana/grafana.ts';
import { type Collector, isAlloy, type Positions, startCollector } from './alloy/collector.ts';
import { createLokiCluster } from './loki/cluster.ts';
import { mountedFiles } from './mounted-files.ts';
import { createNetwork } from './network.ts';
import { isGateway, serveGateway, startGateway } from './nginx/gateway.ts';
import { createNodeFiles } from './node-files.ts';
import { createPodsByNode } from './pods-by-node.ts';
import { type Process, processOf } from './process.ts';
import type { LogSurroundings } from './surroundings.ts';

/** The kubelet updates a changed ConfigMap in a pod after a while. */
const SYNC_DELAY_MS = 2_000;
/** The folder of a deleted pod remains until its last lines can be read. */
const CLEAN_DELAY_MS = 3_000;

/** The period of the readiness probe that the chart gives the gateway. */
const PROBE_EVERY_MS = 10_000;
const NODE_ADDRESS = '10.0.0.1';

interface RunningCollector {
  readonly process: Process;
  readonly collector: Collector;
}

export function createLogPath(parts: LogPathParts): LogPath {
  const files = createNodeFiles();
  const { layer } = parts;
  const network = createNetwork(parts, (pod, port, request) => {
    const own = () => answer(pod, port, request);
    return layer === undefined ? own() : layer.answer(pod, request, own);
  });
  const pods = createPodsByNode(parts.store);
  const around: LogSurroundings = { ...parts, files, network, pods };
  const collectors = new Map<string, RunningCollector>();
  const gateways = new Set<string>();
  const positions: Positions = new Map();
  const loki = createLokiCluster(around);
  const grafanas = createGrafanas(around);
  const idOf = (pod: KubeObject, container: string): string => `${pod.metadata.uid}/${container}`;

  const begin = (process: Process): ComponentStart => {
    const id = idOf(process.pod, process.container.name);
    // A restart in the same pod means it was killed or has crashed.
    collectors.get(id)?.collector.stop({ graceful: false });
    collectors.delete(id);
    const started = startCollector(around, process, positions);
    if (started.is === 'crashed') return { ready: false, crash: { exitCode: 1 }, lines: started.lines };
    collectors.set(id, { process, collector: started.collector });
    return { ready: true, lines: started.lines.map((line) => `ts=${parts.clock.now().toISOString()} ${line}`) };
  };
  const gateway = (process: Process): ComponentStart => {
    const started = startGateway(around, process);
    const id = idOf(process.pod, process.container.name);
    if (started.crash === undefined) {
      if (!gateways.has(id)) probe(process);
      gateways.add(id);
    } else gateways.delete(id);
    return started;
  };
  /** The kubelet probes a gateway's readiness as long as it runs. */
  const probe = (process: Process): void => {
    parts.clock.after(PROBE_EVERY_MS, () => {
      if (!gateways.has(idOf(process.pod, process.container.name))) return;
      serveGateway(around, process, { method: 'GET', path: '/', headers: { 'user-agent': 'kube-probe/1.33' }, body: new Uint8Array(), from: NODE_ADDRESS });
      probe(process);
    });
  };
  const answer = (pod: KubeObject, port: number, request: SandboxRequest): SandboxResponse | undefined => {
    const lower = { ...request, headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])) };
    for (const container of (pod as { readonly spec?: { readonly containers?: readonly { readonly name: string }[] } }).spec?.containers ?? []) {
      const process = processOf(parts.store, pod, container.name);
      if (process === undefined) continue;
      const listens = (process.container.ports ?? []).some((candidate) => candidate.containerPort === port);
      if (gateways.has(idOf(pod, container.name)) && listens) return serveGateway(around, process, lower);
      const running = collectors.get(idOf(pod, container.name));
      if (running !== undefined && listens) return running.collector.serve(lower);
      const answered = grafanas.serve(process, port, lower) ?? loki.serve(process, port, lower);
      if (answered !== undefined) return answered;
    }
    return undefined;
  };
  parts.store.subscribe((event) => follow(event));

  const follow = (event: StoreEvent): void => {
    const { kind, metadata } = event.object;
    grafanas.follow(event);
    if (kind === 'Pod' && event.type === 'DELETED') forget(event.object);
    else if (kind === 'Pod') wakeNode((event.object['spec'] as { readonly nodeName?: string } | undefined)?.nodeName);
    else if (kind === 'PersistentVolumeClaim' && event.type === 'DELETED') loki.claimGone(event.object);
    else if (kind === 'ConfigMap' && event.type === 'MODIFIED' && dataChanged(event)) {
      for (const running of collectors.values())
        if (reloads(running.process, { name: metadata.name, namespace: metadata.namespace }))
          parts.clock.after(SYNC_DELAY_MS, () => running.collector.reload());
    } else if (/Role(Binding)?$/.test(kind)) wakeNode(undefined);
  };
  const forget = (pod: KubeObject): void => {
    for (const [id, running] of collectors) {
      if (running.process.pod.metadata.uid !== pod.metadata.uid) continue;
      running.collector.stop({ graceful: true });
      collectors.delete(id);
    }
    for (const id of gateways) if (id.startsWith(`${pod.metadata.uid}/`)) gateways.delete(id);
    loki.gone(pod);
    grafanas.gone(pod);
    parts.clock.after(CLEAN_DELAY_MS, () => files.remove(pod.metadata.uid ?? ''));
  };
  /** Tailing through the API covers other nodes too, so such collectors wake for all. */
  const wakeNode = (node: string | undefined): void => {
    for (const { process, collector } of collectors.values())
      if (node === undefined || process.node === node || process.pod.metadata.ownerReferences?.[0]?.kind !== 'DaemonSet') collector.wake();
  };

  return {
    start(pod, container) {
      const process = processOf(parts.store, pod, container);
      if (process === undefined) return undefined;
      const otherwise = layer?.start(pod, container);
      if (otherwise !== undefined) return otherwise;
      if (isAlloy(process)) return begin(process);
      if (isGateway(process)) return gateway(process);
      return grafanas.start(process) ?? loki.start(process);
    },
    printed(pod, container, entry) {
      files.append(pod, container, entry);
      wakeNode((pod['spec'] as { readonly nodeName?: string } | undefined)?.nodeName);
    },
    serve(pod, port, request) {
      const response = answer(pod, port, request);
      return response === undefined ? undefined : Promise.resolve(response);
    },
    mounted(pod, container) {
      const process = processOf(parts.store, pod, container);
      return process === undefined ? undefined : mountedFiles(around, process);
    },
  };
}

function dataChanged(event: StoreEvent): boolean {
  return JSON.stringify(event.object['data']) !== JSON.stringify(event.before?.['data']);
}

/** Only a pod with the reloader beside Alloy notices a new configuration. */
function reloads(process: Process, of: { readonly name: string; readonly namespace: string | undefined }): boolean {
  const mounted = (process.pod.spec.volumes ?? []).some((volume) => volume.configMap?.name === of.name);
  const reloader = process.pod.spec.containers.some((container) => (container.args ?? []).some((arg) => arg.includes('reload-url')));
  return process.namespace === of.namespace && mounted && reloader;
}
