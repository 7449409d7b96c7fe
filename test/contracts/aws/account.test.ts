/** The account as a whole: time, faults, partitions, the snapshot, many objects, EKS tokens. */
import * as eks from '@aws-sdk/client-eks';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../../src/sandbox/types.ts';
import { outcome } from './case.ts';
import { closeAll, irsaTrust, lokiRole, start, stoppedClock } from './seat.ts';
import type { Sandbox } from './target.ts';
import { accountId, clientsOf, clusterName, region } from './target.ts';

afterEach(closeAll);

describe('time', () => {
  it('frees the name of a deleted bucket, at once only in the account-regional namespace', async () => {
    const clock = stoppedClock();
    const sandbox = await start({ clock });
    const client = clientsOf(sandbox).s3();
    const create = (Bucket: string, more = {}) => outcome(client.send(new s3.CreateBucketCommand({ Bucket, ...more })));
    await create('gone-one');
    await client.send(new s3.DeleteBucketCommand({ Bucket: 'gone-one' }));
    expect(await create('gone-one')).toBe('OperationAborted 409');
    clock.advance(30_001);
    expect(await create('gone-one')).toBe('ok');
    const regional = `gone-${accountId}-${region}-an`;
    await create(regional, { BucketNamespace: 'account-regional' });
    await client.send(new s3.DeleteBucketCommand({ Bucket: regional }));
    expect(await create(regional, { BucketNamespace: 'account-regional' })).toBe('ok');
  });
});

describe('faults at the door', () => {
  const cases: readonly (readonly [Fault['how'], string, boolean])[] = [
    ['before', 'InternalError 500', false],
    ['after', 'InternalError 500', true],
    ['throttle', 'SlowDown 503', false],
    ['deny', 'AccessDenied 403', false],
    ['slow', 'ok', true],
  ];
  it.each(cases)('%s gives %s, and the bucket is there: %s', async (how, expected, there) => {
    const sandbox = await start();
    sandbox.faults.add({ call: 's3:CreateBucket', how, ms: 20 });
    expect(
      await outcome(
        clientsOf(sandbox)
          .s3()
          .send(new s3.CreateBucketCommand({ Bucket: 'faulty-one' })),
      ),
    ).toBe(expected);
    expect(sandbox.account.state.s3.buckets.has('faulty-one')).toBe(there);
    expect(sandbox.calls).toHaveLength(1);
  });

  it('lost does the deed and hangs up', async () => {
    const sandbox = await start();
    sandbox.faults.add({ call: 'iam:CreateRole', how: 'lost', times: 1 });
    const AssumeRolePolicyDocument = irsaTrust(sandbox);
    await expect(
      clientsOf(sandbox)
        .iam()
        .send(new iam.CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument })),
    ).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(sandbox.account.state.iam.roles.has('r')).toBe(true);
    expect(sandbox.calls).toEqual([{ call: 'iam:CreateRole', write: true, status: 200 }]);
  });

  it("speak each service's language", async () => {
    const sandbox = await start();
    sandbox.faults.add({ call: '*', how: 'deny' });
    const clients = clientsOf(sandbox);
    expect(await outcome(clients.iam().send(new iam.GetRoleCommand({ RoleName: 'r' })))).toBe('AccessDenied 403');
    expect(await outcome(clients.eks().send(new eks.ListClustersCommand({})))).toBe('AccessDeniedException 403');
    expect(await outcome(clients.sts().send(new sts.GetCallerIdentityCommand({})))).toBe('AccessDenied 403');
  });
});

describe('access entries', () => {
  it('let a role in by its ARN, with the policies associated', async () => {
    const sandbox = await start();
    const { account } = sandbox;
    const client = clientsOf(sandbox).eks();
    const dev = clientsOf(sandbox).iam();
    await dev.send(new iam.CreateRoleCommand({ RoleName: 'dev', AssumeRolePolicyDocument: irsaTrust(sandbox) }));
    const principalArn = `arn:aws:iam::${accountId}:role/dev`;
    const session = `arn:aws:sts::${accountId}:assumed-role/dev/me`;
    expect(account.accessOf(account.callerArn)).toHaveLength(1);
    expect(account.accessOf(session)).toBeUndefined();
    await client.send(new eks.CreateAccessEntryCommand({ clusterName, principalArn }));
    expect(account.accessOf(session)).toEqual([]);
    const policyArn = 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy';
    await client.send(new eks.AssociateAccessPolicyCommand({ clusterName, principalArn, policyArn, accessScope: { type: 'cluster' } }));
    expect(account.accessOf(session)).toEqual([policyArn]);
    await client.send(new eks.DisassociateAccessPolicyCommand({ clusterName, principalArn, policyArn }));
    expect(account.accessOf(session)).toEqual([]);
    await client.send(new eks.DeleteAccessEntryCommand({ clusterName, principalArn }));
    expect(account.accessOf(session)).toBeUndefined();
  });
});

describe('HeadBucket', () => {
  it('says where a bucket is even to who may not look', async () => {
    const sandbox = await start();
    await clientsOf(sandbox)
      .s3()
      .send(new s3.CreateBucketCommand({ Bucket: 'closed-one' }));
    const credentials = sandbox.account.addUser('guest', { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] });
    const error = await clientsOf({ endpoint: sandbox.endpoint, credentials })
      .s3()
      .send(new s3.HeadBucketCommand({ Bucket: 'closed-one' }))
      .catch((caught: unknown) => caught as { $metadata: { httpStatusCode: number }; $response?: { headers: Record<string, string> } });
    expect(error.$metadata.httpStatusCode).toBe(403);
    expect((error as { $response?: { headers: Record<string, string> } }).$response?.headers['x-amz-bucket-region']).toBe(region);
  });
});

