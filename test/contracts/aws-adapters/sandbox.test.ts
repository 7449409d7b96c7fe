/** The adapters against the sandbox's AWS account: the same contract, and what only an account that really checks can show. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Aws } from '../../../src/ports/aws.ts';
import { connectAws } from '../../../src/adapters/aws/connect.ts';
import { ProblemError } from '../../../src/problems/problem.ts';
import { createAccount, type AwsAccount } from '../../../src/sandbox/aws/account.ts';
import { awsServer } from '../../../src/sandbox/aws/server.ts';
import { createClock } from '../../../src/sandbox/clock.ts';
import { createFaults } from '../../../src/sandbox/call-faults.ts';
import type { Call } from '../../../src/sandbox/types.ts';
import { awsContract, type Endpoint } from './contract.ts';

interface Sandbox extends Endpoint {
  readonly simulated: AwsAccount;
  readonly calls: readonly Call[];
}

async function startSandbox(region = 'ap-northeast-2'): Promise<Sandbox> {
  const clock = createClock();
  const calls: Call[] = [];
  const simulated = createAccount({
    clock,
    region,
    accountId: '123456789012',
    cluster: { name: 'demo', version: '1.33', endpoint: 'https://127.0.0.1:1', certificateAuthority: 'Q0E=', vpc: 'vpc-0', oidcProvider: true },
  });
  const server = createServer(awsServer({ account: simulated, faults: createFaults(), onCall: (call) => void calls.push(call) }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    simulated,
    calls,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    account: simulated.id,
    region,
    accessKeyId: simulated.admin.accessKeyId,
    secretAccessKey: simulated.admin.secretAccessKey,
    cluster: 'demo',
    stop: async () => {
      clock.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

awsContract('the sandbox', () => startSandbox());

describe.each([
  ['ap-northeast-2', 'aws'],
  ['us-east-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
])('in %s of the sandbox', (region, partition) => {
  let sandbox: Sandbox;
  let aws: Aws;
  const connected = (keys: { readonly accessKeyId: string; readonly secretAccessKey: string }) =>
    connectAws({
      region,
      env: {
        AWS_ENDPOINT_URL: sandbox.url,
        AWS_ACCESS_KEY_ID: keys.accessKeyId,
        AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
        AWS_CONFIG_FILE: '/nonexistent/config',
        AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
      },
    });
  const problemOf = async (work: Promise<unknown>) => {
    const thrown = await work.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(thrown instanceof ProblemError)) throw new Error(`not a problem: ${String(thrown)}`);
    return thrown.problem;
  };
  beforeAll(async () => {
    sandbox = await startSandbox(region);
    aws = await connected(sandbox);
  });
  afterAll(() => sandbox.stop());

  test('the caller is of the partition', async () => {
    expect(await aws.callers.whoami()).toMatchObject({ account: '123456789012', partition });
  });

  test('a token speaks for the caller, to this cluster only', async () => {
    const urlOf = (token: string) => Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString();
    expect(sandbox.simulated.callerOfPresigned(urlOf(await aws.kubeToken('demo')))).toEqual({ arn: sandbox.simulated.callerArn });
    expect(sandbox.simulated.callerOfPresigned(urlOf(await aws.kubeToken('other')))).toBeUndefined();
  });

  test('a service account becomes its role, once IAM knows it, and can do what its policy says', async () => {
    const buckets = aws.buckets('123456789012');
    const cluster = (await aws.clusters.find('demo'))!;
    const host = cluster.issuer!.replace('https://', '');
    await buckets.create('probe-bucket', { namespace: 'global', tags: {} });
    await aws.roles.create({
      name: 'loki',
      path: '/',
      description: 'Loki',
      tags: {},
      trust: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Federated: `arn:${partition}:iam::123456789012:oidc-provider/${host}` },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: { StringEquals: { [`${host}:sub`]: 'system:serviceaccount:loki:loki', [`${host}:aud`]: 'sts.amazonaws.com' } },
          },
        ],
      },
    });
    const allow = (actions: readonly string[]) =>
      aws.roles.setInline('loki', 'buckets', {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: actions, Resource: [`arn:${partition}:s3:::probe-bucket`, `arn:${partition}:s3:::probe-bucket/*`] }],
      });
    await allow(['s3:PutObject', 's3:GetObject', 's3:ListBucket', 's3:DeleteObject']);
    const roleArn = (await aws.roles.find('loki'))!.arn;
    const token = (serviceAccount: string, audience: string) =>
      sandbox.simulated.signServiceAccountToken({ namespace: 'loki', serviceAccount, audience, seconds: 600 });
    const assume = (serviceAccount = 'loki', audience = 'sts.amazonaws.com') =>
      aws.webIdentity.assume({ roleArn, token: token(serviceAccount, audience), session: 'proof' });

    expect((await problemOf(assume())).code).toBe('ROLE_TRUST_REFUSED');
    await sleep(1700);
    const credentials = await assume();
    await aws.webIdentity.probe('probe-bucket', { credentials, key: 'probe' });
    expect(await buckets.contents('probe-bucket')).toMatchObject({ objects: 0 });

    expect((await problemOf(assume('other'))).code).toBe('ROLE_TRUST_REFUSED');
    expect((await problemOf(assume('loki', 'sts.amazonaws.com.cn'))).code).toBe('OIDC_AUDIENCE_WRONG');
    await allow(['s3:PutObject', 's3:GetObject', 's3:DeleteObject']);
    expect(await problemOf(aws.webIdentity.probe('probe-bucket', { credentials, key: 'probe' }))).toMatchObject({
      code: 'ROLE_S3_DENIED',
      message: expect.stringContaining('s3:ListBucket'),
    });
    await aws.roles.delete('loki', 'buckets');
    await buckets.delete('probe-bucket');
  });

  test('a bucket of somebody else is foreign, and its name is taken', async () => {
    sandbox.simulated.seedForeignBucket('strangers-bucket');
    const buckets = aws.buckets('123456789012');
    expect(await buckets.look('strangers-bucket')).toEqual({ is: 'foreign' });
    expect((await problemOf(buckets.create('strangers-bucket', { namespace: 'global', tags: {} }))).code).toBe('BUCKET_TAKEN');
  });

  test('a name that was deleted is not free at once', async () => {
    const buckets = aws.buckets('123456789012');
    await buckets.create('short-lived', { namespace: 'global', tags: {} });
    await buckets.delete('short-lived');
    expect((await problemOf(buckets.create('short-lived', { namespace: 'global', tags: {} }))).code).toBe('BUCKET_RECENTLY_DELETED');
  });

  test('who may not is told what', async () => {
    const nobody = await connected(
      sandbox.simulated.addUser('nobody', { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:GetCallerIdentity', Resource: '*' }] }),
    );
    expect(await problemOf(nobody.clusters.find('demo'))).toMatchObject({ code: 'AWS_ACCESS_DENIED', message: expect.stringContaining('eks:DescribeCluster') });
    expect(await problemOf(nobody.roles.find('x'))).toMatchObject({ code: 'AWS_ACCESS_DENIED', message: expect.stringContaining('iam:GetRole') });
    expect(await nobody.clusters.addon('demo', 'aws-ebs-csi-driver')).toBe('unknown');
    expect(await nobody.roles.denied(['s3:CreateBucket'], '*')).toBe('unknown');
    expect((await problemOf((await connected({ accessKeyId: 'AKIANOTTHERE', secretAccessKey: 'x' })).callers.whoami())).code).toBe('AWS_CREDENTIALS_INVALID');
  });
});
