/** What tests do to nodes, processes and files of a real sandbox, through the sandbox's own API. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { ObjectStore } from '../types.ts';
import type { LogFile, LogRules } from './kubelet-logs.ts';
import type { RealPods } from './real-pods.ts';

export interface RealWorld {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly pods: RealPods;
  /** The files of a container, whether it is real or simulated. */
  readonly fileOf: (pod: KubeObject, container: string) => LogFile;
  readonly setRules: (changed: Partial<LogRules>) => void;
}

export interface RealControl {
  attach(world: RealWorld): void;
  /** By `METHOD route`; throws what is wrong with the body. */
  readonly routes: Readonly<Record<string, (body: string) => unknown>>;
}

const named = { namespace: z.string().min(1), pod: z.string().min(1), container: z.string().min(1).optional() };
const MOST_ROTATIONS = 100;
const shapes = {
  signal: z.strictObject({ ...named, signal: z.enum(['SIGKILL', 'SIGTERM', 'SIGSTOP', 'SIGCONT', 'SIGHUP']) }),
  rotate: z.strictObject({ ...named, times: z.int().min(1).max(MOST_ROTATIONS).optional() }),
  write: z.strictObject({ ...named, stream: z.enum(['stdout', 'stderr']).optional(), text: z.string(), repeat: z.int().positive().max(10_000).optional() }),
  execute: z.strictObject({ ...named, command: z.array(z.string()).min(1), timeoutMs: z.int().positive().max(60_000).optional() }),
  rules: z.strictObject({ maxBytes: z.int().min(1024).optional(), maxFiles: z.int().min(2).max(20).optional() }),
};

/** Label of pods whose every line is kept in `journal/NAMESPACE_POD`, whatever happens to their files. */
export const JOURNAL_LABEL = 'loki-eks.sandbox/journal';

export function keepLine(folder: string, pod: KubeObject, line: string): void {
  if (pod.metadata.labels?.[JOURNAL_LABEL] !== 'true') return;
  mkdirSync(join(folder, 'journal'), { recursive: true });
  appendFileSync(join(folder, 'journal', `${pod.metadata.namespace}_${pod.metadata.name}`), `${line}\n`);
}

export function createRealControl(): RealControl {
  let world: RealWorld | undefined;
  const here = (): RealWorld => {
    if (world === undefined) throw new Error('the sandbox is still starting');
    return world;
  };
  const podOf = ({ namespace, pod: name }: { readonly namespace: string; readonly pod: string }): KubeObject => {
    const pod = here().store.get('Pod', namespace, name);
    if (pod === undefined) throw new Error(`there is no pod ${namespace}/${name}`);
    return pod;
  };
  const processesOf = (of: { readonly namespace: string; readonly pod: string; readonly container?: string | undefined }) => {
    const { uid } = podOf(of).metadata;
    const found = here()
      .pods.containers()
      .filter(({ pod, name }) => pod.metadata.uid === uid && (of.container === undefined || of.container === name));
    if (found.length === 0) throw new Error(`no process runs in ${of.namespace}/${of.pod}`);
    return found;
  };
  const firstContainer = (pod: KubeObject): string => (pod['spec'] as { readonly containers: readonly { readonly name: string }[] }).containers[0]?.name ?? '';
  return {
    attach: (opened) => void (world = opened),
    routes: {
      'GET real': () => ({
        folder: here().folder,
        containers: here()
          .pods.containers()
          .map(({ pod, name, running, log }) => ({
            namespace: pod.metadata.namespace,
            pod: pod.metadata.name,
            container: name,
            node: pod.spec.nodeName,
            pid: running()?.pid(),
            log: log.path,
          })),
      }),
      'POST real/signal': (body) => {
        const { signal, ...of } = shapes.signal.parse(JSON.parse(body));
        return { signalled: processesOf(of).filter(({ running }) => running()?.signal(signal)).length };
      },
      'POST real/rotate': (body) => {
        const { times = 1, ...of } = shapes.rotate.parse(JSON.parse(body));
        const pod = podOf(of);
        const file = here().fileOf(pod, of.container ?? firstContainer(pod));
        for (let round = 0; round < times; round += 1) file.rotate();
        return { rotated: times };
      },
      'POST real/write': (body) => {
        const { text, stream = 'stdout', repeat = 1, ...of } = shapes.write.parse(JSON.parse(body));
        const pod = podOf(of);
        const lines = here()
          .fileOf(pod, of.container ?? firstContainer(pod))
          .write(stream, Buffer.from(text.repeat(repeat)));
        for (const line of lines) keepLine(here().folder, pod, line);
        return { lines: lines.length };
      },
      'POST real/execute': (body) => {
        const { command, timeoutMs = 10_000, ...of } = shapes.execute.parse(JSON.parse(body));
        const [process] = processesOf(of);
        return process && here().pods.execute(process, command, timeoutMs);
      },
      'POST real/rules': (body) => {
        const { maxBytes, maxFiles } = shapes.rules.parse(JSON.parse(body));
        here().setRules({ ...(maxBytes !== undefined && { maxBytes }), ...(maxFiles !== undefined && { maxFiles }) });
        return { set: true };
      },
    },
  };
}