describe('partitions', () => {
  it.each([
    ['cn-north-1', 'aws-cn', 'https://oidc.eks.cn-north-1.amazonaws.com.cn/id/'],
    ['us-gov-west-1', 'aws-us-gov', 'https://oidc.eks.us-gov-west-1.amazonaws.com/id/'],
    ['us-east-1', 'aws', 'https://oidc.eks.us-east-1.amazonaws.com/id/'],
  ])('%s is %s', async (where, partition, issuer) => {
    const sandbox = await start({ region: where });
    const clients = clientsOf(sandbox);
    expect((await clients.sts(where).send(new sts.GetCallerIdentityCommand({}))).Arn).toBe(`arn:${partition}:iam::${accountId}:user/admin`);
    const { cluster } = await clients.eks(where).send(new eks.DescribeClusterCommand({ name: clusterName }));
    expect([cluster?.arn, cluster?.identity?.oidc?.issuer?.startsWith(issuer)]).toEqual([
      `arn:${partition}:eks:${where}:${accountId}:cluster/${clusterName}`,
      true,
    ]);
    const head = clients.s3(where);
    await head.send(new s3.CreateBucketCommand({ Bucket: 'part-one' }));
    expect((await head.send(new s3.HeadBucketCommand({ Bucket: 'part-one' }))).BucketRegion).toBe(where);
  });

  it("shows another region's client no cluster", async () => {
    const sandbox = await start();
    expect(
      await outcome(
        clientsOf(sandbox)
          .eks('eu-west-1')
          .send(new eks.DescribeClusterCommand({ name: clusterName })),
      ),
    ).toBe('ResourceNotFoundException 404');
  });
});

describe('the whole account', () => {
  it('is the same after everything made was taken away', async () => {
    const sandbox = await start();
    const clients = clientsOf(sandbox);
    const before = JSON.stringify(sandbox.account.snapshot());
    await clients.s3().send(new s3.CreateBucketCommand({ Bucket: 'chunks-four' }));
    await clients.s3().send(new s3.PutObjectCommand({ Bucket: 'chunks-four', Key: 'k', Body: 'v' }));
    await lokiRole(sandbox, 'chunks-four');
    expect(JSON.stringify(sandbox.account.snapshot())).not.toBe(before);
    await clients.s3().send(new s3.DeleteObjectCommand({ Bucket: 'chunks-four', Key: 'k' }));
    await clients.s3().send(new s3.DeleteBucketCommand({ Bucket: 'chunks-four' }));
    await clients.iam().send(new iam.DeleteRolePolicyCommand({ RoleName: 'loki', PolicyName: 's3' }));
    await clients.iam().send(new iam.DeleteRoleCommand({ RoleName: 'loki' }));
    expect(JSON.stringify(sandbox.account.snapshot())).toBe(before);
  });

  it('empties a hundred thousand objects in seconds', async () => {
    const sandbox = await start();
    const client = clientsOf(sandbox).s3();
    await client.send(new s3.CreateBucketCommand({ Bucket: 'many-one' }));
    sandbox.account.seedObjects('many-one', { count: 100_000, prefix: 'fake/' });
    let deleted = 0;
    for (;;) {
      const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'many-one' }));
      if (Versions.length === 0) break;
      await client.send(
        new s3.DeleteObjectsCommand({
          Bucket: 'many-one',
          Delete: { Quiet: true, Objects: Versions.map((one) => ({ Key: one.Key ?? '', VersionId: one.VersionId })) },
        }),
      );
      deleted += Versions.length;
    }
    expect(deleted).toBe(100_000);
  }, 60_000);

  it('knows who made an EKS token, for which cluster, and for how long', async () => {
    const sandbox = await start();
    const url = new URL((await presigned(sandbox)).toString());
    expect(sandbox.account.callerOfPresigned(url.toString())).toEqual({ arn: `arn:aws:iam::${accountId}:user/admin` });
    expect(sandbox.account.callerOfPresigned(url.toString().replace('GetCallerIdentity', 'GetSessionToken'))).toBeUndefined();
    url.searchParams.set('X-Amz-Date', '20200101T000000Z');
    expect(sandbox.account.callerOfPresigned(url.toString())).toBeUndefined();
    expect(sandbox.account.callerOfPresigned((await presigned(sandbox, 'another-cluster')).toString())).toBeUndefined();
    expect(sandbox.account.callerOfPresigned('no url')).toBeUndefined();
  });
});

/** A token's URL, signed step by step as the signature's definition has it. */
async function presigned(sandbox: Sandbox, cluster = clusterName): Promise<URL> {
  const { createHash, createHmac } = await import('node:crypto');
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${stamp.slice(0, 8)}/${region}/sts/aws4_request`;
  const host = `sts.${region}.amazonaws.com`;
  const query = [
    ['Action', 'GetCallerIdentity'],
    ['Version', '2011-06-15'],
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${sandbox.credentials.accessKeyId}/${scope}`],
    ['X-Amz-Date', stamp],
    ['X-Amz-Expires', '60'],
    ['X-Amz-SignedHeaders', 'host;x-k8s-aws-id'],
  ]
    .map(([name = '', value = '']) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  const canonical = ['GET', '/', query, `host:${host}\nx-k8s-aws-id:${cluster}\n`, 'host;x-k8s-aws-id', createHash('sha256').update('').digest('hex')].join(
    '\n',
  );
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  let key: string | Buffer = `AWS4${sandbox.credentials.secretAccessKey}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  return new URL(`https://${host}/?${query}&X-Amz-Signature=${createHmac('sha256', key).update(toSign).digest('hex')}`);
}
