/** What `doctor` asks, in the order of the data's way: the first that fails is where to begin. */
import * as advice from './advice.ts';
import * as alloy from './alloy.ts';
import * as identity from './aws-identity.ts';
import * as gateway from './gateway.ts';
import * as loki from './loki.ts';
import * as reading from './reading.ts';
import * as s3 from './s3.ts';
import * as scheduling from './scheduling.ts';
import type { DoctorCheck } from './survey.ts';

export const doctorChecks: readonly DoctorCheck[] = [
  identity.roleNamed,
  identity.providerThere,
  identity.roleTrusts,
  identity.podsHaveRole,
  identity.identityAccepted,
  s3.bucketsThere,
  s3.roleSuffices,
  s3.chunksArrive,
  advice.noEndpoint,
  scheduling.lokiThere,
  scheduling.collectorThere,
  scheduling.podsPlaced,
  scheduling.imagesPulled,
  scheduling.collectorOnEveryNode,
  advice.releasesFinished,
  advice.valuesHeeded,
  loki.configAccepted,
  loki.schemaCurrent,
  loki.storageShared,
  advice.retentionWorks,
  loki.notKilled,
  loki.diskFree,
  loki.staysUp,
  loki.ringWhole,
  loki.patternsServed,
  advice.walKept,
  advice.messagesFit,
  gateway.gatewayResolves,
  gateway.gatewayUp,
  gateway.gatewayReachesLoki,
  gateway.gatewayClosed,
  gateway.writerLogin,
  gateway.writerTenant,
  alloy.pipelineLoads,
  alloy.collectorsUp,
  alloy.podsListed,
  alloy.nodeFilterRight,
  alloy.varlogMounted,
  alloy.filesReadable,
  alloy.filesFollowed,
  alloy.prefixTaken,
  alloy.positionsKept,
  alloy.pushAddress,
  alloy.pipelineJoined,
  alloy.pushesAccepted,
  reading.nothingDiscarded,
  reading.readerTenant,
  reading.sameTenant,
  reading.datasourceAddress,
  reading.datasourceLogin,
  reading.queryAnswered,
];
