import { describe, expect, it } from 'vitest';
import type { Blueprint } from '../design/blueprint.ts';
import { lostLines, unsaidRetention } from './retention.ts';

const blueprint = { retentionDays: 28 } as Blueprint;

describe('unsaidRetention', () => {
  it.each([
    ['shorter, and nobody has said so', { 'loki-eks/retention-days': '90' }, [], true],
    ['shorter, as it was said', { 'loki-eks/retention-days': '90' }, ['retentionDays'], false],
    ['the same', { 'loki-eks/retention-days': '28' }, [], false],
    ['longer', { 'loki-eks/retention-days': '7' }, [], false],
    ['not known', {}, [], false],
    ['a tag of another make', { 'loki-eks/retention-days': 'many' }, [], false],
  ])('%s', (_, tags, said, bars) => {
    expect(unsaidRetention(tags, { blueprint, said: new Set(said) }) !== undefined).toBe(bars);
  });

  it('shows what goes by a shorter one, and nothing else', () => {
    expect(lostLines({ 'loki-eks/retention-days': '90' }, blueprint)).toEqual([
      { action: 'delete', target: 'log lines older than 28 days', detail: 'permanently, by Loki; they were kept for 90 days' },
    ]);
    const others: readonly Record<string, string>[] = [{}, { 'loki-eks/retention-days': '28' }, { 'loki-eks/retention-days': '7' }];
    for (const tags of others) expect(lostLines(tags, blueprint)).toEqual([]);
  });

  it('names both times, and both ways on', () => {
    expect(unsaidRetention({ 'loki-eks/retention-days': '90' }, { blueprint, said: new Set() })).toMatchObject({
      code: 'RETENTION_WOULD_SHORTEN',
      message: 'Logs are kept for 90 days; this run would keep them for only 28 (the default), and Loki would delete older ones',
      fix: 'Run `loki-eks install --retention-days 90` to keep them, or set `--retention-days 28` to delete them',
    });
  });
});
