import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apr1Hash, hashPassword, verifyHash } from './htpasswd.ts';

describe('hashPassword', () => {
  it('writes what nginx reads: SHA-1 of password and salt, then the salt', () => {
    expect(hashPassword('loki', 'secret', Buffer.from('12345678'))).toBe(
      `loki:{SSHA}${Buffer.concat([Buffer.from('b42346ab224b93fbaf2a909ae2f81ae46076816a', 'hex'), Buffer.from('12345678')]).toString('base64')}`,
    );
  });

  it('lets in the right password and no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.uint8Array({ minLength: 8, maxLength: 16 }), (right, other, salt) => {
        const line = hashPassword('loki', right, salt);
        expect(verifyHash(`${line}\n`, 'loki', right)).toBe(true);
        expect(verifyHash(line, 'loki', other)).toBe(other === right);
        expect(verifyHash(line, 'lok', right)).toBe(false);
      }),
    );
  });

  it.each(['', 'a:b', 'a\nb'])('refuses the user %j', (user) => expect(() => hashPassword(user, 'x', Buffer.alloc(8))).toThrow(/user name/));
});

describe('verifyHash', () => {
  it.each([
    ['$apr1$', 'loki:$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/', 'password'],
    ['{SHA}', 'loki:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'password'],
    ['{PLAIN}', 'loki:{PLAIN}password', 'password'],
  ])('%s', (_, line, password) => {
    expect(verifyHash(line, 'loki', password)).toBe(true);
    expect(verifyHash(line, 'loki', `${password}x`)).toBe(false);
  });

  it('finds the user among several lines, with either line end', () => {
    const file = `${hashPassword('a', '1', Buffer.alloc(8))}\r\n${hashPassword('b', '2', Buffer.alloc(8))}\n`;
    expect([verifyHash(file, 'a', '1'), verifyHash(file, 'b', '2'), verifyHash(file, 'b', '1'), verifyHash(file, 'c', '1')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it.each(['loki:$2y$10$abcdefghijklmnopqrstuv', 'loki:{SSHA}', 'loki:{SSHA}AAAA', 'loki:', 'loki', ''])('%j lets nobody in', (line) =>
    expect(verifyHash(line, 'loki', 'password')).toBe(false),
  );
});

// As `openssl passwd -apr1 -salt SALT PASSWORD` says.
it.each([
  ['password', '$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/'],
  ['a longer password than sixteen bytes', '$apr1$xy$ydi4vLfD5LxrQlAISGcwV/'],
  ['', '$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0'],
])('apr1 of %j', (password, hash) => expect(apr1Hash(password, hash.split('$')[2]!)).toBe(hash));
