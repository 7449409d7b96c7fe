import { describe, expect, it } from 'vitest';
import { branchesOf, type Use, usesIn, usesOf } from './scan.ts';
import { isRecorded, table } from './table.ts';

const uses = usesIn(new URL('../../../src', import.meta.url).pathname);
const told = ({ kind, name, file }: Use): string => `${kind} ${name} in src/${file}`;
/** How much may lie between two words is no matter of what is said. */
const loosely = (branch: string): string => branch.replaceAll(/(?:\[\\s\\S\]|\.)(?:\*|\{0,\d+\})/g, '…');
const guesses = new Set(table.guesses.map(({ branch }) => loosely(branch)));
const guessed = (name: string): boolean => guesses.has(loosely(name));

describe('what src relies on is recorded', () => {
  it.each(['path', 'header', 'metric'] as const)('every %s', (kind) => {
    const own = uses.filter((use) => use.kind === kind);
    expect(own.length).toBeGreaterThan(2);
    expect(own.filter((use) => !isRecorded(use)).map(told)).toEqual([]);
  });

  it('every branch of every pattern that is held against a log line or an answer', () => {
    const own = uses.filter(({ kind }) => kind === 'text');
    expect(own.length).toBeGreaterThan(200);
    expect(own.filter((use) => !isRecorded(use) && !guessed(use.name)).map(told)).toEqual([]);
  });

  it('guesses become fewer, never more', () => {
    expect(table.guesses.length).toBeLessThanOrEqual(39);
  });

  it('no guess is left that is recorded by now, or that nothing relies on', () => {
    const names = new Set(uses.map(({ name }) => loosely(name)));
    expect(table.guesses.filter(({ branch }) => !names.has(loosely(branch)) || isRecorded({ kind: 'text', name: branch })).map(({ branch }) => branch)).toEqual(
      [],
    );
  });
});

describe('the scan sees what is added', () => {
  const added = (code: string, file = 'commands/doctor/analyze/new.ts') =>
    usesOf(file, code)
      .filter((use) => !isRecorded(use))
      .map(({ kind, name }) => `${kind} ${name}`);

  it.each([
    ['const path = `/loki/api/v1/nosuch?${x}`;', 'path /loki/api/v1/nosuch'],
    ["await forward(pod, { method: 'GET', path: '/services/x' });", 'path /services/x'],
    ['raw(`/api/v1/namespaces/${a}/pods/${b}/proxy/memberlist`);', 'path /memberlist'],
    ["total(text, 'loki_write_nosuch_total');", 'metric loki_write_nosuch_total'],
    ['/^loki_nosuch_seconds(?:\\{)/m.exec(text);', 'metric loki_nosuch_seconds'],
    ["const headers = { 'x-nosuch': tenant };", 'header x-nosuch'],
    ["if (answer.headers['retry-after']) wait();", 'header retry-after'],
    ['said(core(loki), /nosuch thing/i);', 'text /nosuch thing/i'],
    ['const P = /nosuch-a|empty ring/; saying(pods, P);', 'text /nosuch-a/'],
    ['const both = (a, b) => a; const A = /NoSuchA/; saying(pods, both(A, /NoSuchB/));', 'text /NoSuchA/'],
    ['if (/NoSuchC/.test(line)) fail();', 'text /NoSuchC/'],
    ['const LIMITS = [{ words: /this was never said/ }];', 'text /this was never said/'],
  ])('%s', (code, use) => {
    expect(added(code)).toContain(use);
  });

  it('and is silent about what is recorded', () => {
    expect(added("said(core(loki), /empty ring/); get('/loki/api/v1/labels'); total(text, 'loki_ingester_memory_streams');")).toEqual([]);
  });
});

describe('branches', () => {
  it.each([
    ['a|b', ['a', 'b']],
    ['a (b|c) d', ['a (b) d', 'a (c) d']],
    ['(a|b) (c|d)', ['(a) (c|d)', '(b) (c|d)', '(a|b) (c)', '(a|b) (d)']],
    ['(a(b|c)|d)', ['(a(b))', '(a(c))', '(d)']],
    ['[|(]x\\|y', ['[|(]x\\|y']],
    ['a(b|c)?', ['a(b|c)?']],
    ['(?=a|b)c', ['(?=a|b)c']],
  ])('%s', (pattern, branches) => {
    expect(branchesOf(pattern)).toEqual(branches);
  });
});
