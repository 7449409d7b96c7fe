/** The gateway's password file: a line as nginx checks it, and whether a line matches a login. */
import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * One line `user:{SSHA}…` without a line end. nginx hashes on every request: this is practically free, bcrypt would take tens of
 * milliseconds. That is safe for long random passwords only; `salt` is 8 random bytes or more.
 */
export function hashPassword(user: string, password: string, salt: Uint8Array): string {
  checkUser(user);
  const digest = sha1(Buffer.from(password), salt);
  return `${user}:{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`;
}

/**
 * The line of a login, at the cost that its password requires: a generated one is as good as a key and costs nginx nothing; one that a
 * person has chosen may be guessed, and is hashed for `rounds`. `salt` is 8 random bytes or more.
 */
export function loginLine({ user, password }: Login, { salt, rounds, chosen }: HashCost): string {
  if (!chosen && looksGenerated(password)) return hashPassword(user, password, salt);
  checkUser(user);
  return `${user}:${sha512Crypt(password, { salt: Buffer.from(salt).toString('base64').replaceAll('+', '.').slice(0, 16).replaceAll('=', ''), rounds })}`;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

export interface HashCost {
  readonly salt: Uint8Array;
  readonly rounds: number;
  /** Whether a person has chosen the password, as far as known. */
  readonly chosen: boolean;
}

/** Whether our matching line is expensive enough; the cost of foreign lines is up to their owners. */
export function isDearEnough(file: string, { user, password }: Login, { rounds, chosen }: Omit<HashCost, 'salt'>): boolean {
  if (!chosen && looksGenerated(password)) return true;
  const hash = lineOf(file, user) ?? '';
  const has = /^\$6\$(?:rounds=(\d{1,9})\$)?/.exec(hash);
  return has ? Number(has[1] ?? 5000) >= rounds : !hash.startsWith('{SSHA}');
}

/** The format of `Buffer.from(24 random bytes).toString('base64url')`. */
const looksGenerated = (password: string): boolean => /^[A-Za-z0-9_-]{32}$/.test(password) && new Set(password).size >= 12;

/** Whether a password file accepts this login. Supports {SSHA}, {SHA}, {PLAIN}, $apr1$ and $6$; any other scheme gives `false`. */
export function verifyHash(file: string, user: string, password: string): boolean {
  const hash = lineOf(file, user);
  if (hash === undefined) return false;
  if (hash.startsWith('{SSHA}')) {
    const bytes = Buffer.from(hash.slice(6), 'base64');
    return bytes.length > 20 && same(bytes.subarray(0, 20), sha1(Buffer.from(password), bytes.subarray(20)));
  }
  if (hash.startsWith('{SHA}')) return same(Buffer.from(hash.slice(5), 'base64'), sha1(Buffer.from(password)));
  if (hash.startsWith('{PLAIN}')) return same(Buffer.from(hash.slice(7)), Buffer.from(password));
  const sha512 = /^\$6\$(?:rounds=(\d{1,9})\$)?([^$]{1,16})\$[./A-Za-z0-9]{86}$/.exec(hash);
  if (sha512) {
    const rounds = Number(sha512[1] ?? 5000);
    return rounds <= MOST_ROUNDS && same(Buffer.from(hash.split('$').at(-1)!), Buffer.from(sha512Sum(password, { salt: sha512[2]!, rounds })));
  }
  const apr1 = /^\$apr1\$([^$]{1,8})\$/.exec(hash);
  return apr1 !== null && same(Buffer.from(hash), Buffer.from(apr1Hash(password, apr1[1]!)));
}

/** The lines of these users, as they are in the file. */
export const linesOf = (file: string, users: readonly string[]): readonly string[] =>
  file.split(/\r?\n/).filter((line) => users.some((user) => line.startsWith(`${user}:`)));

/** All users with a line in the file, in file order. */
export const usersIn = (file: string): readonly string[] => [...new Set(file.split(/\r?\n/).flatMap((line) => /^([^:#\s][^:]*):/.exec(line)?.[1] ?? []))];

/** The hash in the first line of this user, which is the one nginx uses. */
const lineOf = (file: string, user: string): string | undefined =>
  file
    .split(/\r?\n/)
    .find((one) => one.startsWith(`${user}:`))
    ?.slice(user.length + 1);

function checkUser(user: string): void {
  if (user === '' || /[:\r\n]/.test(user)) throw new Error('htpasswd: a user name can be neither empty nor hold a colon or line end');
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && timingSafeEqual(a, b);
const digest = (algorithm: 'sha1' | 'md5' | 'sha512', parts: readonly Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest();
const sha1 = (...parts: readonly Uint8Array[]) => digest('sha1', parts);

/** Apache's variant of the MD5 scheme: a thousand rounds over password, salt and the digest so far. */
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

/** Crypt's own base64: bytes in a fixed shuffle, six bits at a time, the lowest first. */
function apr1Text(sum: Uint8Array): string {
  const at = (index: number) => sum[index]!;
  const text = (value: number, length: number) => Array.from({ length }, (_, place) => alphabet[(value >> (6 * place)) & 63]).join('');
  const triples = [0, 1, 2, 3, 4].map((index) => text((at(index) << 16) | (at(index + 6) << 8) | at(index === 4 ? 5 : index + 12), 4));
  return triples.join('') + text(at(11), 2);
}

/** A foreign hash must not block us; ours use a hundredth of it. */
const MOST_ROUNDS = 1_000_000;

export interface Sha512Salt {
  /** At most 16 characters of crypt's alphabet. */
  readonly salt: string;
  /** At least 1,000. */
  readonly rounds: number;
}

/** The SHA-512 scheme of crypt(3), supported by the crypt of glibc, musl and libxcrypt: https://www.akkadia.org/drepper/SHA-crypt.txt */
export const sha512Crypt = (password: string, of: Sha512Salt): string => `$6$rounds=${of.rounds}$${of.salt}$${sha512Sum(password, of)}`;

function sha512Sum(password: string, { salt, rounds }: Sha512Salt): string {
  const secret = Buffer.from(password);
  const salted = Buffer.from(salt);
  const filled = (sum: Uint8Array, length: number) => Buffer.concat(Array.from({ length: Math.ceil(length / 64) }, () => sum)).subarray(0, length);
  const inner = digest('sha512', [secret, salted, secret]);
  const parts: Uint8Array[] = [secret, salted, filled(inner, secret.length)];
  for (let bits = secret.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? inner : secret);
  let sum = digest('sha512', parts);
  const p = filled(
    digest(
      'sha512',
      Array.from({ length: secret.length }, () => secret),
    ),
    secret.length,
  );
  const s = filled(
    digest(
      'sha512',
      Array.from({ length: 16 + sum[0]! }, () => salted),
    ),
    salted.length,
  );
  for (let round = 0; round < rounds; round += 1) {
    const odd = (round & 1) === 1;
    const mix: Uint8Array[] = [odd ? p : sum];
    if (round % 3 !== 0) mix.push(s);
    if (round % 7 !== 0) mix.push(p);
    mix.push(odd ? sum : p);
    sum = digest('sha512', mix);
  }
  return sha512Text(sum);
}

/** Three bytes at a time, each 21 after the previous one, rotating; the last one alone. */
function sha512Text(sum: Uint8Array): string {
  const text = (value: number, length: number) => Array.from({ length }, (_, place) => alphabet[(value >> (6 * place)) & 63]).join('');
  const triples = Array.from({ length: 21 }, (_, index) => {
    const at = [index, index + 21, index + 42];
    const turned = [at[index % 3]!, at[(index + 1) % 3]!, at[(index + 2) % 3]!].map((place) => sum[place]!);
    return text((turned[0]! << 16) | (turned[1]! << 8) | turned[2]!, 4);
  });
  return triples.join('') + text(sum[63]!, 2);
}
