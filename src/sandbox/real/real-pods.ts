/** The pods whose containers are real processes: started, probed, signalled and ended as the kubelet asks. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { environmentOf, expandArguments } from '../cluster/environment.ts';
import type { Container, Pod } from '../cluster/shapes.ts';
import type { LaunchOptions, Launched, ObjectStore } from '../types.ts';
import type { Binaries, Part } from './binaries.ts';
import { run } from './commands.ts';
import { type RunningContainer, startContainer } from './container.ts';
import { type LogFile, type LogRules, openLogFile, podFolder } from './kubelet-logs.ts';
import { API_ADDRESS, type Network } from './network.ts';
import { startProbes } from './probes.ts';
import { fill, mountsOf, nodeFolder, podVolumes, type VolumeParts } from './volumes.ts';

export interface RealPodsOptions extends VolumeParts {
  readonly store: ObjectStore;
  readonly binaries: Binaries;
  readonly network: Network;
  readonly rules: () => LogRules;
  readonly note: (text: string) => void;
  readonly caFile: string;
}

export interface RealContainer {
  readonly pod: Pod;
  readonly name: string;
  readonly log: LogFile;
  readonly running: () => RunningContainer | undefined;
}

export interface RealPods {
  /** `undefined` where the image is not one of the real ones. */
  launch(pod: KubeObject, container: string, options: LaunchOptions): Launched | undefined;
  /** Those running now. */
  containers(): readonly RealContainer[];
  has(uid: string): boolean;
  /** Updates changed ConfigMaps and Secrets in volumes, and checks the size of logs. */
  refreshVolumes(): void;
  monitorLogs(): void;
  /** The pod has been deleted from the API. */
  forget(pod: KubeObject): Promise<void>;
  /** The program in a container's namespaces. */
  execute(of: RealContainer, words: readonly string[], timeoutMs: number): Promise<{ readonly stdout: string; readonly code: number }>;
  close(): Promise<void>;
}

/** The program of an image, and what its entry point puts before the arguments. */
const IMAGES: readonly { readonly part: Part; readonly pattern: RegExp; readonly entry: readonly string[]; readonly target: string }[] = [
  { part: 'loki', pattern: /(^|\/)grafana\/loki[:@]/, entry: ['/usr/bin/loki'], target: '/usr/bin/loki' },
  { part: 'alloy', pattern: /(^|\/)grafana\/alloy[:@]/, entry: ['/usr/bin/alloy'], target: '/usr/bin/alloy' },
  { part: 'nginx', pattern: /(^|\/)nginx(-unprivileged)?[:@]/, entry: ['/usr/sbin/nginx', '-g', 'daemon off;'], target: '/usr/sbin/nginx' },
  { part: 'memcached', pattern: /(^|\/)memcached[:@]/, entry: ['/usr/bin/memcached'], target: '/usr/bin/memcached' },
];

/** How long the folder of a deleted pod remains so that its last lines can be read. */
const KEPT_MS = 30_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function partOf({ image, volumeMounts = [] }: Container): Part | undefined {
  const part = IMAGES.find(({ pattern }) => pattern.test(image))?.part;
  // Without a mounted configuration, only the image knows what nginx serves.
  return part === 'nginx' && !volumeMounts.some(({ mountPath }) => mountPath.startsWith('/etc/nginx')) ? undefined : part;
}

export const allContainers = ({ spec }: Pod): readonly Container[] => [...(spec.initContainers ?? []), ...spec.containers];

interface Entry extends RealContainer {
  stop?: () => void;
  readonly done: Promise<void>;
}

