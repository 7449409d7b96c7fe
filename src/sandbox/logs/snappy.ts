/** Snappy's block format, in which Loki accepts pushes. */

const varint = (value: number): readonly number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);

const TABLE_BITS = 14;
const BLOCK = 65_536;

/** Finds repetitions of four bytes and more within a block of 64 KiB, as the reference compressor does. */
export function compress(input: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from(varint(input.length))];
  const literal = (from: number, to: number): void => {
    if (to <= from) return;
    const length = to - from - 1;
    const lead = length < 60 ? [length << 2] : length < 256 ? [60 << 2, length] : [61 << 2, length & 255, length >> 8];
    parts.push(Buffer.from(lead), input.subarray(from, to));
  };
  const copy = (offset: number, length: number): void => {
    for (let left = length; left > 0; left -= 64) parts.push(Buffer.from([((Math.min(64, left) - 1) << 2) | 2, offset & 255, offset >> 8]));
  };
  for (let base = 0; base < input.length; base += BLOCK) {
    const end = Math.min(input.length, base + BLOCK);
    const table = new Int32Array(1 << TABLE_BITS).fill(-1);
    let [at, pending] = [base, base];
    while (at + 4 <= end) {
      const word = input.readUInt32LE(at);
      const hash = Math.imul(word, 0x1e35_a7bd) >>> (32 - TABLE_BITS);
      const before = table[hash] ?? -1;
      table[hash] = at;
      if (before < base || input.readUInt32LE(before) !== word) {
        // The longer nothing repeats, the larger the steps.
        at += 1 + ((at - pending) >> 5);
        continue;
      }
      let length = 4;
      while (at + length < end && input[before + length] === input[at + length]) length += 1;
      literal(pending, at);
      copy(at - before, length);
      at += length;
      pending = at;
    }
    literal(pending, end);
  }
  return Buffer.concat(parts);
}

/** `undefined` when it is not in this format. */
export function decompress(input: Buffer): Buffer | undefined {
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++];
    if (byte === undefined || shift > 28) return undefined;
    size += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  // No input can expand more than this.
  if (size > input.length * 64 + 64) return undefined;
  const output = Buffer.alloc(size);
  let to = 0;
  while (at < input.length) {
    const tag = input[at++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const more = length - 59;
        if (at + more > input.length) return undefined;
        length = input.readUIntLE(at, more);
        at += more;
      }
      length += 1;
      if (at + length > input.length || to + length > size) return undefined;
      input.copy(output, to, at, at + length);
      [at, to] = [at + length, to + length];
      continue;
    }
    const wide = kind === 1 ? 1 : kind === 2 ? 2 : 4;
    if (at + wide > input.length) return undefined;
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = kind === 1 ? ((tag >> 5) << 8) | (input[at] as number) : input.readUIntLE(at, wide);
    at += wide;
    if (offset === 0 || offset > to || to + length > size) return undefined;
    for (let left = 0; left < length; left += 1, to += 1) output[to] = output[to - offset] as number;
  }
  return to === size ? output : undefined;
}
