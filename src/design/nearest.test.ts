import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distance, nearest } from './nearest.ts';

describe('distance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['retention', 'retenion', 1],
  ])('%s to %s is %i', (a, b, expected) => expect(distance(a, b)).toBe(expected));

  it('is symmetric and nothing only between equals', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 12 }),
        fc.string({ maxLength: 12 }),
        (a, b) => distance(a, b) === distance(b, a) && (distance(a, b) === 0) === (a === b),
      ),
    );
  });
});

describe('nearest', () => {
  const known = ['retentionDays', 'region', 'cluster', 'lokiValues'];
  it.each([
    ['retention-days', 'retentionDays'],
    ['retentonDays', 'retentionDays'],
    ['Cluster', 'cluster'],
    ['regoin', 'region'],
    ['lokivalue', 'lokiValues'],
  ])('%s means %s', (word, meant) => expect(nearest(word, known)).toBe(meant));

  it('says nothing when nothing is near', () => expect(nearest('zzzzzzzz', known)).toBeUndefined());
});
