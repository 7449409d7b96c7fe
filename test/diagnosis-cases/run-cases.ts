/** One test a case. */
import { describe, expect, it } from 'vitest';
import type { Case } from './case.ts';
import { play } from './play.ts';

export function runCases(cases: readonly Case[]): void {
  describe('every failure is named', () => {
    for (const one of cases) {
      it(`${one.id}: ${one.quiet === undefined ? one.class : 'nothing'}`, async ({ task }) => {
        const played = await play(one);
        task.meta.failure = played;
        expect({ ok: played.ok, said: played.said }).toEqual({ ok: true, said: played.said });
      });
    }
  });
}
