/** A Kubernetes port over a list of objects in memory, for tests of what only reads; and a clock that never waits. */
import type { KubeObject, Kubernetes, Query } from '../../src/ports/kubernetes.ts';
import type { Clock } from '../../src/ports/system.ts';

export interface Objects {
  readonly kubernetes: Kubernetes;
  /** `verb kind` of each call, in order. */
  readonly calls: string[];
  objects: KubeObject[];
  logs: Readonly<Record<string, readonly string[]>>;
}

export function clusterOf(objects: readonly object[], more: Partial<Kubernetes> = {}): Objects {
  const calls: string[] = [];
  const state: Objects = { kubernetes: undefined as never, calls, objects: objects as KubeObject[], logs: {} };
  const unexpected = (verb: string) => async () => {
    throw new Error(`unexpected ${verb}`);
  };
  const matches = (object: KubeObject, query: Query) =>
    object.kind === query.kind &&
    (!query.namespace || object.metadata.namespace === query.namespace) &&
    (query.labels ?? '')
      .split(',')
      .filter(Boolean)
      .every((term) => object.metadata.labels?.[term.split('=')[0]!] === term.split('=')[1]) &&
    (query.fields ?? '')
      .split(',')
      .filter(Boolean)
      .every((term) => {
        const [path = '', value] = term.split('=');
        return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object) === value;
      });
  const kubernetes: Kubernetes = {
    version: unexpected('version'),
    get: async (ref) => {
      calls.push(`get ${ref.kind}`);
      return state.objects.find((one) => one.kind === ref.kind && one.metadata.name === ref.name && one.metadata.namespace === ref.namespace);
    },
    list: async (query) => {
      calls.push(`list ${query.kind}`);
      return state.objects.filter((one) => matches(one, query));
    },
    table: unexpected('table'),
    logs: async ({ pod, previous }) => state.logs[`${pod}${previous ? ' previous' : ''}`] ?? [],
    create: unexpected('create'),
    replace: unexpected('replace'),
    patch: unexpected('patch'),
    delete: unexpected('delete'),
    denied: unexpected('denied'),
    token: unexpected('token'),
    raw: unexpected('raw'),
    forward: unexpected('forward'),
    ...more,
  };
  return Object.assign(state, { kubernetes });
}

/** Sleeping moves the time, and lets `then` change the world meanwhile. */
export function jumpingClock(then: (now: Date) => void = () => undefined): Clock {
  let now = Date.parse('2030-01-01T00:00:00Z');
  return {
    now: () => new Date(now),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      now += ms;
      then(new Date(now));
    },
  };
}
