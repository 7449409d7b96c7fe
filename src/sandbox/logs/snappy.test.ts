import { describe, expect, it } from 'vitest';
import { compress, decompress } from './snappy.ts';

describe('snappy', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
    ['a short text', Buffer.from('hello hello hello')],
    ['a run over several blocks', Buffer.alloc(300_000, 'a')],
    ['lines', Buffer.from(Array.from({ length: 5000 }, (_, at) => `level=info step=${at} loss=0.25\\n`).join(''))],
    ['noise', Buffer.from(Array.from({ length: 200_000 }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 13) & 255))],
  ])('takes %s apart again', (_, input) => expect(decompress(compress(input))?.equals(input)).toBe(true));

  it('makes lines shorter, and noise hardly longer', () => {
    const lines = Buffer.from('level=info msg="the same again and again"\\n'.repeat(1000));
    expect(compress(lines).length).toBeLessThan(lines.length / 10);
    const noise = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 13) & 255));
    expect(compress(noise).length).toBeLessThan(noise.length * 1.02);
  });

  it.each([
    ['a text', Buffer.from('hello')],
    ['an end in the middle', compress(Buffer.from('hello hello hello')).subarray(0, -3)],
    ['more than it says', Buffer.concat([compress(Buffer.from('hello')), Buffer.from([0, 65])])],
    ['a copy from before the beginning', Buffer.from([4, (3 << 2) | 2, 9, 0])],
    ['a size that nothing can have', Buffer.from([255, 255, 255, 255, 15, 0, 65])],
  ])('refuses %s', (_, input) => expect(decompress(input)).toBeUndefined());
});
