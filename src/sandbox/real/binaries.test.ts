import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProblemError } from '../../problems/problem.ts';
import { findBinaries } from './binaries.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'binaries-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(...names: readonly string[]): void {
  for (const name of names) {
    writeFileSync(join(folder, name), '#!/bin/sh\n');
    chmodSync(join(folder, name), 0o755);
  }
}
function refusal(path: string): { readonly code: string; readonly message: string } {
  try {
    findBinaries(path, { PATH: process.env['PATH'] });
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error('it was taken');
}

const able = process.platform === 'linux' && process.getuid?.() === 0;

describe.runIf(able)('the folder of real programs', () => {
  it.each([
    ['that is not there', () => join(folder, 'nosuch'), 'is not a folder'],
    ['that is a file', () => (program('loki'), join(folder, 'loki')), 'is not a folder'],
    ['that is empty', () => folder, 'has no executable loki, alloy'],
    ['without Alloy', () => (program('loki', 'nginx', 'memcached'), folder), 'has no executable alloy'],
    [
      'with a Loki that may not be run',
      () => (program('loki', 'alloy', 'nginx', 'memcached'), chmodSync(join(folder, 'loki'), 0o644), folder),
      'has no executable loki',
    ],
  ])('%s is refused', (_, make, words) => {
    const problem = refusal(make());
    expect(problem.code).toBe('REAL_BINARIES_MISSING');
    expect(problem.message).toContain(words);
  });

  it('is taken when all four are there', () => {
    program('loki', 'alloy', 'nginx', 'memcached');
    expect(findBinaries(folder, { PATH: process.env['PATH'] })).toMatchObject({
      paths: { loki: join(folder, 'loki'), nginx: join(folder, 'nginx') },
      fromPath: [],
    });
  });
});

describe.runIf(!able)('elsewhere than on Linux as root', () => {
  it('is refused', () => {
    program('loki', 'alloy', 'nginx', 'memcached');
    expect(refusal(folder).code).toBe('REAL_UNSUPPORTED');
  });
});
