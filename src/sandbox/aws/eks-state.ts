/** The EKS clusters of the account, as AWS knows them: what DescribeCluster says, add-ons, access entries, associations. */
import type { Json } from '../../engine/types.ts';
import type { SandboxClock } from '../types.ts';
import type { Issuer, IssuerKeys } from './issuer.ts';
import { createIssuer } from './issuer.ts';
import { sha256 } from './sigv4.ts';

export interface AddonSeed {
  readonly name: string;
  /** ACTIVE | CREATING | DEGRADED | … */
  readonly status?: string;
  readonly version: string;
  readonly issues?: readonly { readonly code: string; readonly message: string }[];
}

export interface EksClusterSeed {
  readonly name: string;
  /** `1.33` */
  readonly version: string;
  /** Of the Kubernetes API. */
  readonly endpoint: string;
  /** Base64 PEM. */
  readonly certificateAuthority: string;
  readonly vpc: string;
  readonly status?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly addons?: readonly AddonSeed[];
  readonly autoMode?: boolean;
  readonly authenticationMode?: 'API' | 'API_AND_CONFIG_MAP' | 'CONFIG_MAP';
  readonly endpointPublic?: boolean;
  readonly endpointPrivate?: boolean;
  readonly publicCidrs?: readonly string[];
  readonly serviceCidr?: string;
  /** Whether IAM already has this cluster's OIDC provider; true unless said. */
  readonly oidcProvider?: boolean;
  readonly healthIssues?: readonly { readonly code: string; readonly message: string; readonly resourceIds?: readonly string[] }[];
  readonly nodegroups?: readonly string[];
  readonly fargateProfiles?: readonly string[];
  /** Principal ARNs let in by access entries; the account's own caller unless said. */
  readonly accessEntries?: readonly string[];
  /** The RSA keys the cluster's API server signs service account tokens with; made unless given. */
  readonly issuerKeys?: IssuerKeys;
}

export interface PodIdentityAssociation {
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  roleArn: string;
  tags: Readonly<Record<string, string>>;
  readonly created: Date;
  modified: Date;
}

export interface AccessEntry {
  readonly created: Date;
  readonly policies: Set<string>;
}

export interface EksCluster {
  /** What it was made of, and what was changed since. */
  seed: EksClusterSeed;
  readonly arn: string;
  readonly created: Date;
  readonly issuer: Issuer;
  status: string;
  tags: Readonly<Record<string, string>>;
  readonly addons: Map<string, AddonSeed>;
  /** By principal ARN, with the access policies that are associated. */
  readonly accessEntries: Map<string, AccessEntry>;
  readonly associations: Map<string, PodIdentityAssociation>;
}

export interface EksState {
  readonly clock: SandboxClock;
  readonly accountId: string;
  readonly partition: string;
  readonly region: string;
  readonly hostSuffix: string;
  readonly clusters: Map<string, EksCluster>;
  readonly nextId: () => string;
}

type EksOptions = Pick<EksState, 'clock' | 'accountId' | 'partition' | 'region' | 'hostSuffix'>;

export function createEksState(options: EksOptions): EksState {
  let made = 0;
  const nextId = () => sha256(`association/${options.accountId}/${(made += 1)}`).slice(0, 17);
  return { ...options, clusters: new Map(), nextId };
}

export function clusterAdminPolicy(partition: string): string {
  return `arn:${partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`;
}

export function addCluster(state: EksState, seed: EksClusterSeed): EksCluster {
  const arn = `arn:${state.partition}:eks:${state.region}:${state.accountId}:cluster/${seed.name}`;
  const created = state.clock.now();
  const added: EksCluster = {
    seed,
    arn,
    created,
    issuer: createIssuer(`https://oidc.eks.${state.region}.${state.hostSuffix}/id/${sha256(arn).slice(0, 32).toUpperCase()}`, seed.issuerKeys),
    status: seed.status ?? 'ACTIVE',
    tags: seed.tags ?? {},
    addons: new Map((seed.addons ?? []).map((addon) => [addon.name, addon])),
    accessEntries: new Map((seed.accessEntries ?? []).map((principal) => [principal, { created, policies: new Set([clusterAdminPolicy(state.partition)]) }])),
    associations: new Map(),
  };
  state.clusters.set(seed.name, added);
  return added;
}

