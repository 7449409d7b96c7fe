/** What is overlaid on the simulated world: a user's evidence, and what faults inject. Each part is tracked by its origin. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { createTeller } from '../cluster/events.ts';
import type { KubeStore } from '../kube/store.ts';
import type { ComponentStart, LogPathLayer, PodRuntime, SandboxClock } from '../types.ts';
import { createAnswerLayer, type AnswerLayer } from './answers.ts';
import { createAwsLayer, type AwsLayer } from './aws.ts';
import { type Evidence, evidenceShape, type EventEvidence, type ObjectEvidence, timeOf } from './document.ts';
import { createLogLayer } from './logs.ts';
import { isObject, isPod, type PodWish } from './match.ts';
import { createObjectLayer, type ObjectLayer } from './objects.ts';
import { mergePatch } from '../kube/patch.ts';

type Start = (pod: KubeObject, container: string) => ComponentStart | undefined;

export interface Replay {
  /** Throws a ZodError. Ignores `breaks` in the document. */
  add(by: string, document: Evidence): void;
  clear(by: string): void;
  /** Collectors that stop reading. */
  stall(by: string, pods: PodWish): void;
  /** How containers of these pods start, where `start` returns a value. */
  behave(by: string, pods: PodWish, start: Start): void;
  readonly objects: ObjectLayer;
  readonly aws: AwsLayer;
  /** For the log path. */
  readonly layer: LogPathLayer;
  /** For the Kubernetes server. */
  runtime(of: PodRuntime): PodRuntime;
}

export function createReplay({ store: real, clock }: { readonly store: KubeStore; readonly clock: SandboxClock }): Replay {
  const logs = createLogLayer(clock);
  const answers = createAnswerLayer();
  const aws = createAwsLayer();
  const objects = createObjectLayer(real);
  const tell = eventWriter({ objects, clock });
  let stalls: readonly { readonly by: string; readonly fits: (pod: KubeObject) => boolean }[] = [];
  let behaviours: readonly { readonly by: string; readonly fits: (pod: KubeObject) => boolean; readonly start: Start }[] = [];
  return {
    objects,
    aws,
    add(by, document) {
      const read = evidenceShape.parse(document);
      for (const one of read.logs ?? []) logs.add(by, one);
      for (const one of read.metrics ?? []) answers.metrics(by, one);
      for (const one of read.answers ?? []) answers.answer(by, one);
      for (const one of read.network ?? []) answers.network(by, one);
      for (const one of read.aws ?? []) aws.add(by, one);
      for (const one of read.objects ?? []) changeObject(objects, by, one);
      for (const one of read.status ?? []) objects.status(by, one);
      for (const one of read.events ?? []) tell(by, one);
    },
    clear(by) {
      for (const part of [logs, answers, aws, objects]) part.clear(by);
      behaviours = behaviours.filter((one) => one.by !== by);
      stalls = stalls.filter((one) => one.by !== by);
    },
    stall: (by, pods) => void (stalls = [...stalls, { by, fits: isPod(pods) }]),
    behave: (by, pods, start) => void (behaviours = [...behaviours, { by, fits: isPod(pods), start }]),
    layer: {
      start(pod, container) {
        for (const { fits, start } of behaviours) {
          const found = fits(pod) ? start(pod, container) : undefined;
          if (found !== undefined) return found;
        }
        return undefined;
      },
      answer: answers.over,
      unreachable: answers.unreachable,
      stalled: (pod) => stalls.some(({ fits }) => fits(pod)),
    },
    runtime: (of) => ({
      ...of,
      logs: (pod, container, options) => logs.over(pod, container, { previous: options.previous === true, own: of.logs(pod, container, options) }),
      follow: (pod, container, listener) => {
        const stops = [of.follow(pod, container, listener), logs.follow(pod, container, listener)];
        return () => stops.forEach((stop) => stop());
      },
      request: (pod, port, request) => requestUnder({ answers, clock }, { pod, request, own: () => of.request(pod, port, request) }),
    }),
  };
}

interface Asked {
  readonly pod: KubeObject;
  readonly request: Parameters<PodRuntime['request']>[2];
  readonly own: () => ReturnType<PodRuntime['request']>;
}

async function requestUnder(parts: { readonly answers: AnswerLayer; readonly clock: SandboxClock }, { pod, request, own }: Asked) {
  const found = parts.answers.injected(pod, request);
  if (found === undefined) return parts.answers.withMetrics(pod, request, await own());
  if (found.delayMs > 0) await new Promise<void>((resolve) => void parts.clock.after(found.delayMs, resolve));
  return found.response;
}

function changeObject(objects: ObjectLayer, by: string, evidence: ObjectEvidence): void {
  if ('create' in evidence) return objects.create(by, evidence.create as unknown as KubeObject);
  if ('delete' in evidence) return objects.remove(by, evidence);
  const { patch, ...wish } = evidence;
  const edit = (found: Record<string, unknown>): void => {
    const merged = mergePatch(found, patch) as Record<string, unknown>;
    for (const key of Object.keys(found)) if (!(key in merged)) delete found[key];
    Object.assign(found, merged);
  };
  objects.change(by, { kind: wish.kind, fits: isObject(wish), edit });
}

function eventWriter({ objects, clock }: { readonly objects: ObjectLayer; readonly clock: SandboxClock }) {
  return (by: string, { about, type = 'Warning', reason, message, count = 1, time = '-0s' }: EventEvidence): void => {
    const at = timeOf(time, clock.now());
    const store = { ...objects.store, create: (event: KubeObject) => (objects.create(by, { ...event, count }), event) };
    const write = createTeller({ store, clock: { ...clock, now: () => at } });
    for (const object of objects.store.list(about.kind).filter(isObject(about))) write({ about: object, type, reason, message, from: 'sandbox' });
  };
}
