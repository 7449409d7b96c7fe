/** `status` and `doctor` on clusters of thousands of nodes, 20 ms away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBigCluster } from '../big-cluster.mjs';
import { inTurn, median, wall } from '../measure.mjs';
import { inSandbox, root, script } from '../sandbox.mjs';

const few = 500;
const many = 5000;
const latencyMs = 20;
const runs = 5;

export async function clusterRows({ add }) {
  let measured;
  const all = async () => (measured ??= await inSandbox([], measure));
  const against = (value, most, unit) => ({
    ratio: value / most,
    note: `${unit === 's' ? value.toFixed(2) : Math.round(value)} ${unit} of at most ${most} ${unit}`,
  });
  await add(`status on ${many} nodes at ${latencyMs} ms a call, against 1 s`, 1, async () => against((await all()).status.a, 1, 's'));
  await add(`peak memory of status on ${many} nodes, against 130 MiB`, 1, async () => against((await all()).peaks.status, 130, 'MiB'));
  await add(`status on ${many} nodes against ${few}: less than ${many / few}`, many / few, async () => (await all()).status);
  await add(`doctor on ${many} nodes at ${latencyMs} ms a call, against 20 s`, 1, async () => against((await all()).doctor, 20, 's'));
  await add(`peak memory of doctor on ${many} nodes, against 250 MiB`, 1, async () => against((await all()).peaks.doctor, 250, 'MiB'));
}

async function measure(sandbox) {
  await wall(process.execPath, [script, 'install', '--yes', '--output', 'json'], { env: sandbox.env });
  const small = await openBigCluster(sandbox, { nodes: few, latencyMs });
  const big = await openBigCluster(sandbox, { nodes: many, latencyMs });
  const peaks = {};
  const run =
    (command, { env }, count = true) =>
    async () => {
      const file = join(sandbox.folder, 'peak');
      const hook = pathToFileURL(join(root, 'bench', 'peak.mjs')).href;
      const seconds = await wall(process.execPath, ['--import', hook, script, command], { env: { ...env, BENCH_PEAK: file } });
      if (count) peaks[command] = Math.max(peaks[command] ?? 0, Number(readFileSync(file, 'utf8')) / 1024);
      return seconds;
    };
  try {
    const status = await inTurn(run('status', big), run('status', small, false), { runs });
    const doctor = run('doctor', big);
    const seconds = [];
    for (let at = -1; at < runs; at += 1) {
      const one = await doctor();
      if (at >= 0) seconds.push(one);
    }
    return { status, doctor: median(seconds), peaks };
  } finally {
    await Promise.all([small.close(), big.close()]);
  }
}
