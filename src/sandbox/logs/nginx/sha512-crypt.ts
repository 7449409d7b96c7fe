/** The SHA-512 scheme of crypt(3), as in glibc, musl and libxcrypt. */
import { createHash } from 'node:crypto';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const sum = (...parts: readonly Buffer[]): Buffer => createHash('sha512').update(Buffer.concat(parts)).digest();
/** The requested number of bytes of a digest, repeated as needed. */
const stretched = (bytes: Buffer, length: number): Buffer => Buffer.alloc(length, bytes);

/** The 86 characters after the salt. */
export function sha512Crypt(password: string, { salt: saltText, rounds }: { readonly salt: string; readonly rounds: number }): string {
  const [key, salt] = [Buffer.from(password), Buffer.from(saltText)];
  const alternate = sum(key, salt, key);
  const bits = key.length.toString(2).split('').reverse();
  let digest = sum(
    key,
    salt,
    key.length > 0 ? stretched(alternate, key.length) : key,
    ...(key.length > 0 ? bits.map((bit) => (bit === '1' ? alternate : key)) : []),
  );
  const p = key.length > 0 ? stretched(sum(...Array.from({ length: key.length }, () => key)), key.length) : key;
  const s = stretched(sum(...Array.from({ length: 16 + digest[0]! }, () => salt)), salt.length);
  for (let round = 0; round < rounds; round += 1) {
    const [first, last] = round % 2 === 1 ? [p, digest] : [digest, p];
    digest = sum(first, ...(round % 3 === 0 ? [] : [s]), ...(round % 7 === 0 ? [] : [p]), last);
  }
  const letters = (value: number, count: number) => Array.from({ length: count }, (_, at) => ALPHABET[(value >> (6 * at)) & 63]).join('');
  let text = '';
  for (let index = 0; index < 21; index += 1) {
    const three = [index, index + 21, index + 42];
    const [a, b, c] = [0, 1, 2].map((turn) => digest[three[(index + turn) % 3]!]!) as [number, number, number];
    text += letters((a << 16) | (b << 8) | c, 4);
  }
  return text + letters(digest[63]!, 2);
}
