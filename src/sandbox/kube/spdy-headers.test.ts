import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createHeaderCodec, DICTIONARY } from './spdy-headers.ts';
import type { Headers } from './spdy-headers.ts';

/** RFC 1950: the identifier of a zlib stream's dictionary. */
function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return ((b << 16) | a) >>> 0;
}

test('the dictionary is the one every SPDY/3 peer has', () => {
  expect([DICTIONARY.length, adler32(DICTIONARY).toString(16)]).toEqual([1423, 'e3c6a7c2']);
});

test('blocks of one connection follow each other', async () => {
  const [near, far] = [createHeaderCodec(), createHeaderCodec()];
  const blocks: readonly Headers[] = [
    { streamtype: 'error', port: '3100', requestid: '0' },
    { streamtype: 'data', port: '3100', requestid: '0' },
    {},
    { long: createHash('sha512').digest('hex').repeat(100) },
  ];
  for (const headers of blocks) {
    expect(await far.decode(await near.encode(headers))).toEqual(headers);
  }
  near.close();
  far.close();
});
