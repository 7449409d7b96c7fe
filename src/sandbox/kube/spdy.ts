/** The server side of SPDY/3.1, as far as kubectl's port-forward needs it: streams, data, pings. */
import { createHeaderCodec } from './spdy-headers.ts';
import type { Headers } from './spdy-headers.ts';

const TYPE = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7 } as const;
const FIN = 1;
/** Data frames count their length in 24 bits. */
const LONGEST = 0x40_0000;

export interface SpdyStream {
  readonly id: number;
  readonly headers: Headers;
  send(bytes: Buffer): void;
  /** Half-closes: the client may still send. */
  finish(): void;
}

export interface SpdyHandlers {
  readonly write: (bytes: Buffer) => void;
  opened(stream: SpdyStream): void;
  received(id: number, bytes: Buffer): void;
  /** The client sends no more on this stream, or has reset it (`reset`). */
  finished(id: number, how: 'end' | 'reset'): void;
  /** The connection is unusable from now on. */
  closed(): void;
}

export interface SpdySession {
  feed(bytes: Buffer): void;
  close(): void;
}

interface Frame {
  readonly control: boolean;
  /** Control: the type. Data: the stream. */
  readonly number: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** The first complete frame, and the remaining bytes. */
function takeFrame(bytes: Buffer): { readonly frame: Frame; readonly rest: Buffer } | undefined {
  if (bytes.length < 8) return undefined;
  const control = ((bytes[0] ?? 0) & 0x80) !== 0;
  const end = 8 + bytes.readUIntBE(5, 3);
  if (bytes.length < end) return undefined;
  const number = control ? bytes.readUInt16BE(2) : bytes.readUInt32BE(0);
  return { frame: { control, number, flags: bytes[4] ?? 0, payload: bytes.subarray(8, end) }, rest: bytes.subarray(end) };
}

function controlFrame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

function dataFrame(id: number, payload: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id, 0);
  head[4] = flags;
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

export function createSpdySession(handlers: SpdyHandlers): SpdySession {
  const codec = createHeaderCodec();
  const finished = new Set<number>();
  let pending: Buffer = Buffer.alloc(0);
  let work = Promise.resolve();
  let open = true;

  const close = (): void => {
    if (!open) return;
    open = false;
    codec.close();
    handlers.closed();
  };

  const streamOf = (id: number, headers: Headers): SpdyStream => ({
    id,
    headers,
    send(bytes) {
      if (!open || finished.has(id)) return;
      for (let at = 0; at < bytes.length; at += LONGEST) handlers.write(dataFrame(id, bytes.subarray(at, at + LONGEST)));
    },
    finish() {
      if (!open || finished.has(id)) return;
      finished.add(id);
      handlers.write(dataFrame(id, Buffer.alloc(0), FIN));
    },
  });

  const openStream = async ({ flags, payload }: Frame): Promise<void> => {
    const id = payload.readUInt32BE(0) & 0x7fff_ffff;
    const headers = await codec.decode(payload.subarray(10));
    const reply = Buffer.alloc(4);
    reply.writeUInt32BE(id, 0);
    handlers.write(controlFrame(TYPE.synReply, Buffer.concat([reply, await codec.encode({})])));
    handlers.opened(streamOf(id, headers));
    if (flags & FIN) handlers.finished(id, 'end');
  };

  const handle = async (frame: Frame): Promise<void> => {
    if (!open) return;
    if (!frame.control) {
      if (frame.payload.length > 0) handlers.received(frame.number, frame.payload);
      if (frame.flags & FIN) handlers.finished(frame.number, 'end');
    } else if (frame.number === TYPE.synStream) await openStream(frame);
    else if (frame.number === TYPE.ping) handlers.write(controlFrame(TYPE.ping, frame.payload));
    else if (frame.number === TYPE.reset) handlers.finished(frame.payload.readUInt32BE(0) & 0x7fff_ffff, 'reset');
    else if (frame.number === TYPE.goAway) close();
  };

  return {
    feed(bytes) {
      pending = Buffer.concat([pending, bytes]);
      for (let taken = takeFrame(pending); taken; taken = takeFrame(pending)) {
        const { frame } = taken;
        pending = taken.rest;
        // Header blocks share one window, so frames are processed strictly in order.
        work = work.then(() => handle(frame)).catch(close);
      }
    },
    close,
  };
}
