import { expect, it } from 'vitest';
import { readQuestion, TYPE, writeAnswer } from './dns-message.ts';

function ask(name: string, type: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([Buffer.from('1234010000010000000000', 'hex'), Buffer.from([0]), ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

it('reads the name in lower case, and the type', () => {
  expect(readQuestion(ask('Loki-Gateway.loki.svc.cluster.local', 1))).toMatchObject({ id: 0x1234, name: 'loki-gateway.loki.svc.cluster.local', type: TYPE.A });
});

it.each([
  ['', 'empty'],
  ['1234', 'cut short'],
  [`${'00'.repeat(12)}3f61`, 'a label that is longer than the message'],
  ['ff'.repeat(40), 'noise'],
])('takes %s for no question: %s', (hex) => {
  expect(readQuestion(Buffer.from(hex, 'hex'))).toBeUndefined();
});

it('answers addresses and services in the bytes that resolvers expect', () => {
  const question = readQuestion(ask('a.b', TYPE.A));
  if (question === undefined) throw new Error('no question');
  const message = writeAnswer(question, [{ type: 'A', address: '10.0.128.3' }]);
  expect(message.toString('hex')).toBe('123485800001000100000000016101620000010001c00c000100010000000500040a008003');
  const srv = writeAnswer(question, [{ type: 'SRV', target: 'x.y', port: 9095 }]);
  expect(srv.toString('hex')).toContain('c00c0021000100000005000b0000006423870178017900');
});

it('says that a name does not exist, and that an answer has been cut short', () => {
  const question = readQuestion(ask('a.b', TYPE.A));
  if (question === undefined) throw new Error('no question');
  expect(writeAnswer(question, undefined).readUInt16BE(2) & 0xf).toBe(3);
  expect(writeAnswer(question, []).readUInt16BE(2) & 0xf).toBe(0);
  const many = Array.from({ length: 200 }, (_, index) => ({ type: 'A', address: `10.0.0.${index}` }) as const);
  expect(writeAnswer(question, many).readUInt16BE(2) & 0x0200).toBe(0x0200);
  expect(writeAnswer(question, many).readUInt16BE(6)).toBe(0);
  expect(writeAnswer(question, many, 'tcp').readUInt16BE(6)).toBe(200);
});
