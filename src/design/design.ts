/** Decides everything: from settings and facts to every name, document and value. Pure; does no I/O. */
import type { Json } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { ProblemError, stop } from '../problems/problem.ts';
import type { DesignInput, UserValues, ValuesFile } from './design-input.ts';
import type { Blueprint, BucketPlan, GatewayPlan, LoginPlan } from './blueprint.ts';
import { gatewayLabels, gatewayPort } from './exposure.ts';
import type { Facts } from './facts.ts';
import { grafanaDesign } from './grafana.ts';
import { providerPlan, rolePlan, serviceAccount } from './identity-plan.ts';
import { mergeValues, type Values } from './merge.ts';
import { recordedSettings } from './installation-record.ts';
import * as names from './names.ts';
import { notes } from './notes.ts';
import { ownership, retentionTag } from './ownership.ts';
import { pinnedCharts } from './pins.ts';
import * as policies from './policies.ts';
import { probePlan } from './probe.ts';
import { releasePlans } from './release-plans.ts';
import { riskyValues } from './risky-values.ts';
import { conflicts } from './setting-conflicts.ts';
import type { Settings } from './settings-type.ts';
import { sizing, spreadNodes } from './sizes.ts';
import { chooseStorageClass } from './storage.ts';
import type { Templates } from './template.ts';

export type { UserValues, ValuesFile } from './design-input.ts';

export interface Given {
  readonly templates: Templates;
  readonly userValues?: UserValues;
}

/**
 * The whole blueprint. The same arguments always give the same result. Throws a ProblemError where no design is possible
 * (IDENTITY_NO_ISSUER, STORAGE_CLASS_UNKNOWN, a setting that does not fit the region) and an Error where a template is broken.
 */
export function design(settings: Settings, facts: Facts, given: Given): Blueprint {
  refuse(settings, facts);
  const own = ownership(facts.cluster.arn, settings.namespace);
  const tenant = settings.tenant ?? facts.cluster.name;
  const clusterLabel = settings.clusterLabel ?? facts.cluster.name;
  const nodes = Math.max(spreadNodes(facts.nodes, facts.cluster.autoMode), facts.installedSpread ?? 0);
  const input: DesignInput = { settings, facts, templates: given.templates, own, tenant, clusterLabel, sizing: sizing(settings.size, nodes) };
  const buckets = { chunks: bucket(input, 'chunks'), ruler: bucket(input, 'ruler') };
  const role = rolePlan(input, buckets);
  const gateway = gatewayPlan(settings.namespace);
  const login = loginPlan(settings, facts.adopted);
  const grafana = grafanaDesign(input, gateway);
  const storage = chooseStorageClass(facts, { wanted: settings.storageClass, ownership: own });
  const userValues = given.userValues ?? { loki: [], alloy: [] };
  const releases = releasePlans(input, { buckets, roleArn: role.arn, gateway, storageClass: storage.name, userValues });
  return {
    account: facts.caller.account,
    region: facts.region,
    partition: facts.caller.partition,
    cluster: { name: facts.cluster.name, arn: facts.cluster.arn },
    ownership: own,
    buckets,
    identity: settings.identity,
    ...(settings.identity === 'irsa' && facts.installedIdentity === 'pod-identity' && { leavesPodIdentity: true as const }),
    ...(settings.identity === 'irsa' && { oidcProvider: providerPlan(input) }),
    role,
    serviceAccount: serviceAccount(input, role.arn),
    namespaces: namespaces(input),
    storageClassName: storage.name,
    ...(storage.object !== undefined && { storageClass: storage.object }),
    login,
    gateway,
    tenant,
    clusterLabel,
    retentionDays: settings.retentionDays,
    ...releases,
    datasource: grafana.datasource,
    dashboard: grafana.dashboard,
    ...(grafana.grafana && { grafana: grafana.grafana }),
    record: {
      settings: recordedSettings({ ...settings, region: facts.region }),
      lokiValues: layered(userValues.loki),
      alloyValues: layered(userValues.alloy),
      ...(facts.adopted && { adopted: facts.adopted as unknown as Json }),
    },
    notes: [
      ...notes(input, { nodes, storage }),
      ...grafana.notes,
      ...(['loki', 'alloy'] as const).flatMap((which) => userValues[which].flatMap((file) => riskyValues(which, file))),
    ],
    verify: { ...probePlan(releases, facts.charts.alloy.appVersion || pinnedCharts.alloy.appVersion), namespace: settings.namespace },
  };
}

