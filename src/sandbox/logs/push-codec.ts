/** A push as collectors send it: `logproto.PushRequest` in protobuf, compressed with snappy. */
import type { Stream, StreamLabels } from './loki/streams.ts';
import { compress, decompress } from './snappy.ts';

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}
const bytesField = (number: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2]), varint(BigInt(content.length)), content]);
const numberField = (number: number, value: bigint): Buffer => Buffer.concat([Buffer.from([number << 3]), varint(value)]);

const SECOND = 1_000_000_000n;

export function encodePush(streams: readonly { readonly labels: StreamLabels; readonly values: Stream['values'] }[]): Buffer {
  const encoded = streams.map(({ labels, values }) => {
    const text = `{${Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(', ')}}`;
    const entries = values.map(([nanos, line]) => {
      const time = Buffer.concat([numberField(1, BigInt(nanos) / SECOND), numberField(2, BigInt(nanos) % SECOND)]);
      return bytesField(2, Buffer.concat([bytesField(1, time), bytesField(2, Buffer.from(line))]));
    });
    return bytesField(1, Buffer.concat([bytesField(1, Buffer.from(text)), ...entries]));
  });
  return compress(Buffer.concat(encoded));
}

/** The fields of a message, with every occurrence. Throws on an invalid message. */
function fieldsOf(bytes: Buffer): readonly (readonly [number, Buffer | bigint])[] {
  const found: (readonly [number, Buffer | bigint])[] = [];
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error('unexpected EOF');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(number());
    const wire = tag & 7;
    if (wire === 0) found.push([tag >> 3, number()]);
    else {
      const length = wire === 2 ? Number(number()) : wire === 1 ? 8 : wire === 5 ? 4 : -1;
      if (length < 0 || at + length > bytes.length) throw new Error('unexpected EOF');
      found.push([tag >> 3, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}

const inner = (fields: ReturnType<typeof fieldsOf>, number: number): readonly Buffer[] =>
  fields.flatMap(([field, value]) => (field === number && Buffer.isBuffer(value) ? [value] : []));
const count = (fields: ReturnType<typeof fieldsOf>, number: number): bigint => (fields.find(([field]) => field === number)?.[1] as bigint | undefined) ?? 0n;

/** Returns Loki's error message when the body is not a push. */
export function decodePush(body: Buffer): readonly Stream[] | string {
  const raw = decompress(body);
  if (raw === undefined) return 'snappy: corrupt input';
  try {
    return inner(fieldsOf(raw), 1).map((stream) => {
      const fields = fieldsOf(stream);
      const values = inner(fields, 2).map((entry) => {
        const own = fieldsOf(entry);
        const time = fieldsOf(inner(own, 1)[0] ?? Buffer.alloc(0));
        return [String(count(time, 1) * SECOND + count(time, 2)), (inner(own, 2)[0] ?? Buffer.alloc(0)).toString('utf8')] as const;
      });
      return { labels: labelsOf((inner(fields, 1)[0] ?? Buffer.alloc(0)).toString('utf8')), values };
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function labelsOf(text: string): StreamLabels {
  return Object.fromEntries(
    [...text.matchAll(/([^\s,={]+)\s*=\s*("(?:[^"\\]|\\.)*")/g)].map(([, name = '', quoted = '""']) => [name, JSON.parse(quoted) as string]),
  );
}
