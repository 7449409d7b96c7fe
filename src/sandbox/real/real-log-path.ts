/** The log path made of real processes: this machine's Loki, Alloy, nginx and memcached replace the simulated ones. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import type { ServerCertificate } from '../kube/certificate.ts';
import type { ServiceAccountTokens } from '../logs/identity.ts';
import type { LogPath, LogPathParts, SandboxRequest, SandboxResponse } from '../types.ts';
import type { Binaries } from './binaries.ts';
import { createRealControl, keepLine, type RealControl } from './control.ts';
import { DEFAULT_RULES, type LogFile, openLogFile, podFolder } from './kubelet-logs.ts';
import { openMachine } from './machine.ts';
import { openNetwork } from './network.ts';
import { allContainers, createRealPods, partOf } from './real-pods.ts';
import { wiringOf } from './services.ts';
import { nodeFolder } from './volumes.ts';

export interface RealOptions {
  readonly binaries: Binaries;
  readonly certificate: ServerCertificate;
  /** Of the sandbox's servers on loopback, called when they are needed. */
  readonly ports: { readonly kube: () => number; readonly aws: () => number };
}

export interface RealLogPath {
  readonly control: RealControl;
  /** Where the nodes' files and notes are written. */
  readonly folder: string;
  /** Wraps the simulated log path, which still serves whatever is not real. */
  over(simulated: LogPath, parts: LogPathParts): LogPath;
  close(): Promise<void>;
}

const WIRE_MS = 300;
const REFRESH_MS = 5_000;
const MOST_ANSWER = 64 * 2 ** 20;
const ANSWER_MS = 65_000;

/** AWS hosts that real programs call, for the certificate that they check. */
export const realHosts = (region: string): readonly string[] => [
  '10.100.0.1',
  'kubernetes.default.svc',
  ...['amazonaws.com', 'amazonaws.com.cn'].flatMap((domain) => [
    ...['s3', 'sts', 'kms'].map((service) => `${service}.${region}.${domain}`),
    `*.s3.${region}.${domain}`,
    `*.s3.dualstack.${region}.${domain}`,
    `s3.dualstack.${region}.${domain}`,
  ]),
];

export async function openRealLogPath(options: RealOptions): Promise<RealLogPath> {
  const machine = await openMachine();
  const { folder } = machine;
  const notes = join(folder, 'notes.log');
  const note = (text: string): void => appendFileSync(notes, `${new Date().toISOString()} ${text}\n`);
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, options.certificate.ca, { mode: 0o644 });
  const network = await openNetwork({ machine, note, ...options }).catch(async (error: unknown) => {
    await machine.clear();
    throw error;
  });
  const timers: NodeJS.Timeout[] = [];
  const ends: (() => Promise<void> | void)[] = [];
  const control = createRealControl();

  return {
    control,
    folder,
    over(simulated, parts) {
      const { store } = parts;
      const signer = parts.account as unknown as ServiceAccountTokens;
      let rules = DEFAULT_RULES;
      const pods = createRealPods({
        store,
        folder,
        ca: options.certificate.ca,
        caFile,
        signToken: signer.signServiceAccountToken,
        binaries: options.binaries,
        network,
        rules: () => rules,
        note,
      });
      const files = new Map<string, LogFile>();
      const simulatedFile = (pod: KubeObject, container: string): LogFile => fileOf({ folder, files, run: runOf(pod, container), rules }, pod, container);
      const anyFile = (pod: KubeObject, container: string): LogFile =>
        pods.containers().find((one) => one.pod.metadata.uid === pod.metadata.uid && one.name === container)?.log ?? simulatedFile(pod, container);
      control.attach({ store, folder, pods, fileOf: anyFile, setRules: (changed) => void (rules = { ...rules, ...changed }) });
      const guarded = (act: () => unknown) => (): void => {
        try {
          void Promise.resolve(act()).catch((error: Error) => note(error.message));
        } catch (error) {
          note((error as Error).message);
        }
      };
      const wire = guarded(() => {
        const real = (store.list('Pod') as readonly Pod[]).filter(({ metadata, status }) => pods.has(metadata.uid ?? '') && status?.podIP !== undefined);
        const { state, barriers } = wiringOf(store, real);
        return network.update(state, barriers);
      });
      timers.push(
        setInterval(wire, WIRE_MS),
        setInterval(guarded(pods.refreshVolumes), REFRESH_MS),
        setInterval(
          guarded(() => monitor()),
          rules.monitorMs,
        ),
      );
      const monitor = (): void => {
        pods.monitorLogs();
        for (const file of files.values()) file.monitor();
      };
      const stopListening = store.subscribe(({ type, object }) => {
        if (object.kind !== 'Pod' || type !== 'DELETED') return;
        for (const id of files.keys()) if (id.startsWith(`${object.metadata.uid}/`)) files.delete(id);
        void pods.forget(object).catch((error: Error) => note(error.message));
      });
      ends.push(stopListening, () => pods.close());
      return {
        start: simulated.start,
        launch: pods.launch,
        launches: (pod) => allContainers(pod as Pod).some((container) => partOf(container) !== undefined),
        printed(pod, container, entry) {
          const { nodeName } = (pod as Pod).spec;
          if (nodeName === undefined) return;
          simulatedFile(pod, container).write('stdout', Buffer.from(`${entry.line}\n`));
          keepLine(folder, pod, entry.line);
        },
        serve: (pod, port, request) =>
          pods.has(pod.metadata.uid ?? '')
            ? serve({ address: (pod as Pod).status?.podIP ?? '', port, dial: network.dial }, request)
            : simulated.serve(pod, port, request),
        // Files of real containers are real: simulated ones would be wrong.
        mounted: (pod, container) => (pods.has(pod.metadata.uid ?? '') ? undefined : simulated.mounted?.(pod, container)),
      };
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      for (const end of ends) await end();
      await network.close();
      await machine.clear();
    },
  };
}

