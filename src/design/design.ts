/** Decides everything: from what the user wants and what is there, every name, document and value. Pure; nothing waits here. */
import type { Json } from '../engine/types.ts';
import type { Blueprint, BucketPlan, GatewayPlan, LoginPlan, Ownership, ReleasePlan } from './blueprint.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Chart } from '../ports/releases.ts';
import { stop, ProblemError } from '../problems/problem.ts';
import { gatewayResolver } from './cluster-dns.ts';
import { exposureService, gatewayLabels, gatewayPort } from './exposure.ts';
import type { Facts } from './facts.ts';
import { datasource } from './grafana.ts';
import { unknownKeys } from './keys.ts';
import { mergeValues, type Values } from './merge.ts';
import * as names from './names.ts';
import { ownership } from './ownership.ts';
import * as policies from './policies.ts';
import { probeImage } from './probe-image.ts';
import { recordedSettings } from './recorded.ts';
import { relied } from './reliance.ts';
import { conflicts } from './setting-conflicts.ts';
import type { Settings } from './settings-type.ts';
import { sizing, spreadNodes, type Sizing } from './sizes.ts';
import { chooseStorageClass } from './storage.ts';
import type { Templates } from './template.ts';
import { alloyValues, lokiValues } from './values.ts';

/** A values file of the user's, parsed. */
export interface ValuesFile {
  readonly file: string;
  readonly values: Values;
}

/** In the order they are laid on top of ours. */
export interface UserValues {
  readonly loki: readonly ValuesFile[];
  readonly alloy: readonly ValuesFile[];
}

export interface Given {
  readonly templates: Templates;
  readonly userValues?: UserValues;
}

interface Basis {
  readonly settings: Settings;
  readonly facts: Facts;
  readonly templates: Templates;
  readonly own: Ownership;
  readonly tenant: string;
  readonly clusterLabel: string;
  readonly sizing: Sizing;
}

/**
 * The whole blueprint. The same arguments always give the same one. Throws a ProblemError where no design is possible
 * (IDENTITY_NO_ISSUER, STORAGE_CLASS_UNKNOWN, a setting that does not fit the region) and an Error where a template is broken.
 */
export function design(settings: Settings, facts: Facts, given: Given): Blueprint {
  refuse(settings, facts);
  const own = ownership(facts.cluster.arn, settings.namespace);
  const tenant = settings.tenant ?? facts.cluster.name;
  const clusterLabel = settings.clusterLabel ?? facts.cluster.name;
  const nodes = spreadNodes(facts.nodes, facts.cluster.autoMode);
  const basis: Basis = { settings, facts, templates: given.templates, own, tenant, clusterLabel, sizing: sizing(settings.size, nodes) };
  const buckets = { chunks: bucket(basis, 'chunks'), ruler: bucket(basis, 'ruler') };
  const role = rolePlan(basis, buckets);
  const gateway = gatewayPlan(settings.namespace);
  const login = loginPlan(settings);
  const storage = chooseStorageClass(facts, { wanted: settings.storageClass, ownership: own });
  const userValues = given.userValues ?? { loki: [], alloy: [] };
  const releases = releasePlans(basis, { buckets, gateway, storageClass: storage.name, userValues });
  return {
    account: facts.caller.account,
    region: facts.region,
    partition: facts.caller.partition,
    cluster: { name: facts.cluster.name, arn: facts.cluster.arn },
    ownership: own,
    buckets,
    identity: settings.identity,
    ...(settings.identity === 'irsa' && { oidcProvider: providerPlan(basis) }),
    role,
    serviceAccount: serviceAccount(basis, role.arn),
    namespaces: namespaces(basis),
    storageClassName: storage.name,
    ...(storage.object !== undefined && { storageClass: storage.object }),
    login,
    gateway,
    tenant,
    clusterLabel,
    retentionDays: settings.retentionDays,
    ...releases,
    datasource: datasource(given.templates, {
      name: `Loki (${facts.cluster.name})`,
      uid: `loki-eks-${own.installId}`,
      url: gateway.url,
      user: settings.gatewayUser,
      tenant,
      secretNamespace: settings.namespace,
      secretName: names.loginSecret,
    }),
    record: { settings: recordedSettings({ ...settings, region: facts.region }), lokiValues: layered(userValues.loki), alloyValues: layered(userValues.alloy) },
    notes: [...notes(basis, { nodes, storage }), ...(['loki', 'alloy'] as const).flatMap((which) => userValues[which].flatMap((file) => relied(which, file)))],
    verify: { image: probeImage(releases.alloy.values), namespace: settings.namespace },
  };
}

