/** Which steps a step builds on: applied before it, removed and undone after it. */
import type { Step } from './types.ts';

type Node = Pick<Step<never>, 'id' | 'needs'>;

/** The ids this step waits for, transitively: those in `needs`, or every earlier step. Ids that are not in the list are left out. */
export function neededBy(steps: readonly Node[], index: number): readonly string[] {
  const at = new Map(steps.map(({ id }, place) => [id, place] as const));
  const found = new Set<string>();
  const collect = (place: number) => {
    const needs = steps[place]?.needs ?? steps.slice(0, place).map(({ id }) => id);
    for (const id of needs) {
      const next = at.get(id);
      if (next === undefined || found.has(id) || id === steps[index]?.id) continue;
      found.add(id);
      collect(next);
    }
  };
  collect(index);
  return [...found];
}

/** What must stay while any of these steps is still applied: nothing that runs loses what it depends on. */
export function stillNeeded(steps: readonly Node[], failed: ReadonlySet<string>): ReadonlyMap<string, string> {
  const by = new Map<string, string>();
  steps.forEach(({ id }, index) => {
    if (failed.has(id)) for (const needed of neededBy(steps, index)) by.set(needed, id);
  });
  return by;
}

/** Not undone, because a step that depends on it could not be undone. */
export class StillNeeded extends Error {
  readonly by: string;
  constructor(by: string) {
    super(`"${by}" still needs it`);
    this.by = by;
  }
}
