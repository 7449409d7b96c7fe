/** What a role session may do, and who may become which role. */
import * as eks from '@aws-sdk/client-eks';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { afterEach, describe, expect, it } from 'vitest';
import { messageOf, outcome } from './case.ts';
import { closeAll, lokiRole, lokiToken, roleArn, start, stoppedClock } from './seat.ts';
import { accountId, clientsOf, clusterName, region } from './target.ts';

afterEach(closeAll);

describe('a role session', () => {
  it('may do what its policy says, and no more, until it ends', async () => {
    const clock = stoppedClock();
    const sandbox = await start({ clock });
    await clientsOf(sandbox)
      .s3()
      .send(new s3.CreateBucketCommand({ Bucket: 'chunks-one' }));
    await clientsOf(sandbox)
      .s3()
      .send(new s3.CreateBucketCommand({ Bucket: 'other-one' }));
    await lokiRole(sandbox, 'chunks-one');
    const { account } = sandbox;
    const session = account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox));
    const client = clientsOf({ endpoint: sandbox.endpoint, credentials: session }).s3();
    const put = (Bucket: string) => outcome(client.send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v' })));
    expect([await put('chunks-one'), await put('other-one')]).toEqual(['ok', 'AccessDenied 403']);
    expect(await messageOf(client.send(new s3.DeleteObjectCommand({ Bucket: 'chunks-one', Key: 'k' })))).toContain(
      'not authorized to perform: s3:DeleteObject',
    );
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
    await clientsOf(sandbox)
      .s3()
      .send(new s3.CreateBucketCommand({ Bucket: 'chunks-two' }));
    await lokiRole(sandbox, 'chunks-two');
    const session = sandbox.account.assumeRoleWithWebIdentity(roleArn, lokiToken(sandbox));
    const get = () =>
      outcome(
        clientsOf({ endpoint: sandbox.endpoint, credentials: session })
          .s3()
          .send(new s3.GetObjectCommand({ Bucket: 'chunks-two', Key: 'none' })),
      );
    expect(await get()).toBe('NoSuchKey 404');
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] });
    await clientsOf(sandbox)
      .iam()
      .send(new iam.PutRolePolicyCommand({ RoleName: 'loki', PolicyName: 's3', PolicyDocument }));
    expect(await get()).toBe('AccessDenied 403');
  });

  it('needs the KMS key of an encrypted bucket', async () => {
    const sandbox = await start();
    const client = clientsOf(sandbox).s3();
    await client.send(new s3.CreateBucketCommand({ Bucket: 'chunks-kms' }));
    await lokiRole(sandbox, 'chunks-kms');
    const ServerSideEncryptionConfiguration = {
      Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: `arn:aws:kms:${region}:${accountId}:key/1` } }],
    };
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
    const put = () =>
      outcome(
        Promise.resolve()
          .then(() => sandbox.account.putObject(session, 'chunks-three', 'k', Buffer.from('v')))
          .catch((error: Error) => Promise.reject(Object.assign(error, { $metadata: { httpStatusCode: 403 } }))),
      );
    await clients
      .iam()
      .send(new iam.PutRolePermissionsBoundaryCommand({ RoleName: 'loki', PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess' }));
    expect(await put()).toBe('Error 403');
    await clients.iam().send(new iam.DeleteRolePermissionsBoundaryCommand({ RoleName: 'loki' }));
    expect(await put()).toBe('ok');
    const Policy = (Condition: object) =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::chunks-three/*', Condition }],
      });
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
      const call = clientsOf(sandbox)
        .sts()
        .send(new sts.AssumeRoleWithWebIdentityCommand({ RoleArn: arn, RoleSessionName: 'probe', WebIdentityToken: token }));
      return call.then(
        () => 'ok',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    };
    const sign = (more: object) =>
      account.signServiceAccountToken({ namespace: 'loki', serviceAccount: 'loki', audience: 'sts.amazonaws.com', seconds: 600, ...more });
    expect(await assume(sign({}))).toBe('ok');
    expect(await assume(sign({ audience: 'vault' }))).toBe('InvalidIdentityTokenException: Incorrect token audience');
    expect(await assume(sign({ namespace: 'default' }))).toBe('AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity');
    expect(await assume(sign({}), `arn:aws:iam::${accountId}:role/none`)).toBe('AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity');
    const [header, , signature] = sign({}).split('.');
    const forged = [header, sign({ namespace: 'kube-system' }).split('.')[1], signature].join('.');
    expect(await assume(forged)).toContain("InvalidIdentityTokenException: Couldn't retrieve verification key");
    expect(await assume('nonsense')).toContain('InvalidIdentityTokenException');
    const old = sign({ seconds: 600 });
    clock.advance(601_000);
    expect(await assume(old)).toContain('ExpiredTokenException: Token expired');
    account.addCluster({ name: 'second', version: '1.33', endpoint: 'https://x', certificateAuthority: '', vpc: 'vpc-2', oidcProvider: false });
    expect(await assume(sign({ cluster: 'second' }))).toContain(
      'InvalidIdentityTokenException: No OpenIDConnect provider found in your account for https://oidc.eks.',
    );
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
    const trust = (Service: string, Condition?: object) =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service }, Action: ['sts:AssumeRole', 'sts:TagSession'], Condition }],
      });
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
