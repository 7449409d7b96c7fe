import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paint } from './colour.ts';
import { isOver, sectionLines, type Row, type RowState, type Section } from './section.ts';
import { width } from './text.ts';

const frame = { columns: 80, paint: paint(false), spinner: '*', now: 60_000 };
const states: readonly RowState[] = ['waiting', 'running', 'done', 'same', 'kept', 'failed', 'warned', 'skipped'];
const row = (state: RowState, index = 0): Row => ({ id: `r${index}`, title: `Row ${index}`, state, started: 0, ended: 1000 });
const section = (rows: readonly Row[]): Section => ({ heading: 'Installing', rows: [...rows], notices: [], started: 0 });

describe('sectionLines', () => {
  it('says how far it is, how long it takes and what runs', () => {
    const rows = [row('done', 0), { ...row('running', 1), below: 'waiting for pods' }, row('waiting', 2)];
    expect(sectionLines(section(rows), { ...frame, height: 24 })).toEqual(
      [
        'Installing  ━━━━━━━━━━────────────────────                           1/3 · 1 min 00 s',
        '  ✔ Row 0',
        `  * Row 1${' '.repeat(61)}1 min 00 s`,
        '    waiting for pods',
        '  · Row 2',
      ].map((line) => (line.startsWith('Installing') ? expect.stringMatching(/^Installing {2}━{10}─{20} +1\/3 · 1 min 00 s$/) : line)),
    );
  });

  it('is never taller than the terminal while it is live: what runs is seen', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.integer({ min: 8, max: 50 }), (before, after, height) => {
        const rows = [
          ...Array.from({ length: before }, (_, i) => row('done', i)),
          row('running', 900),
          ...Array.from({ length: after }, (_, i) => row('waiting', 1000 + i)),
        ];
        const lines = sectionLines(section(rows), { ...frame, height });
        expect(lines.length).toBeLessThan(height);
        expect(lines.some((line) => line.includes('Row 900'))).toBe(true);
      }),
    );
  });

  it('shows every row in its last picture', () => {
    const rows = Array.from({ length: 60 }, (_, i) => row('done', i));
    expect(sectionLines(section(rows), frame)).toHaveLength(61);
  });

  it('is never wider than the terminal, whatever is said', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    const rows = fc.array(fc.record({ id: fc.constant('a'), title: text, note: text, below: text, state: fc.constantFrom(...states) }), { minLength: 1 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 40, max: 200 }), fc.option(fc.constant(24), { nil: undefined }), (all, columns, height) => {
        for (const line of sectionLines(section(all), { ...frame, columns, ...(height !== undefined && { height }) }))
          expect(width(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('does not count what was never reached', () => {
    expect(sectionLines(section([row('done'), { ...row('skipped', 1), unreached: true }]), frame)[0]).toMatch(/ 1\/2 · /);
  });

  it('is over when no row waits or runs', () => {
    expect(isOver(section([row('done'), row('failed'), row('skipped')]))).toBe(true);
    expect(isOver(section([row('done'), row('running')]))).toBe(false);
    expect(isOver(section([]))).toBe(false);
  });
});
