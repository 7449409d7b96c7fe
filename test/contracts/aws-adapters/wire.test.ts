/** What the AWS adapters send, and how they take the answers that imitations of AWS do not give. */
import { afterEach, describe, expect, test } from 'vitest';
import { connectAws } from '../../../src/adapters/aws/connect.ts';
import { ProblemError } from '../../../src/problems/problem.ts';
import { queryError, s3Error, scriptedEndpoint, type Answer, type Asked, type Script, type ScriptedEndpoint } from './scripted-endpoint.ts';

const owner = '123456789012';
let endpoint: ScriptedEndpoint;
afterEach(() => endpoint.stop());

const connected = async (script: Script, region = 'ap-northeast-2') => {
  endpoint = await scriptedEndpoint(script);
  const aws = await connectAws({ region, env: endpoint.env });
  return { aws, buckets: aws.buckets(owner) };
};
const problemOf = async (work: Promise<unknown>) => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ProblemError)) throw new Error(`not a problem: ${String(thrown)}`);
  return thrown.problem;
};
const ok = { status: 200 };
const tagged = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
const isCreate = ({ method, query }: Asked): boolean => method === 'PUT' && query.size === 0;

test('every S3 call names the expected owner', async () => {
  const { aws, buckets } = await connected(({ method, query, body }) => {
    if (body.includes('GetCallerIdentity')) {
      return {
        status: 200,
        body: `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::${owner}:user/me</Arn><Account>${owner}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
      };
    }
    if (query.has('uploads'))
      return { status: 200, body: '<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId></Upload></ListMultipartUploadsResult>' };
    if (query.has('versions')) {
      const first = endpoint.asked.filter((asked) => asked.query.has('versions')).length < 3;
      return {
        status: 200,
        body: `<ListVersionsResult>${first ? '<Version><Key>k</Key><VersionId>null</VersionId><Size>1</Size></Version>' : ''}</ListVersionsResult>`,
      };
    }
    if (query.has('delete')) return { status: 200, body: '<DeleteResult></DeleteResult>' };
    if (method === 'GET' && query.has('policy')) return { status: 200, body: '{}' };
    return ok;
  });
  const credentials = { accessKeyId: 'A', secretAccessKey: 'b', sessionToken: 'c' };
  await buckets.look('b-1');
  await buckets.setTags('b-1', { a: 'b' });
  await buckets.setTags('b-1', {});
  await buckets.blockPublicAccess('b-1');
  await buckets.setPolicy('b-1', {});
  await buckets.setPolicy('b-1', undefined);
  await buckets.setEncryption('b-1', { algorithm: 'AES256' });
  await buckets.setLifecycle('b-1', [{ Status: 'Enabled', ID: 'a', Filter: {} }]);
  await buckets.setLifecycle('b-1', []);
  await buckets.contents('b-1');
  await buckets.empty('b-1', { signal: new AbortController().signal, progress: () => undefined });
  await buckets.delete('b-1');
  await aws.webIdentity.probe('b-1', { credentials, key: 'probe' });
  const s3 = endpoint.asked.filter(({ path }) => path.startsWith('/b-1'));
  expect(s3.length).toBeGreaterThan(20);
  expect(s3.filter(({ headers }) => headers['x-amz-expected-bucket-owner'] !== owner)).toEqual([]);
});

describe('looking at a bucket', () => {
  const redirected = { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-1' } };
  test('that S3 says is in another region, and is ours', async () => {
    const { buckets } = await connected(({ headers }) => (headers.authorization!.includes('/eu-west-1/') ? ok : redirected));
    expect(await buckets.look('b-1')).toEqual({ is: 'elsewhere', region: 'eu-west-1' });
  });

  test('that is in another region, and is not ours', async () => {
    const { buckets } = await connected(({ headers }) => (headers.authorization!.includes('/eu-west-1/') ? s3Error(403, 'AccessDenied') : redirected));
    expect(await buckets.look('b-1')).toEqual({ is: 'foreign' });
  });

  test('that answers from another region', async () => {
    const { buckets } = await connected(() => ({ status: 200, headers: { 'x-amz-bucket-region': 'us-west-2' } }));
    expect(await buckets.look('b-1')).toEqual({ is: 'elsewhere', region: 'us-west-2' });
  });

  test("with a session that has ended is not a stranger's", async () => {
    const { buckets } = await connected(({ method }) =>
      method === 'HEAD' ? { status: 400 } : s3Error(400, 'ExpiredToken', 'The provided token has expired.'),
    );
    expect((await problemOf(buckets.look('b-1'))).code).toBe('AWS_CREDENTIALS_EXPIRED');
  });

  test('that may be read but not listed is ours', async () => {
    const { buckets } = await connected(({ method, query }) => (method === 'HEAD' ? { status: 403 } : query.has('policy') ? { status: 200, body: '{}' } : ok));
    expect(await buckets.look('b-1')).toMatchObject({ is: 'ours-to-read' });
  });

  test('that vanishes while it is read', async () => {
    const { buckets } = await connected(({ method }) => (method === 'HEAD' ? ok : s3Error(404, 'NoSuchBucket')));
    expect(await buckets.look('b-1')).toEqual({ is: 'absent' });
  });

  test('whose policy may not be read names the action', async () => {
    const { buckets } = await connected(({ query }) => (query.has('policy') ? s3Error(403, 'AccessDenied', 'Access Denied') : ok));
    expect(await problemOf(buckets.look('b-1'))).toMatchObject({
      code: 'AWS_ACCESS_DENIED',
      message: expect.stringContaining('s3:GetBucketPolicy on s3://b-1'),
    });
  });
});

describe('creating a bucket', () => {
  test.each([
    ['ap-northeast-2', true],
    ['us-east-1', false],
  ])('in %s says its region: %s', async (region, says) => {
    const { buckets } = await connected(({ method }) => (method === 'HEAD' ? { status: 404 } : ok), region);
    await buckets.create('b-1', { namespace: 'global', tags: { a: 'b' } });
    const { body, headers } = endpoint.asked.find(isCreate)!;
    expect(body.includes(`<LocationConstraint>${region}</LocationConstraint>`)).toBe(says);
    expect(body).toContain('<Key>a</Key>');
    expect(headers['x-amz-bucket-namespace']).toBeUndefined();
    expect(headers['x-amz-object-ownership']).toBeUndefined();
    expect(endpoint.asked.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  test('asks for the account-regional namespace', async () => {
    const { buckets } = await connected(() => ok);
    await buckets.create('b-1', { namespace: 'account-regional', tags: { a: 'b' } });
    expect(endpoint.asked.find(isCreate)!.headers['x-amz-bucket-namespace']).toBe('account-regional');
    expect(endpoint.asked).toHaveLength(1);
  });

  test('in us-east-1, which answers "made" for what is there already, looks first', async () => {
    const { buckets } = await connected(() => ok, 'us-east-1');
    expect((await problemOf(buckets.create('b-1', { namespace: 'global', tags: {} }))).code).toBe('BUCKET_EXISTS');
    expect(endpoint.asked.filter(isCreate)).toEqual([]);
  });

  test.each([
    [s3Error(409, 'BucketAlreadyExists'), 'BUCKET_TAKEN'],
    [s3Error(409, 'OperationAborted'), 'BUCKET_RECENTLY_DELETED'],
    [s3Error(400, 'InvalidBucketName'), 'BUCKET_NAME_INVALID'],
    [s3Error(400, 'TooManyBuckets'), 'AWS_LIMIT_EXCEEDED'],
    [s3Error(400, 'InvalidRequest'), 'BUCKET_NAMESPACE_UNSUPPORTED'],
    [s3Error(403, 'AccessDenied'), 'AWS_ACCESS_DENIED'],
  ])('refused (%j) is %s', async (answer, code) => {
    const { buckets } = await connected(() => answer);
    expect((await problemOf(buckets.create('b-1', { namespace: 'account-regional', tags: {} }))).code).toBe(code);
  });

  test('in a region without account-regional names does not ask', async () => {
    const { buckets } = await connected(() => ok, 'me-south-1');
    expect((await problemOf(buckets.create('b-1', { namespace: 'account-regional', tags: {} }))).code).toBe('BUCKET_NAMESPACE_UNSUPPORTED');
    expect(endpoint.asked).toEqual([]);
  });

  test('whose answer was lost is done', async () => {
    const { buckets } = await connected((asked, count) => {
      if (!isCreate(asked)) return { status: 200, body: tagged };
      return count === 1 ? 'lost' : s3Error(409, 'BucketAlreadyOwnedByYou');
    });
    await buckets.create('b-1', { namespace: 'global', tags: { a: 'b' } });
    expect(endpoint.asked.filter(isCreate)).toHaveLength(2);
  });

  test('that is there already, with other tags, is not ours', async () => {
    const { buckets } = await connected((asked) => (isCreate(asked) ? s3Error(409, 'BucketAlreadyOwnedByYou') : { status: 200, body: tagged }));
    expect((await problemOf(buckets.create('b-1', { namespace: 'global', tags: { a: 'c' } }))).code).toBe('BUCKET_EXISTS');
  });
});

describe('creating a role whose answer was lost', () => {
  const role = { name: 'loki', path: '/', trust: {}, description: 'd', tags: { a: 'b' } };
  const there =
    (tag: string): Script =>
    ({ body }, count) => {
      if (body.includes('Action=CreateRole')) return count === 1 ? 'lost' : queryError(409, 'EntityAlreadyExists');
      if (!body.includes('Action=GetRole&')) return { status: 200, body: '<ListRolePoliciesResponse></ListRolePoliciesResponse>' };
      return {
        status: 200,
        body: `<GetRoleResponse><GetRoleResult><Role><RoleName>loki</RoleName><Arn>arn:aws:iam::123456789012:role/loki</Arn><AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument><Tags><member><Key>a</Key><Value>${tag}</Value></member></Tags></Role></GetRoleResult></GetRoleResponse>`,
      };
    };
  test('is done when the role there has our tags', async () => {
    const { aws } = await connected(there('b'));
    await aws.roles.create(role);
    expect(endpoint.asked.filter(({ body }) => body.includes('Action=CreateRole'))).toHaveLength(2);
  });
  test('is a problem when it has not', async () => {
    const { aws } = await connected(there('c'));
    expect((await problemOf(aws.roles.create(role))).code).toBe('ROLE_EXISTS');
  });
});

test('a bucket that was just made is read without being asked for first, and has no rules to keep', async () => {
  const { buckets } = await connected(({ query }) => (query.has('policy') ? { status: 200, body: '{}' } : ok));
  await buckets.create('b-1', { namespace: 'global', tags: {} });
  expect(await buckets.look('b-1')).toMatchObject({ is: 'ours-to-read' });
  await buckets.setLifecycle('b-1', [{ Status: 'Enabled', ID: 'a', Filter: {} }]);
  expect(endpoint.asked.filter(({ method }) => method === 'HEAD')).toEqual([]);
  expect(endpoint.asked.filter(({ method, query }) => method === 'GET' && query.has('lifecycle'))).toHaveLength(1);
});

test('a change beside another one waits for it', async () => {
  const { buckets } = await connected((_, count) => (count < 3 ? s3Error(409, 'OperationAborted') : ok));
  await buckets.blockPublicAccess('b-1');
  expect(endpoint.asked).toHaveLength(3);
});

test('tags of AWS itself are kept', async () => {
  const { buckets } = await connected(({ method }) =>
    method === 'GET'
      ? {
          status: 200,
          body: '<Tagging><TagSet><Tag><Key>aws:cloudformation:stack-name</Key><Value>s</Value></Tag><Tag><Key>old</Key><Value>o</Value></Tag></TagSet></Tagging>',
        }
      : ok,
  );
  await buckets.setTags('b-1', { a: 'b' });
  const { body } = endpoint.asked.find(({ method }) => method === 'PUT')!;
  expect(body).toContain('aws:cloudformation:stack-name');
  expect(body).not.toContain('old');
});

describe('emptying', () => {
  /** A bucket of `keys` entries, paged as S3 does, that loses what is deleted unless `refuse` says otherwise. */
  const bucketOf = (keys: number, refuse: (key: string, batch: number) => string | undefined): { readonly script: Script; readonly left: Set<string> } => {
    const left = new Set(Array.from({ length: keys }, (_, i) => `k${String(i).padStart(6, '0')}`));
    let batches = 0;
    return {
      left,
      script: ({ query, body }) => {
        if (query.has('uploads')) return { status: 200, body: '<ListMultipartUploadsResult/>' };
        if (query.has('versions')) {
          const page = [...left].filter((key) => key > (query.get('key-marker') ?? '')).slice(0, 1000);
          const more = page.length === 1000;
          return {
            status: 200,
            body: `<ListVersionsResult><IsTruncated>${more}</IsTruncated>${more ? `<NextKeyMarker>${page.at(-1)}</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>` : ''}${page.map((key) => `<Version><Key>${key}</Key><VersionId>null</VersionId></Version>`).join('')}</ListVersionsResult>`,
          };
        }
        const batch = ++batches;
        const wanted = [...body.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key!);
        if (refuse('*', batch) !== undefined) return s3Error(503, refuse('*', batch)!);
        const errors = wanted.filter((key) => refuse(key, batch) !== undefined);
        for (const key of wanted) if (!errors.includes(key)) left.delete(key);
        return {
          status: 200,
          body: `<DeleteResult>${errors.map((key) => `<Error><Key>${key}</Key><VersionId>null</VersionId><Code>${refuse(key, batch)}</Code><Message>no</Message></Error>`).join('')}</DeleteResult>`,
        };
      },
    };
  };
  const signal = new AbortController().signal;

  test('deletes by thousands, and says how far it is', async () => {
    const bucket = bucketOf(12_345, () => undefined);
    const { buckets } = await connected(bucket.script);
    const seen: number[] = [];
    await buckets.empty('b-1', { signal, progress: (deleted) => seen.push(deleted) });
    expect(bucket.left.size).toBe(0);
    expect(seen.at(-1)).toBe(12_345);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const batches = endpoint.asked.filter(({ query }) => query.has('delete'));
    expect(Math.max(...batches.map(({ body }) => body.split('<Key>').length - 1))).toBe(1000);
    expect(batches[0]!.body).toContain('<Quiet>true</Quiet>');
  });

  test('tries keys again that S3 was too busy for', async () => {
    const bucket = bucketOf(1500, (key, batch) => (key !== '*' && batch <= 2 && key.endsWith('7') ? 'InternalError' : undefined));
    const { buckets } = await connected(bucket.script);
    await buckets.empty('b-1', { signal, progress: () => undefined });
    expect(bucket.left.size).toBe(0);
  });

  test('goes on past what is locked, and lists it', async () => {
    const bucket = bucketOf(2500, (key) => (key.endsWith('999') ? 'AccessDenied' : undefined));
    const { buckets } = await connected(bucket.script);
    const found = await problemOf(buckets.empty('b-1', { signal, progress: () => undefined }));
    expect(found).toMatchObject({ code: 'BUCKET_NOT_EMPTIED', message: expect.stringContaining('2 objects of b-1') });
    expect(found.evidence).toEqual(['deleted 2498', 'k000999: AccessDenied: no', 'k001999: AccessDenied: no']);
    expect([...bucket.left]).toEqual(['k000999', 'k001999']);
  });

  test('stops when told to', async () => {
    const stop = new AbortController();
    const bucket = bucketOf(20_000, () => undefined);
    const { buckets } = await connected(bucket.script);
    const work = buckets.empty('b-1', { signal: stop.signal, progress: () => stop.abort(new Error('enough')) });
    await expect(work).rejects.toThrow('enough');
    expect(bucket.left.size).toBeGreaterThan(0);
  });
});

describe('a service account that becomes its role', () => {
  const assume = async (answer: Answer) => {
    const { aws } = await connected(() => answer);
    return problemOf(aws.webIdentity.assume({ roleArn: `arn:aws:iam::${owner}:role/loki`, token: 'secret-token', session: 's' }));
  };
  test.each([
    [403, 'AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 'ROLE_TRUST_REFUSED'],
    [400, 'InvalidIdentityToken', 'No OpenIDConnect provider found in your account for https://oidc.eks.x', 'OIDC_PROVIDER_MISSING'],
    [400, 'InvalidIdentityToken', 'Incorrect token audience', 'OIDC_AUDIENCE_WRONG'],
    [400, 'InvalidIdentityToken', "Couldn't retrieve verification key from your identity provider", 'ROLE_TOKEN_REFUSED'],
    [400, 'ExpiredTokenException', 'Token expired', 'ROLE_TOKEN_REFUSED'],
    [403, 'RegionDisabledException', 'STS is not activated in this region', 'AWS_REGION_DISABLED'],
  ])('HTTP %s %s "%s": %s', async (status, code, message, expected) => {
    const found = await assume(queryError(status, code, message));
    expect(found.code).toBe(expected);
    expect(JSON.stringify(found)).not.toContain('secret-token');
  });

  test('does so with an unsigned call', async () => {
    const { aws } = await connected(() => ({
      status: 200,
      body: '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>',
    }));
    const credentials = await aws.webIdentity.assume({ roleArn: `arn:aws:iam::${owner}:role/loki`, token: 'token', session: 's' });
    expect(credentials).toEqual({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' });
    expect(endpoint.asked[0]!.headers.authorization).toBeUndefined();
  });

  const who = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::${owner}:user/me</Arn><Account>${owner}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
  const probe = async (script: Script) => {
    const { aws } = await connected((asked, count) => (asked.body.includes('GetCallerIdentity') ? { status: 200, body: who } : script(asked, count)));
    return problemOf(aws.webIdentity.probe('b-1', { credentials: { accessKeyId: 'ROLE', secretAccessKey: 's', sessionToken: 't' }, key: 'probe' }));
  };

  test('but may not write', async () => {
    expect(await probe(() => s3Error(403, 'AccessDenied', 'Access Denied'))).toMatchObject({
      code: 'ROLE_S3_DENIED',
      message: expect.stringContaining('s3:PutObject on s3://b-1/probe'),
    });
  });

  test('but may not list: what was written is taken away again', async () => {
    const found = await probe(({ method, query }) =>
      method === 'GET' && query.has('list-type') ? s3Error(403, 'AccessDenied', 'Access Denied') : { status: method === 'DELETE' ? 204 : 200, body: '' },
    );
    expect(found.message).toContain('s3:ListBucket');
    expect(endpoint.asked.at(-1)!.method).toBe('DELETE');
  });

  test('but may not use the key', async () => {
    const denied = `User: arn:aws:sts::${owner}:assumed-role/loki/s is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:x because no identity-based policy allows the kms:GenerateDataKey action`;
    expect(await probe(() => s3Error(403, 'AccessDenied', denied))).toMatchObject({
      code: 'ROLE_KMS_DENIED',
      message: expect.stringContaining('kms:GenerateDataKey'),
    });
    await endpoint.stop();
    expect((await probe(() => s3Error(400, 'KMS.DisabledException', 'key is disabled'))).code).toBe('ROLE_KMS_DENIED');
  });
});

test('a region that does not exist is told from a network that does not work', async () => {
  const env = {
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_CONFIG_FILE: '/none',
    AWS_SHARED_CREDENTIALS_FILE: '/none',
    AWS_ENDPOINT_URL: 'http://sts.xx-nowhere-1.invalid',
  };
  endpoint = await scriptedEndpoint(() => ok);
  const nowhere = await connectAws({ region: 'xx-nowhere-1', env, lookUp: async () => undefined });
  expect((await problemOf(nowhere.callers.whoami())).code).toBe('AWS_REGION_INVALID');
  const offline = await connectAws({ region: 'eu-west-1', env, lookUp: async () => Promise.reject(new Error('ENOTFOUND')) });
  expect((await problemOf(offline.callers.whoami())).code).toBe('AWS_HOST_UNKNOWN');
});