/** What could not be validated before the region and the cluster were known. */
function refuse(settings: Settings, facts: Facts): void {
  const [first] = conflicts({ ...settings, region: facts.region });
  if (first !== undefined) throw new ProblemError(first);
  if (settings.identity === 'irsa' && facts.cluster.issuer === undefined) {
    throw stop('IDENTITY_NO_ISSUER', { message: `Cluster ${facts.cluster.name} has no OIDC issuer, so its service accounts can't assume a role` });
  }
}

function bucket({ settings, facts, templates, own }: DesignInput, use: 'chunks' | 'ruler'): BucketPlan {
  const { account, partition } = facts.caller;
  const { region } = facts;
  const made = names.bucketNamespace({ wanted: settings.bucketNamespace, region });
  const given = use === 'chunks' ? settings.chunksBucket : settings.rulerBucket;
  const name = given ?? names.bucketName({ prefix: settings.bucketPrefix, use, installId: own.installId, namespace: made, account, region });
  const namespace = names.namespaceOf(name, { account, region });
  return {
    use,
    name,
    namespace,
    tags: { ...settings.tags, ...own.tags, ...(use === 'chunks' && { [retentionTag]: String(settings.retentionDays) }) },
    policy: policies.tlsOnly(templates, policies.bucketArn(partition, name)),
    encryption: settings.kmsKey === undefined ? { algorithm: 'AES256' } : { algorithm: 'aws:kms', key: settings.kmsKey, bucketKey: true },
    // No rule ever expires objects: it would delete the index that Loki still needs. Retention is the compactor's job.
    lifecycle: [{ ID: 'loki-eks-abort-multipart', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }],
    whenExists: settings.existingBuckets,
  };
}

function namespaces({ settings, own }: DesignInput): Blueprint['namespaces'] {
  // Alloy reads files of the node, which the stricter pod security levels forbid.
  const reader = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  const make = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { ...own.labels, ...(name === settings.collectorNamespace && reader) }, annotations: own.annotations },
  });
  return { loki: make(settings.namespace), collector: make(settings.collectorNamespace) };
}

/**
 * nginx hashes on every request, and each collector sends about one a second: 0.5, 2.5 and 5 ms of CPU time each. With `none`, no one outside
 * the cluster can try passwords, so the hash only protects against those who have read it.
 */
const ROUNDS = { none: 1000, internal: 5000, public: 10_000 } as const;

function loginPlan({ namespace, collectorNamespace, gatewayUser, expose }: Settings, adopted: Facts['adopted']): LoginPlan {
  return {
    user: gatewayUser,
    htpasswd: { namespace, name: adopted?.passwordSecret ?? names.htpasswdSecret },
    rounds: ROUNDS[expose],
    ...(adopted && { keepsHash: true }),
    ...(adopted?.otherUsers && { others: adopted.otherUsers }),
    clients: [...new Set([namespace, collectorNamespace])].map((where) => ({ namespace: where, name: names.loginSecret })),
  };
}

function gatewayPlan(namespace: string): GatewayPlan {
  const url = `http://${names.gatewayService}.${namespace}.svc.cluster.local`;
  const selector = Object.entries(gatewayLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return { namespace, service: names.gatewayService, podPort: gatewayPort, selector, url, pushUrl: `${url}/loki/api/v1/push` };
}

/** The user's files merged into one; nothing if there are none. */
const layered = (files: readonly ValuesFile[]): Json =>
  files.length === 0 ? null : (files.reduce<Values>((below, { values }) => mergeValues(below, values), {}) as Json);
