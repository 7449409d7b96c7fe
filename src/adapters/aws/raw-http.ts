/** Raw bytes of an SDK command's request and response: signing, retries and endpoints stay with the SDK, its object model is bypassed. */
import type { Readable } from 'node:stream';

export interface RawAnswer {
  statusCode: number;
  /** The SDK reads a Buffer as well as a stream. */
  body: Readable | Buffer;
}

/** The part of any SDK command that is used; its own types differ from service to service. */
interface AnyCommand {
  readonly middlewareStack: { addRelativeTo(middleware: any, options: any): void };
}
type Handler = (args: { readonly request: unknown }) => Promise<{ readonly response: unknown }>;

/** Inspects each attempt's response before the SDK reads it, and may replace what the SDK reads. */
export function onAnswer(command: AnyCommand, look: (answer: RawAnswer) => Promise<void>): void {
  const middleware = (next: Handler) => async (args: { readonly request: unknown }) => {
    const result = await next(args);
    await look(result.response as RawAnswer);
    return result;
  };
  command.middlewareStack.addRelativeTo(middleware, { name: 'onAnswer', relation: 'after', toMiddleware: 'deserializerMiddleware' });
}

/** Sends this body instead of the SDK's; checksums and the signature are computed for it. */
export function withBody(command: AnyCommand, body: Buffer): void {
  const middleware = (next: Handler) => (args: { readonly request: unknown }) => {
    (args.request as { body: unknown }).body = body;
    return next(args);
  };
  command.middlewareStack.addRelativeTo(middleware, { name: 'withBody', relation: 'after', toMiddleware: 'serializerMiddleware' });
}

export async function bytesOf(body: Readable | Buffer): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
