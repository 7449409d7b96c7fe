/** Password files as nginx checks them: {SSHA}, {SHA}, {PLAIN}, $apr1$, bcrypt, and $6$. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { bcrypt } from './bcrypt.ts';
import { sha512Crypt } from './sha512-crypt.ts';

/** `unknown-hash`: a format whose check is not simulated, so neither yes nor no would be true. */
export type Verdict = 'right' | 'wrong' | 'unknown-hash';

const same = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** `login` is `user:password`. A user that is not listed is wrong. */
export function checkLogin(file: string, login: string): Verdict {
  const colon = login.indexOf(':');
  const [user, password] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)];
  const line = file.split('\n').find((candidate) => candidate.startsWith(`${user}:`));
  if (line === undefined || user === '') return 'wrong';
  return checkHash(
    line
      .slice(user.length + 1)
      .trim()
      .split(':')[0] ?? '',
    password,
  );
}

function checkHash(hash: string, password: string): Verdict {
  const verdict = (right: boolean): Verdict => (right ? 'right' : 'wrong');
  if (hash.startsWith('{PLAIN}')) return verdict(hash.slice(7) === password);
  if (hash.startsWith('{SHA}')) return verdict(same(Buffer.from(hash.slice(5), 'base64'), createHash('sha1').update(password).digest()));
  if (hash.startsWith('{SSHA}')) {
    const stored = Buffer.from(hash.slice(6), 'base64');
    return verdict(same(stored.subarray(0, 20), createHash('sha1').update(password).update(stored.subarray(20)).digest()));
  }
  const apr = /^\$apr1\$([^$]{1,8})\$(.{22})$/.exec(hash);
  if (apr !== null) return verdict(apr1(password, apr[1] as string) === apr[2]);
  const slow = /^\$2[aby]\$(\d\d)\$(.{22})(.{31})$/.exec(hash);
  if (slow !== null && Number(slow[1]) <= DEAREST)
    return verdict(once(password, { hash, sum: () => bcrypt(password, { cost: Number(slow[1]), salt: slow[2] as string }) }) === slow[3]);
  const sha512 = /^\$6\$(?:rounds=(\d{1,6})\$)?([^$]{1,16})\$(.{86})$/.exec(hash);
  if (sha512 !== null)
    return verdict(once(password, { hash, sum: () => sha512Crypt(password, { salt: sha512[2]!, rounds: Number(sha512[1] ?? 5000) }) }) === sha512[3]);
  return 'unknown-hash';
}

/** A higher bcrypt cost would block the sandbox for seconds. */
const DEAREST = 13;
const known = new Map<string, string>();

/** nginx pays for a slow hash at every request; the sandbox once per password. */
function once(password: string, { hash, sum }: { readonly hash: string; readonly sum: () => string }): string {
  const key = createHash('sha256').update(`${hash} ${password}`).digest('hex');
  const found = known.get(key) ?? sum();
  known.set(key, found);
  return found;
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Apache's MD5 crypt: 1000 rounds, 22 characters. */
export function apr1(password: string, salt: string): string {
  const secret = Buffer.from(password);
  const alternate = createHash('md5').update(secret).update(salt).update(secret).digest();
  const start = createHash('md5').update(secret).update(`$apr1$${salt}`);
  for (let left = secret.length; left > 0; left -= 16) start.update(alternate.subarray(0, Math.min(16, left)));
  for (let bits = secret.length; bits > 0; bits >>= 1) start.update((bits & 1) === 1 ? Buffer.from([0]) : secret.subarray(0, 1));
  let digest = start.digest();
  for (let round = 0; round < 1000; round += 1) {
    const hash = createHash('md5').update(round % 2 === 1 ? secret : digest);
    if (round % 3 !== 0) hash.update(salt);
    if (round % 7 !== 0) hash.update(secret);
    digest = hash.update(round % 2 === 1 ? digest : secret).digest();
  }
  return encode(digest);
}

function encode(digest: Buffer): string {
  const byte = (at: number): number => digest[at] as number;
  const triples = [
    [0, 6, 12],
    [1, 7, 13],
    [2, 8, 14],
    [3, 9, 15],
    [4, 10, 5],
  ] as const;
  const letters = (value: number, count: number): string => Array.from({ length: count }, (_, at) => ALPHABET[(value >> (6 * at)) & 63]).join('');
  return triples.map(([a, b, c]) => letters((byte(a) << 16) | (byte(b) << 8) | byte(c), 4)).join('') + letters(byte(11), 2);
}
