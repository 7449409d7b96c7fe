import { describe, expect, it } from 'vitest';
import type { Blueprint } from '../design/blueprint.ts';
import { unsaidRetention } from './retention.ts';

const blueprint = { retentionDays: 28 } as Blueprint;

describe('unsaidRetention', () => {
  it.each([
    ['shorter, and nobody has said so', { retentionDays: 90 }, [], true],
    ['shorter, as it was said', { retentionDays: 90 }, ['retentionDays'], false],
    ['the same', { retentionDays: 28 }, [], false],
    ['longer', { retentionDays: 7 }, [], false],
    ['nothing recorded', undefined, [], false],
    ['a record of another make', { retentionDays: '90' }, [], false],
  ])('%s', (_, recorded, said, bars) => {
    expect(unsaidRetention(recorded, { blueprint, said: new Set(said) }) !== undefined).toBe(bars);
  });

  it('names both times, and both ways on', () => {
    expect(unsaidRetention({ retentionDays: 90 }, { blueprint, said: new Set() })).toMatchObject({
      code: 'RETENTION_UNSAID',
      message: 'Loki keeps logs for 90 days; this run would keep them for 28, the default, and Loki would delete older ones',
      fix: 'loki-eks install --retention-days 90   # or --retention-days 28, to delete them',
    });
  });
});
