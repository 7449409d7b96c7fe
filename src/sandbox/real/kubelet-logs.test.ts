import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { DEFAULT_RULES, openLogFile, podFolder } from './kubelet-logs.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'kubelet-logs-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (run = 0, rules = DEFAULT_RULES) => openLogFile(folder, { run, rules });
const lines = (name = '0.log') => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);
const texts = (name?: string) => lines(name).map((line) => line.replace(/^\S+ /, ''));

describe('lines', () => {
  it('are cut at line feeds, whatever pieces they come in', () => {
    const log = file();
    expect(log.write('stdout', Buffer.from('one\ntw'))).toEqual(['one']);
    expect(log.write('stderr', Buffer.from('other\n'))).toEqual(['other']);
    expect(log.write('stdout', Buffer.from('o\n\n'))).toEqual(['two', '']);
    expect(texts()).toEqual(['stdout F one', 'stderr F other', 'stdout F two', 'stdout F ']);
  });

  it('have the time of their writing in nanoseconds, and none has that of another', () => {
    const log = file();
    log.write('stdout', Buffer.from('a\n'.repeat(500)));
    const times = lines().map((line) => line.split(' ')[0]);
    expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect(times).toEqual(times.toSorted());
    expect(new Set(times).size).toBe(500);
  });

  it.each([16_384, 16_385, 3 * 16_384, 40_000])('of %i bytes lie in parts of 16 KiB', (size) => {
    const log = file();
    const line = 'x'.repeat(size);
    expect(log.write('stdout', Buffer.from(`${line}\n`))).toEqual([line]);
    const parts = texts();
    expect(parts.map((part) => part.slice(0, 9))).toEqual([...Array.from({ length: Math.ceil(size / 16_384) - 1 }, () => 'stdout P '), 'stdout F ']);
    expect(parts.map((part) => part.slice(9)).join('')).toBe(line);
  });

  it('without a line feed are lines once their process has ended', () => {
    const log = file();
    log.write('stdout', Buffer.from('last words'));
    expect(texts()).toEqual([]);
    expect(log.end()).toEqual(['last words']);
    expect(texts()).toEqual(['stdout F last words']);
    expect(log.end()).toEqual([]);
  });
});

describe('rotation', () => {
  it('renames at once, compresses the one before, and keeps five files', () => {
    const log = file();
    for (let round = 0; round < 10; round += 1) {
      log.write('stdout', Buffer.from(`${round}\n`));
      log.rotate();
    }
    const names = readdirSync(folder).toSorted();
    expect(names).toHaveLength(5);
    expect(names[0]).toBe('0.log');
    expect(names.slice(1).filter((name) => name.endsWith('.gz'))).toHaveLength(3);
    const [latest] = names.slice(1).filter((name) => !name.endsWith('.gz'));
    expect(latest).toBe(names.at(-1));
    expect(latest).toMatch(/^0\.log\.\d{8}-\d{6}$/);
    expect(texts(latest)).toEqual(['stdout F 9']);
    const kept = names
      .filter((name) => name.endsWith('.gz'))
      .map((name) =>
        gunzipSync(readFileSync(join(folder, name)))
          .toString()
          .trim()
          .split(' ')
          .at(-1),
      );
    expect(kept).toEqual(['6', '7', '8']);
  });

  it('waits for the size', () => {
    const log = file(0, { ...DEFAULT_RULES, maxBytes: 1024 });
    log.write('stdout', Buffer.from('short\n'));
    log.monitor();
    expect(readdirSync(folder)).toEqual(['0.log']);
    log.write('stdout', Buffer.from(`${'x'.repeat(1024)}\n`));
    log.monitor();
    expect(readdirSync(folder)).toHaveLength(2);
  });
});

it('a container that starts again writes beside its former run, and older runs go', () => {
  for (const run of [0, 1, 2]) file(run).write('stdout', Buffer.from(`${run}\n`));
  expect(readdirSync(folder).toSorted()).toEqual(['1.log', '2.log']);
});

it.each([
  [{}, 'shop_web-0_the-uid'],
  [{ 'kubernetes.io/config.mirror': 'abc', 'kubernetes.io/config.hash': 'abc', 'kubernetes.io/config.source': 'file' }, 'shop_web-0_abc'],
])('the folder of a pod with annotations %o', (annotations, name) => {
  expect(podFolder({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-0', namespace: 'shop', uid: 'the-uid', annotations } } as KubeObject)).toBe(name);
});
