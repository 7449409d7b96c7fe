/** All faults, in the order of the log path: one for each class of failure. */
import { awsBreaks } from './aws.ts';
import type { ClusterFault } from './fault-api.ts';
import { collectorBreaks } from './collector.ts';
import { gatewayBreaks } from './gateway.ts';
import { lokiBreaks } from './loki.ts';
import { networkBreaks } from './network.ts';
import { readingBreaks } from './reading.ts';
import { schedulingBreaks } from './scheduling.ts';

export const clusterFaults: readonly ClusterFault[] = [
  ...awsBreaks,
  ...schedulingBreaks,
  ...lokiBreaks,
  ...gatewayBreaks,
  ...collectorBreaks,
  ...readingBreaks,
  ...networkBreaks,
];
