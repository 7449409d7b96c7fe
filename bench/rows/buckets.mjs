/** Emptying a bucket of 20,000 objects, with 50 ms added to each call. */
import { S3Client, PutObjectCommand } from '@aws-sdk/client-s3';
import { execFileSync } from 'node:child_process';
import { openGate } from '../gate.mjs';
import { wall } from '../measure.mjs';
import { inSandbox, script } from '../sandbox.mjs';

const objects = 20_000;
const delayMs = 50;

export async function bucketRows({ add, peers }) {
  await add(`empty ${objects} objects at ${delayMs} ms a call against aws s3 rb --force`, 1 / 80, async () => {
    const aws = peers.aws();
    const a = await inSandbox([], emptyWithUninstall);
    const b = await inSandbox([], async ({ env, endpoint }) => {
      execFileSync(aws, ['s3api', 'create-bucket', '--bucket', 'bench', '--create-bucket-configuration', `LocationConstraint=${env.AWS_REGION}`], { env });
      await fill('bench', { env, endpoint });
      const gate = await openGate(endpoint, { delayMs });
      try {
        return await wall(aws, ['s3', 'rb', 's3://bench', '--force'], { env: { ...env, AWS_ENDPOINT_URL: gate.url } });
      } finally {
        await gate.close();
      }
    });
    return { ratio: a / b, a, b, runs: 1, note: 'one run: the peer takes minutes; ours from the listing of its first delete to the end of the bucket' };
  });
}

async function emptyWithUninstall({ env, endpoint }) {
  await wall(process.execPath, [script, 'install', '--yes', '--no-verify', '--output', 'json'], { env });
  const status = JSON.parse(execFileSync('aws', ['s3api', 'list-buckets', '--output', 'json'], { env, encoding: 'utf8' }));
  const names = status.Buckets.map(({ Name }) => Name);
  const [chunks] = names.filter((name) => name.includes('chunks'));
  await fill(chunks, { env, endpoint });
  const gate = await openGate(endpoint, { delayMs });
  try {
    const confirmed = names.flatMap((name) => ['--confirm-delete-data', name]);
    await wall(process.execPath, [script, 'uninstall', '--yes', '--delete-data', ...confirmed, '--output', 'json'], {
      env: { ...env, AWS_ENDPOINT_URL: gate.url },
    });
    const calls = gate.take().filter(({ what }) => what.includes(`/${chunks}`) && /\?(?:.*&)?(?:versions|delete|uploads)|^DELETE/.test(what));
    if (!calls.some(({ what }) => what.startsWith('POST'))) throw new Error('the bucket was not emptied');
    // An inspection has looked at the bucket before, while the releases were still there: it counts from the listing of the first delete.
    const firstDelete = Math.min(...calls.filter(({ what }) => what.startsWith('POST')).map(({ began }) => began));
    const began = Math.max(...calls.filter(({ ended }) => ended <= firstDelete).map((call) => call.began));
    return (Math.max(...calls.map(({ ended }) => ended)) - began) / 1000;
  } finally {
    await gate.close();
  }
}

async function fill(bucket, { env, endpoint }) {
  const client = new S3Client({
    region: env.AWS_REGION,
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  });
  let next = 0;
  const worker = async () => {
    while (next < objects) {
      const at = next++;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `fake/${(at % 256).toString(16)}/${at}`, Body: 'x' }));
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  client.destroy();
}
