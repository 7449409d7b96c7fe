/** Files as one .tar.gz: ustar headers and gzip, nothing else. */
import { gzipSync } from 'node:zlib';

export interface ArchiveFile {
  readonly path: string;
  readonly content: Uint8Array;
}

const BLOCK = 512;

/** Names are truncated on the left if ustar has no room for them; they stay unique as long as their last 250 bytes are. */
export function archive(files: readonly ArchiveFile[], made: Date): Uint8Array {
  const seconds = Math.floor(made.getTime() / 1000);
  const blocks = files.flatMap(({ path, content }) => [
    header(path, { size: content.length, seconds }),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ]);
  // Two empty blocks end an archive.
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), { level: 9 });
}

function header(path: string, { size, seconds }: { readonly size: number; readonly seconds: number }): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = named(path);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(name, 0, 100, 'utf8');
  block.write(octal(0o600, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(seconds, 12), 136);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345, 155, 'utf8');
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  return block;
}

/** 100 bytes of name and, before a slash, 155 more. */
function named(path: string): { readonly name: string; readonly prefix: string } {
  for (let at = path.indexOf('/', Math.max(0, path.length - 101)); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(path) > 100 && Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return { name, prefix };
  }
  return { name: path.slice(-100), prefix: '' };
}
