/** The contract on S3 objects: writing, listing, versions, bulk deletes, multipart. */
import * as s3 from '@aws-sdk/client-s3';
import type { Bench, ContractCase } from './case.ts';
import { outcome } from './case.ts';

interface Filled {
  readonly Bucket: string;
  readonly send: s3.S3Client['send'];
}

async function filled(api: Bench, keys: readonly string[] = [], more: Partial<s3.CreateBucketCommandInput> = {}): Promise<Filled> {
  const client = api.s3();
  const Bucket = api.name();
  await client.send(new s3.CreateBucketCommand({ ...more, Bucket }));
  for (const Key of keys) await client.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key }));
  return { Bucket, send: client.send.bind(client) as s3.S3Client['send'] };
}

async function versioned(api: Bench): Promise<Filled> {
  const made = await filled(api);
  await made.send(new s3.PutBucketVersioningCommand({ Bucket: made.Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return made;
}

export const objectCases: readonly ContractCase[] = [
  {
    name: 'An object comes back as it was put, and is gone when deleted',
    observe: async (api) => {
      const { Bucket, send } = await filled(api);
      const Key = 'fake/한글 +&?.txt';
      await send(new s3.PutObjectCommand({ Bucket, Key, Body: 'hello', ContentType: 'text/plain', Metadata: { by: 'us' } }));
      const got = await send(new s3.GetObjectCommand({ Bucket, Key }));
      const body = await got.Body?.transformToString();
      const head = await send(new s3.HeadObjectCommand({ Bucket, Key }));
      await send(new s3.DeleteObjectCommand({ Bucket, Key }));
      const after = [await outcome(send(new s3.GetObjectCommand({ Bucket, Key }))), await outcome(send(new s3.HeadObjectCommand({ Bucket, Key })))];
      return [body, got.ContentType, got.Metadata, head.ContentLength, head.ETag, after, await outcome(send(new s3.DeleteObjectCommand({ Bucket, Key })))];
    },
    expected: ['hello', 'text/plain', { by: 'us' }, 5, '"5d41402abc4b2a76b9719d911017c592"', ['NoSuchKey 404', 'NotFound 404'], 'ok'],
  },
  {
    name: 'A part of an object',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['0123456789']);
      const got = await send(new s3.GetObjectCommand({ Bucket, Key: '0123456789', Range: 'bytes=2-4' }));
      return [await got.Body?.transformToString(), got.ContentRange];
    },
    expected: ['234', 'bytes 2-4/10'],
  },
  {
    name: 'Listing in pages, in key order',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['c', 'a', 'e', 'b', 'd']);
      const pages: unknown[] = [];
      for (let ContinuationToken: string | undefined, more = true; more;) {
        const page: s3.ListObjectsV2CommandOutput = await send(new s3.ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken }));
        pages.push([page.Contents?.map((one) => one.Key), page.KeyCount]);
        ContinuationToken = page.NextContinuationToken;
        more = page.IsTruncated ?? false;
      }
      return pages;
    },
    expected: [
      [['a', 'b'], 2],
      [['c', 'd'], 2],
      [['e'], 1],
    ],
  },
  {
    name: 'Listing by delimiter rolls keys up, across pages',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['fake/1', 'fake/2', 'index/1', 'seed.json', 'x/y/z']);
      const all = await send(new s3.ListObjectsV2Command({ Bucket, Delimiter: '/' }));
      const first = await send(new s3.ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 2 }));
      const second = await send(new s3.ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 2, ContinuationToken: first.NextContinuationToken }));
      const seen = (page: s3.ListObjectsV2CommandOutput) => [
        page.CommonPrefixes?.map((one) => one.Prefix),
        page.Contents?.map((one) => one.Key),
        page.IsTruncated,
      ];
      const below = await send(new s3.ListObjectsV2Command({ Bucket, Delimiter: '/', Prefix: 'x/' }));
      return [seen(all), seen(first), seen(second), seen(below)];
    },
    expected: [
      [['fake/', 'index/', 'x/'], ['seed.json'], false],
      [['fake/', 'index/'], undefined, true],
      [['x/'], ['seed.json'], false],
      [['x/y/'], undefined, false],
    ],
  },
  {
    name: 'The old listing pages by marker',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['a', 'b/1', 'b/2', 'c']);
      const first = await send(new s3.ListObjectsCommand({ Bucket, MaxKeys: 2, Delimiter: '/' }));
      const second = await send(new s3.ListObjectsCommand({ Bucket, Marker: first.NextMarker, Delimiter: '/' }));
      return [first.NextMarker, second.Contents?.map((one) => one.Key)];
    },
    expected: ['b/', ['c']],
  },
  {
    name: 'Versions and delete markers hold a bucket',
    observe: async (api) => {
      const { Bucket, send } = await versioned(api);
      const put = await send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: '1' }));
      await send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: '22' }));
      const deleted = await send(new s3.DeleteObjectCommand({ Bucket, Key: 'k' }));
      const listed = await send(new s3.ListObjectVersionsCommand({ Bucket }));
      const old = await send(new s3.GetObjectCommand({ Bucket, Key: 'k', VersionId: put.VersionId }));
      const held = await outcome(send(new s3.DeleteBucketCommand({ Bucket })));
      for (const one of [...(listed.Versions ?? []), ...(listed.DeleteMarkers ?? [])])
        await send(new s3.DeleteObjectCommand({ Bucket, Key: one.Key, VersionId: one.VersionId }));
      return [
        deleted.DeleteMarker,
        listed.Versions?.map((one) => [one.Size, one.IsLatest]),
        listed.DeleteMarkers?.map((one) => one.IsLatest),
        await old.Body?.transformToString(),
        held,
        await outcome(send(new s3.DeleteBucketCommand({ Bucket }))),
      ];
    },
    expected: [
      true,
      [
        [2, false],
        [1, false],
      ],
      [true],
      '1',
      'BucketNotEmpty 409',
      'ok',
    ],
  },
  {
    name: 'Versions of an unversioned bucket are called null',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['k']);
      return (await send(new s3.ListObjectVersionsCommand({ Bucket }))).Versions?.map((one) => [one.Key, one.VersionId, one.IsLatest]);
    },
    expected: [['k', 'null', true]],
  },
  {
    name: 'Versions page within a key, also while they are deleted',
    observe: async (api) => {
      const { Bucket, send } = await versioned(api);
      for (const Key of ['a', 'a', 'a', 'b', 'c', 'c', 'd']) await send(new s3.PutObjectCommand({ Bucket, Key, Body: Key }));
      const pages: number[] = [];
      let [KeyMarker, VersionIdMarker]: (string | undefined)[] = [];
      for (let more = true; more;) {
        const page: s3.ListObjectVersionsCommandOutput = await send(new s3.ListObjectVersionsCommand({ Bucket, MaxKeys: 2, KeyMarker, VersionIdMarker }));
        const Objects = (page.Versions ?? []).map((one) => ({ Key: one.Key ?? '', VersionId: one.VersionId }));
        pages.push(Objects.length);
        if (Objects.length > 0) await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
        [KeyMarker, VersionIdMarker, more] = [page.NextKeyMarker, page.NextVersionIdMarker, page.IsTruncated ?? false];
      }
      const left = await send(new s3.ListObjectVersionsCommand({ Bucket }));
      return [pages, left.Versions?.length ?? 0];
    },
    expected: [[2, 2, 2, 1], 0],
  },
  {
    name: 'Bulk delete counts missing keys as deleted',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['a', 'b']);
      const result = await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a' }, { Key: 'nope' }] } }));
      return [result.Deleted?.map((one) => one.Key), result.Errors];
    },
    expected: [['a', 'nope'], undefined],
  },
  {
    name: 'A quiet bulk delete names only what failed',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, ['a']);
      return (await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Quiet: true, Objects: [{ Key: 'a' }] } }))).Deleted ?? 'none';
    },
    expected: 'none',
  },
  {
    name: 'Bulk delete of more than a thousand keys',
    observe: async (api) => {
      const { Bucket, send } = await filled(api);
      const Objects = Array.from({ length: 1001 }, (_, at) => ({ Key: `k${at}` }));
      return [
        await outcome(send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }))),
        await outcome(send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: [] } }))),
      ];
    },
    expected: ['MalformedXML 400', 'MalformedXML 400'],
  },
  {
    name: 'A locked version is an error inside a bulk delete that succeeds',
    observe: async (api) => {
      const { Bucket, send } = await filled(api, [], { ObjectLockEnabledForBucket: true });
      const put = await send(
        new s3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v', ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: new Date(Date.now() + 86_400_000) }),
      );
      const result = await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k', VersionId: put.VersionId }] } }));
      return result.Errors?.map((one) => [one.Key, one.Code]);
    },
    expected: [['k', 'AccessDenied']],
  },
  {
    name: 'A multipart upload is completed, another aborted',
    observe: async (api) => {
      const { Bucket, send } = await filled(api);
      const start = async (Key: string) => (await send(new s3.CreateMultipartUploadCommand({ Bucket, Key }))).UploadId;
      const UploadId = await start('big');
      const part = async (PartNumber: number, Body: Buffer) => ({
        PartNumber,
        ETag: (await send(new s3.UploadPartCommand({ Bucket, Key: 'big', UploadId, PartNumber, Body }))).ETag,
      });
      const Parts = [await part(1, Buffer.alloc(5 * 1024 * 1024, 1)), await part(2, Buffer.from('end'))];
      const listed = (await send(new s3.ListPartsCommand({ Bucket, Key: 'big', UploadId }))).Parts?.map((one) => one.Size);
      await send(new s3.CompleteMultipartUploadCommand({ Bucket, Key: 'big', UploadId, MultipartUpload: { Parts } }));
      const other = await start('other');
      const open = (await send(new s3.ListMultipartUploadsCommand({ Bucket }))).Uploads?.map((one) => one.Key);
      await send(new s3.AbortMultipartUploadCommand({ Bucket, Key: 'other', UploadId: other }));
      const head = await send(new s3.HeadObjectCommand({ Bucket, Key: 'big' }));
      const again = await outcome(send(new s3.AbortMultipartUploadCommand({ Bucket, Key: 'other', UploadId: other })));
      return [listed, open, head.ContentLength, head.ETag?.endsWith('-2"'), again];
    },
    expected: [[5 * 1024 * 1024, 3], ['other'], 5 * 1024 * 1024 + 3, true, 'NoSuchUpload 404'],
  },
];
