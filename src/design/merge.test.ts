import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeValues } from './merge.ts';

describe('mergeValues', () => {
  it("maps merge, lists replace, null stays to remove the chart's default", () => {
    expect(mergeValues({ a: { x: 1, y: 2 }, l: [1, 2], d: { k: 1 } }, { a: { y: 3 }, l: [9], d: null })).toEqual({ a: { x: 1, y: 3 }, l: [9], d: null });
  });

  it('a map replaces a scalar and the other way round', () => expect(mergeValues({ a: 1, b: { c: 1 } }, { a: { c: 1 }, b: 1 })).toEqual({ a: { c: 1 }, b: 1 }));

  it('nothing on top changes nothing, and the arguments are left alone', () => {
    const map = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(map, (values) => {
        expect(mergeValues(values, {})).toEqual(values);
      }),
    );
    fc.assert(
      fc.property(map, map, (below, above) => {
        const before = JSON.stringify([below, above]);
        const merged = mergeValues(below, above);
        expect(JSON.stringify([below, above])).toBe(before);
        expect(mergeValues(merged, above)).toEqual(merged);
      }),
    );
  });
});
