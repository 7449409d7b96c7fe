/** The checks of `doctor`, in the order of the log path: the first failure is where to start. */
import { rotatedFilesKept } from './alloy-backlog.ts';
import * as discovery from './alloy-discovery.ts';
import * as nodes from './alloy-nodes.ts';
import * as push from './alloy-push.ts';
import * as read from './alloy-read.ts';
import * as answers from './aws-answers.ts';
import * as identity from './aws-identity.ts';
import * as coverage from './coverage.ts';
import * as dashboards from './dashboards.ts';
import * as gateway from './gateway.ts';
import * as helm from './helm-release.ts';
import { kubeletsReached } from './kubelets.ts';
import * as limits from './limits.ts';
import * as config from './loki-config.ts';
import * as ring from './loki-ring.ts';
import * as runtime from './loki-runtime.ts';
import * as parts from './loki-parts.ts';
import { meshLetsThrough, policiesLetThrough } from './network.ts';
import * as query from './query.ts';
import * as readers from './readers.ts';
import * as s3 from './s3.ts';
import * as scheduling from './scheduling.ts';
import { hops, type DoctorCheck } from './evidence.ts';
import * as writers from './writers.ts';
import { grafanaAsks } from './through-grafana.ts';

const asked: readonly DoctorCheck[] = [
  // The network affects every hop: its checks come before what would otherwise be blamed.
  ...policiesLetThrough,
  ...meshLetsThrough,
  identity.roleNamed,
  identity.providerThere,
  identity.roleTrusts,
  identity.agentThere,
  identity.podsHaveRole,
  s3.noEndpoint,
  answers.stsReached,
  answers.notAsNode,
  answers.identityAccepted,
  s3.bucketsThere,
  s3.roleSuffices,
  answers.s3Reached,
  answers.s3Allows,
  answers.chunksArrive,
  s3.rulesInPlace,
  kubeletsReached,
  scheduling.lokiThere,
  coverage.collectorThere,
  scheduling.podsPlaced,
  scheduling.volumesMounted,
  scheduling.imagesPulled,
  coverage.collectorOnEveryNode,
  coverage.fargateCollected,
  coverage.collectorIsDaemon,
  coverage.nodesKeepMemory,
  helm.releasesFinished,
  helm.releasesAsApplied,
  helm.valuesHeeded,
  helm.claimsInUse,
  config.configAccepted,
  config.schemaCurrent,
  config.schemaEarly,
  config.storageShared,
  config.retentionWorks,
  runtime.notKilled,
  runtime.replayFits,
  runtime.diskFree,
  runtime.staysUp,
  parts.partsWanted,
  parts.compactorWanted,
  parts.partsUp,
  ring.schedulerThere,
  ring.memberlistJoined,
  ring.ringWhole,
  ring.ringClean,
  ring.ringAnswers,
  ring.patternsServed,
  runtime.walKept,
  runtime.cachesAnswer,
  gateway.gatewayResolves,
  gateway.gatewayUp,
  gateway.gatewayReachesLoki,
  gateway.gatewayClosed,
  gateway.gatewayAddressed,
  gateway.loginsUsable,
  writers.writerLogin,
  writers.writerTenant,
  discovery.pipelineLoads,
  discovery.collectorsUp,
  discovery.podsListed,
  discovery.nodeFilterRight,
  read.varlogMounted,
  read.filesReadable,
  read.filesFollowed,
  read.prefixTaken,
  read.positionsKept,
  read.readOnce,
  read.notByApi,
  rotatedFilesKept,
  push.pushAddress,
  push.pipelineJoined,
  push.passwordReadable,
  nodes.everyNodeReaches,
  nodes.noneStandsStill,
  push.pushesAccepted,
  ...limits.limitsKept,
  limits.messagesFit,
  limits.nothingDiscarded,
  readers.readerTenant,
  readers.sameTenant,
  readers.datasourceAddress,
  readers.datasourceLogin,
  grafanaAsks,
  query.grafanaUnderstood,
  dashboards.dashboardsFindSource,
  dashboards.dashboardsFindLabels,
  query.queryAnswered,
  query.queriesFit,
  query.noGap,
  dashboards.appsPrint,
];

/** By hop; within one, in the order of this list. */
export const doctorChecks: readonly DoctorCheck[] = hops.flatMap((hop) => asked.filter((check) => check.hop === hop));
