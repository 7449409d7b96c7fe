/** A chart on disk, packed or unpacked: its Chart.yaml and its digest. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { stop } from '../../problems/problem.ts';
import type { Chart } from '../../ports/releases.ts';

/** Charts are far smaller; a packed bomb is not unpacked. */
const MOST_BYTES = 100 * 1024 * 1024;

/** A .tgz or a directory. `origin` is said to the user. Throws CHART_INVALID. */
export async function readChart(path: string, origin: (chart: { readonly name: string; readonly version: string }) => string): Promise<Chart> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw invalid(path, error.code === 'ENOENT' ? 'there is no such file or directory' : `it can't be read (${error.code})`, error);
  });
  const { text, sha256 } = found.isDirectory() ? await readDirectory(path) : await readPacked(path);
  const { name, version, appVersion } = describe(path, text);
  return { path, name, version, appVersion, sha256, origin: origin({ name, version }) };
}

const invalid = (path: string, why: string, cause?: unknown) => stop('CHART_INVALID', { message: `${path} can't be used as a chart: ${why}` }, { cause });

function describe(path: string, text: string): { readonly name: string; readonly version: string; readonly appVersion: string } {
  let chart: Readonly<Record<string, unknown>> | null;
  try {
    chart = parse(text) as typeof chart;
  } catch (cause) {
    throw invalid(path, `its Chart.yaml is not YAML: ${(cause as Error).message.split('\n')[0]}`, cause);
  }
  const lacks = ['apiVersion', 'name', 'version'].filter((key) => typeof chart?.[key] !== 'string');
  if (lacks.length > 0) throw invalid(path, `its Chart.yaml lacks ${lacks.join(', ')}`);
  if (chart?.['type'] === 'library') throw invalid(path, 'it is a library chart, which installs nothing');
  const app = chart?.['appVersion'];
  return { name: chart!['name'] as string, version: chart!['version'] as string, appVersion: app === undefined || app === null ? '' : String(app) };
}

async function readPacked(path: string): Promise<{ readonly text: string; readonly sha256: string }> {
  const packed = await readFile(path);
  let tar: Buffer;
  try {
    tar = gunzipSync(packed, { maxOutputLength: MOST_BYTES });
  } catch (cause) {
    throw invalid(path, 'it is not a gzipped tar file', cause);
  }
  const text = chartYaml(tar);
  if (text === undefined) throw invalid(path, 'it holds no Chart.yaml');
  return { text, sha256: createHash('sha256').update(packed).digest('hex') };
}

/** A tar file is blocks of 512 bytes: a header with name at 0 and octal size at 124, then the content, padded. */
function chartYaml(tar: Buffer): string | undefined {
  const field = (at: number, length: number) =>
    tar
      .toString('latin1', at, at + length)
      .replace(/\0.*$/s, '')
      .trim();
  for (let at = 0; at + 512 <= tar.length;) {
    const size = Number.parseInt(field(at + 124, 12) || '0', 8);
    if (Number.isNaN(size)) return undefined;
    // Only the chart's own: those of its dependencies lie deeper.
    if (/^(?:\.\/)?[^/]+\/Chart\.yaml$/.test(field(at, 100))) return tar.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
}

/** The digest covers names and contents of all files in the order of their names. */
async function readDirectory(path: string): Promise<{ readonly text: string; readonly sha256: string }> {
  const text = await readFile(join(path, 'Chart.yaml'), 'utf8').catch((cause: unknown) => {
    throw invalid(path, 'it holds no Chart.yaml', cause);
  });
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const names = files.map((file) => relative(path, file).split(sep).join('/')).sort();
  const hash = createHash('sha256');
  for (const name of names) {
    const content = await readFile(join(path, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return { text, sha256: hash.digest('hex') };
}
