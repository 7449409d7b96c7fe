import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clean, cut, duration, fold, oneLine, size, spread, width } from './text.ts';

const anything = fc.string({ unit: 'binary', maxLength: 60 });

describe('clean', () => {
  it('leaves nothing that steers a terminal, whatever comes', () => {
    const steering = fc.constantFrom('\u001b[31m', '\u001b]8;;x\u0007', '\u001b', '\u009b2J', '\r', '\u0008', '\u202e', 'text');
    fc.assert(fc.property(fc.array(fc.oneof(steering, anything)), (parts) => !/(?!\n)[\p{Cc}\p{Bidi_Control}]/u.test(clean(parts.join('')))));
  });
  it('keeps what is readable', () => {
    expect(clean('a\tb\r\nc')).toBe('a  b\nc');
    expect(clean('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007text')).toBe('red text');
    expect(oneLine(' a \n  b\n')).toBe('a b');
  });
});

describe('fold', () => {
  it('loses no word and keeps to the width but for words that are longer', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 }), fc.integer({ min: 20, max: 80 }), (words, columns) => {
        const lines = fold(words.join(' '), columns);
        expect(lines.join(' ')).toBe(words.join(' '));
        for (const line of lines) expect(width(line) <= columns || !line.includes(' ')).toBe(true);
      }),
    );
  });
  it('leaves commands whole, so that they can be copied', () => {
    const command = 'kubectl -n loki get secret loki-gateway-login -o jsonpath={.data.password}';
    expect(fold(command, 20)).toEqual([command]);
    expect(fold('loki-eks install goes on; with a flag it does not', 30)).toEqual(['loki-eks install goes on; with', 'a flag it does not']);
  });
});

describe('width, cut and spread', () => {
  it('counts wide characters twice and colours not at all', () => {
    expect(width('\u001b[31m로그\u001b[39m')).toBe(4);
    expect(width('e\u0301')).toBe(1);
  });
  it('cut never exceeds its columns', () => {
    fc.assert(fc.property(anything, fc.integer({ min: 1, max: 40 }), (text, columns) => width(cut(oneLine(text), columns)) <= columns));
    expect(cut('abcdef', 4)).toBe('abc…');
  });
  it('spread ends at the right edge', () => {
    expect(spread('a', 'b', 5)).toBe('a   b');
    expect(spread('aaaa', 'bbbb', 5)).toBe('aaaa  bbbb');
  });
});

it('says durations and sizes as people do', () => {
  expect([0.42, 9.96, 59.7, 185, 3720].map(duration)).toEqual(['0.4 s', '10 s', '1 min 00 s', '3 min 05 s', '1 h 02 min']);
  expect([0, 1023, 1536, 5_872_025].map(size)).toEqual(['0 B', '1023 B', '1.5 KiB', '5.6 MiB']);
});
