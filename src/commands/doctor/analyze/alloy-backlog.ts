/** Hop alloy-read: what the checkpoint beside Alloy could not keep. It says so in the collector's log, and nothing else does. */
import { collectorPods } from './pipeline.ts';
import { said } from './log-lines.ts';
import type { DoctorCheck } from './evidence.ts';
import { NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

/** As templates/alloy/checkpoint.pl says it: no room to copy a rotated file, or one that was gone already. */
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
