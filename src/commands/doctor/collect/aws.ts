/** The AWS side of a Loki: the role of its service account, its buckets, and the role's permissions on the buckets. */
import { isBucketName } from '../analyze/s3.ts';
import type { AccountEvidence, BucketEvidence } from '../analyze/loki-evidence.ts';
import { collected, type CollectContext } from './objects.ts';

type Wanted = Pick<BucketEvidence, 'use' | 'name' | 'region'>;

/** `troubled`: Loki's logs make it worth reading their contents. */
export function bucketsOf(
  looking: CollectContext,
  { account, buckets, troubled }: { readonly account: AccountEvidence; readonly buckets: readonly Wanted[]; readonly troubled: boolean },
): Promise<readonly BucketEvidence[]> {
  const chunks = buckets.find(({ use }) => use === 'chunks')?.name;
  const role = roleArnOf(account);
  return Promise.all(buckets.map((bucket) => bucketOf(looking, { bucket, chunks, troubled, ...(role && { role }) })));
}

const roleArnOf = ({ roleArn, association, role }: AccountEvidence): string | undefined => (role?.is === 'found' ? (roleArn ?? association) : undefined);

export async function accountOf({ session, miss }: CollectContext, of: { readonly namespace: string; readonly accountName: string }): Promise<AccountEvidence> {
  const { kubernetes, aws, caller, cluster } = session;
  const { namespace, accountName: name } = of;
  const [object, association] = await Promise.all([
    kubernetes.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }),
    aws.associations.find({ cluster: cluster.name, namespace, serviceAccount: name }).catch((error: unknown) => void miss('Pod Identity associations', error)),
  ]);
  const roleArn = object?.metadata.annotations?.['eks.amazonaws.com/role-arn'];
  const arn = roleArn ?? association?.roleArn;
  const agent = association && (await collected(miss, 'Pod Identity agent', agentRuns(kubernetes)));
  const found = {
    name,
    exists: object !== undefined,
    ...(roleArn && { roleArn }),
    ...(association && { association: association.roleArn }),
    ...(agent !== undefined && { agent }),
  };
  const parts = /^arn:[^:]+:iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(arn ?? '');
  if (!parts) return found;
  if (parts[1] !== caller.account) {
    miss.say(`role ${arn}`, `it is in account ${parts[1]}, not in ${caller.account}`);
    return found;
  }
  try {
    const role = await aws.roles.find(parts[2]!);
    return { ...found, role: role && role.arn === arn ? { is: 'found', trust: role.trust } : { is: 'absent' } };
  } catch (error) {
    miss(`role ${arn}`, error);
    return found;
  }
}

/** The add-on's DaemonSet; on EKS Auto Mode the agent is part of each node, and there is none. */
async function agentRuns(kubernetes: CollectContext['session']['kubernetes']): Promise<boolean> {
  const daemon = await kubernetes.get({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: 'kube-system', name: 'eks-pod-identity-agent' });
  if (daemon) return true;
  const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node', labels: 'eks.amazonaws.com/compute-type=auto', metadataOnly: true, limit: 1 });
  return nodes.length > 0;
}

async function bucketOf(
  { session, miss }: CollectContext,
  { bucket, role, troubled, chunks }: { readonly bucket: Wanted; readonly role?: string; readonly troubled: boolean; readonly chunks: string | undefined },
): Promise<BucketEvidence> {
  const { aws, caller } = session;
  // The SDK itself rejects a name with a path; that it is not a valid name is the finding.
  if (!isBucketName(bucket.name)) return bucket;
  const buckets = aws.buckets(caller.account);
  const look = await buckets.look(bucket.name).catch((error: unknown) => void miss(`bucket ${bucket.name}`, error));
  if (!look || look.is !== 'ours-to-read' || !role) return { ...bucket, ...(look && { look }) };
  const arn = `arn:${caller.partition}:s3:::${bucket.name}`;
  const denied = (actions: readonly string[], on: string) =>
    aws.roles.denied(actions, on, role).catch((error: unknown) => {
      miss(`permissions of ${role} on ${bucket.name}`, error);
      return 'unknown' as const;
    });
  const alone = bucket.use === 'ruler' && bucket.name !== chunks;
  const [contents, list, objects, key] = await Promise.all([
    troubled || alone
      ? buckets.contents(bucket.name, troubled ? 5000 : 500).catch((error: unknown) => void miss(`contents of bucket ${bucket.name}`, error))
      : undefined,
    denied(['s3:ListBucket'], arn),
    denied(['s3:PutObject', 's3:GetObject', 's3:DeleteObject'], `${arn}/probe`),
    look.encryption?.algorithm === 'aws:kms' && look.encryption.key.startsWith('arn:')
      ? denied(['kms:GenerateDataKey', 'kms:Decrypt'], look.encryption.key)
      : [],
  ]);
  if (list === 'unknown' || objects === 'unknown') miss.say(`permissions of ${role} on ${bucket.name}`, 'the IAM policy simulator could not be called');
  return {
    ...bucket,
    look,
    denied: list === 'unknown' || objects === 'unknown' ? 'unknown' : [...list, ...objects],
    deniedKey: key,
    ...(contents?.exact && contents.newest && { newest: contents.newest }),
    ...(alone && contents?.keys && { keys: contents.keys }),
  };
}
