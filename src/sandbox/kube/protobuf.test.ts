import { expect, test } from 'vitest';
import { decodeProtobuf } from './protobuf.ts';

const field = (number: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  const size = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...size]), bytes]);
};
const varint = (number: number, value: number): Buffer => Buffer.from([number << 3, value]);
const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([Buffer.from('k8s\0', 'latin1'), field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, raw), field(3, ''), field(4, '')]);
const meta = field(
  1,
  Buffer.concat([field(1, 'r.v1'), field(3, ''), field(11, Buffer.concat([field(1, 'owner'), field(2, 'helm')])), varint(7, 0), field(8, '')]),
);

test('a release Secret reads as its JSON would', () => {
  const body = envelope(
    'v1',
    'Secret',
    Buffer.concat([meta, field(2, Buffer.concat([field(1, 'release'), field(2, 'H4sI'.repeat(50))])), field(3, 'helm.sh/release.v1')]),
  );
  expect(decodeProtobuf(body)).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'r.v1', labels: { owner: 'helm' } },
    data: { release: Buffer.from('H4sI'.repeat(50)).toString('base64') },
    type: 'helm.sh/release.v1',
  });
});

test('numbers that may be zero are kept, others left out', () => {
  const spec = Buffer.concat([varint(1, 0), varint(5, 0)]);
  expect(decodeProtobuf(envelope('apps/v1', 'Deployment', field(2, spec))).spec).toEqual({ replicas: 0 });
  expect(decodeProtobuf(envelope('v1', 'DeleteOptions', Buffer.alloc(0)))).toEqual({ apiVersion: 'v1', kind: 'DeleteOptions' });
});

test('what would be lost is refused: unknown kinds, unknown fields, broken bytes', () => {
  expect(() => decodeProtobuf(envelope('v1', 'Gadget', Buffer.alloc(0)))).toThrow(/Gadget as JSON or YAML only/);
  expect(() => decodeProtobuf(envelope('v1', 'ConfigMap', field(9, 'x')))).toThrow(/does not know field 9/);
  expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow(/not in Kubernetes protobuf/);
  expect(() => decodeProtobuf(envelope('v1', 'ConfigMap', meta).subarray(0, 30))).toThrow(/ends in the middle/);
});