/** What could not be judged before the region and the cluster were known. */
function refuse(settings: Settings, facts: Facts): void {
  const [first] = conflicts({ ...settings, region: facts.region });
  if (first !== undefined) throw new ProblemError(first);
  if (settings.identity === 'irsa' && facts.cluster.issuer === undefined) {
    throw stop('IDENTITY_NO_ISSUER', { message: `Cluster ${facts.cluster.name} has no OIDC issuer, so its service accounts can't take a role by token` });
  }
}

function bucket({ settings, facts, templates, own }: Basis, use: 'chunks' | 'ruler'): BucketPlan {
  const { account, partition } = facts.caller;
  const { region } = facts;
  const namespace = names.bucketNamespace({ wanted: settings.bucketNamespace, region });
  const name = names.bucketName({ prefix: settings.bucketPrefix, use, installId: own.installId, namespace, account, region });
  return {
    use,
    name,
    namespace,
    tags: { ...settings.tags, ...own.tags },
    policy: policies.tlsOnly(templates, policies.bucketArn(partition, name)),
    encryption: settings.kmsKey === undefined ? { algorithm: 'AES256' } : { algorithm: 'aws:kms', key: settings.kmsKey, bucketKey: true },
    // No rule ever expires objects: it would take the index away under Loki. Retention is the compactor's.
    lifecycle: [{ ID: 'loki-eks-abort-multipart', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }],
    whenExists: settings.existingBuckets,
    mayEmpty: settings.existingBuckets === 'recreate' && settings.confirmRecreate.includes(name),
  };
}

function providerPlan({ settings, facts, own }: Basis): NonNullable<Blueprint['oidcProvider']> {
  const issuer = facts.cluster.issuer!;
  const { partition, account } = facts.caller;
  return {
    arn: policies.oidcProviderArn({ partition, account, issuer }),
    url: issuer,
    audience: policies.audience,
    tags: { ...settings.tags, ...own.tags },
    mayCreate: settings.createOidcProvider,
  };
}

function rolePlan(basis: Basis, buckets: Blueprint['buckets']): Blueprint['role'] {
  const { settings, facts, templates, own } = basis;
  const { partition, account } = facts.caller;
  const name = names.roleName(facts.cluster.name, own.installId);
  const subject = { namespace: settings.namespace, serviceAccount: names.lokiServiceAccount };
  const trust =
    settings.identity === 'irsa'
      ? policies.webIdentityTrust(templates, { ...subject, providerArn: providerPlan(basis).arn, issuer: facts.cluster.issuer! })
      : policies.podIdentityTrust(templates, { ...subject, clusterArn: facts.cluster.arn });
  return {
    name,
    arn: policies.roleArn({ partition, account, path: settings.iamPath, name }),
    path: settings.iamPath,
    description: `Loki in ${facts.cluster.name} (${facts.region}) reads and writes its two buckets`,
    ...(settings.permissionsBoundary !== undefined && { permissionsBoundary: settings.permissionsBoundary }),
    tags: { ...settings.tags, ...own.tags },
    trust,
    policyName: names.rolePolicy,
    policy: policies.s3Access(templates, {
      account,
      chunksArn: policies.bucketArn(partition, buckets.chunks.name),
      rulerArn: policies.bucketArn(partition, buckets.ruler.name),
      kmsKey: settings.kmsKey,
    }),
  };
}

function serviceAccount({ settings, own }: Basis, roleArn: string): Blueprint['serviceAccount'] {
  const { namespace } = settings;
  const name = names.lokiServiceAccount;
  // With Pod Identity there must be no role annotation: the SDK would prefer it.
  const annotations = settings.identity === 'irsa' ? { ...own.annotations, 'eks.amazonaws.com/role-arn': roleArn } : own.annotations;
  const object: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels: own.labels, annotations }, automountServiceAccountToken: false };
  return { namespace, name, object };
}

function namespaces({ settings, own }: Basis): Blueprint['namespaces'] {
  // Alloy reads files of the node, which the stricter pod security levels forbid.
  const reader = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  const make = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { ...own.labels, ...(name === settings.collectorNamespace && reader) }, annotations: own.annotations },
  });
  return { loki: make(settings.namespace), collector: make(settings.collectorNamespace) };
}

