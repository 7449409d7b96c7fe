/** The log files of a node, byte for byte as containerd and the kubelet write, rotate, compress and delete them. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { KubeObject } from '../../ports/kubernetes.ts';

export type Stream = 'stdout' | 'stderr';

export interface LogRules {
  /** `containerLogMaxSize` and `containerLogMaxFiles`; the kubelet checks every `monitorMs`. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly monitorMs: number;
}

export const DEFAULT_RULES: LogRules = { maxBytes: 10 * 2 ** 20, maxFiles: 5, monitorMs: 10_000 };

/** Containerd writes a longer line in parts. */
const PART = 16_384;
const LINE_FEED = 10;

/** `NS_NAME_UID`; for a static pod the kubelet uses the hash of its manifest, where its mirror has its own uid. */
export function podFolder({ metadata }: KubeObject): string {
  const uid = metadata.annotations?.['kubernetes.io/config.mirror'] ?? metadata.uid;
  return `${metadata.namespace}_${metadata.name}_${uid}`;
}

let latest = 0n;

/** The current time in nanoseconds; each value is later than the one before, as the container runtime's are in practice. */
function stamp(): string {
  const now = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
  latest = now > latest ? now : latest + 1n;
  const fraction = String(latest % 1_000_000_000n).padStart(9, '0');
  return `${new Date(Number(latest / 1_000_000n)).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** One container's current file. Takes the process's bytes and splits them into lines. */
export interface LogFile {
  write(stream: Stream, bytes: Buffer): readonly string[];
  /** The process has exited: output without a line feed is a line, too. */
  end(): readonly string[];
  rotate(): void;
  /** Rotates when it has grown past the limit. */
  monitor(): void;
  readonly path: string;
}

export function openLogFile(folder: string, of: { readonly run: number; readonly rules: LogRules }): LogFile {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const path = join(folder, `${of.run}.log`);
  const pending: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  /** A line that has begun in parts, for `kubectl logs`. */
  const begun: Record<Stream, string> = { stdout: '', stderr: '' };
  dropRunsBefore(folder, of.run - 1);
  appendFileSync(path, '', { mode: 0o640 });

  const put = (stream: Stream, parts: readonly (readonly ['P' | 'F', Buffer])[]): readonly string[] => {
    const text = parts.flatMap(([tag, bytes]) => [Buffer.from(`${stamp()} ${stream} ${tag} `), bytes, Buffer.from('\n')]);
    if (text.length > 0) appendFileSync(path, Buffer.concat(text), { mode: 0o640 });
    return parts.flatMap(([tag, bytes]) => {
      begun[stream] += bytes.toString('utf8');
      if (tag === 'P') return [];
      const line = begun[stream];
      begun[stream] = '';
      return [line];
    });
  };
  return {
    path,
    write(stream, bytes) {
      const all = pending[stream].length === 0 ? bytes : Buffer.concat([pending[stream], bytes]);
      const parts: (readonly ['P' | 'F', Buffer])[] = [];
      let at = 0;
      for (;;) {
        const feed = all.indexOf(LINE_FEED, at);
        const end = feed < 0 ? all.length : feed;
        while (end - at > PART) {
          parts.push(['P', all.subarray(at, at + PART)]);
          at += PART;
        }
        if (feed < 0) break;
        parts.push(['F', all.subarray(at, feed)]);
        at = feed + 1;
      }
      pending[stream] = Buffer.from(all.subarray(at));
      return put(stream, parts);
    },
    end() {
      return (['stdout', 'stderr'] as const).flatMap((stream) => {
        const rest = pending[stream];
        pending[stream] = Buffer.alloc(0);
        return rest.length === 0 && begun[stream] === '' ? [] : put(stream, [['F', rest]]);
      });
    },
    rotate: () => rotate(folder, path, of.rules.maxFiles),
    monitor: () => {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= of.rules.maxBytes) rotate(folder, path, of.rules.maxFiles);
    },
  };
}

/** In the kubelet's order: deletes surplus files, compresses earlier rotated ones, then renames the file and starts a new one. */
function rotate(folder: string, path: string, maxFiles: number): void {
  const name = path.slice(folder.length + 1);
  const rotated = readdirSync(folder)
    .filter((file) => file.startsWith(`${name}.`) && !file.endsWith('.tmp'))
    .toSorted();
  for (const file of rotated.slice(0, Math.max(0, rotated.length - (maxFiles - 2)))) unlinkSync(join(folder, file));
  for (const file of rotated.slice(-(maxFiles - 2)).filter((one) => !one.endsWith('.gz'))) {
    const old = join(folder, file);
    writeFileSync(`${old}.tmp`, gzipSync(readFileSync(old)), { mode: 0o640 });
    renameSync(`${old}.tmp`, `${old}.gz`);
    unlinkSync(old);
  }
  // Names contain the second: a file rotated in the same second gets the next.
  const stampOf = (at: Date): string => at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const newest = rotated.at(-1)?.slice(name.length + 1, name.length + 16) ?? '';
  let at = new Date();
  while (stampOf(at) <= newest) at = new Date(at.getTime() + 1000);
  renameSync(path, `${path}.${stampOf(at)}`);
  appendFileSync(path, '', { mode: 0o640 });
}

/** The kubelet keeps the previous run of a restarted container. */
function dropRunsBefore(folder: string, run: number): void {
  for (const file of readdirSync(folder)) if (Number(/^(\d+)\.log/.exec(file)?.[1] ?? run) < run) rmSync(join(folder, file), { force: true });
}
