/** What only the sandbox can show: signatures, policies at work, time, faults, addressing, partitions. */
import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import * as eks from '@aws-sdk/client-eks';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault, SandboxClock } from '../../../src/sandbox/types.ts';
import { messageOf, outcome } from './case.ts';
import type { Sandbox } from './target.ts';
import { accountId, clientsOf, clusterName, region, startSandbox } from './target.ts';

let open: Sandbox[] = [];
afterEach(async () => {
  for (const sandbox of open) await sandbox.close();
  open = [];
});

async function start(options: Parameters<typeof startSandbox>[0] = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ timings: { rolePropagationMs: 0 }, ...options });
  open.push(sandbox);
  return sandbox;
}

function stoppedClock(): SandboxClock & { advance: (ms: number) => void } {
  let now = Date.now();
  return { now: () => new Date(now), after: () => () => undefined, advance: (ms) => void (now += ms) };
}

const irsaTrust = (sandbox: Sandbox) => {
  const host = sandbox.issuer.replace('https://', '');
  const Condition = { StringEquals: { [`${host}:sub`]: 'system:serviceaccount:loki:loki', [`${host}:aud`]: 'sts.amazonaws.com' } };
  const Principal = { Federated: `arn:aws:iam::${accountId}:oidc-provider/${host}` };
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRoleWithWebIdentity', Condition }] });
};
const roleArn = `arn:aws:iam::${accountId}:role/loki`;

