import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLogin } from '../sandbox/logs/nginx/htpasswd.ts';
import { apr1Hash, hashPassword, isDearEnough, loginLine, sha512Crypt, verifyHash } from './htpasswd.ts';

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

// As glibc's crypt(3) computes it.
it.each([
  ['correct horse battery staple', '$6$rounds=1000$saltsaltsalt$DOX55tdk4w/JXx511/YvaeZ1Pex5i66k3kOPIJJSst9s2tqZkfdNW.F3krHA9DhjjP8nDJVsMZKYYrjJMnJRZ0'],
  ['', '$6$rounds=5000$ab$xnh5Qsr2NdbFw1PgdZie7nLON3gv.S.23iQDBqAzkdoXPtDnVSpludXkM5UWybQO3OI7hBj9wHg9Ow6sUWD60/'],
  ['x'.repeat(70), '$6$rounds=1234$0123456789abcdef$DmOm83IljeSKZ05A5BXtfzGnnaQowuUib55fSFREKLOuZWClIk45uQtPGeMPG6Qw6itFtnwBvnTHJ4TULQQbf0'],
  ['pässwörd-ü€', '$6$rounds=10000$./Az09$GSeIzh36qJ85Lchv5zoAeHyvj.HmxwyL5ECbLLCgKY0Y/MFT.4WADqBk0GGyC0p8YqJT/NOObDWIJw38.w3YU0'],
])('SHA-512 crypt of %j', (password, hash) => {
  const [, , rounds = '', salt = ''] = hash.split('$');
  expect(sha512Crypt(password, { salt, rounds: Number(rounds.split('=')[1]) })).toBe(hash);
  expect(checkLogin(`a:${hash}`, `a:${password}`)).toBe('right');
  expect(checkLogin(`a:${hash}`, `a:${password}x`)).toBe('wrong');
});

describe('a password that a person has chosen', () => {
  const salt = Buffer.from('123456789');
  const cost = { salt, rounds: 1000, chosen: true };

  it('is hashed so many rounds, and one that was generated is not', () => {
    const line = loginLine({ user: 'loki', password: 'hunter2' }, { ...cost, chosen: false });
    expect(line).toMatch(/^loki:\$6\$rounds=1000\$[./A-Za-z0-9]{12}\$[./A-Za-z0-9]{86}$/);
    expect([verifyHash(line, 'loki', 'hunter2'), verifyHash(line, 'loki', 'hunter3')]).toEqual([true, false]);
    const generated = Buffer.from('0123456789abcdefghijklmn').toString('base64url');
    expect(loginLine({ user: 'loki', password: generated }, { ...cost, chosen: false })).toContain('{SSHA}');
    expect(loginLine({ user: 'loki', password: generated }, cost)).toContain('$6$');
    expect(loginLine({ user: 'loki', password: 'password'.repeat(4) }, { ...cost, chosen: false })).toContain('$6$');
  });

  it('is hashed again where that was too cheap, unless the hash is of others', () => {
    const login = { user: 'loki', password: 'hunter2' };
    const dear = (line: string, rounds: number) => isDearEnough(line, login, { rounds, chosen: true });
    expect(dear(hashPassword('loki', 'hunter2', salt), 1000)).toBe(false);
    const line = loginLine(login, cost);
    expect([dear(line, 1000), dear(line, 5000), dear('loki:$6$salt$x', 5000), dear('loki:$2y$10$x', 5000), dear('loki:$apr1$x', 5000)]).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(
      isDearEnough(
        hashPassword('loki', 'x', salt),
        { user: 'loki', password: Buffer.from('0123456789abcdefghijklmn').toString('base64url') },
        { rounds: 1000, chosen: false },
      ),
    ).toBe(true);
  });
});

// As `openssl passwd -apr1 -salt SALT PASSWORD` prints it.
it.each([
  ['password', '$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/'],
  ['a longer password than sixteen bytes', '$apr1$xy$ydi4vLfD5LxrQlAISGcwV/'],
  ['', '$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0'],
])('apr1 of %j', (password, hash) => expect(apr1Hash(password, hash.split('$')[2]!)).toBe(hash));
