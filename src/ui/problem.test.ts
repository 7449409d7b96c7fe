import { describe, expect, it } from 'vitest';
import { paint } from './colour.ts';
import { problemLines } from './problem.ts';

const look = { columns: 80, paint: paint(false) };

describe('problemLines', () => {
  it('is laid out as message and code, saw, fix, more', () => {
    const problem = {
      code: 'ALLOY_NO_VARLOG',
      message: 'Alloy reads no files: /var/log is not mounted',
      fix: 'loki-eks install            # sets alloy.mounts.varlog: true',
      evidence: ['DaemonSet alloy/alloy has no hostPath volume; loki_source_file_files_active_total = 0 on 4 of 4 nodes'],
    };
    expect(problemLines(problem, look)).toEqual([
      '✖ Alloy reads no files: /var/log is not mounted                [ALLOY_NO_VARLOG]',
      '  saw    DaemonSet alloy/alloy has no hostPath volume;',
      '         loki_source_file_files_active_total = 0 on 4 of 4 nodes',
      '  fix    loki-eks install            # sets alloy.mounts.varlog: true',
      '  more   loki-eks explain ALLOY_NO_VARLOG',
    ]);
  });

  it('puts the code on a line of its own when the message leaves no room', () => {
    const message = 'x'.repeat(40) + ' ' + 'y'.repeat(30);
    expect(problemLines({ code: 'A_LONG_ENOUGH_CODE', message, fix: 'f' }, look).slice(0, 2)).toEqual([
      `✖ ${message}`,
      `${' '.repeat(60)}[A_LONG_ENOUGH_CODE]`,
    ]);
  });

  it('leaves the way out to the next one when that has the same', () => {
    expect(problemLines({ code: 'C', message: 'm', fix: 'f', evidence: ['e'] }, { ...look, followed: true })).toEqual([
      expect.stringMatching(/^✖ m +\[C\]$/),
      '  saw    e',
    ]);
  });

  it('colours only when asked to', () => {
    const problem = { code: 'C', message: 'm', fix: 'f' };
    expect(problemLines(problem, look).join('')).not.toContain('\u001b');
    expect(problemLines(problem, { ...look, paint: paint(true) })[0]).toContain('\u001b[31m✖\u001b[39m');
    expect(problemLines(problem, { ...look, as: 'warning' })[0]).toMatch(/^▲ m/);
  });
});
