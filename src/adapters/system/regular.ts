/** Reads a file that the user named: a regular file, or a pipe opened by the shell, up to a size limit. */
import { constants } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';

/** Until a program behind a pipe has written everything. */
const PIPE_MS = 60_000;

/** Throws the system's own errors, and a plain Error for what is not a readable file. */
export async function readRegular(path: string, most: number): Promise<Buffer> {
  // Non-blocking: opening a named pipe without a writer would block forever, and not even a signal ends that.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await file.stat();
    if (found.isDirectory()) throw Object.assign(new Error('it is a directory, not a file'), { code: 'EISDIR' });
    if (found.isFile()) return await bytesOf(file, most);
  } finally {
    await file.close();
  }
  if (/^\/(dev|proc\/(self|\d+))\/(fd\/\d+|stdin)$/.test(path)) return readPipe(path, most);
  if ((await realpath(path)) === '/dev/null') return Buffer.alloc(0);
  throw new Error('it is not a regular file');
}

const tooLarge = (most: number) => new Error(`it is larger than ${most / 1024 / 1024} MiB`);

async function bytesOf(file: FileHandle, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let size = 0; ;) {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(64 * 1024) });
    if (bytesRead === 0) return Buffer.concat(chunks);
    size += bytesRead;
    if (size > most) throw tooLarge(most);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

/** `<(program)`. */
async function readPipe(path: string, most: number): Promise<Buffer> {
  const { createReadStream } = await import('node:fs');
  return readStream(createReadStream(path, { signal: AbortSignal.timeout(PIPE_MS) }), most);
}

/** The user types, and ends with Ctrl-D. */
const TYPING_MS = 10 * 60_000;

/** Standard input: a program behind it may never end, or never begin. */
export async function readInput(stream: NodeJS.ReadableStream, { most, ms }: { readonly most: number; readonly ms?: number }): Promise<Buffer> {
  const source = stream as NodeJS.ReadableStream & { readonly isTTY?: boolean; destroy?(): void };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const end = () => reject(Object.assign(new Error('it does not come to an end'), { code: 'ABORT_ERR' }));
    timer = setTimeout(end, ms ?? (source.isTTY ? TYPING_MS : PIPE_MS));
  });
  try {
    return await Promise.race([readStream(source as AsyncIterable<unknown>, most), late]);
  } catch (error) {
    source.destroy?.();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

export async function readStream(stream: AsyncIterable<unknown>, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Buffer);
    size += bytes.length;
    if (size > most) throw tooLarge(most);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
