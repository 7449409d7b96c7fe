/** One simulated AWS account: all its services, called in process by the cluster and the log path, and over HTTP through the server. */
import type { Json } from '../../engine/types.ts';
import type { SandboxAccount, SandboxClock, SandboxCredentials } from '../types.ts';
import { eksServer } from './eks-server.ts';
import { ec2Server } from './ec2-server.ts';
import type { EksCluster, EksClusterSeed, EksState } from './eks-state.ts';
import { addCluster, associationOf, changeCluster, createEksState, eksSnapshot } from './eks-state.ts';
import { iamServer } from './iam-server.ts';
import { addProvider } from './iam-oidc.ts';
import type { IamState } from './iam-state.ts';
import { iamSnapshot } from './iam-snapshot.ts';
import { createIamState } from './iam-state.ts';
import type { TokenRequest } from './issuer.ts';
import { addCaller, addUser } from './callers.ts';
import { partitionOfRegion } from './partition.ts';
import { callerOfToken } from './presigned.ts';
import type { KeyRing } from './principals.ts';
import { createKeyRing } from './principals.ts';
import { s3Server } from './s3-server.ts';
import type { S3Client } from './s3-client.ts';
import { s3Client } from './s3-client.ts';
import { s3Snapshot } from './s3-snapshot.ts';
import type { S3State } from './s3-state.ts';
import { addBucket, createS3State } from './s3-state.ts';
import type { ServiceServer } from './service-server.ts';
import type { PodOfRole, Sts } from './sts.ts';
import { assumeByService, assumeWithToken } from './sts.ts';
import { stsServer } from './sts-server.ts';

export interface AccountOptions {
  readonly clock: SandboxClock;
  /** In the account's region by default. */
  readonly partition?: string;
  readonly region: string;
  /** 12 digits. */
  readonly accountId: string;
  /** The cluster this sandbox runs; more can be added. */
  readonly cluster: EksClusterSeed;
  /** `arn:…:iam::…:user/NAME` or `arn:…:sts::…:assumed-role/ROLE/SESSION`; defaults to a user named admin. */
  readonly callerArn?: string;
  readonly timings?: {
    /** Until STS knows a new role; defaults to 1500. */
    readonly rolePropagationMs?: number;
    /** Until the name of a deleted global bucket is free again; defaults to 30,000. */
    readonly deletedNameMs?: number;
  };
  /** The clock callers sign by; defaults to the machine's. */
  readonly wallClock?: () => Date;
}

export interface AwsAccount extends SandboxAccount, S3Client {
  readonly clock: SandboxClock;
  readonly wallClock: () => Date;
  /** The key pair of the caller, who has full access. */
  readonly admin: SandboxCredentials;
  readonly callerArn: string;
  readonly keys: KeyRing;
  readonly doors: Readonly<Record<string, ServiceServer>>;
  readonly state: { readonly s3: S3State; readonly iam: IamState; readonly eks: EksState };
  addCluster(seed: EksClusterSeed): EksCluster;
  /** Changes what AWS knows of a cluster; `name` defaults to the account's first. */
  changeCluster(changes: Partial<Omit<EksClusterSeed, 'name'>>, name?: string): void;
  /** A user of this account with one policy document. */
  addUser(name: string, policy: Json): SandboxCredentials;
  /** A bucket of that name owned by another account. */
  seedForeignBucket(name: string, region?: string): void;
  /** A token as the cluster's API server would issue it. `cluster` defaults to the account's first. */
  signServiceAccountToken(request: TokenRequest & { readonly cluster?: string }): string;
  /** The JSON web key set of the cluster's issuer. */
  issuerKeys(cluster?: string): { readonly keys: readonly object[] };
  /** The access policies that an access entry grants the caller (a session counts as its role); `undefined` without an entry. */
  accessOf(callerArn: string, cluster?: string): readonly string[] | undefined;
  /** With a pod named, only what EKS Pod Identity would give that pod. */
  credentialsOf(roleArn: string, pod?: { readonly namespace: string; readonly serviceAccount: string }): SandboxCredentials;
  /** Everything in the account that is not AWS's own, sorted, without times and generated ids. */
  snapshot(): Json;
}

