import * as fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { renderDocument, renderText } from './template.ts';

describe('renderDocument', () => {
  it('a lone placeholder becomes the value with its type, one in text becomes part of it, one in a key too', () => {
    expect(renderDocument({ a: '${n}', b: ['x-${s}', '${list}'], '${s}:sub': 1 }, { n: 3, s: 'y', list: [1] })).toEqual({ a: 3, b: ['x-y', [1]], 'y:sub': 1 });
  });

  it('undefined leaves out the entry or the item', () => expect(renderDocument({ a: '${x}', b: ['${x}', 1] }, { x: undefined })).toEqual({ b: [1] }));

  it('a missing value and an unused one are errors that name it', () => {
    expect(() => renderDocument({ a: '${nope}' }, {})).toThrow('no value for ${nope}');
    expect(() => renderDocument({ a: 'x' }, { spare: 1 })).toThrow('nothing uses ${spare}');
    expect(() => renderDocument({ a: 'x${map}' }, { map: {} })).toThrow('${map} stands inside text');
    expect(() => renderDocument({ a: '${toString}' }, {})).toThrow('no value for ${toString}');
  });

  it('no value can change the structure around it', () => {
    fc.assert(
      fc.property(fc.string(), (s) => {
        expect(renderDocument(parse('a: ${s}\nb: x${s}\n'), { s })).toEqual({ a: s, b: `x${s}` });
      }),
    );
  });
});

describe('renderText', () => {
  it('quotes values, but not in comments', () => expect(renderText('// for ${a}\nx = ${a}\n', { a: 'b"c' })).toBe('// for b"c\nx = "b\\"c"\n'));

  it('is as strict', () => {
    expect(() => renderText('${nope}', {})).toThrow('no value for ${nope}');
    expect(() => renderText('', { spare: '1' })).toThrow('nothing uses ${spare}');
  });

  it('leaves other dollars alone', () => expect(renderText('$1 $__env{X}', {})).toBe('$1 $__env{X}'));
});
