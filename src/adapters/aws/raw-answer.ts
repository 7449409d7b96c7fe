/** A look at an answer of AWS before the SDK reads it; what is put in its place is what the SDK reads. */
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
type Handler = (args: unknown) => Promise<{ readonly response: unknown }>;

/** Signing, retries and endpoints stay the SDK's; called for each attempt. */
export function onAnswer(command: AnyCommand, look: (answer: RawAnswer) => Promise<void>): void {
  const middleware = (next: Handler) => async (args: unknown) => {
    const result = await next(args);
    await look(result.response as RawAnswer);
    return result;
  };
  command.middlewareStack.addRelativeTo(middleware, { name: 'onAnswer', relation: 'after', toMiddleware: 'deserializerMiddleware' });
}

export async function bytesOf(body: Readable | Buffer): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