/** What is given replaces what was; the Kubernetes API's address, for one, is often known only later. */
export function changeCluster(cluster: EksCluster, changes: Partial<Omit<EksClusterSeed, 'name'>>): void {
  cluster.seed = { ...cluster.seed, ...changes };
  if (changes.status !== undefined) cluster.status = changes.status;
  if (changes.tags !== undefined) cluster.tags = changes.tags;
  if (changes.addons === undefined) return;
  cluster.addons.clear();
  for (const addon of changes.addons) cluster.addons.set(addon.name, addon);
}

export function clusterJson(state: EksState, cluster: EksCluster): Json {
  const { seed } = cluster;
  const autoMode = seed.autoMode ?? false;
  const node = `arn:${state.partition}:iam::${state.accountId}:role/eks-${seed.name}-node`;
  return {
    name: seed.name,
    arn: cluster.arn,
    createdAt: cluster.created.getTime() / 1000,
    version: seed.version,
    status: cluster.status,
    platformVersion: 'eks.12',
    endpoint: seed.endpoint,
    certificateAuthority: { data: seed.certificateAuthority },
    roleArn: `arn:${state.partition}:iam::${state.accountId}:role/eks-${seed.name}-cluster`,
    resourcesVpcConfig: {
      subnetIds: ['a', 'b', 'c'].map((zone) => `subnet-${sha256(cluster.arn + zone).slice(0, 17)}`),
      securityGroupIds: [],
      clusterSecurityGroupId: `sg-${sha256(cluster.arn).slice(0, 17)}`,
      vpcId: seed.vpc,
      endpointPublicAccess: seed.endpointPublic ?? true,
      endpointPrivateAccess: seed.endpointPrivate ?? true,
      publicAccessCidrs: [...(seed.publicCidrs ?? ['0.0.0.0/0'])],
    },
    kubernetesNetworkConfig: { serviceIpv4Cidr: seed.serviceCidr ?? '172.20.0.0/16', ipFamily: 'ipv4', elasticLoadBalancing: { enabled: autoMode } },
    logging: { clusterLogging: [{ types: ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'], enabled: false }] },
    identity: { oidc: { issuer: cluster.issuer.url } },
    accessConfig: { bootstrapClusterCreatorAdminPermissions: null, authenticationMode: seed.authenticationMode ?? 'API_AND_CONFIG_MAP' },
    computeConfig: autoMode ? { enabled: true, nodePools: ['general-purpose', 'system'], nodeRoleArn: node } : { enabled: false },
    storageConfig: { blockStorage: { enabled: autoMode } },
    upgradePolicy: { supportType: 'EXTENDED' },
    deletionProtection: false,
    zonalShiftConfig: { enabled: false },
    health: { issues: (seed.healthIssues ?? []) as unknown as Json },
    tags: cluster.tags,
  };
}

export function associationArn(cluster: EksCluster, association: PodIdentityAssociation): string {
  return `${cluster.arn.replace(':cluster/', ':podidentityassociation/')}/a-${association.id}`;
}

export function associationOf(cluster: EksCluster, of: { readonly namespace: string; readonly serviceAccount: string }): PodIdentityAssociation | undefined {
  return [...cluster.associations.values()].find((one) => one.namespace === of.namespace && one.serviceAccount === of.serviceAccount);
}

export function eksSnapshot(state: EksState): Json {
  return Object.fromEntries(
    [...state.clusters.values()].map((cluster) => {
      const associations = [...cluster.associations.values()].map(
        (one) => [`${one.namespace}/${one.serviceAccount}`, { role: one.roleArn, tags: one.tags }] as const,
      );
      const addons = [...cluster.addons.values()].map((addon) => [addon.name, addon.version] as const);
      const entry = {
        status: cluster.status,
        tags: cluster.tags,
        addons: Object.fromEntries(addons),
        access: Object.fromEntries([...cluster.accessEntries].map(([principal, entry]) => [principal, [...entry.policies].sort()])),
        associations: Object.fromEntries(associations),
      };
      return [cluster.arn, entry] as const;
    }),
  );
}
