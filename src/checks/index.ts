/** All checks, in the order of the log path; each declares when it runs. */
import type { Check } from '../engine/types.ts';
import { chartsObtainable } from './charts-obtainable.ts';
import { clusterDns } from './cluster-dns.ts';
import { clusterUsable } from './cluster-usable.ts';
import { collectorEverywhere } from './collector-everywhere.ts';
import type { CheckContext } from './context.ts';
import { credentialsLast } from './credentials-last.ts';
import { foreignHands } from './foreign-hands.ts';
import { helmUsable } from './helm-usable.ts';
import { iamSuffices } from './iam-suffices.ts';
import { loadBalancer } from './load-balancer.ts';
import { logsKept } from './logs-kept.ts';
import { nodesCollectable } from './nodes-collectable.ts';
import { podIdentityAgent } from './pod-identity-agent.ts';
import { podsFit } from './pods-fit.ts';
import { rbacSuffices } from './rbac-suffices.ts';
import { storageUsable } from './storage-usable.ts';
import { valuesKnown } from './values-known.ts';

export const checks: readonly Check<CheckContext>[] = [
  credentialsLast,
  iamSuffices,
  clusterUsable,
  podIdentityAgent,
  rbacSuffices,
  helmUsable,
  chartsObtainable,
  valuesKnown,
  foreignHands,
  logsKept,
  storageUsable,
  clusterDns,
  loadBalancer,
  nodesCollectable,
  podsFit,
  collectorEverywhere,
];
