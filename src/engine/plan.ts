/** Planning: all steps inspect concurrently, and their inspections form the plan. */
import type { Inspection, Plan, PlannedStep, Problem, Step } from './types.ts';

/** Reads are safe to run in parallel. An inspection that throws a problem becomes a blocked step, so that all problems are reported together. */
export async function plan<Ctx>(steps: readonly Step<Ctx>[], ctx: Ctx, toProblem: (error: unknown) => Problem | undefined): Promise<Plan<Ctx>> {
  return Promise.all(
    steps.map(async (step) => {
      try {
        return { step, finding: await step.inspect(ctx) };
      } catch (error) {
        const problem = toProblem(error);
        if (!problem) throw error;
        return { step, finding: { is: 'blocked', problem } as Inspection };
      }
    }),
  );
}

export const changesIn = <Ctx>(plan: Plan<Ctx>): number =>
  plan.reduce((sum, { finding }) => sum + (finding.is === 'differs' ? Math.max(1, finding.changes.length) : 0), 0);

export const described = <Ctx>(plan: Plan<Ctx>): readonly PlannedStep[] => plan.map(({ step, finding }) => ({ step: step.id, title: step.title, finding }));
