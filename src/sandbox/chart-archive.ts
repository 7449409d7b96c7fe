/** Chart folders as the .tgz archives a repository serves: a small ustar writer and reader. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parse } from 'yaml';

export interface ChartArchive {
  readonly name: string;
  readonly version: string;
  /** The whole of Chart.yaml. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
}

const BLOCK = 512;

/** `path` is a chart's folder or its .tgz. Throws when it has no Chart.yaml with a name and a version. */
export async function chartArchive(path: string): Promise<ChartArchive> {
  if (!(await stat(path)).isDirectory()) {
    const bytes = await readFile(path);
    return described(chartYamlIn(gunzipSync(bytes)), { path, bytes });
  }
  const metadata = await readFile(join(path, 'Chart.yaml'), 'utf8');
  const { name } = described(metadata, { path, bytes: Buffer.alloc(0) });
  const files = await filesIn(path);
  const entries = files.map((file) => entry(`${name}/${file.name}`, file.content));
  // Two empty blocks end an archive. With a fixed time the digest depends on the content alone.
  return described(metadata, { path, bytes: gzipSync(Buffer.concat([...entries, Buffer.alloc(2 * BLOCK)]), { level: 9 }) });
}

function described(chartYaml: string, of: { readonly path: string; readonly bytes: Buffer }): ChartArchive {
  const metadata = parse(chartYaml) as Readonly<Record<string, unknown>> | null;
  const { name, version } = metadata ?? {};
  if (typeof name !== 'string' || typeof version !== 'string') throw new Error(`${of.path}: Chart.yaml has no name or no version`);
  return { name, version, metadata: metadata as ChartArchive['metadata'], bytes: of.bytes };
}

async function filesIn(folder: string, prefix = ''): Promise<readonly { readonly name: string; readonly content: Buffer }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const lists = await Promise.all(
    sorted.map(async (item) => {
      const path = join(folder, item.name);
      if (item.isDirectory()) return filesIn(path, `${prefix}${item.name}/`);
      return [{ name: `${prefix}${item.name}`, content: await readFile(path) }];
    }),
  );
  return lists.flat();
}

function entry(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const { short, prefix } = split(name);
  header.write(short, 0, 100, 'utf8');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write(prefix, 345, 155, 'utf8');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

/** ustar holds 100 bytes of name and, before a slash, 155 more. */
function split(name: string): { readonly short: string; readonly prefix: string } {
  if (Buffer.byteLength(name) <= 100) return { short: name, prefix: '' };
  for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
    const [prefix, short] = [name.slice(0, at), name.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(short) <= 100) return { short, prefix };
  }
  throw new Error(`${basename(name)}: its path is too long for a chart archive`);
}

/** The chart's own Chart.yaml: the one directly below the top folder. */
function chartYamlIn(tar: Buffer): string {
  for (let at = 0; at + BLOCK <= tar.length;) {
    const header = tar.subarray(at, at + BLOCK);
    const name = header.toString('utf8', 0, 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(header.toString('latin1', 124, 136), 8) || 0;
    if (/^[^/]+\/Chart\.yaml$/.test(name)) return tar.toString('utf8', at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return '';
}
