/** Limits for every call of an SDK client: the duration of the whole call, and the duration and size of each response, including its body. */
import { Readable } from 'node:stream';
import type { Exchanges } from '../exchanges.ts';
import { complete, judged, Unreadable } from './readable.ts';

/** For a call with all its attempts and the pauses between them. */
const CALL_MS = 45_000;
/** For one attempt: the SDK's own limit ends with the headers. */
export const ATTEMPT_MS = 15_000;
/** A page of a thousand long keys is about a megabyte. */
const MOST_BYTES = 32 * 1024 * 1024;

export interface Answer {
  readonly response: { body?: unknown; readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}
/** The part of the SDK's HTTP handlers that is used; its own types differ between packages. */
interface Handler {
  handle(request: any, options?: any): Promise<any>;
}
interface Client {
  send(command: any, options?: any): any;
  readonly config: { readonly requestHandler: Handler };
}

/** The same client, with limits. `service` as IAM calls it. */
export function bounded<C>(client: C, { service, exchanges }: { readonly service: string; readonly exchanges: Exchanges }): C {
  const bound = client as Client;
  const send = bound.send.bind(bound);
  bound.send = (command: { readonly schema?: readonly unknown[] }, options: { readonly abortSignal?: AbortSignal } = {}) => {
    const own = options.abortSignal;
    const call = String(command.schema?.[2] ?? 'call');
    return exchanges.run({ name: `${service}:${call}`, of: `AWS ${service}`, ms: CALL_MS }, async (signal) =>
      complete(call, await send(command, { ...options, abortSignal: own ? AbortSignal.any([own, signal]) : signal })),
    );
  };
  wholeAnswers(bound.config.requestHandler, service);
  return client;
}

/** From now on this handler returns only complete responses, and only responses from AWS. */
export function wholeAnswers<H extends Handler>(handler: H, service = ''): H {
  const handle = handler.handle.bind(handler);
  handler.handle = async (request, options) => {
    let reading: Readable | undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reading?.destroy();
        reject(Object.assign(new Error(`no complete response within ${ATTEMPT_MS / 1000} s`), { name: 'TimeoutError' }));
      }, ATTEMPT_MS);
    });
    const whole = async () => {
      const answer = (await handle(request, options)) as Answer;
      const { body } = answer.response;
      if (body instanceof Readable) {
        reading = body;
        const all = await bytes(body);
        const { statusCode: status = 0, headers = {} } = answer.response;
        judged({ service, method: request.method ?? 'GET', query: request.query ?? {}, status, headers, body: all.toString() });
        answer.response.body = Readable.from([all], { objectMode: false });
      }
      return answer;
    };
    try {
      return await Promise.race([whole(), late]);
    } finally {
      clearTimeout(timer);
    }
  };
  return handler;
}

async function bytes(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += (chunk as Buffer).length;
    // Not retried: the next response would be as long.
    if (size > MOST_BYTES) throw new Unreadable(`the response is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
