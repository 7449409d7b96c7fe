/** `status` on clusters as big as the sandbox carries. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inTurn, wall } from '../measure.mjs';
import { inSandbox, root, script } from '../sandbox.mjs';

const few = 50;
const many = 250;

export async function clusterRows({ add }) {
  const peaks = new Map();
  await add(`status on ${many} nodes against ${few}`, many / few, () =>
    inSandbox(['--nodes', String(few)], (small) =>
      inSandbox(['--nodes', String(many)], async (big) => {
        for (const { env } of [small, big]) await wall(process.execPath, [script, 'install', '--yes', '--no-verify', '--output', 'json'], { env });
        const status =
          (nodes, { env, folder }) =>
          async () => {
            const file = join(folder, 'peak');
            const hook = pathToFileURL(join(root, 'bench', 'peak.mjs')).href;
            const seconds = await wall(process.execPath, ['--import', hook, script, 'status'], { env: { ...env, BENCH_PEAK: file } });
            peaks.set(nodes, Number(readFileSync(file, 'utf8')) / 1024);
            return seconds;
          };
        return inTurn(status(many, big), status(few, small), { runs: 5 });
      }),
    ),
  );
  await add(`peak memory of status on ${many} nodes, against 130 MiB`, 1, async () => {
    const peak = peaks.get(many);
    if (peak === undefined) throw new Error('status was not measured');
    return { ratio: peak / 130, note: `${Math.round(peak)} MiB; on ${few} nodes ${Math.round(peaks.get(few))} MiB` };
  });
}
