/** Runs checks concurrently, each as soon as the checks it needs have passed; reports them in list order. */
import type { Check, CheckResult, Problem, Sink, Verdict } from './types.ts';

export interface RunChecksOptions {
  readonly at: 'preflight' | 'status' | 'doctor';
  readonly emit: Sink;
  readonly signal: AbortSignal;
  readonly toProblem: (error: unknown) => Problem;
}

export async function runChecks<Ctx>(checks: readonly Check<Ctx>[], ctx: Ctx, options: RunChecksOptions): Promise<readonly CheckResult[]> {
  const { at, emit, signal, toProblem } = options;
  const chosen = checks.filter((check) => check.at.includes(at));
  emit({ type: 'checks.started', at, checks: chosen.map(({ id, title }) => ({ id, title })) });
  const verdicts = new Map<string, Promise<Verdict>>();
  for (const check of chosen) {
    const verdict = (async (): Promise<Verdict> => {
      for (const id of check.needs ?? []) {
        const before = await verdicts.get(id);
        if (before && before.is !== 'pass' && before.is !== 'warn') return { is: 'skip', why: `requires: ${chosen.find((one) => one.id === id)?.title ?? id}` };
      }
      signal.throwIfAborted();
      try {
        return await check.run(ctx, signal);
      } catch (error) {
        return { is: 'fail', problem: toProblem(error) };
      }
    })();
    // The first rejection ends the run of checks; nothing awaits the others after that.
    verdict.catch(() => undefined);
    verdicts.set(check.id, verdict);
  }
  const results: CheckResult[] = [];
  for (const { id, title } of chosen) {
    const verdict = await (verdicts.get(id) as Promise<Verdict>);
    results.push({ check: id, title, verdict });
    emit({ type: 'check.finished', check: id, title, verdict });
  }
  return results;
}

export const failures = (results: readonly CheckResult[]): readonly Problem[] =>
  results.flatMap(({ verdict }) => (verdict.is === 'fail' ? [verdict.problem] : []));
