/** The script beside Alloy, run by the real perl on real files: where reading goes on after a restart, and what is kept of rotated files. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';

const SCRIPT = new URL('../../templates/alloy/checkpoint.pl', import.meta.url).pathname;

const stamp = (second: number) => `20261128-18${String(Math.floor(second / 60)).padStart(2, '0')}${String(second % 60).padStart(2, '0')}`;

/** Lines as containerd writes them; `from` makes each file's first line its own. */
const lines = (from: number, count: number, tag = 'F') =>
  Array.from({ length: count }, (_, at) => `2026-11-28T18:00:00.${String(from + at).padStart(9, '0')}Z stdout ${tag} line ${from + at}\n`).join('');

/** What Alloy 1.18.1 writes: a mapping with complex keys, long label strings folded. */
const positionsOf = (entries: Readonly<Record<string, number>>) =>
  `positions:\n${Object.entries(entries)
    .map(
      ([path, at]) =>
        `  ? path: ${path}\n    labels: '{app="web", cluster="training-on-eks", container="app", job="ns/app", namespace="ns",\n      node="ip-10-0-0-12.ap-northeast-2.compute.internal", pod="web-0"}'\n  : "${at}"\n`,
    )
    .join('')}`;

const hexHead = (text: string) => Buffer.from(text.split('\n')[0]?.slice(0, 64) ?? '').toString('hex');

/** Stands for Alloy: holds files open, answers /metrics. */
interface Collector {
  readonly process: ChildProcess;
  readonly writer: { requests: number; retries: number; seconds: number };
  end(): void;
}

