/** A chart on disk, packed or unpacked: its Chart.yaml and its digest. */
import { createHash } from 'node:crypto';
import { opendir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { stop } from '../../problems/problem.ts';
import { readRegular } from '../system/regular.ts';
import type { Chart } from '../../ports/releases.ts';

/** Charts are far smaller; an archive bomb is not unpacked. */
const MOST_BYTES = 100 * 1024 * 1024;
const TOO_LARGE = `it is larger than ${MOST_BYTES / 1024 / 1024} MiB`;
const MOST_TEXT = 1024 * 1024;
const MOST_ENTRIES = 10_000;

/** A .tgz or a directory. `origin` is shown to the user. Throws CHART_INVALID. */
export async function readChart(path: string, origin: (chart: { readonly name: string; readonly version: string }) => string): Promise<Chart> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw invalid(path, error.code === 'ENOENT' ? 'no such file or directory' : `it can't be read (${error.code})`, error);
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
  const packed = await readRegular(path, MOST_BYTES).catch((cause: Error) => {
    throw invalid(path, cause.message, cause);
  });
  let tar: Buffer;
  try {
    tar = gunzipSync(packed, { maxOutputLength: MOST_BYTES });
  } catch (cause) {
    throw invalid(path, (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? TOO_LARGE : 'it is not a gzipped tar file', cause);
  }
  const text = chartYaml(tar, path);
  if (text === undefined) throw invalid(path, 'it contains no Chart.yaml');
  return { text, sha256: createHash('sha256').update(packed).digest('hex') };
}

/** A tar file is blocks of 512 bytes: a header with name at 0 and octal size at 124, then the content, padded. */
function chartYaml(tar: Buffer, path: string): string | undefined {
  const field = (at: number, length: number) => {
    const bytes = tar.subarray(at, at + length);
    const end = bytes.indexOf(0);
    return bytes.toString('latin1', 0, end < 0 ? length : end).trim();
  };
  for (let at = 0, entries = 0; at + 512 <= tar.length; entries++) {
    if (entries > MOST_ENTRIES) throw invalid(path, `it contains more than ${MOST_ENTRIES} files`);
    const octal = field(at + 124, 12) || '0';
    const size = /^[0-7]+$/.test(octal) ? Number.parseInt(octal, 8) : -1;
    if (size < 0 || size > tar.length - at - 512)
      throw invalid(path, `the size of its file ${JSON.stringify(field(at, 100).slice(0, 80))} is ${JSON.stringify(octal)}`);
    // Only the chart's own: those of its dependencies are nested deeper.
    if (/^(?:\.\/)?[^/]+\/Chart\.yaml$/.test(field(at, 100))) return chartText(path, tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
}

function chartText(path: string, bytes: Buffer): string {
  if (bytes.length > MOST_TEXT) throw invalid(path, `its Chart.yaml is larger than ${MOST_TEXT / 1024 / 1024} MiB`);
  return bytes.toString();
}

/** The digest covers names and contents of all files, sorted by name. */
async function readDirectory(path: string): Promise<{ readonly text: string; readonly sha256: string }> {
  const text = await readRegular(join(path, 'Chart.yaml'), MOST_TEXT).catch((cause: NodeJS.ErrnoException) => {
    throw invalid(path, cause.code === 'ENOENT' ? 'it contains no Chart.yaml' : `of its Chart.yaml, ${cause.message}`, cause);
  });
  const files: string[] = [];
  let size = 0;
  const hash = createHash('sha256');
  // Names are read one by one: a folder given by mistake may be a whole disk.
  for await (const entry of await opendir(path, { recursive: true })) {
    if (!entry.isFile()) continue;
    files.push(join(entry.parentPath, entry.name));
    if (files.length > MOST_ENTRIES) throw invalid(path, `it contains more than ${MOST_ENTRIES} files`);
  }
  const names = files.map((file) => relative(path, file).split(sep).join('/')).sort();
  for (const name of names) {
    const content = await readRegular(join(path, name), MOST_BYTES - size).catch((cause: NodeJS.ErrnoException) => {
      throw invalid(path, cause.code === undefined ? TOO_LARGE : `${name} can't be read (${cause.code})`, cause);
    });
    size += content.length;
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return { text: text.toString(), sha256: hash.digest('hex') };
}