function runOf(pod: KubeObject, container: string): number {
  const { containerStatuses = [], initContainerStatuses = [] } = ((pod as Pod).status ?? {}) as Readonly<
    Record<'containerStatuses' | 'initContainerStatuses', readonly { readonly name: string; readonly restartCount: number }[] | undefined>
  >;
  return [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container)?.restartCount ?? 0;
}

/** For simulated containers: their output is written to files as well. */
function fileOf(
  at: { readonly folder: string; readonly files: Map<string, LogFile>; readonly run: number; readonly rules: typeof DEFAULT_RULES },
  pod: KubeObject,
  container: string,
): LogFile {
  const id = `${pod.metadata.uid}/${container}/${at.run}`;
  const found = at.files.get(id);
  if (found !== undefined) return found;
  const logs = join(nodeFolder(at.folder, (pod as Pod).spec.nodeName ?? ''), 'var/log/pods', podFolder(pod), container);
  const made = openLogFile(logs, { run: at.run, rules: at.rules });
  at.files.set(id, made);
  return made;
}

interface Target {
  readonly address: string;
  readonly port: number;
  readonly dial: (address: string, port: number) => Promise<Socket>;
}

/** Never rejects: without an answer it is a 502 with the dialer's message, as the API server passes it on. */
async function serve({ address, port, dial }: Target, { method, path, headers, body }: SandboxRequest): Promise<SandboxResponse> {
  try {
    const socket = await dial(address, port);
    return await new Promise<SandboxResponse>((resolve, reject) => {
      const length = body.length > 0 ? { 'content-length': String(body.length) } : {};
      const asked = httpRequest(
        { host: address, port, method, path, headers: { ...headers, ...length, connection: 'close' }, createConnection: () => socket },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > MOST_ANSWER) response.destroy(new Error(`the answer is over ${MOST_ANSWER} bytes`));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            const passed = Object.entries(response.headers).filter(([name]) => !['transfer-encoding', 'connection'].includes(name));
            resolve({
              status: response.statusCode ?? 502,
              headers: Object.fromEntries(passed.map(([name, value]) => [name, String(value)])),
              body: Buffer.concat(chunks),
            });
          });
        },
      );
      asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error('timed out')));
      asked.on('error', reject);
      asked.end(body.length > 0 ? Buffer.from(body) : undefined);
    });
  } catch (error) {
    return { status: 502, headers: { 'content-type': 'text/plain' }, body: error instanceof Error ? error.message : String(error) };
  }
}
