import type { Ownership } from '../../../design/ownership.ts';
/** What `doctor --fix` would do, shown and confirmed before it is done. */
import { changesIn, described } from '../../../engine/plan.ts';
import type { Plan, Step } from '../../../engine/types.ts';
import type { DoctorFix, RunContext } from '../../../deps.ts';
import type { Finding } from '../diagnose.ts';

export interface Proposal {
  readonly steps: readonly Step<never>[];
  /** The context of the steps. */
  readonly ctx: unknown;
  /** The installation to be fixed: names its lock and its journals. */
  readonly ownership: Ownership;
  readonly codes: readonly string[];
  /** Called once everything is done and nothing can be rolled back any more. */
  readonly done?: () => Promise<unknown>;
}

/** A `Proposal` with the steps that each finding needs. */
export interface Draft extends Omit<Proposal, 'steps' | 'codes'> {
  readonly plan: Plan<never>;
  readonly parts: readonly Part[];
}

export interface Part {
  readonly finding: Finding;
  /** Ids in the plan. */
  readonly steps: readonly string[];
  /** A foreign object that has to be approved by name: `alloy/alloy`; and what would be done to it, as a sentence. */
  readonly target?: { readonly name: string; readonly means: string };
}

const keyOf = ({ finding, target }: Part): string => `${finding.problem.code}${target === undefined ? '' : `:${target.name}`}`;
const needsConsent = ({ finding, target }: Part): boolean => target !== undefined || finding.autofix === 'confirm';

/** What remains of the draft after all confirmations; `undefined` if nothing does. */
export async function agreedTo(run: RunContext, draft: Draft, { confirmed }: DoctorFix): Promise<Proposal | undefined> {
  const { emit, deps, settled, yes } = run;
  const asking = yes ? undefined : deps.questions;
  const changing = draft.parts.filter((part) => part.steps.some((id) => draft.plan.some(({ step, finding }) => step.id === id && finding.is === 'differs')));
  for (const part of draft.parts)
    if (!changing.includes(part))
      emit({ type: 'note.given', text: `${part.finding.problem.code}: the installation itself is up to date; apply the printed fix by hand.` });
  const blockers = draft.plan.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem] : []));
  for (const one of blockers) emit({ type: 'warning.raised', problem: one });
  const possible = changing.filter((part) => !needsConsent(part) || confirmed.includes(keyOf(part)) || asking !== undefined);
  for (const part of changing.filter((one) => !possible.includes(one)))
    emit({ type: 'note.given', text: `${reason(part)} To approve it: loki-eks doctor --fix --confirm-fix ${keyOf(part)}` });
  if (possible.length === 0) return undefined;
  const offered = planFor(draft, possible);
  emit({ type: 'plan.finished', changes: changesIn(offered), steps: described(offered) });
  const granted: Part[] = [];
  for (const part of possible) {
    if (!needsConsent(part) || confirmed.includes(keyOf(part)) || !asking) granted.push(part);
    else {
      await settled();
      if (await asking.confirm(`${reason(part)} Fix ${part.finding.problem.code}?`, false)) granted.push(part);
    }
  }
  const unasked = granted.filter((part) => !needsConsent(part));
  if (asking && unasked.length > 0) {
    await settled();
    if (!(await asking.confirm(`Fix ${unasked.map(keyOf).join(', ')}?`, true))) for (const part of unasked) granted.splice(granted.indexOf(part), 1);
  }
  if (granted.length === 0) return undefined;
  const { ctx, ownership, done } = draft;
  return {
    ctx,
    ownership,
    ...(done && { done }),
    steps: planFor(draft, granted).map(({ step }) => step),
    codes: granted.map(({ finding }) => finding.problem.code),
  };
}

const reason = ({ finding: { problem }, target }: Part): string => `${problem.code}: ${target?.means ?? 'the fix may affect data, cost or security.'}`;

const planFor = ({ plan }: Draft, parts: readonly Part[]): Plan<never> =>
  plan.filter(({ step, finding }) => finding.is === 'differs' && parts.some(({ steps }) => steps.includes(step.id)));