function loginPlan({ namespace, collectorNamespace, gatewayUser }: Settings): LoginPlan {
  return {
    user: gatewayUser,
    htpasswd: { namespace, name: names.htpasswdSecret },
    clients: [...new Set([namespace, collectorNamespace])].map((where) => ({ namespace: where, name: names.loginSecret })),
  };
}

function gatewayPlan(namespace: string): GatewayPlan {
  const url = `http://${names.gatewayService}.${namespace}.svc.cluster.local`;
  const selector = Object.entries(gatewayLabels).map(([key, value]) => `${key}=${value}`).join(',');
  return { namespace, service: names.gatewayService, podPort: gatewayPort, selector, url, pushUrl: `${url}/loki/api/v1/push` };
}

interface ReleaseParts {
  readonly buckets: Blueprint['buckets'];
  readonly gateway: GatewayPlan;
  readonly storageClass: string;
  readonly userValues: UserValues;
}

function releasePlans(basis: Basis, { buckets, gateway, storageClass, userValues }: ReleaseParts): Pick<Blueprint, 'loki' | 'alloy'> {
  const { settings, facts, templates, own, tenant, clusterLabel } = basis;
  const shared = { installId: own.installId, tenant, monitoring: facts.serviceMonitors === true };
  const loki = lokiValues(templates, {
    ...shared,
    region: facts.region,
    chunksBucket: buckets.chunks.name,
    rulerBucket: buckets.ruler.name,
    retentionDays: settings.retentionDays,
    sizing: basis.sizing,
    storageClass,
    alertmanagerUrl: settings.alertmanagerUrl,
    resolver: gatewayResolver(facts),
    exposed: exposureService({ settings, facts }),
  });
  const alloy = alloyValues(templates, { ...shared, clusterLabel, pushUrl: gateway.pushUrl, user: settings.gatewayUser });
  const plan = (which: 'loki' | 'alloy', namespace: string, ours: Values) =>
    release({ which, namespace, chart: facts.charts[which], ours, users: userValues[which], own });
  return { loki: plan('loki', settings.namespace, loki), alloy: plan('alloy', settings.collectorNamespace, alloy) };
}

function release(of: {
  readonly which: 'loki' | 'alloy';
  readonly namespace: string;
  readonly chart: Chart;
  readonly ours: Values;
  readonly users: readonly ValuesFile[];
  readonly own: Ownership;
}): ReleasePlan {
  const { which, chart, users } = of;
  return {
    name: which === 'loki' ? names.lokiRelease : names.alloyRelease,
    namespace: of.namespace,
    chart,
    values: users.reduce((below, { values }) => mergeValues(below, values), of.ours),
    labels: of.own.labels,
    unknownKeys: users.flatMap(({ file, values }) => unknownKeys(values, { name: which, version: chart.version }).map((found) => ({ ...found, file }))),
  };
}

/** The user's files as one; nothing when there are none. */
const layered = (files: readonly ValuesFile[]): Json =>
  files.length === 0 ? null : (files.reduce<Values>((below, { values }) => mergeValues(below, values), {}) as Json);

function notes({ settings, facts, sizing: { replicationFactor } }: Basis, found: { readonly nodes: number; readonly storage: { readonly name: string; readonly object?: KubeObject } }): readonly string[] {
  const { nodes, storage } = found;
  const said: string[] = [];
  if (replicationFactor === 1) said.push(`Only ${nodes} node${nodes === 1 ? '' : 's'} can run Loki, so each line is held once instead of three times until it is in S3; with three nodes or more, run install again.`);
  if (storage.object !== undefined) said.push(`No StorageClass of the cluster fits, so one is made: ${storage.name} (gp3, encrypted).`);
  if (settings.expose === 'internal' && settings.certificate === undefined) said.push('The internal load balancer has no certificate: the login crosses the VPC in clear text.');
  if (settings.alertmanagerUrl === undefined) said.push('No Alertmanager is set: rules are evaluated, but their alerts go nowhere.');
  const fargate = facts.nodes.filter(({ kind }) => kind === 'fargate').length;
  if (fargate > 0) said.push(`Pods on Fargate (${fargate} node${fargate === 1 ? '' : 's'}) are not collected: Fargate runs no DaemonSets.`);
  return said;
}
