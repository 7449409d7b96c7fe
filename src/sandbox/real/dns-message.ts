/** DNS messages as the resolvers of Go, nginx and musl send them: one question, answers of type A and SRV. */

export interface Question {
  readonly id: number;
  /** In lower case, without the trailing dot. */
  readonly name: string;
  readonly type: number;
  /** The original question, to be repeated in the answer. */
  readonly bytes: Buffer;
}

export type Answer = { readonly type: 'A'; readonly address: string } | { readonly type: 'SRV'; readonly target: string; readonly port: number };

export const TYPE = { A: 1, SRV: 33 } as const;
const HEADER = 12;
const TTL_SECONDS = 5;
/** Authoritative, recursion wanted and available. */
const FLAGS = 0x8580;
const NO_SUCH_NAME = 3;
/** The size that every datagram may have; clients query the rest again over TCP. */
const MOST_BYTES = 1232;
const TRUNCATED = 0x0200;

/** `undefined` when it is not a question. */
export function readQuestion(message: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = HEADER;
  while (at < message.length && message[at] !== 0) {
    const length = message[at] as number;
    if (length > 63 || at + 1 + length >= message.length) return undefined;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > message.length || labels.length === 0) return undefined;
  return { id: message.readUInt16BE(0), name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), bytes: message.subarray(HEADER, at + 5) };
}

/** `undefined` answers that the name does not exist. Over UDP a long answer is truncated and flagged as such. */
export function writeAnswer(question: Question, answers: readonly Answer[] | undefined, transport: 'udp' | 'tcp' = 'udp'): Buffer {
  const records = (answers ?? []).map(recordOf);
  const whole = [Buffer.alloc(HEADER), question.bytes, ...records];
  const cut = transport === 'udp' && whole.reduce((sum, { length }) => sum + length, 0) > MOST_BYTES;
  const message = Buffer.concat(cut ? whole.slice(0, 2) : whole);
  message.writeUInt16BE(question.id, 0);
  message.writeUInt16BE(FLAGS | (cut ? TRUNCATED : 0) | (answers === undefined ? NO_SUCH_NAME : 0), 2);
  message.writeUInt16BE(1, 4);
  message.writeUInt16BE(cut ? 0 : records.length, 6);
  return message;
}

function recordOf(answer: Answer): Buffer {
  const data = answer.type === 'A' ? Buffer.from(answer.address.split('.').map(Number)) : srv(answer);
  const head = Buffer.alloc(12);
  // A pointer to the name in the question.
  head.writeUInt16BE(0xc000 | HEADER, 0);
  head.writeUInt16BE(TYPE[answer.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function srv({ target, port }: { readonly target: string; readonly port: number }): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(100, 2);
  head.writeUInt16BE(port, 4);
  const labels = target.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}
