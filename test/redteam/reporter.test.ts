import { expect, it } from 'vitest';
import { rowsOf, tableText } from './reporter.ts';
import { everyRow, tally } from './tally.ts';

it('sums up the cases of a kind, and marks what did not hold', () => {
  const rows = rowsOf([
    { kind: 'signals', tried: 1, held: 1 },
    { kind: 'answers of AWS', tried: 40, held: 39 },
    { kind: 'signals', tried: 6, held: 6 },
  ]);
  expect(rows).toEqual([
    { kind: 'answers of AWS', tried: 40, held: 39 },
    { kind: 'signals', tried: 7, held: 7 },
  ]);
  const lines = tableText(rows).split('\n');
  expect(lines.at(-1)).toBe('tried 47, held 46');
  expect(lines.filter((line) => line.includes('did not hold'))).toEqual([expect.stringContaining('answers of AWS')]);
});

it('counts each row and each run of a property, and goes on after one that fails', async () => {
  const task = { meta: {} } as Parameters<typeof tally>[0]['task'];
  const rows = [1, 2, 3].map((row) => [`row ${row}`, row] as const);
  const odd = everyRow({ task }, rows, (row) => {
    if (row % 2 === 0) throw new Error('even');
  });
  await expect(odd).rejects.toThrow('row 2: even');
  expect(task.meta.tally).toEqual({ tried: 3, held: 2 });
  await tally({ task })(() => 'held');
  expect(task.meta.tally).toEqual({ tried: 4, held: 3 });
});
