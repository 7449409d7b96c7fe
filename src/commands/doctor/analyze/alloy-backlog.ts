/** Hop alloy-read: lines that the checkpoint next to Alloy could not keep. Only the collector's log shows this. */
import { collectorPods } from './pipeline.ts';
import { said } from './log-lines.ts';
import type { DoctorCheck } from './evidence.ts';
import { NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

/** As logged by templates/alloy/checkpoint.pl: no room to copy a rotated file, or one that was already gone. */
const LOST = /component=checkpoint msg=".{1,400} lines .{0,60}are lost/;

export const rotatedFilesKept: DoctorCheck = {
  id: 'alloy.backlog',
  title: 'Rotated log files are kept until they are read',
  at: ['doctor'],
  hop: 'alloy-read',
  async run(collected) {
    const pods = collectorPods(collected);
    if (pods.length === 0) return NO_COLLECTOR;
    if (pods.every(({ lines }) => lines === undefined)) return skip("the collectors' logs could not be read");
    const evidence = said(pods, LOST);
    return evidence.length === 0 ? pass() : warn('COLLECTOR_BACKLOG_FULL', { evidence });
  },
};
