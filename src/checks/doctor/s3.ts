/** Hop s3: the buckets are there, where Loki looks for them, and its role may use them. */
import { said, unwrittenSince } from './log-lines.ts';
import type { BucketSeen, DoctorCheck } from './survey.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const hop = 's3';
const S3_ERROR =
  /NoSuchBucket|AccessDenied|BucketRegionError|PermanentRedirect|KMS\.|not authorized to perform: kms|(S3|s3[.-]\S*amazonaws).*(timeout|no such host|refused|deadline)|SerializationError/;

export const isBucketName = (name: string): boolean => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name);

export const bucketsThere: DoctorCheck = {
  id: 's3.buckets',
  title: 'The buckets exist where Loki looks for them',
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    if (loki.buckets.length === 0) return skip('Loki keeps nothing in S3');
    for (const { name, use, region = cluster.region, look } of loki.buckets) {
      const from = `${loki.configFrom}: the ${use} bucket is "${name}"`;
      const lines = said(loki.pods, S3_ERROR, 1);
      if (!isBucketName(name)) {
        return fail('LOKI_BUCKET_NAME', { message: `"${name}" is no bucket's name`, evidence: [from, ...lines] });
      }
      if (look?.is === 'absent') {
        return fail('LOKI_BUCKET_ABSENT', {
          message: `Bucket ${name}, where Loki keeps ${use === 'chunks' ? 'its chunks' : 'its rules'}, does not exist`,
          evidence: [from, `s3: there is no bucket ${name}`, ...lines],
        });
      }
      if (look?.is === 'foreign') {
        return fail('LOKI_BUCKET_FOREIGN', { message: `Bucket ${name} belongs to another account, or may not be looked at`, evidence: [from, ...lines] });
      }
      const really = look?.is === 'elsewhere' || look?.is === 'ours-to-read' ? look.region : undefined;
      if (really && really !== region) {
        return fail('LOKI_BUCKET_REGION', {
          message: `Bucket ${name} is in ${really}, but Loki asks for it in ${region}`,
          fix: `set loki.storage.s3.region (and loki.storage_config.aws.region, if it is set) to ${really}, and upgrade the release`,
          evidence: [`${from}, its region "${region}"`, `s3: ${name} is in ${really}`, ...lines],
        });
      }
    }
    const unknown = loki.buckets.filter(({ look }) => !look);
    return unknown.length > 0
      ? skip(`${unknown.map(({ name }) => name).join(', ')} could not be looked at`)
      : pass(loki.buckets.map(({ name }) => name).join(', '));
  },
};

export const roleSuffices: DoctorCheck = {
  id: 's3.policy',
  title: 'The role may read, write, list and delete there',
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    const judged = loki.buckets.filter((bucket): bucket is BucketSeen & { denied: readonly string[] } => Array.isArray(bucket.denied));
    if (judged.length === 0) return skip('the policies were not looked at');
    const bad = judged.find(({ denied, deniedKey }) => denied.length > 0 || (Array.isArray(deniedKey) && deniedKey.length > 0));
    if (!bad) return pass();
    const role = (loki.account.roleArn ?? loki.account.association ?? '').split('/').at(-1);
    const arn = `arn:${cluster.partition}:s3:::${bad.name}`;
    const missing = bad.denied.length > 0 ? bad.denied : (bad.deniedKey as readonly string[]);
    const key = bad.look?.is === 'ours-to-read' && bad.look.encryption?.algorithm === 'aws:kms' ? bad.look.encryption.key : arn;
    const statements =
      bad.denied.length > 0
        ? [
            { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: [arn] },
            { Effect: 'Allow', Action: ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'], Resource: [`${arn}/*`] },
          ]
        : [{ Effect: 'Allow', Action: missing, Resource: [key] }];
    return fail('LOKI_ROLE_POLICY', {
      message: `Role ${role} may not ${missing.join(', ')} on ${bad.denied.length > 0 ? bad.name : key}`,
      fix: `aws iam put-role-policy --role-name ${role} --policy-name loki-s3-${bad.use} --policy-document '${JSON.stringify({ Version: '2012-10-17', Statement: statements })}'`,
      evidence: [`iam simulator: ${missing.join(', ')} denied to ${role}`, ...said(loki.pods, S3_ERROR, 1)],
    });
  },
};

export const chunksArrive: DoctorCheck = {
  id: 's3.flushes',
  title: 'Ingesters write their chunks',
  at: ['doctor'],
  hop,
  symptom: true,
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    const evidence = said(loki.pods, /failed to flush|failed to run compaction|unable to list rules/, 3, unwrittenSince(survey));
    const failures = loki.counters?.flushFailures ?? 0;
    if (evidence.length > 0)
      return fail('LOKI_FLUSH_FAILS', {
        message: `${failures > 0 ? `${failures} flushes have failed, the last` : 'A job on the bucket failed'} a moment ago`,
        evidence,
      });
    if (!loki.counters) return skip("Loki's counters could not be read");
    if (failures === 0) return pass();
    const counter = `loki_ingester_chunks_flush_failures_total ${failures}`;
    return warn('LOKI_FLUSH_FAILS', { message: `${failures} flushes have failed a while ago`, evidence: [counter, ...said(loki.pods, /failed to flush/, 1)] });
  },
};