export function createRealPods(options: RealPodsOptions): RealPods {
  const { store, network, folder, note } = options;
  const entries = new Map<string, Entry>();
  const known = new Map<string, Pod>();
  let closed = false;

  const begin = async (pod: Pod, container: Container, told: LaunchOptions): Promise<RunningContainer> => {
    const uid = pod.metadata.uid ?? '';
    const address = pod.status?.podIP ?? told.address;
    const namespace = await network.addPod(uid, address);
    const known_ = environmentOf(store, pod, container);
    if (known_.is === 'lacking') throw new Error(known_.message);
    const part = IMAGES.find(({ part: name }) => name === partOf(container));
    const { env } = known_;
    const given = expandArguments([...(container.command ?? part?.entry ?? []), ...(container.args ?? [])], env);
    // Like the image's entry point: prepends `memcached` to bare arguments, but not to a command line that already starts with it.
    const words = part?.part === 'memcached' && container.command === undefined && given[1] === 'memcached' ? given.slice(1) : given;
    const own = join(folder, 'pods', uid, container.name);
    mkdirSync(own, { recursive: true });
    const entry = entries.get(`${uid}/${container.name}`) as Entry;
    return startContainer({
      pod,
      container,
      address,
      namespace,
      folder: own,
      words,
      env: { PATH, HOME: '/', ...env, KUBERNETES_SERVICE_HOST: API_ADDRESS, KUBERNETES_SERVICE_PORT: '443', KUBERNETES_SERVICE_PORT_HTTPS: '443' },
      mounts: mountsOf(options, pod, container),
      programs: IMAGES.map(({ part: name, target }) => ({ source: options.binaries.paths[name], target })),
      ca: options.caFile,
      log: entry.log,
      line: told.line,
    });
  };

  const execute: RealPods['execute'] = async (of, words, timeoutMs) => {
    const pid = of.running()?.pid();
    if (pid === undefined) return { stdout: '', code: 126 };
    const inside = ['--target', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd', ...words];
    return Promise.race([
      run('nsenter', ...inside).then(
        (stdout) => ({ stdout, code: 0 }),
        (error: Error) => ({ stdout: error.message, code: 1 }),
      ),
      new Promise<{ readonly stdout: string; readonly code: number }>((resolve) => setTimeout(() => resolve({ stdout: '', code: 124 }), timeoutMs).unref()),
    ]);
  };

  return {
    launch(object, name, told) {
      const pod = object as Pod;
      const container = allContainers(pod).find((one) => one.name === name);
      if (closed || container === undefined || partOf(container) === undefined) return undefined;
      const uid = pod.metadata.uid ?? '';
      const id = `${uid}/${name}`;
      const logs = join(nodeFolder(folder, pod.spec.nodeName ?? ''), 'var/log/pods', podFolder(pod), name);
      const log = openLogFile(logs, { run: told.restarts, rules: options.rules() });
      let running: RunningContainer | undefined;
      let stopProbes: () => void = () => undefined;
      let killed = false;
      const isInit = told.kind === 'init';
      known.set(uid, pod);
      const finished = deferred<void>();
      const entry: Entry = { pod, name, log, running: () => running, done: finished.promise };
      entries.set(id, entry);
      const finish = (code: number): void => {
        stopProbes();
        if (entries.get(id) === entry) entries.delete(id);
        finished.resolve();
        told.ended(code);
      };
      const stop = async (graceMs: number): Promise<void> => {
        stopProbes();
        killed = true;
        if (running === undefined) return finished.promise;
        running.signal('SIGTERM');
        const timer = setTimeout(() => running?.signal('SIGKILL'), graceMs);
        await finished.promise;
        clearTimeout(timer);
      };
      void begin(pod, container, told).then(
        (started) => {
          running = started;
          note(`start ${pod.metadata.namespace}/${pod.metadata.name} ${name} run ${told.restarts}`);
          void started.ended.then((code) => {
            note(`end ${pod.metadata.namespace}/${pod.metadata.name} ${name} code ${code}`);
            finish(code);
          });
          if (killed) return void started.signal('SIGKILL');
          if (isInit) return;
          const ask = { container, address: pod.status?.podIP ?? told.address, dial: network.dial };
          stopProbes = startProbes({
            ...ask,
            execute: async (words, ms) => (await execute(entry, words, ms)).code,
            ready: told.ready,
            unhealthy: (why) => {
              note(`unhealthy ${pod.metadata.name} ${name}: ${why}`);
              told.unhealthy(why);
              void stop(graceMsOf(pod));
            },
          });
        },
        (error: Error) => {
          note(`no start ${pod.metadata.namespace}/${pod.metadata.name} ${name}: ${error.message}`);
          told.line(`failed to create containerd task: ${error.message}`);
          finish(128);
        },
      );
      return { stop, signal: (signal) => running?.signal(signal) ?? false };
    },
    containers: () => [...entries.values()],
    has: (uid) => known.has(uid),
    refreshVolumes() {
      for (const pod of known.values())
        for (const volume of pod.spec.volumes ?? [])
          if (volume.configMap !== undefined || volume.secret !== undefined || volume.projected !== undefined)
            fill(options, pod, { folder: join(podVolumes(folder, pod), volume.name), volume });
    },
    monitorLogs() {
      for (const { log } of entries.values()) log.monitor();
    },
    async forget(pod) {
      const uid = pod.metadata.uid ?? '';
      const nodes = nodeFolder(folder, (pod as Pod).spec.nodeName ?? '');
      setTimeout(() => rmSync(join(nodes, 'var/log/pods', podFolder(pod)), { recursive: true, force: true }), KEPT_MS).unref();
      if (!known.delete(uid)) return;
      await Promise.all([...entries.values()].filter((one) => one.pod.metadata.uid === uid).map(({ done }) => done));
      await network.removePod(uid);
      rmSync(join(folder, 'pods', uid), { recursive: true, force: true });
    },
    execute,
    async close() {
      closed = true;
      for (const { running } of entries.values()) running()?.signal('SIGKILL');
      await Promise.all([...entries.values()].map(({ done }) => done));
    },
  };
}

export const graceMsOf = (pod: Pod): number =>
  Number((pod.spec as { readonly terminationGracePeriodSeconds?: number }).terminationGracePeriodSeconds ?? 30) * 1000;

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
