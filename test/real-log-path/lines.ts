/** Pods that print numbered lines, and what a query of Loki gives back of them. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Harness } from './harness.ts';

const NAMESPACE = 'writers';

export interface Writer {
  readonly name: string;
  readonly node: string;
  /** Lines a second, and how many. */
  readonly rate: number;
  readonly count: number;
  /** Of each line; as long as a line usually is unless said. */
  readonly bytes?: number;
  /** As the kubelet's static pods: its folder is named after the hash of its manifest. */
  readonly isStatic?: boolean;
}

export interface Tally {
  readonly written: number;
  readonly lost: number;
  readonly doubled: number;
  /** The first numbers that are missing, for whoever looks into it. */
  readonly missing: readonly string[];
}

/** Each line begins with the writer, its run and a number. */
const script = ({ name, rate, count, bytes = 160 }: Writer): string =>
  `run=$RANDOM$RANDOM$RANDOM; i=0; while [ $i -lt ${count} ]; do echo "${name} $run $i ${'x'.repeat(bytes)}"; i=$((i+1)); sleep ${1 / rate}; done; sleep infinity`;

export async function startWriters(harness: Harness, writers: readonly Writer[]): Promise<void> {
  await harness.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const hash = 'f00dfeed'.repeat(4);
  for (const writer of writers) {
    const annotations = { 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.mirror': hash, 'kubernetes.io/config.source': 'file' };
    await harness.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: writer.name, namespace: NAMESPACE, labels: { 'loki-eks.sandbox/journal': 'true' }, ...(writer.isStatic && { annotations }) },
      spec: {
        nodeName: writer.node,
        tolerations: [{ operator: 'Exists' }],
        containers: [{ name: 'writer', image: 'busybox:1', command: ['sh', '-c', script(writer)] }],
      },
    });
  }
}

/** One line of so many bytes, without a line feed until its end. */
export async function writeLong(harness: Harness, writer: string, of: { readonly number: number; readonly bytes: number }): Promise<void> {
  const head = `${writer} long ${of.number} `;
  // What does not compress: a push is measured as it is sent.
  const body = randomBytes(Math.ceil((of.bytes * 3) / 4)).toString('base64');
  await harness.control('real/write', { namespace: NAMESPACE, pod: writer, text: `${head}${body.slice(0, of.bytes)}\n` });
}

export const rotate = (harness: Harness, writer: string): Promise<unknown> => harness.control('real/rotate', { namespace: NAMESPACE, pod: writer });

/** Writer, run and number: what makes a line one of its own. */
const keyOf = (line: string): string => line.split(' ', 3).join(' ');

/** What was printed, whatever has become of the files. */
export function printed(harness: Harness, writer: string): readonly string[] {
  const path = join(harness.folder, 'journal', `${NAMESPACE}_${writer}`);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).map(keyOf) : [];
}

const PAGE = 5000;
const WINDOW_MS = 300_000;

interface Streams {
  readonly data?: { readonly result?: readonly { readonly values: readonly (readonly [string, string])[] }[] };
}

/** Every line of the writer that a query returns, as often as it returns it. */
async function returned(harness: Harness, writer: string, since: Date): Promise<readonly string[]> {
  const keys: string[] = [];
  const now = Date.now() + 60_000;
  for (let from = since.getTime() - 60_000; from < now; from += WINDOW_MS) {
    let start = BigInt(from) * 1_000_000n;
    const end = BigInt(Math.min(now, from + WINDOW_MS)) * 1_000_000n;
    for (;;) {
      const search = new URLSearchParams({
        query: `{namespace="${NAMESPACE}",pod="${writer}"}`,
        start: String(start),
        end: String(end),
        limit: String(PAGE),
        direction: 'forward',
      });
      const { status, body } = await harness.ask('query-frontend', `/loki/api/v1/query_range?${search}`, { headers: { 'x-scope-orgid': harness.tenant } });
      if (status !== 200) throw new Error(`query_range: HTTP ${status} ${body.slice(0, 300)}`);
      const values = ((JSON.parse(body) as Streams).data?.result ?? []).flatMap((stream) => stream.values);
      const last = values.reduce((newest, [time]) => (BigInt(time) > newest ? BigInt(time) : newest), 0n);
      const isFull = values.length >= PAGE;
      // Of a full page the last time may go on in the next one.
      keys.push(...values.filter(([time]) => !isFull || BigInt(time) < last).map(([, line]) => keyOf(line)));
      if (!isFull) break;
      if (last === start) throw new Error(`more than ${PAGE} lines of one time`);
      start = last;
    }
  }
  return keys;
}

export async function tally(harness: Harness, writer: string, since: Date): Promise<Tally> {
  const wanted = printed(harness, writer);
  const counts = new Map<string, number>();
  for (const key of await returned(harness, writer, since)) counts.set(key, (counts.get(key) ?? 0) + 1);
  const missing = wanted.filter((key) => !counts.has(key));
  return { written: wanted.length, lost: missing.length, doubled: [...counts.values()].filter((count) => count > 1).length, missing: missing.slice(0, 5) };
}
