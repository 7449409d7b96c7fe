/** Emptying a bucket of 20,000 objects with 50 ms added to each call, and what a million of them cost in memory. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openGate } from '../gate.mjs';
import { manyObjects } from '../many-objects.mjs';
import { wall } from '../measure.mjs';
import { inSandbox, root, script } from '../sandbox.mjs';

const objects = 20_000;
const million = 1_000_000;
const delayMs = 50;

export async function bucketRows({ add, peers }) {
  await add(`empty ${objects} objects at ${delayMs} ms a call against aws s3 rb --force`, 1 / 80, async () => {
    const aws = peers.aws();
    const { seconds: a } = await inSandbox([], (sandbox) => emptyWithUninstall(sandbox, { count: objects, delayMs }));
    const b = await inSandbox([], async ({ env, endpoint }) => {
      execFileSync(aws, ['s3api', 'create-bucket', '--bucket', 'bench', '--create-bucket-configuration', `LocationConstraint=${env.AWS_REGION}`], { env });
      await fill('bench', { endpoint, count: objects });
      const gate = await openGate(endpoint, { delayMs });
      try {
        return await wall(aws, ['s3', 'rb', 's3://bench', '--force'], { env: { ...env, AWS_ENDPOINT_URL: gate.url } });
      } finally {
        await gate.close();
      }
    });
    return {
      ratio: a / b,
      a,
      b,
      runs: 1,
      note: `${a.toFixed(2)} s, ${b.toFixed(1)} s, one run each; ours from the listing of its first delete to the end of the bucket`,
    };
  });
  await add(`peak memory of emptying ${million} objects against ${objects}`, 1.3, async () => {
    const few = await inSandbox([], (sandbox) => emptyWithUninstall(sandbox, { count: objects, made: true }));
    const many = await inSandbox([], (sandbox) => emptyWithUninstall(sandbox, { count: million, made: true }));
    const mib = ({ peak }) => `${Math.round(peak / 1024)} MiB`;
    return { ratio: many.peak / few.peak, note: `${mib(many)} and ${mib(few)}, whole process; ${Math.round(million / many.seconds)} objects a second` };
  });
}

/**
 * Seconds from the listing of the first delete to the end of the bucket, and the peak of the process in KiB. `made`: the gate makes the
 * objects up, for the sandbox would be slower than what is measured.
 */
async function emptyWithUninstall({ env, endpoint, folder }, { count, delayMs = 0, made = false }) {
  await wall(process.execPath, [script, 'install', '--yes', '--no-verify'], { env });
  const { Buckets } = JSON.parse(execFileSync('aws', ['s3api', 'list-buckets', '--output', 'json'], { env, encoding: 'utf8' }));
  const names = Buckets.map(({ Name }) => Name);
  const chunks = names.find((name) => name.includes('chunks'));
  const many = made ? manyObjects(chunks, count) : undefined;
  if (!many) await fill(chunks, { endpoint, count });
  const gate = await openGate(endpoint, { delayMs, answer: many?.answer });
  const peakFile = join(folder, 'peak');
  try {
    const confirmed = names.flatMap((name) => ['--confirm-delete-data', name]);
    await wall(process.execPath, ['--import', join(root, 'bench', 'peak.mjs'), script, 'uninstall', '--yes', '--delete-data', ...confirmed], {
      env: { ...env, AWS_ENDPOINT_URL: gate.url, BENCH_PEAK: peakFile },
    });
    const calls = gate.take().filter(({ what }) => what.includes(`/${chunks}`) && /\?(?:.*&)?(?:versions|delete|uploads)|^DELETE/.test(what));
    if (!calls.some(({ what }) => what.startsWith('POST')) || (many?.left() ?? 0) > 0) throw new Error('the bucket was not emptied');
    // The bucket has been counted before, while the releases were still there: it counts from the listing of the first delete.
    const firstDelete = Math.min(...calls.filter(({ what }) => what.startsWith('POST')).map(({ began }) => began));
    const began = Math.max(...calls.filter(({ what, ended }) => what.includes('versions') && ended <= firstDelete).map((call) => call.began));
    return { seconds: (Math.max(...calls.map(({ ended }) => ended)) - began) / 1000, peak: Number(readFileSync(peakFile, 'utf8')) };
  } finally {
    await gate.close();
  }
}

/** As Loki names them: a tenant, a stream, a chunk. */
async function fill(bucket, { endpoint, count }) {
  const body = JSON.stringify({ bucket, count, prefix: 'fake/', folders: Math.min(5000, Math.ceil(count / 80)) });
  const answer = await fetch(`${endpoint}/_sandbox/seed-objects`, { method: 'POST', body });
  if (!answer.ok) throw new Error(`the sandbox did not take the objects: ${await answer.text()}`);
}
