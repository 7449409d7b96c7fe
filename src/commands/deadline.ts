/** Ports that refuse after a deadline: whoever goes on past what can't be looked at then ends with what has come so far. */
import { stop } from '../problems/problem.ts';
import type { Dependencies, RunContext } from '../deps.ts';

export interface Deadline {
  /** The same run, whose ports throw COLLECT_TIMED_OUT once the time is over, also out of what they are in the middle of. */
  readonly run: RunContext;
  readonly passed: () => boolean;
  /** From now on there is no deadline. What was late stays unheard. */
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
    // An interruption is everybody's own to notice.
    () => new Promise<never>(() => {}),
  );
  // Nobody may be waiting for anything just then.
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

/** Methods that promise something are heard until the deadline; ports within ports are ports as well. */
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
