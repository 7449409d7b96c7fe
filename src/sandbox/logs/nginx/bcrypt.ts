/** bcrypt, for password files that use it (`htpasswd -B`, Helm's `htpasswd`). */

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const P_WORDS = 18;
const S_WORDS = 1024;

interface Blowfish {
  readonly p: Int32Array;
  readonly s: Int32Array;
}

let initial: Blowfish | undefined;

/** Blowfish starts from the fraction of pi; Machin's formula computes it in a moment, without a table. */
function start(): Blowfish {
  initial ??= fromPi();
  return { p: initial.p.slice(), s: initial.s.slice() };
}

function fromPi(): Blowfish {
  const bits = BigInt(32 * (P_WORDS + S_WORDS));
  const guard = 64n;
  const one = 1n << (bits + guard);
  const arctan = (inverse: bigint): bigint => {
    let term = one / inverse;
    let sum = term;
    for (let n = 3n, sign = -1n; term !== 0n; n += 2n, sign = -sign) {
      term /= inverse * inverse;
      sum += (sign * term) / n;
    }
    return sum;
  };
  const pi = 16n * arctan(5n) - 4n * arctan(239n);
  const hex = ((pi - 3n * one) >> guard).toString(16).padStart(Number(bits) / 4, '0');
  const words = Int32Array.from({ length: P_WORDS + S_WORDS }, (_, at) => Number.parseInt(hex.slice(8 * at, 8 * at + 8), 16) | 0);
  return { p: words.slice(0, P_WORDS), s: words.slice(P_WORDS) };
}

/** Both halves of `block`, in place. */
function encrypt({ p, s }: Blowfish, block: Int32Array): void {
  let left = (block[0] as number) ^ (p[0] as number);
  let right = block[1] as number;
  for (let round = 1; round <= 16; round += 2) {
    right ^= mix(s, left) ^ (p[round] as number);
    left ^= mix(s, right) ^ (p[round + 1] as number);
  }
  block[0] = right ^ (p[17] as number);
  block[1] = left;
}

function mix(s: Int32Array, word: number): number {
  const sum = ((s[word >>> 24] as number) + (s[256 + ((word >>> 16) & 255)] as number)) | 0;
  return ((sum ^ (s[512 + ((word >>> 8) & 255)] as number)) + (s[768 + (word & 255)] as number)) | 0;
}

/** Big-endian words of a repeating byte string. */
function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  const byte = (at: number): number => bytes[at % bytes.length] as number;
  return Int32Array.from({ length: count }, (_, at) => (byte(4 * at) << 24) | (byte(4 * at + 1) << 16) | (byte(4 * at + 2) << 8) | byte(4 * at + 3));
}

function expand(state: Blowfish, of: { readonly key: Int32Array; readonly salt: Int32Array }): void {
  for (let at = 0; at < P_WORDS; at += 1) state.p[at] = (state.p[at] as number) ^ (of.key[at] as number);
  const block = new Int32Array(2);
  let turn = 0;
  for (const part of [state.p, state.s]) {
    for (let at = 0; at < part.length; at += 2, turn = (turn + 2) & 3) {
      block[0] = (block[0] as number) ^ (of.salt[turn] as number);
      block[1] = (block[1] as number) ^ (of.salt[turn + 1] as number);
      encrypt(state, block);
      part[at] = block[0];
      part[at + 1] = block[1];
    }
  }
}

function decode(text: string, length: number): Uint8Array {
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(6, '0')).join('');
  return Uint8Array.from({ length }, (_, at) => Number.parseInt(bits.slice(8 * at, 8 * at + 8), 2));
}

function encode(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,6}/g) ?? []).map((six) => ALPHABET[Number.parseInt(six.padEnd(6, '0'), 2)]).join('');
}

const NO_SALT = new Int32Array(4);

/** The 31 characters after the salt. `cost` 10 takes about a tenth of a second. */
export function bcrypt(password: string, of: { readonly cost: number; readonly salt: string }): string {
  const bytes = Buffer.concat([Buffer.from(password), Buffer.from([0])]).subarray(0, 72);
  const saltBytes = decode(of.salt, 16);
  const [key, salt, saltAsKey] = [wordsOf(bytes, P_WORDS), wordsOf(saltBytes, 4), wordsOf(saltBytes, P_WORDS)];
  const state = start();
  expand(state, { key, salt });
  for (let round = 2 ** of.cost; round > 0; round -= 1) {
    expand(state, { key, salt: NO_SALT });
    expand(state, { key: saltAsKey, salt: NO_SALT });
  }
  const text = wordsOf(Buffer.from('OrpheanBeholderScryDoubt'), 6);
  for (let at = 0; at < 6; at += 2) for (let round = 0; round < 64; round += 1) encrypt(state, text.subarray(at, at + 2));
  const out = Buffer.alloc(24);
  text.forEach((word, at) => out.writeInt32BE(word, 4 * at));
  return encode(out.subarray(0, 23));
}
