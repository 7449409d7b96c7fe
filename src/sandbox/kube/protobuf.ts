/** Decodes request bodies in Kubernetes's protobuf envelope: the kinds that Go clients send that way. Answers are always JSON. */
import type { Doc } from './document.ts';
import { MESSAGES } from './protobuf-schema.ts';
import { badRequest, unsupportedMedia } from './status.ts';

interface Field {
  readonly name: string;
  readonly type: string;
}
type Message = ReadonlyMap<number, Field>;

const parsed = new Map<string, Message>();

function schemaOf(name: string): Message | undefined {
  const known = parsed.get(name);
  const text = MESSAGES[name];
  if (known || text === undefined) return known;
  const fields = text.split(', ').map((field) => {
    const [, number = '', label = '', type = ''] = /^(\d+) (\w+):(.+)$/.exec(field) ?? [];
    return [Number(number), { name: label, type }] as const;
  });
  const message = new Map(fields);
  parsed.set(name, message);
  return message;
}

type Raw = bigint | Buffer;

/** The fields of a message by number, each occurrence in order. */
function fields(bytes: Buffer): ReadonlyMap<number, readonly Raw[]> {
  const found = new Map<number, Raw[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw badRequest('the protobuf body ends in the middle of a field');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const slice = (length: number): Buffer => {
    at += length;
    if (at > bytes.length) throw badRequest('the protobuf body ends in the middle of a field');
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value = wire === 0 ? varint() : wire === 2 ? slice(Number(varint())) : slice(wire === 1 ? 8 : 4);
    found.set(tag >> 3, [...(found.get(tag >> 3) ?? []), value]);
  }
  return found;
}

const bytesOf = (raw: Raw | undefined): Buffer => (Buffer.isBuffer(raw) ? raw : Buffer.alloc(0));
const numberOf = (raw: Raw | undefined): number => (typeof raw === 'bigint' ? Number(BigInt.asIntN(64, raw)) : 0);

function seconds(raw: Raw): string | undefined {
  const at = numberOf(fields(bytesOf(raw)).get(1)?.[0]);
  return at > 0 ? new Date(at * 1000).toISOString().replace('.000Z', 'Z') : undefined;
}

/** A number, or a string such as `25%`. */
function intOrString(raw: Raw): number | string {
  const parts = fields(bytesOf(raw));
  return numberOf(parts.get(1)?.[0]) === 0 ? numberOf(parts.get(2)?.[0]) : bytesOf(parts.get(3)?.[0]).toString();
}

const SCALARS: Readonly<Record<string, (raw: Raw) => unknown>> = {
  string: (raw) => bytesOf(raw).toString() || undefined,
  bytes: (raw) => bytesOf(raw).toString('base64'),
  int: (raw) => numberOf(raw) || undefined,
  'int?': numberOf,
  bool: (raw) => numberOf(raw) === 1 || undefined,
  'bool?': (raw) => numberOf(raw) === 1,
  Time: seconds,
  Quantity: (raw) => bytesOf(fields(bytesOf(raw)).get(1)?.[0]).toString(),
  IntOrString: intOrString,
};

/** `undefined` for values that Go's JSON would omit. */
function valueOf(type: string, raw: Raw): unknown {
  const scalar = SCALARS[type];
  if (scalar) return scalar(raw);
  const schema = schemaOf(type);
  if (!schema) throw new Error(`no protobuf schema called ${type}`);
  return message(schema, bytesOf(raw));
}

function entry(type: string, raw: Raw): [string, unknown] {
  const parts = fields(bytesOf(raw));
  return [bytesOf(parts.get(1)?.[0]).toString(), valueOf(type, parts.get(2)?.[0] ?? Buffer.alloc(0)) ?? ''];
}

const isEmpty = (raw: Raw): boolean => raw === 0n || (Buffer.isBuffer(raw) && raw.every((byte) => byte === 0));

function message(schema: Message, bytes: Buffer): Doc {
  const doc: Doc = {};
  for (const [number, values] of fields(bytes)) {
    const field = schema.get(number);
    if (!field) {
      // Skipping it would lose the field silently.
      if (values.every(isEmpty)) continue;
      throw unsupportedMedia(
        `the sandbox does not know field ${number} beside ${[...schema.values()].map(({ name }) => name).join(', ')} in protobuf; send JSON or YAML`,
      );
    }
    const { name, type } = field;
    if (type === '-') continue;
    if (type.startsWith('{}')) doc[name] = Object.fromEntries(values.map((raw) => entry(type.slice(2), raw)));
    else if (type.startsWith('~')) Object.assign(doc, valueOf(type.slice(1), values.at(-1) ?? Buffer.alloc(0)));
    else if (type.startsWith('[]')) doc[name] = values.map((raw) => valueOf(type.slice(2), raw) ?? '');
    else doc[name] = valueOf(type, values.at(-1) ?? Buffer.alloc(0));
  }
  return doc;
}

const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Returns the document as its JSON form would read. 415 for a kind without a schema here. */
export function decodeProtobuf(body: Buffer): Doc {
  if (!body.subarray(0, 4).equals(MAGIC)) throw badRequest('the body is not in Kubernetes protobuf encoding');
  const envelope = fields(body.subarray(4));
  const type = fields(bytesOf(envelope.get(1)?.[0]));
  const apiVersion = bytesOf(type.get(1)?.[0]).toString();
  const kind = bytesOf(type.get(2)?.[0]).toString();
  const schema = schemaOf(kind);
  if (!schema) throw unsupportedMedia(`the sandbox reads ${apiVersion} ${kind} as JSON or YAML only, not as protobuf`);
  return { apiVersion, kind, ...message(schema, bytesOf(envelope.get(2)?.[0])) };
}
