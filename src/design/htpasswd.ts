/** The gateway's password file: a line as nginx checks it, and whether a line fits a login. */
import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * One line `user:{SSHA}…` without a line end. nginx hashes at every request: this costs it nothing, bcrypt would cost it tens of
 * milliseconds. That is safe for long random passwords only; `salt` is 8 random bytes or more.
 */
export function hashPassword(user: string, password: string, salt: Uint8Array): string {
  if (user === '' || /[:\r\n]/.test(user)) throw new Error('htpasswd: a user name can be neither empty nor hold a colon or line end');
  const digest = sha1(Buffer.from(password), salt);
  return `${user}:{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`;
}

/** Whether a password file lets this login in. Reads {SSHA}, {SHA}, {PLAIN} and $apr1$; any other scheme is a plain `false`. */
export function verifyHash(file: string, user: string, password: string): boolean {
  const line = file.split(/\r?\n/).find((one) => one.startsWith(`${user}:`));
  if (line === undefined) return false;
  const hash = line.slice(user.length + 1);
  if (hash.startsWith('{SSHA}')) {
    const bytes = Buffer.from(hash.slice(6), 'base64');
    return bytes.length > 20 && same(bytes.subarray(0, 20), sha1(Buffer.from(password), bytes.subarray(20)));
  }
  if (hash.startsWith('{SHA}')) return same(Buffer.from(hash.slice(5), 'base64'), sha1(Buffer.from(password)));
  if (hash.startsWith('{PLAIN}')) return same(Buffer.from(hash.slice(7)), Buffer.from(password));
  const apr1 = /^\$apr1\$([^$]{1,8})\$/.exec(hash);
  return apr1 !== null && same(Buffer.from(hash), Buffer.from(apr1Hash(password, apr1[1]!)));
}

/** The lines of these users, as they stand in the file. */
export const linesOf = (file: string, users: readonly string[]): readonly string[] =>
  file.split(/\r?\n/).filter((line) => users.some((user) => line.startsWith(`${user}:`)));

/** Everybody who has a line in the file, in its order. */
export const usersIn = (file: string): readonly string[] => [...new Set(file.split(/\r?\n/).flatMap((line) => /^([^:#\s][^:]*):/.exec(line)?.[1] ?? []))];

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && timingSafeEqual(a, b);
const digest = (algorithm: 'sha1' | 'md5', parts: readonly Uint8Array[]) => parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest();
const sha1 = (...parts: readonly Uint8Array[]) => digest('sha1', parts);

/** Apache's variant of the MD5 scheme: a thousand rounds over password, salt and the sum so far. */
export function apr1Hash(password: string, salt: string): string {
  const secret = Buffer.from(password);
  const salted = Buffer.from(salt);
  const inner = digest('md5', [secret, salted, secret]);
  const parts: Uint8Array[] = [secret, Buffer.from('$apr1$'), salted];
  for (let left = secret.length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = secret.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? Buffer.of(0) : secret.subarray(0, 1));
  let sum = digest('md5', parts);
  for (let round = 0; round < 1000; round += 1) {
    const odd = (round & 1) === 1;
    const mix = [odd ? secret : sum];
    if (round % 3 !== 0) mix.push(salted);
    if (round % 7 !== 0) mix.push(secret);
    sum = digest('md5', [...mix, odd ? sum : secret]);
  }
  return `$apr1$${salt}$${apr1Text(sum)}`;
}

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Crypt's own base 64: bytes in a fixed shuffle, six bits at a time, the lowest first. */
function apr1Text(sum: Uint8Array): string {
  const at = (index: number) => sum[index]!;
  const text = (value: number, length: number) => Array.from({ length }, (_, place) => alphabet[(value >> (6 * place)) & 63]).join('');
  const triples = [0, 1, 2, 3, 4].map((index) => text((at(index) << 16) | (at(index + 6) << 8) | at(index === 4 ? 5 : index + 12), 4));
  return triples.join('') + text(at(11), 2);
}
