/** Who a request is from, how it is signed, and where its bucket is named. */
import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import * as eks from '@aws-sdk/client-eks';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { afterEach, describe, expect, it } from 'vitest';
import { outcome } from './case.ts';
import { closeAll, start } from './seat.ts';
import { clientsOf, region } from './target.ts';

afterEach(closeAll);

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
    expect([await whoami(unknown), await list(unknown), await clusters(unknown)]).toEqual([
      'InvalidClientTokenId 403',
      'InvalidAccessKeyId 403',
      'UnrecognizedClientException 403',
    ]);
    expect([await whoami(wrong), await list(wrong), await clusters(wrong)]).toEqual([
      'SignatureDoesNotMatch 403',
      'SignatureDoesNotMatch 403',
      'InvalidSignatureException 403',
    ]);
    expect((await fetch(`${sandbox.endpoint}/some-bucket`)).status).toBe(403);
  });

  it('hold for streamed bodies, odd keys and odd queries', async () => {
    const sandbox = await start();
    const client = clientsOf(sandbox).s3();
    await client.send(new s3.CreateBucketCommand({ Bucket: 'bucket-one' }));
    const body = Buffer.alloc(300_000, 'ab');
    const Key = "a b/+%&=?*(한)'!~.txt";
    await client.send(
      new s3.PutObjectCommand({
        Bucket: 'bucket-one',
        Key,
        Body: Readable.from([body.subarray(0, 100_000), body.subarray(100_000)]),
        ContentLength: body.length,
      }),
    );
    const got = await client.send(new s3.GetObjectCommand({ Bucket: 'bucket-one', Key }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    const listed = await client.send(new s3.ListObjectsV2Command({ Bucket: 'bucket-one', Prefix: "a b/+%&=?*(한)'" }));
    expect(listed.Contents?.map((one) => one.Key)).toEqual([Key]);
  });

  it('find a bucket in the host name', async () => {
    const sandbox = await start();
    const { port } = new URL(sandbox.endpoint);
    const lookup = (_host: string, options: { all?: boolean }, done: (error: null, address: unknown, family?: number) => void) =>
      options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
    const client = new s3.S3Client({
      region,
      credentials: sandbox.credentials,
      endpoint: `http://s3.${region}.amazonaws.com:${port}`,
      requestHandler: { httpAgent: new Agent({ lookup: lookup as never }) },
    });
    await client.send(new s3.CreateBucketCommand({ Bucket: 'bucket-host' }));
    await client.send(new s3.PutObjectCommand({ Bucket: 'bucket-host', Key: 'a/b', Body: 'x' }));
    expect(sandbox.account.listObjects(sandbox.credentials, 'bucket-host', '')).toEqual(['a/b']);
  });
});
