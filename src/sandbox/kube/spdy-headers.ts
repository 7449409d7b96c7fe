/** SPDY/3 header blocks: name-value pairs, compressed over the life of a connection with a preset dictionary. */
import { constants, createDeflate, createInflate } from 'node:zlib';
import type { Deflate, Inflate } from 'node:zlib';

const NAMES =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status';
const MORE = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
const TEXT = [
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505',
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found',
  '500 Internal Server Error501 Not Implemented503 Service Unavailable',
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT',
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,',
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.',
].join('');

function sized(text: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([size, Buffer.from(text)]);
}

/** Fixed by the protocol (draft-mbelshe-httpbis-spdy-00, section 2.6.10.1): 1423 bytes. */
export const DICTIONARY = Buffer.concat([...[...NAMES.split(' '), ...MORE].map(sized), Buffer.from(TEXT)]);

/** The output of one write to a zlib stream that keeps its window. */
function through(stream: Inflate | Deflate, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    const collect = (): void => {
      stream.off('error', reject);
      const chunks: Buffer[] = [];
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(chunk);
      resolve(Buffer.concat(chunks));
    };
    stream.write(bytes, () => ('flush' in stream ? stream.flush(constants.Z_SYNC_FLUSH, collect) : collect()));
  });
}

export type Headers = Readonly<Record<string, string>>;

function parse(block: Buffer): Headers {
  let at = 0;
  const number = (): number => {
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const size = number();
    at += size;
    return block.toString('utf8', at - size, at);
  };
  const pairs = Array.from({ length: number() }, () => [text(), text()] as const);
  return Object.fromEntries(pairs);
}

function print(headers: Headers): Buffer {
  const count = Buffer.alloc(4);
  const entries = Object.entries(headers);
  count.writeUInt32BE(entries.length);
  return Buffer.concat([count, ...entries.flatMap(([name, value]) => [sized(name), sized(value)])]);
}

export interface HeaderCodec {
  decode(block: Buffer): Promise<Headers>;
  encode(headers: Headers): Promise<Buffer>;
  close(): void;
}

/** Both directions of one connection. Pass blocks one after the other, in the order of their frames. */
export function createHeaderCodec(): HeaderCodec {
  const inflate = createInflate({ dictionary: DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
  const deflate = createDeflate({ dictionary: DICTIONARY });
  return {
    decode: async (block) => parse(await through(inflate, block)),
    encode: (headers) => through(deflate, print(headers)),
    close() {
      inflate.destroy();
      deflate.destroy();
    },
  };
}
