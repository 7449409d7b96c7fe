/** Hop s3: the buckets exist, where Loki expects them, and its role may use them. */
import { getPath } from '../../../design/get-path.ts';
import { core, said, saying, toldOnce, unwrittenSince } from './log-lines.ts';
import type { Verdict } from '../../../engine/types.ts';
import type { DoctorCode } from '../../../problems/catalogue.ts';
import type { BucketEvidence, LokiEvidence } from './loki-evidence.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { tenantsWritten } from './tenants.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const hop = 's3';
const S3_ERROR =
  /NoSuchBucket|AccessDenied|BucketRegionError|PermanentRedirect|KMS\.|not authorized to perform: kms|(S3|s3[.-]\S{0,60}amazonaws).{0,200}(timeout|no such host|refused|deadline)|SerializationError/;

export const isBucketName = (name: string): boolean => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name);

export const bucketsThere: DoctorCheck = {
  id: 's3.buckets',
  title: 'The buckets exist in the configured region',
  at: ['doctor'],
  hop,
  async run(collected) {
    const { loki, cluster } = collected;
    if (!loki) return NO_LOKI;
    if (loki.buckets.length === 0) return skip(loki.otherStore ? `the object store is ${loki.otherStore}` : "Loki doesn't store logs in S3");
    for (const { name, use, region = cluster.region, look } of loki.buckets) {
      const from = `${loki.configFrom}: the ${use} bucket is "${name}"`;
      const lines = said(core(loki), S3_ERROR, 1);
      if (!isBucketName(name)) {
        return fail('LOKI_BUCKET_NAME', { message: `"${name}" is not a valid bucket name`, evidence: [from, ...lines] });
      }
      if (look?.is === 'absent') {
        return fail('LOKI_BUCKET_NOT_FOUND', {
          message: `Bucket ${name}, where Loki keeps ${use === 'chunks' ? 'its chunks' : 'its rules'}, does not exist`,
          evidence: [from, `s3: there is no bucket ${name}`, ...lines],
        });
      }
      if (look?.is === 'foreign') {
        return fail('LOKI_BUCKET_FOREIGN', {
          message: `Bucket ${name} belongs to another account, or you are not allowed to inspect it`,
          evidence: [from, ...lines],
        });
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
    const told = toldByPods(collected, loki);
    if (told) return told;
    const unknown = loki.buckets.filter(({ look }) => !look);
    return unknown.length > 0
      ? skip(`${unknown.map(({ name }) => name).join(', ')} could not be checked`)
      : pass(loki.buckets.map(({ name }) => name).join(', '));
  },
};

const SAYS: readonly (readonly [DoctorCode, RegExp, string])[] = [
  ['LOKI_BUCKET_NOT_FOUND', /NoSuchBucket/i, 'S3 tells Loki that there is no such bucket'],
  [
    'LOKI_BUCKET_REGION',
    /BucketRegionError|PermanentRedirect|status ?code: 301|AuthorizationHeaderMalformed|IllegalLocationConstraint/i,
    'S3 tells Loki to ask in another region',
  ],
  ['LOKI_BUCKET_NAME', /SerializationError[\s\S]{0,400}404|InvalidBucketName/i, 'S3 does not know what Loki calls a bucket'],
];

/** S3's responses in the pods' logs, for buckets that could not be checked, or when Loki uses another one. */
function toldByPods(collected: Evidence, loki: LokiEvidence): Verdict | undefined {
  for (const [code, pattern, message] of SAYS) {
    const evidence = toldOnce(saying(core(loki), pattern, unwrittenSince(collected)));
    if (evidence.length > 0) return fail(code, { message, evidence: evidence.slice(0, 3) });
  }
  return undefined;
}

export const roleSuffices: DoctorCheck = {
  id: 's3.policy',
  title: 'The role can read, write, list and delete objects',
  at: ['doctor'],
  hop,
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    const judged = loki.buckets.filter((bucket): bucket is BucketEvidence & { denied: readonly string[] } => Array.isArray(bucket.denied));
    if (judged.length === 0) return skip('the policies were not checked');
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
      evidence: [`iam simulator: ${missing.join(', ')} denied to ${role}`, ...said(core(loki), S3_ERROR, 1)],
    });
  },
};

/** With an endpoint set, some versions of Loki do not sign with the role. */
export const noEndpoint: DoctorCheck = {
  id: 's3.endpoint',
  title: "Loki's S3 region is set",
  at: ['doctor'],
  hop: 'aws-identity',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (loki.otherStore) return skip(`the object store is ${loki.otherStore}`);
    if (!loki.account.roleArn && !loki.account.association) return skip('Loki has no role');
    const paths = ['storage_config.aws', 'common.storage.s3', 'ruler.storage.s3'].flatMap((section) => ['endpoint', 's3'].map((key) => `${section}.${key}`));
    const set = paths.filter((path) => Boolean(getPath(loki.config, path)));
    if (set.length === 0) return pass();
    return warn('LOKI_S3_ENDPOINT', {
      evidence: set.map((path) => `${loki.configFrom}: ${path}: ${String(getPath(loki.config, path))}`),
    });
  },
};

/** A ruler reads rules/TENANT/…, whatever else is in its bucket. */
export const rulesInPlace: DoctorCheck = {
  id: 's3.rules',
  title: 'The ruler can see the rule files',
  at: ['doctor'],
  hop: 's3',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const bucket = loki.buckets.find(({ use }) => use === 'ruler');
    if (!bucket?.keys) return skip('no dedicated rules bucket, or it could not be checked');
    const lost = bucket.keys.filter((key) => /\.ya?ml$/i.test(key) && !key.startsWith('rules/'));
    const [first] = lost;
    const tenants = tenantsWritten(collected);
    const foreign = bucket.keys.find((key) => key.startsWith('rules/') && tenants.length > 0 && !tenants.includes(decoded(key.split('/')[1] ?? '')));
    if (!first && !foreign) return pass(`${bucket.keys.length} objects`);
    return warn('LOKI_RULES_MISPLACED', {
      message: first
        ? `${lost.length === 1 ? '1 rule file lies' : `${lost.length} rule files lie`} outside of rules/TENANT/ in bucket ${bucket.name}, where no ruler looks`
        : `Rules of tenant ${decoded(foreign!.split('/')[1] ?? '')} are in bucket ${bucket.name}, but logs are written as ${tenants.join(', ')}`,
      ...(first && {
        fix: `aws s3 mv s3://${bucket.name}/${first} s3://${bucket.name}/rules/${first.includes('/') ? first : `${tenants[0] ?? 'TENANT'}/${first}`}`,
      }),
      evidence: (first ? lost : [foreign!]).slice(0, 4).map((key) => `s3://${bucket.name}/${key}`),
    });
  },
};

/** The ruler's API encodes tenants and groups in Base64; people write them in plain text. */
function decoded(text: string): string {
  const plain = Buffer.from(text, 'base64url').toString();
  return /^[\w .:-]+$/.test(plain) && Buffer.from(plain).toString('base64url') === text.replace(/(?<!=)=+$/, '') && text.length > 4 ? plain : text;
}
