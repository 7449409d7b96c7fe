/** What the AWS adapters must do against any endpoint that speaks AWS's protocols; where one is known to differ it says so. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Aws } from '../../../src/ports/aws.ts';
import { connectAws } from '../../../src/adapters/aws/connect.ts';
import { ProblemError } from '../../../src/problems/problem.ts';
import type { BucketState, Buckets } from '../../../src/ports/buckets.ts';

export interface Endpoint {
  readonly url: string;
  readonly account: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** An EKS cluster that is there. */
  readonly cluster: string;
  readonly stop: () => Promise<void>;
}

/** Where an endpoint is known not to be like AWS (aws.md section 8). */
export interface Differences {
  /** It does not mind who is expected to own a bucket. */
  readonly ignoresExpectedOwner?: true;
  /** It does not know add-ons and pod identity. */
  readonly noPodIdentity?: true;
  /** It can't add an audience to a provider. */
  readonly noAudiences?: true;
  /** It trusts every web identity token. */
  readonly trustsEveryToken?: true;
  /** It makes buckets without the tags that were sent along. */
  readonly forgetsNewTags?: true;
  /** It simulates no policies. */
  readonly noSimulator?: true;
}

const tags = { 'loki-eks/managed-by': 'loki-eks', team: 'ops + more' };
const trust = (account: string) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/oidc.eks.ap-northeast-2.amazonaws.com/id/ABCDEF` },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { 'oidc.eks.ap-northeast-2.amazonaws.com/id/ABCDEF:sub': 'system:serviceaccount:loki:loki' } },
    },
  ],
});

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'nothing was thrown';
  } catch (thrown) {
    return thrown instanceof ProblemError ? thrown.problem.code : `not a problem: ${String(thrown)}`;
  }
};

export function awsContract(title: string, start: () => Promise<Endpoint>, differences: Differences = {}): void {
  describe(`the AWS adapters against ${title}`, () => {
    let endpoint: Endpoint;
    let aws: Aws;
    let buckets: Buckets;
    const unique = Math.random().toString(36).slice(2, 8);
    const env = (): Record<string, string> => ({
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_ACCESS_KEY_ID: endpoint.accessKeyId,
      AWS_SECRET_ACCESS_KEY: endpoint.secretAccessKey,
      AWS_DEFAULT_REGION: endpoint.region,
      AWS_CONFIG_FILE: '/nonexistent/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
    });
    beforeAll(async () => {
      endpoint = await start();
      aws = await connectAws({ env: env() });
      buckets = aws.buckets(endpoint.account);
    });
    afterAll(() => endpoint?.stop());

    test('says who is calling', async () => {
      expect(aws.region).toBe(endpoint.region);
      expect(await aws.callers.whoami()).toMatchObject({ account: endpoint.account, partition: 'aws' });
    });

    describe('buckets', () => {
      const name = () => `loki-contract-${unique}`;
      const read = async (): Promise<BucketState> => {
        const found = await buckets.look(name());
        if (found.is !== 'ours-to-read') throw new Error(`the bucket is ${found.is}`);
        return found;
      };

      test('an absent one is a value', async () => {
        expect(await buckets.look(name())).toEqual({ is: 'absent' });
        await buckets.delete(name());
      });

      test('is made with its tags, where we are', async () => {
        await buckets.create(name(), { namespace: 'global', tags });
        if (differences.forgetsNewTags) await buckets.setTags(name(), tags);
        expect(await read()).toMatchObject({ name: name(), region: endpoint.region, tags, lifecycle: [], versioning: 'off', objectLock: false });
        expect((await read()).policy).toBeUndefined();
      });

      test('made twice is a problem, not a success', async () => {
        expect(await codeOf(buckets.create(name(), { namespace: 'global', tags: { other: 'tags' } }))).toBe('BUCKET_EXISTS');
      });

      test('takes an account-regional name', async () => {
        const regional = `loki-${unique}-${endpoint.account}-${endpoint.region}-an`;
        await buckets.create(regional, { namespace: 'account-regional', tags });
        expect(await buckets.look(regional)).toMatchObject({ is: 'ours-to-read', ...(!differences.forgetsNewTags && { tags }) });
        await buckets.delete(regional);
      });

      test('keeps what is set, and gives up what is unset', async () => {
        const policy = {
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'Reading',
              Effect: 'Allow',
              Principal: { AWS: `arn:aws:iam::${endpoint.account}:root` },
              Action: 's3:GetObject',
              Resource: `arn:aws:s3:::${name()}/*`,
            },
          ],
        };
        const rule = { ID: 'abort', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } };
        const dated = { ID: 'dated', Status: 'Enabled', Filter: { Prefix: 'old/' }, Expiration: { Date: '2030-01-01T00:00:00.000Z' } };
        await buckets.setTags(name(), { ...tags, more: 'yes' });
        await buckets.blockPublicAccess(name());
        await buckets.setPolicy(name(), policy);
        await buckets.setEncryption(name(), {
          algorithm: 'aws:kms',
          key: `arn:aws:kms:${endpoint.region}:${endpoint.account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
          bucketKey: true,
        });
        await buckets.setLifecycle(name(), [rule, dated]);
        const found = await read();
        expect(found).toMatchObject({ tags: { ...tags, more: 'yes' }, publicAccessBlocked: true, policy });
        expect(found.encryption).toMatchObject({ algorithm: 'aws:kms', bucketKey: true });
        expect(found.lifecycle).toMatchObject([rule, { ID: 'dated', Expiration: { Date: expect.stringMatching(/^2030-01-01T00:00:00/) } }]);

        await buckets.setLifecycle(name(), found.lifecycle);
        expect((await read()).lifecycle).toEqual(found.lifecycle);
        await buckets.setPolicy(name(), undefined);
        await buckets.setPolicy(name(), undefined);
        await buckets.setLifecycle(name(), []);
        await buckets.setEncryption(name(), { algorithm: 'AES256' });
        await buckets.setTags(name(), tags);
        const after = await read();
        expect(after).toMatchObject({ tags, lifecycle: [], encryption: { algorithm: 'AES256' } });
        expect(after.policy).toBeUndefined();
        expect(after.tags).not.toHaveProperty('more');
      });

      test('counts, refuses to go while full, empties and goes', async () => {
        const { S3 } = await import('@aws-sdk/client-s3');
        const s3 = new S3({
          endpoint: endpoint.url,
          region: endpoint.region,
          credentials: { accessKeyId: endpoint.accessKeyId, secretAccessKey: endpoint.secretAccessKey },
        });
        await s3.putBucketVersioning({ Bucket: name(), VersioningConfiguration: { Status: 'Enabled' } });
        await Promise.all(Array.from({ length: 30 }, (_, i) => s3.putObject({ Bucket: name(), Key: `fake/${i % 25} é+&`, Body: 'x'.repeat(10) })));
        await s3.deleteObject({ Bucket: name(), Key: 'fake/1 é+&' });
        await s3.createMultipartUpload({ Bucket: name(), Key: 'half' });

        expect((await read()).versioning).toBe('on');
        const contents = await buckets.contents(name());
        expect(contents).toMatchObject({ objects: 31, bytes: 300, exact: true });
        expect(contents.oldest!.getTime()).toBeLessThanOrEqual(contents.newest!.getTime());
        expect(await buckets.contents(name(), 7)).toMatchObject({ objects: 7, exact: false });
        expect(await codeOf(buckets.delete(name()))).toBe('BUCKET_NOT_EMPTY');

        const seen: number[] = [];
        await buckets.empty(name(), { signal: new AbortController().signal, progress: (deleted) => seen.push(deleted) });
        expect(seen.at(-1)).toBe(31);
        expect(await buckets.contents(name())).toMatchObject({ objects: 0, bytes: 0, exact: true });
        expect((await s3.listMultipartUploads({ Bucket: name() })).Uploads ?? []).toEqual([]);
        await buckets.delete(name());
        await buckets.delete(name());
        expect(await buckets.look(name())).toEqual({ is: 'absent' });
        s3.destroy();
      });

      test('an abort stops the emptying', async () => {
        await buckets.create(`${name()}-2`, { namespace: 'global', tags });
        const reason = new Error('enough');
        await expect(buckets.empty(`${name()}-2`, { signal: AbortSignal.abort(reason), progress: () => undefined })).rejects.toBe(reason);
        await buckets.delete(`${name()}-2`);
      });

      test.skipIf(differences.ignoresExpectedOwner)('one of another owner is foreign', async () => {
        await buckets.create(`${name()}-3`, { namespace: 'global', tags });
        expect(await aws.buckets('999999999999').look(`${name()}-3`)).toEqual({ is: 'foreign' });
        await buckets.delete(`${name()}-3`);
      });
    });

    describe('roles', () => {
      const name = `loki-contract-${unique}`;
      const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:ListBucket'], Resource: '*' }] };

      test('an absent one is a value', async () => {
        expect(await aws.roles.find(name)).toBeUndefined();
        await aws.roles.delete(name, 'buckets');
      });

      test('is made, read back, changed and taken away with all that hangs on it', async () => {
        const role = { name, path: '/loki/', trust: trust(endpoint.account), description: 'Loki', tags: { a: 'b' } };
        await aws.roles.create(role);
        expect(await aws.roles.find(name)).toMatchObject({ ...role, arn: `arn:aws:iam::${endpoint.account}:role/loki/${name}`, inline: {}, attached: [] });
        expect(await codeOf(aws.roles.create(role))).toBe('ROLE_EXISTS');

        const other = {
          ...trust(endpoint.account),
          Statement: [{ Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
        };
        await aws.roles.setTrust(name, other);
        await aws.roles.setInline(name, 'buckets', policy);
        await aws.roles.setInline(name, 'second', policy);
        await aws.roles.setInline(name, 'second', undefined);
        await aws.roles.setInline(name, 'second', undefined);
        await aws.roles.tag(name, { a: 'c', d: 'e' });
        await aws.roles.untag(name, ['d']);
        expect(await aws.roles.find(name)).toMatchObject({ trust: other, inline: { buckets: policy }, tags: { a: 'c' } });
        expect((await aws.roles.find(name))!.tags).not.toHaveProperty('d');

        await aws.roles.delete(name, 'buckets');
        expect(await aws.roles.find(name)).toBeUndefined();
      });

      test('with policies of others, or in an instance profile, it stays, and nothing is taken off it', async () => {
        const { IAM } = await import('@aws-sdk/client-iam');
        const iam = new IAM({
          endpoint: endpoint.url,
          region: endpoint.region,
          credentials: { accessKeyId: endpoint.accessKeyId, secretAccessKey: endpoint.secretAccessKey },
        });
        await aws.roles.create({ name, path: '/', trust: trust(endpoint.account), description: 'Loki', tags: {} });
        await aws.roles.setInline(name, 'buckets', policy);
        const PolicyArn = (await iam.createPolicy({ PolicyName: name, PolicyDocument: JSON.stringify(policy) })).Policy!.Arn!;
        const InstanceProfileName = name;
        await iam.createInstanceProfile({ InstanceProfileName });
        const hold: readonly (readonly [() => Promise<unknown>, () => Promise<unknown>])[] = [
          [() => iam.attachRolePolicy({ RoleName: name, PolicyArn }), () => iam.detachRolePolicy({ RoleName: name, PolicyArn })],
          [() => aws.roles.setInline(name, 'theirs', policy), () => aws.roles.setInline(name, 'theirs', undefined)],
          [
            () => iam.addRoleToInstanceProfile({ InstanceProfileName, RoleName: name }),
            () => iam.removeRoleFromInstanceProfile({ InstanceProfileName, RoleName: name }),
          ],
        ];
        for (const [put, take] of hold) {
          await put();
          const before = await aws.roles.find(name);
          expect(await codeOf(aws.roles.delete(name, 'buckets'))).toBe('ROLE_IN_USE');
          expect(await aws.roles.find(name)).toEqual(before);
          await take();
        }
        expect(await aws.roles.instanceProfiles(name)).toEqual([]);
        await aws.roles.delete(name, 'buckets');
        expect(await aws.roles.find(name)).toBeUndefined();
        iam.destroy();
      });

      test('what the caller may not do is a list, or unknown', async () => {
        const answer = await aws.roles.denied(['s3:CreateBucket'], '*');
        if (differences.noSimulator) expect(answer).toBe('unknown');
        else expect(answer === 'unknown' || Array.isArray(answer)).toBe(true);
      });
    });

    test('OIDC providers', async () => {
      const host = `oidc.eks.${endpoint.region}.amazonaws.com/id/${unique.toUpperCase()}`;
      const arn = `arn:aws:iam::${endpoint.account}:oidc-provider/${host}`;
      const wanted = { url: `https://${host}`, audience: 'sts.amazonaws.com', tags: { a: 'b' } };
      expect(await aws.oidcProviders.find(arn)).toBeUndefined();
      await aws.oidcProviders.create(wanted);
      await aws.oidcProviders.create(wanted);
      expect(await aws.oidcProviders.find(arn)).toEqual({ arn, audiences: ['sts.amazonaws.com'], tags: { a: 'b' } });
      if (!differences.noAudiences) {
        await aws.oidcProviders.addAudience(arn, 'other');
        expect((await aws.oidcProviders.find(arn))!.audiences).toEqual(['sts.amazonaws.com', 'other']);
        await aws.oidcProviders.removeAudience(arn, 'other');
        expect((await aws.oidcProviders.find(arn))!.audiences).toEqual(['sts.amazonaws.com']);
      }
      await aws.oidcProviders.delete(arn);
      await aws.oidcProviders.delete(arn);
      expect(await aws.oidcProviders.find(arn)).toBeUndefined();
    });

    test('clusters and their add-ons', async () => {
      expect(await aws.clusters.names()).toContain(endpoint.cluster);
      expect(await aws.clusters.find('no-such-cluster')).toBeUndefined();
      expect(await aws.clusters.find(endpoint.cluster)).toMatchObject({
        name: endpoint.cluster,
        arn: `arn:aws:eks:${endpoint.region}:${endpoint.account}:cluster/${endpoint.cluster}`,
        status: 'ACTIVE',
        issuer: expect.stringMatching(/^https:\/\/oidc/),
        external: false,
      });
      const addon = await aws.clusters.addon(endpoint.cluster, 'no-such-addon');
      expect(addon).toBe(differences.noPodIdentity ? 'unknown' : undefined);
    });

    test.skipIf(differences.noPodIdentity)('pod identity associations', async () => {
      const of = { cluster: endpoint.cluster, namespace: `ns-${unique}`, serviceAccount: 'loki' };
      const role = `loki-pod-${unique}`;
      await aws.roles.create({
        name: role,
        path: '/',
        description: 'pods',
        tags: {},
        trust: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
        },
      });
      const roleArn = (await aws.roles.find(role))!.arn;
      expect(await aws.associations.find(of)).toBeUndefined();
      const made = await aws.associations.create({ ...of, roleArn, tags: { a: 'b' } });
      expect(await aws.associations.find(of)).toEqual({ id: made.id, arn: expect.stringContaining(`/${of.cluster}/${made.id}`), roleArn, tags: { a: 'b' } });
      await aws.associations.update({ cluster: of.cluster, id: made.id, roleArn });
      await aws.associations.delete({ cluster: of.cluster, id: made.id });
      await aws.associations.delete({ cluster: of.cluster, id: made.id });
      expect(await aws.associations.find(of)).toBeUndefined();
      await aws.roles.delete(role, 'buckets');
    });

    test.skipIf(differences.trustsEveryToken)('a token that proves nothing is refused', async () => {
      const role = `loki-web-${unique}`;
      await aws.roles.create({ name: role, path: '/', description: 'web', tags: {}, trust: trust(endpoint.account) });
      const roleArn = (await aws.roles.find(role))!.arn;
      const code = await codeOf(aws.webIdentity.assume({ roleArn, token: 'bm90.YQ.dG9rZW4', session: 'contract' }));
      expect(['ROLE_TRUST_REFUSED', 'ROLE_TOKEN_REFUSED', 'OIDC_PROVIDER_MISSING']).toContain(code);
      await aws.roles.delete(role, 'buckets');
    });

    test.skipIf(!differences.trustsEveryToken)('a role proves that it can use a bucket', async () => {
      const bucket = `loki-probe-${unique}`;
      await buckets.create(bucket, { namespace: 'global', tags });
      const credentials = await aws.webIdentity.assume({ roleArn: `arn:aws:iam::${endpoint.account}:role/any`, token: 'token', session: 'contract' });
      await aws.webIdentity.probe(bucket, { credentials, key: 'loki-eks-probe' });
      expect(await buckets.contents(bucket)).toMatchObject({ objects: 0 });
      await buckets.delete(bucket);
    });
  });
}
