/** The document of `sandbox inject`: the one in the docs can be injected, and each error is reported with its path. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { durationMs, evidenceFaults, evidenceSchema, timeOf } from './document.ts';

describe('evidence', () => {
  it('is as the docs show it', () => {
    const page = readFileSync(new URL('../../../docs/sandbox.md', import.meta.url), 'utf8');
    const [, text = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    const document = JSON.parse(text) as object;
    expect(evidenceFaults(document)).toEqual([]);
    const { properties } = evidenceSchema() as { readonly properties: object };
    expect(Object.keys(document).filter((key) => !(key in properties))).toEqual([]);
    expect(Object.keys(properties).filter((key) => !(key in document) && key !== 'breaks')).toEqual([]);
  });

  it.each([
    [[], 'the document: '],
    [{ log: [] }, 'the document: Unrecognized key: "log"'],
    [{ logs: [{ lines: ['a'], evry: '5s' }] }, 'logs[0]: Unrecognized key: "evry"'],
    [{ logs: [{ lines: ['a'], every: '5' }] }, 'logs[0].every: a duration'],
    [{ logs: [{ lines: [{ time: 'yesterday', line: 'a' }] }] }, 'logs[0].lines[0].time: '],
    [{ answers: [{ path: '/x', status: 42 }] }, 'answers[0].status: '],
    [{ objects: [{ kind: 'Pod', patch: 'x' }] }, 'objects[0].patch: '],
  ])('%j is refused', (document, told) => {
    expect(evidenceFaults(document).join('\n')).toContain(told);
  });

  it('has times before now and times of their own', () => {
    const now = new Date('2026-01-01T00:10:00Z');
    expect(timeOf('-90s', now).toISOString()).toBe('2026-01-01T00:08:30.000Z');
    expect(timeOf('2025-12-31T00:00:00Z', now).toISOString()).toBe('2025-12-31T00:00:00.000Z');
    expect(durationMs('1.5h')).toBe(5_400_000);
  });
});