async function lokiRole(sandbox: Sandbox, bucket: string): Promise<void> {
  const client = clientsOf(sandbox).iam();
  await client.send(new iam.CreateRoleCommand({ RoleName: 'loki', AssumeRolePolicyDocument: irsaTrust(sandbox) }));
  const Statement = [
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${bucket}` },
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: `arn:aws:s3:::${bucket}/*` },
  ];
  await client.send(new iam.PutRolePolicyCommand({ RoleName: 'loki', PolicyName: 's3', PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }) }));
}

const lokiToken = (sandbox: Sandbox, seconds = 600) => sandbox.account.signServiceAccountToken({ namespace: 'loki', serviceAccount: 'loki', audience: 'sts.amazonaws.com', seconds });

describe('signatures', () => {
  it('refuse an unknown key, a wrong secret, and no signature at all', async () => {
    const sandbox = await start();
    const { accessKeyId, secretAccessKey } = sandbox.credentials;
    const as = (credentials: typeof sandbox.credentials) => clientsOf({ endpoint: sandbox.endpoint, credentials });
    const whoami = (credentials: typeof sandbox.credentials) => outcome(as(credentials).sts().send(new sts.GetCallerIdentityCommand({})));
    const list = (credentials: typeof sandbox.credentials) => outcome(as(credentials).s3().send(new s3.ListBucketsCommand({})));
    const clusters = (credentials: typeof sandbox.credentials) => outcome(as(credentials).eks().send(new eks.ListClustersCommand({})));
    const unknown = { accessKeyId: 'AKIAUNKNOWN', secretAccessKey };
    const wrong = { accessKeyId, secretAccessKey: 'wrong' };
    expect([await whoami(unknown), await list(unknown), await clusters(unknown)]).toEqual(['InvalidClientTokenId 403', 'InvalidAccessKeyId 403', 'UnrecognizedClientException 403']);
    expect([await whoami(wrong), await list(wrong), await clusters(wrong)]).toEqual(['SignatureDoesNotMatch 403', 'SignatureDoesNotMatch 403', 'InvalidSignatureException 403']);
    expect((await fetch(`${sandbox.endpoint}/some-bucket`)).status).toBe(403);
  });

  it('hold for streamed bodies, odd keys and odd queries', async () => {
    const sandbox = await start();
    const client = clientsOf(sandbox).s3();
    await client.send(new s3.CreateBucketCommand({ Bucket: 'bucket-one' }));
    const body = Buffer.alloc(300_000, 'ab');
    const Key = 'a b/+%&=?*(한)\'!~.txt';
    await client.send(new s3.PutObjectCommand({ Bucket: 'bucket-one', Key, Body: Readable.from([body.subarray(0, 100_000), body.subarray(100_000)]), ContentLength: body.length }));
    const got = await client.send(new s3.GetObjectCommand({ Bucket: 'bucket-one', Key }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    const listed = await client.send(new s3.ListObjectsV2Command({ Bucket: 'bucket-one', Prefix: 'a b/+%&=?*(한)\'' }));
    expect(listed.Contents?.map((one) => one.Key)).toEqual([Key]);
  });

  it('find a bucket in the host name', async () => {
    const sandbox = await start();
    const { port } = new URL(sandbox.endpoint);
    const lookup = (_host: string, options: { all?: boolean }, done: (error: null, address: unknown, family?: number) => void) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4));
    const client = new s3.S3Client({ region, credentials: sandbox.credentials, endpoint: `http://s3.${region}.amazonaws.com:${port}`, requestHandler: { httpAgent: new Agent({ lookup: lookup as never }) } });
    await client.send(new s3.CreateBucketCommand({ Bucket: 'bucket-host' }));
    await client.send(new s3.PutObjectCommand({ Bucket: 'bucket-host', Key: 'a/b', Body: 'x' }));
    expect(sandbox.account.listObjects(sandbox.credentials, 'bucket-host', '')).toEqual(['a/b']);
  });
});

describe('a role session', () => {
  it('may do what its policy says, and no more, until it ends', async () => {
    const clock = stoppedClock();
    const sandbox = await start({ clock });
    await clientsOf(sandbox).s3().send(new s3.CreateBucketCommand({ Bucket: 'chunks-one' }));
    await clientsOf(sandbox).s3().send(new s3.CreateBucketCommand({ Bucket: 'other-one' }));
    await lokiRole(sandbox, 'chunks-one');
    const { account } = sandbox;
    const session = account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox));
    const client = clientsOf({ endpoint: sandbox.endpoint, credentials: session }).s3();
    const put = (Bucket: string) => outcome(client.send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v' })));
    expect([await put('chunks-one'), await put('other-one')]).toEqual(['ok', 'AccessDenied 403']);
    expect(await messageOf(client.send(new s3.DeleteObjectCommand({ Bucket: 'chunks-one', Key: 'k' })))).toContain('not authorized to perform: s3:DeleteObject');
    const bulk = await client.send(new s3.DeleteObjectsCommand({ Bucket: 'chunks-one', Delete: { Objects: [{ Key: 'k' }] } }));
    expect(bulk.Errors?.map((one) => one.Code)).toEqual(['AccessDenied']);
    expect(Buffer.from(account.getObject(session, 'chunks-one', 'k')).toString()).toBe('v');
    expect(() => account.getObject(session, 'other-one', 'k')).toThrow('not authorized');
    clock.advance(3601_000);
    expect(await put('chunks-one')).toBe('ExpiredToken 400');
    expect(() => account.getObject(session, 'chunks-one', 'k')).toThrow('expired');
  });

  it('is told 403 for a missing key unless it may list', async () => {
    const sandbox = await start();
    await clientsOf(sandbox).s3().send(new s3.CreateBucketCommand({ Bucket: 'chunks-two' }));
    await lokiRole(sandbox, 'chunks-two');
    const session = sandbox.account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox));
    const get = () => outcome(clientsOf({ endpoint: sandbox.endpoint, credentials: session }).s3().send(new s3.GetObjectCommand({ Bucket: 'chunks-two', Key: 'none' })));
    expect(await get()).toBe('NoSuchKey 404');
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] });
    await clientsOf(sandbox).iam().send(new iam.PutRolePolicyCommand({ RoleName: 'loki', PolicyName: 's3', PolicyDocument }));
    expect(await get()).toBe('AccessDenied 403');
  });

  it('needs the KMS key of an encrypted bucket', async () => {
    const sandbox = await start();
    const client = clientsOf(sandbox).s3();
    await client.send(new s3.CreateBucketCommand({ Bucket: 'chunks-kms' }));
    await lokiRole(sandbox, 'chunks-kms');
    const ServerSideEncryptionConfiguration = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: `arn:aws:kms:${region}:${accountId}:key/1` } }] };
    await client.send(new s3.PutBucketEncryptionCommand({ Bucket: 'chunks-kms', ServerSideEncryptionConfiguration }));
    const session = sandbox.account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox));
    expect(() => sandbox.account.putObject(session, 'chunks-kms', 'k', Buffer.from('v'))).toThrow('kms:GenerateDataKey');
  });

  it('is narrowed by a permissions boundary and by a bucket policy', async () => {
    const sandbox = await start();
    const clients = clientsOf(sandbox);
    await clients.s3().send(new s3.CreateBucketCommand({ Bucket: 'chunks-three' }));
    await lokiRole(sandbox, 'chunks-three');
    const session = sandbox.account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox));
    const put = () => outcome(Promise.resolve().then(() => sandbox.account.putObject(session, 'chunks-three', 'k', Buffer.from('v'))).catch((error: Error) => Promise.reject(Object.assign(error, { $metadata: { httpStatusCode: 403 } }))));
    await clients.iam().send(new iam.PutRolePermissionsBoundaryCommand({ RoleName: 'loki', PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess' }));
    expect(await put()).toBe('Error 403');
    await clients.iam().send(new iam.DeleteRolePermissionsBoundaryCommand({ RoleName: 'loki' }));
    expect(await put()).toBe('ok');
    const Policy = (Condition: object) => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::chunks-three/*', Condition }] });
    await clients.s3().send(new s3.PutBucketPolicyCommand({ Bucket: 'chunks-three', Policy: Policy({ Bool: { 'aws:SecureTransport': 'false' } }) }));
    expect(await put()).toBe('ok');
    await clients.s3().send(new s3.PutBucketPolicyCommand({ Bucket: 'chunks-three', Policy: Policy({ Bool: { 'aws:SecureTransport': 'true' } }) }));
    expect(await put()).toBe('Error 403');
  });
});

describe('AssumeRoleWithWebIdentity', () => {
  it('says what is wrong with a token', async () => {
    const clock = stoppedClock();
    const sandbox = await start({ clock });
    await lokiRole(sandbox, 'b');
    const { account } = sandbox;
    const assume = (token: string, arn = roleArn) => {
      const call = clientsOf(sandbox).sts().send(new sts.AssumeRoleWithWebIdentityCommand({ RoleArn: arn, RoleSessionName: 'probe', WebIdentityToken: token }));
      return call.then(() => 'ok', (error: Error) => `${error.name}: ${error.message}`);
    };
    const sign = (more: object) => account.signServiceAccountToken({ namespace: 'loki', serviceAccount: 'loki', audience: 'sts.amazonaws.com', seconds: 600, ...more });
    expect(await assume(sign({}))).toBe('ok');
    expect(await assume(sign({ audience: 'vault' }))).toBe('InvalidIdentityTokenException: Incorrect token audience');
    expect(await assume(sign({ namespace: 'default' }))).toBe('AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity');
    expect(await assume(sign({}), `arn:aws:iam::${accountId}:role/none`)).toBe('AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity');
    const [header, , signature] = sign({}).split('.');
    const forged = [header, sign({ namespace: 'kube-system' }).split('.')[1], signature].join('.');
    expect(await assume(forged)).toContain('InvalidIdentityTokenException: Couldn\'t retrieve verification key');
    expect(await assume('nonsense')).toContain('InvalidIdentityTokenException');
    const old = sign({ seconds: 600 });
    clock.advance(601_000);
    expect(await assume(old)).toContain('ExpiredTokenException: Token expired');
    account.addCluster({ name: 'second', version: '1.33', endpoint: 'https://x', certificateAuthority: '', vpc: 'vpc-2', oidcProvider: false });
    expect(await assume(sign({ cluster: 'second' }))).toContain('InvalidIdentityTokenException: No OpenIDConnect provider found in your account for https://oidc.eks.');
  });

  it('does not know a new role at once', async () => {
    const clock = stoppedClock();
    const sandbox = await start({ clock, timings: {} });
    await lokiRole(sandbox, 'b');
    expect(() => sandbox.account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox))).toThrow('Not authorized');
    clock.advance(1500);
    expect(sandbox.account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox)).sessionToken).toBeTypeOf('string');
  });
});

describe('roles without a token', () => {
  it('are given to the pod an association names, by the trust it needs', async () => {
    const sandbox = await start();
    const clients = clientsOf(sandbox);
    const trust = (Service: string, Condition?: object) => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service }, Action: ['sts:AssumeRole', 'sts:TagSession'], Condition }] });
    const condition = { StringEquals: { 'aws:RequestTag/kubernetes-namespace': 'loki' } };
    await clients.iam().send(new iam.CreateRoleCommand({ RoleName: 'pod', AssumeRolePolicyDocument: trust('pods.eks.amazonaws.com', condition) }));
    await clients.iam().send(new iam.CreateRoleCommand({ RoleName: 'lambda', AssumeRolePolicyDocument: trust('lambda.amazonaws.com') }));
    const arn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`;
    await clients.eks().send(new eks.CreatePodIdentityAssociationCommand({ clusterName, namespace: 'loki', serviceAccount: 'loki', roleArn: arn('pod') }));
    expect(sandbox.account.podIdentityRole('loki', 'loki')).toBe(arn('pod'));
    expect(sandbox.account.podIdentityRole('loki', 'other')).toBeUndefined();
    expect(sandbox.account.credentialsOf(arn('pod'), { namespace: 'loki', serviceAccount: 'loki' }).accessKeyId).toMatch(/^ASIA/);
    expect(() => sandbox.account.credentialsOf(arn('pod'), { namespace: 'default', serviceAccount: 'loki' })).toThrow('trust policy');
    expect(() => sandbox.account.credentialsOf(arn('lambda'))).toThrow('trust policy');
  });
});

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
    expect(await outcome(clientsOf(sandbox).s3().send(new s3.CreateBucketCommand({ Bucket: 'faulty-one' })))).toBe(expected);
    expect(sandbox.account.state.s3.buckets.has('faulty-one')).toBe(there);
    expect(sandbox.calls).toHaveLength(1);
  });

  it('lost does the deed and hangs up', async () => {
    const sandbox = await start();
    sandbox.faults.add({ call: 'iam:CreateRole', how: 'lost', times: 1 });
    const AssumeRolePolicyDocument = irsaTrust(sandbox);
    await expect(clientsOf(sandbox).iam().send(new iam.CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument }))).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(sandbox.account.state.iam.roles.has('r')).toBe(true);
    expect(sandbox.calls).toEqual([{ call: 'iam:CreateRole', write: true, status: 200 }]);
  });

  it('speak each service\'s language', async () => {
    const sandbox = await start();
    sandbox.faults.add({ call: '*', how: 'deny' });
    const clients = clientsOf(sandbox);
    expect(await outcome(clients.iam().send(new iam.GetRoleCommand({ RoleName: 'r' })))).toBe('AccessDenied 403');
    expect(await outcome(clients.eks().send(new eks.ListClustersCommand({})))).toBe('AccessDeniedException 403');
    expect(await outcome(clients.sts().send(new sts.GetCallerIdentityCommand({})))).toBe('AccessDenied 403');
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
    expect([cluster?.arn, cluster?.identity?.oidc?.issuer?.startsWith(issuer)]).toEqual([`arn:${partition}:eks:${where}:${accountId}:cluster/${clusterName}`, true]);
    const head = clients.s3(where);
    await head.send(new s3.CreateBucketCommand({ Bucket: 'part-one' }));
    expect((await head.send(new s3.HeadBucketCommand({ Bucket: 'part-one' }))).BucketRegion).toBe(where);
  });

  it('shows another region\'s client no cluster', async () => {
    const sandbox = await start();
    expect(await outcome(clientsOf(sandbox).eks('eu-west-1').send(new eks.DescribeClusterCommand({ name: clusterName })))).toBe('ResourceNotFoundException 404');
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
      await client.send(new s3.DeleteObjectsCommand({ Bucket: 'many-one', Delete: { Quiet: true, Objects: Versions.map((one) => ({ Key: one.Key ?? '', VersionId: one.VersionId })) } }));
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
    ['Action', 'GetCallerIdentity'], ['Version', '2011-06-15'], ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'], ['X-Amz-Credential', `${sandbox.credentials.accessKeyId}/${scope}`],
    ['X-Amz-Date', stamp], ['X-Amz-Expires', '60'], ['X-Amz-SignedHeaders', 'host;x-k8s-aws-id'],
  ].map(([name = '', value = '']) => `${name}=${encodeURIComponent(value)}`).join('&');
  const canonical = ['GET', '/', query, `host:${host}\nx-k8s-aws-id:${cluster}\n`, 'host;x-k8s-aws-id', createHash('sha256').update('').digest('hex')].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  let key: string | Buffer = `AWS4${sandbox.credentials.secretAccessKey}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  return new URL(`https://${host}/?${query}&X-Amz-Signature=${createHmac('sha256', key).update(toSign).digest('hex')}`);
}