export function createAccount(options: AccountOptions): AwsAccount {
  const { clock, region, accountId, cluster } = options;
  const { name, hostSuffix } = partitionOfRegion(region);
  const partition = options.partition ?? name;
  const place = { clock, region, accountId, partition, hostSuffix };
  const s3 = createS3State({ ...place, deletedNameMs: options.timings?.deletedNameMs ?? 30_000 });
  const iam = createIamState({ ...place, rolePropagationMs: options.timings?.rolePropagationMs ?? 1500 });
  const eks = createEksState(place);
  const keys = createKeyRing({ clock, accountId });
  const sts: Sts = { iam, eks, keys };
  const wallClock = options.wallClock ?? (() => new Date());
  const callerArn = options.callerArn ?? `arn:${partition}:iam::${accountId}:user/admin`;
  const admin = addCaller({ iam, keys }, callerArn);
  const add = (seed: EksClusterSeed) => {
    const added = addCluster(eks, { accessEntries: [entityOf(iam, callerArn)], ...seed });
    if (seed.oidcProvider ?? true) addProvider(iam, { url: added.issuer.url, audiences: ['sts.amazonaws.com'] });
    return added;
  };
  const first = add(cluster);
  const clusterNamed = (wanted: string | undefined) => eks.clusters.get(wanted ?? cluster.name) ?? first;
  return {
    ...s3Client(s3, keys),
    id: accountId,
    partition,
    region,
    issuer: first.issuer.url,
    clock,
    wallClock,
    admin,
    callerArn,
    keys,
    doors: { s3: s3Server(s3), iam: iamServer(iam), sts: stsServer(sts), eks: eksServer(eks, iam), ec2: ec2Server(place) },
    state: { s3, iam, eks },
    addCluster: add,
    changeCluster: (changes, wanted) => changeCluster(clusterNamed(wanted), changes),
    addUser: (user, policy) => addUser({ iam, keys }, user, policy),
    seedForeignBucket: (bucket, where = region) =>
      void addBucket(s3, { name: bucket, owner: accountId === '999999999999' ? '888888888888' : '999999999999', region: where }),
    signServiceAccountToken: (request) => clusterNamed(request.cluster).issuer.sign(request, clock.now()),
    issuerKeys: (wanted) => clusterNamed(wanted).issuer.keys(),
    assumeRoleWithWebIdentity: (roleArn, token) => assumeWithToken(sts, roleArn, { token }).credentials,
    podIdentityRole: (namespace, serviceAccount) => associationOf(first, { namespace, serviceAccount })?.roleArn,
    credentialsOf: (roleArn, pod) => assumeByService(sts, roleArn, pod && ({ cluster: cluster.name, ...pod } satisfies PodOfRole)),
    callerOfPresigned: (url) => {
      const principal = callerOfToken(url, { keys, cluster: cluster.name, now: wallClock() });
      return principal && { arn: principal.arn };
    },
    accessOf: (arn, wanted) => {
      const entry = clusterNamed(wanted).accessEntries.get(entityOf(iam, arn));
      return entry && [...entry.policies];
    },
    snapshot: () => sorted({ s3: s3Snapshot(s3), iam: iamSnapshot(iam), eks: eksSnapshot(eks) }),
  };
}

/** The user or role behind a caller's ARN: EKS identifies principals by those, not by sessions. */
function entityOf(iam: IamState, arn: string): string {
  const [, role] = /:assumed-role\/([^/]+)\//.exec(arn) ?? [];
  return role === undefined ? arn : (iam.roles.get(role.toLowerCase())?.arn ?? arn);
}

/** Object keys sorted recursively; arrays keep their order. */
function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value as { readonly [key: string]: Json }).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
