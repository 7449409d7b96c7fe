import { describe, expect, it } from 'vitest';
import { rotatedFilesKept } from '../../src/commands/doctor/analyze/alloy-backlog.ts';
import { collectorSeen, pod, surveySeen } from './survey-maker.ts';

const at = 'ts=2026-11-28T20:26:55Z level=warn component=checkpoint msg=';
const asked = (line: string) =>
  rotatedFilesKept.run(
    surveySeen({ collectors: [collectorSeen({ pods: [pod('alloy-x', 'alloy', { namespace: 'alloy', lines: [line] })] })] }),
    new AbortController().signal,
  );

describe('rotated log files', () => {
  it.each([
    `${at}"no room to keep /var/log/pods/ns_web-0_1/app/0.log.20261128-202608: its unread lines are lost when the kubelet deletes it"`,
    `${at}"/var/log/pods/ns_web-0_1/app/0.log was rotated away before it was read: its lines since the last acknowledged push are lost"`,
  ])('that could not be kept are named: %s', async (line) => {
    const verdict = await asked(line);
    expect(verdict).toMatchObject({ is: 'warn', problem: { code: 'COLLECTOR_BACKLOG_FULL' } });
    expect(JSON.stringify(verdict)).toContain('/var/log/pods/ns_web-0_1/app/0.log');
  });

  it.each([
    'ts=2026-11-28T20:26:55Z level=info component=checkpoint msg="starting from the checkpoint: 11 files, 18209 bytes to read"',
    `${at.replace('warn', 'info')}"keeping /var/log/pods/ns_web-0_1/app/0.log.20261128-202608, which was rotated before it was read"`,
    'ts=2026-11-28T20:26:55Z level=info msg="all lines of this file are lost in translation"',
  ])('are nothing to say while they are kept: %s', async (line) => {
    expect(await asked(line)).toEqual({ is: 'pass' });
  });
});
