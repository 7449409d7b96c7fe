/** Ports that throw after a deadline: a caller that tolerates failed reads then ends with what it has so far. */
import { stop } from '../problems/problem.ts';
import type { Dependencies, RunContext } from '../deps.ts';

export interface Deadline {
  /** The same run, with ports that throw COLLECT_TIMED_OUT after the deadline, also from calls in flight. */
  readonly run: RunContext;
  readonly passed: () => boolean;
  /** Removes the deadline. Late responses stay ignored. */
  readonly lift: () => void;
}

export function deadline(run: RunContext, ms: number): Deadline {
  const { clock } = run.deps;
  const state = { is: 'running' as 'running' | 'passed' | 'lifted' };
  const over = new AbortController();
  const late = clock.sleep(ms, AbortSignal.any([run.signal, over.signal])).then(
    () => {
      if (state.is === 'running') state.is = 'passed';
      throw stop('COLLECT_TIMED_OUT', { message: `No response within ${Math.round(ms / 1000)} s, the time limit of a support bundle` });
    },
    // Callers handle an interruption themselves.
    () => new Promise<never>(() => {}),
  );
  // Nothing may be awaiting it at that moment.
  late.catch(() => {});
  const heard = <T>(work: Promise<T>): Promise<T> => (state.is === 'lifted' ? work : Promise.race([late, work]));
  return {
    run: { ...run, deps: { ...run.deps, ...timely(run.deps, heard) } },
    passed: () => state.is === 'passed',
    lift: () => {
      state.is = 'lifted';
      over.abort();
    },
  };
}

type Heard = <T>(work: Promise<T>) => Promise<T>;
type Makers = Pick<Dependencies, 'aws' | 'kubernetes' | 'releases' | 'logs' | 'grafana'>;

function timely(deps: Dependencies, heard: Heard): Makers {
  const made =
    <Args extends readonly unknown[], T extends object>(make: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> =>
      port(await make(...args), heard);
  const { aws, kubernetes, releases, logs, grafana } = deps;
  return { aws: made(aws), kubernetes: made(kubernetes), releases: made(releases), logs: made(logs), grafana: made(grafana) };
}

/** Methods that return a promise are bounded by the deadline; nested ports are wrapped as well. */
function port<T extends object>(target: T, heard: Heard): T {
  return new Proxy(target, {
    get: (of, key) => {
      const value: unknown = Reflect.get(of, key);
      if (typeof value === 'function') return (...args: readonly unknown[]) => answered(value.apply(of, args), heard);
      return answered(value, heard);
    },
  });
}

const isPlain = (value: unknown): value is object => typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function answered(answer: unknown, heard: Heard): unknown {
  if (answer instanceof Promise) return heard(answer);
  return isPlain(answer) ? port(answer, heard) : answer;
}