const until = async (holds: () => boolean, seconds = 30) => {
  for (const end = Date.now() + seconds * 1_000; !holds() && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(holds()).toBe(true);
};
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

/** A node of its own, so that tests can wait beside each other. */
function openNode(onTestFinished: (end: () => void) => void) {
  const root = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  const logs = join(root, 'pods');
  const storage = join(root, 'data');
  mkdirSync(join(storage, 'loki.source.file.pods'), { recursive: true });
  const stop: (() => void)[] = [];
  onTestFinished(() => {
    for (const end of stop) end();
    rmSync(root, { recursive: true, force: true });
  });

  const positionsFile = () => join(storage, 'loki.source.file.pods/positions.yml');
  const container = (pod: string) => join(logs, `ns_${pod}_uid-${pod}/app`);
  function write(pod: string, name: string, text: string): string {
    mkdirSync(container(pod), { recursive: true });
    const path = join(container(pod), name);
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
    return path;
  }

  function checkpoint(entries: Readonly<Record<string, { readonly at: number; readonly content: string }>>): void {
    mkdirSync(join(storage, 'checkpoint'), { recursive: true });
    writeFileSync(join(storage, 'checkpoint/positions.yml'), positionsOf(Object.fromEntries(Object.entries(entries).map(([path, { at }]) => [path, at]))));
    writeFileSync(
      join(storage, 'checkpoint/heads'),
      `${Object.entries(entries)
        .map(([path, { content }]) => `${path} ${hexHead(content)}\n`)
        .join('')}\nend\n`,
    );
    writeFileSync(join(storage, 'checkpoint/alive'), '');
  }

  const alloyArguments = (port = 1) => ['run', '/etc/alloy/config.alloy', `--storage.path=${storage}`, `--server.http.listen-addr=0.0.0.0:${port}`];

  function restore(environment: Readonly<Record<string, string>> = {}): string {
    return execFileSync('perl', [SCRIPT, 'restore', ...alloyArguments()], {
      env: { ...process.env, CHECKPOINT_LOGS: logs, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
  }

  /** path -> position of the restored file. */
  function restored(): Readonly<Record<string, number>> {
    const text = readFileSync(positionsFile(), 'utf8');
    return Object.fromEntries([...text.matchAll(/\? path: (\S+)\n[\s\S]*?^ {2}: "(\d+)"/gm)].map(([, path, at]) => [path, Number(at)]));
  }

  const backlog = (): readonly string[] =>
    existsSync(join(storage, 'backlog'))
      ? (readdirSync(join(storage, 'backlog'), { recursive: true }) as string[]).filter((name) => name.endsWith('.log')).sort()
      : [];
  const backlogText = (name: string) => readFileSync(join(storage, 'backlog', name), 'utf8');

  async function collector(open: readonly string[]): Promise<Collector> {
    const writer = { requests: 0, retries: 0, seconds: 0 };
    const labels = 'component_id="loki.write.gateway",component_path="/",host="gateway",tenant="t"';
    const server: Server = createServer((_request, response) => {
      response.end(
        [
          `loki_write_request_duration_seconds_bucket{${labels},status_code="204",le="0.005"} 99999`,
          `loki_write_request_duration_seconds_sum{${labels},status_code="204"} ${writer.seconds}`,
          `loki_write_request_duration_seconds_count{${labels},status_code="204"} ${writer.requests - writer.retries}`,
          `loki_write_request_duration_seconds_count{${labels},status_code="502"} ${writer.retries}`,
          `loki_write_batch_retries_total{${labels}} ${writer.retries}`,
          `loki_write_batch_retries_total{component_id="loki.write.other"} 77777`,
          '',
        ].join('\n'),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    // As in the container: a shell starts the tracker and becomes the collector.
    const shell = `${open.map((path, at) => `exec ${at + 5}<'${path}'`).join('; ')}${open.length > 0 ? ';' : ''} perl ${SCRIPT} track ${alloyArguments(port).join(' ')} & exec sleep 600`;
    const child = spawn('/bin/bash', ['-c', shell], { env: { ...process.env, CHECKPOINT_LOGS: logs }, stdio: 'ignore' });
    const end = () => {
      child.kill('SIGKILL');
      server.close();
    };
    stop.push(end);
    return { process: child, writer, end };
  }

  const saved = () => {
    const file = join(storage, 'checkpoint/positions.yml');
    const text = existsSync(join(storage, 'checkpoint/heads')) && existsSync(file) ? readFileSync(file, 'utf8') : '';
    return Object.fromEntries([...text.matchAll(/\? path: (\S+)\n[\s\S]*?^ {2}: "(\d+)"/gm)].map(([, path, at]) => [path, Number(at)]));
  };
  const savePositions = (entries: Readonly<Record<string, number>>) => {
    writeFileSync(`${positionsFile()}.tmp`, positionsOf(entries));
    renameSync(`${positionsFile()}.tmp`, positionsFile());
  };

  return { logs, storage, positionsFile, container, write, checkpoint, restore, restored, backlog, backlogText, collector, saved, savePositions };
}

describe('restore', () => {
  it('leaves the saved positions alone while there is no checkpoint', () => {
    const { positionsFile, restore } = openNode(onTestFinished);
    const text = positionsOf({ '/var/log/pods/a/b/0.log': 7 });
    writeFileSync(positionsFile(), text);
    restore();
    expect(readFileSync(positionsFile(), 'utf8')).toBe(text);
  });

  it('goes back to what was acknowledged, and changes the numbers only', () => {
    const { positionsFile, write, checkpoint, restore } = openNode(onTestFinished);
    const content = lines(0, 100);
    const path = write('a', '0.log', content);
    const at = lines(0, 40).length;
    checkpoint({ [path]: { at, content } });
    writeFileSync(positionsFile(), positionsOf({ [path]: content.length }));
    restore();
    expect(readFileSync(positionsFile(), 'utf8')).toBe(positionsOf({ [path]: at }));
    expect(statSync(positionsFile()).mode & 0o777).toBe(0o600);
  });

  it('reads a file that the checkpoint does not know from its beginning', () => {
    const { positionsFile, write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = lines(0, 10);
    const known = write('a', '0.log', content);
    const late = write('b', '0.log', lines(500, 10));
    checkpoint({ [known]: { at: content.length, content } });
    writeFileSync(positionsFile(), positionsOf({ [known]: content.length, [late]: 400 }));
    restore();
    expect(restored()).toEqual({ [known]: content.length });
  });

  it.each([
    ['a part that waits for its end', `${lines(0, 3)}${lines(3, 2, 'P')}`, lines(0, 3).length],
    ['parts of both streams', `${lines(0, 3)}${lines(3, 1, 'P')}${lines(4, 1, 'P').replace('stdout', 'stderr')}${lines(5, 1)}`, lines(0, 3).length],
    [
      'a part of one stream that whole lines of the other follow',
      `${lines(0, 3)}${lines(3, 1, 'P')}${lines(4, 50).replaceAll('stdout', 'stderr')}`,
      lines(0, 3).length,
    ],
    ['a whole line', lines(0, 3), lines(0, 3).length],
    [
      'a line of 300 KiB in parts',
      `${lines(0, 3)}${Array.from({ length: 20 }, (_, at) => `2026-11-28T18:00:01.${String(at).padStart(9, '0')}Z stdout P ${'x'.repeat(16_384)}\n`).join('')}`,
      lines(0, 3).length,
    ],
  ])('never begins in the middle of a line: %s', (_name, read, expected) => {
    const { write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = `${read}${lines(900, 5)}`;
    const path = write('a', '0.log', content);
    checkpoint({ [path]: { at: read.length, content } });
    restore();
    expect(restored()).toEqual({ [path]: expected });
  });

  it('reads a file that was truncated from its beginning', () => {
    const { write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = lines(0, 100);
    const path = write('a', '0.log', content);
    checkpoint({ [path]: { at: content.length, content } });
    truncateSync(path, lines(0, 5).length);
    restore();
    expect(restored()).toEqual({ [path]: 0 });
  });

  it.each(['', '.gz'])('keeps the rest of a file that was rotated meanwhile (%s), whole what was rotated after it, and begins the new one', (ending) => {
    const { storage, positionsFile, container, write, checkpoint, restore, restored, backlog, backlogText } = openNode(onTestFinished);
    const first = lines(0, 100);
    const at = lines(0, 60).length;
    const path = join(container('a'), '0.log');
    write('a', `0.log.${stamp(1)}.gz`, lines(5_000, 10));
    write('a', `0.log.${stamp(2)}${ending}`, first);
    write('a', `0.log.${stamp(3)}.gz`, lines(100, 30));
    write('a', `0.log.${stamp(4)}`, lines(130, 30));
    write('a', '0.log', lines(160, 10));
    checkpoint({ [path]: { at, content: first } });
    writeFileSync(positionsFile(), positionsOf({ [path]: 3 }));
    restore();
    expect(restored()).toEqual({ [path]: 0 });
    expect(backlog().map((name) => [name.split('/').pop(), backlogText(name)])).toEqual([
      [`0.${stamp(2)}.log`, lines(60, 40)],
      [`0.${stamp(3)}.log`, lines(100, 30)],
      [`0.${stamp(4)}.log`, lines(130, 30)],
    ]);
    expect(backlog()[0]).toBe(`ns_a_uid-a/app/0.${stamp(2)}.log`);
    expect(readdirSync(join(storage, 'checkpoint')).sort()).toEqual(['alive', 'heads', 'lock', 'positions.yml']);
  });

  it('does not trust a new file that took the inode or the size of the old one', () => {
    const { write, checkpoint, restore, restored } = openNode(onTestFinished);
    const path = write('a', '0.log', lines(700, 100));
    checkpoint({ [path]: { at: lines(0, 50).length, content: lines(0, 100) } });
    restore();
    expect(restored()).toEqual({ [path]: 0 });
  });

  it('keeps what a container that started after the checkpoint has rotated already, and nothing older', () => {
    const { write, checkpoint, restore, backlog } = openNode(onTestFinished);
    const content = lines(0, 10);
    const known = write('a', '0.log', content);
    checkpoint({ [known]: { at: content.length, content } });
    write('new', '0.log', lines(800, 5));
    write('new', `0.log.${stamp(9)}`, lines(790, 10));
    write('untouched', '0.log', lines(900, 5));
    const old = write('untouched', `0.log.${stamp(1)}`, lines(890, 5));
    utimesSync(old, new Date('2026-01-01'), new Date('2026-01-01'));
    restore();
    expect(backlog()).toEqual([`ns_new_uid-new/app/0.${stamp(9)}.log`]);
  });

  it('starts from the saved positions when nothing has kept the checkpoint up to date', () => {
    const { storage, positionsFile, write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = lines(0, 10);
    const path = write('a', '0.log', content);
    checkpoint({ [path]: { at: 0, content } });
    utimesSync(join(storage, 'checkpoint/alive'), new Date('2026-11-01'), new Date('2026-11-01'));
    writeFileSync(positionsFile(), positionsOf({ [path]: content.length }));
    restore();
    expect(restored()).toEqual({ [path]: content.length });
  });

  it.each([
    ['heads cut short', (storage: string) => truncateSync(join(storage, 'checkpoint/heads'), 10)],
    ['heads gone', (storage: string) => rmSync(join(storage, 'checkpoint/heads'))],
    ['positions gone', (storage: string) => rmSync(join(storage, 'checkpoint/positions.yml'))],
  ])('starts from the saved positions when the checkpoint is damaged: %s', (_name, damage) => {
    const { storage, positionsFile, write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = lines(0, 10);
    const path = write('a', '0.log', content);
    checkpoint({ [path]: { at: 0, content } });
    writeFileSync(positionsFile(), positionsOf({ [path]: content.length }));
    damage(storage);
    restore();
    expect(restored()).toEqual({ [path]: content.length });
  });

  it('replaces a positions file that a crash cut short', () => {
    const { positionsFile, write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = lines(0, 10);
    const path = write('a', '0.log', content);
    checkpoint({ [path]: { at: content.length, content } });
    writeFileSync(positionsFile(), 'positions:\n  ? path: /var/lo');
    restore();
    expect(restored()).toEqual({ [path]: content.length });
  });

  it('keeps no more than its room', () => {
    const { container, write, checkpoint, restore, backlog } = openNode(onTestFinished);
    const first = lines(0, 100);
    const path = join(container('a'), '0.log');
    for (const second of [2, 3, 4, 5]) write('a', `0.log.${stamp(second)}`, second === 2 ? first : lines(second, 100).slice(0, first.length));
    write('a', '0.log', lines(9_000, 10));
    checkpoint({ [path]: { at: 0, content: first } });
    restore({ CHECKPOINT_BACKLOG_BYTES: String(first.length * 2 + 100) });
    expect(backlog()).toHaveLength(2);
  });

  it('takes seconds, not minutes, for two thousand files', () => {
    const { write, checkpoint, restore, restored } = openNode(onTestFinished);
    const content = lines(0, 100);
    const entries: Record<string, { at: number; content: string }> = {};
    for (let pod = 0; pod < 2_000; pod += 1) entries[write(`p${pod}`, '0.log', content)] = { at: lines(0, 50).length, content };
    checkpoint(entries);
    const begin = Date.now();
    restore();
    expect(Date.now() - begin).toBeLessThan(10_000);
    expect(Object.keys(restored())).toHaveLength(2_000);
  });
});

describe.concurrent('track', () => {
  it('takes positions over once as many batches were finished as fit into memory, and not while pushes fail', async ({ onTestFinished }) => {
    const { storage, write, collector, saved, savePositions } = openNode(onTestFinished);
    const content = lines(0, 100);
    const path = write('a', '0.log', content);
    savePositions({ [path]: 0 });
    const alloy = await collector([path]);
    await pause(4);
    savePositions({ [path]: lines(0, 50).length });
    await pause(4);
    alloy.writer.requests += 500;
    alloy.writer.retries += 500;
    await pause(12);
    expect(saved()).toEqual({});
    alloy.writer.requests += 24;
    await until(() => saved()[path] === lines(0, 50).length);
    expect(readFileSync(join(storage, 'checkpoint/heads'), 'utf8')).toBe(`${path} ${hexHead(content)}\n\nend\n`);
    alloy.end();
  }, 60_000);

  it('keeps a file that was rotated between the one that is read and the newest, once, and no other', async ({ onTestFinished }) => {
    const { storage, write, backlog, backlogText, collector, savePositions } = openNode(onTestFinished);
    const path = write('a', '0.log', lines(0, 50));
    write('a', `0.log.${stamp(1)}.gz`, lines(5_000, 5));
    savePositions({ [path]: 0 });
    const alloy = await collector([path]);
    await pause(3);
    // What the kubelet does: rename, begin anew; at the next turn compress the one before.
    renameSync(path, `${path}.${stamp(10)}`);
    writeFileSync(path, lines(50, 50));
    await pause(5);
    expect(backlog()).toEqual([]); // what is open is held under a name that the pipeline does not read
    write('a', `0.log.${stamp(10)}.gz`, lines(0, 50));
    rmSync(`${path}.${stamp(10)}`);
    renameSync(path, `${path}.${stamp(20)}`);
    writeFileSync(path, lines(100, 50));
    await until(() => backlog().length === 1);
    expect(backlogText(backlog()[0] ?? '')).toBe(lines(50, 50));
    // Once it is read, it goes and does not come again.
    const kept = join(storage, 'backlog', backlog()[0] ?? '');
    savePositions({ [path]: lines(0, 50).length, [kept]: lines(50, 50).length });
    await pause(4);
    alloy.writer.requests += 24;
    await until(() => !existsSync(kept));
    await pause(5);
    expect(backlog()).toEqual([]);
    expect(readFileSync(join(storage, 'checkpoint/heads'), 'utf8')).toContain(`${path} ${hexHead(lines(0, 50))}\n`);
    alloy.end();
  }, 90_000);

  it('holds what Loki has not taken of rotated files, for a collector that dies after the kubelet deleted them', async ({ onTestFinished }) => {
    const { storage, write, restore, restored, backlog, backlogText, collector, saved, savePositions } = openNode(onTestFinished);
    const path = write('a', '0.log', lines(0, 100));
    savePositions({ [path]: lines(0, 50).length });
    const alloy = await collector([path]);
    await pause(4);
    alloy.writer.requests += 24;
    await until(() => saved()[path] === lines(0, 50).length);
    renameSync(path, `${path}.${stamp(10)}`);
    writeFileSync(path, lines(100, 50));
    const held = (second: number) => join(storage, 'backlog', `ns_a_uid-a/app/0.${stamp(second)}.log.held`);
    await pause(12);
    expect(existsSync(held(10))).toBe(false);
    await until(() => existsSync(held(10)), 30);
    expect(readFileSync(held(10), 'utf8')).toBe(lines(50, 50));
    expect(backlog()).toEqual([]);
    alloy.end();
    await pause(3);
    rmSync(`${path}.${stamp(10)}`);
    restore();
    expect(restored()).toEqual({ [path]: 0 });
    expect(backlog().map(backlogText)).toEqual([lines(50, 50)]);
  }, 90_000);

  it('holds what a new container has rotated since, and nothing from before', async ({ onTestFinished }) => {
    const { storage, write, collector, savePositions } = openNode(onTestFinished);
    const path = write('a', '0.log', lines(0, 10));
    const old = write('a', `0.log.${stamp(1)}`, lines(9_000, 10));
    utimesSync(old, new Date('2026-11-27'), new Date('2026-11-27'));
    await collector([path]);
    await pause(4);
    savePositions({ [path]: 0 });
    renameSync(path, `${path}.${stamp(10)}`);
    utimesSync(`${path}.${stamp(10)}`, new Date(), new Date());
    writeFileSync(path, lines(10, 10));
    const folder = join(storage, 'backlog', 'ns_a_uid-a/app');
    await until(() => existsSync(folder), 45);
    await pause(3);
    expect(readdirSync(folder)).toEqual([`0.${stamp(10)}.log.held`]);
  }, 90_000);

  it('ends with the collector', async ({ onTestFinished }) => {
    const { storage, write, collector, savePositions } = openNode(onTestFinished);
    const path = write('a', '0.log', lines(0, 5));
    savePositions({ [path]: 0 });
    const alloy = await collector([path]);
    await until(() => existsSync(join(storage, 'checkpoint/alive')), 15);
    alloy.end();
    const held = () => {
      try {
        execFileSync('flock', ['-n', join(storage, 'checkpoint/lock'), 'true']);
        return false;
      } catch {
        return true;
      }
    };
    await until(() => !held(), 10);
    appendFileSync(path, 'x');
  }, 30_000);
});
