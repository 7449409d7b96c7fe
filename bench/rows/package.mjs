/** The package: how heavy it is, and what a cold npx costs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTurn, wall } from '../measure.mjs';
import { root } from '../sandbox.mjs';

/** What the bundle is made of, as a package that is not bundled would name it. */
const parts = /^(?:@aws-sdk|@smithy|@inquirer|@kubernetes)\/|^(?:commander|execa|listr2|ws|yaml|zod)$/;

export async function packageRows({ add }) {
  const folder = mkdtempSync(join(tmpdir(), 'loki-eks-bench-'));
  const pack = (from) =>
    JSON.parse(
      execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
        cwd: from,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    )[0];
  try {
    const packed = pack(root);
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const share = (value, most, unit) => ({ ratio: value / most, note: `${value} of at most ${most} ${unit}` });
    await add('packed size', 1, async () => share(packed.size, 1_500_000, 'bytes'));
    await add('files in the package', 1, async () => share(packed.entryCount, 60, 'files'));
    await add('dependencies of the package', 0, async () => ({ ratio: Object.keys(manifest.dependencies ?? {}).length }));
    await add('cold npx against the same package unbundled', 1 / 8, async () => {
      const unbundled = join(folder, 'unbundled');
      mkdirSync(unbundled);
      const dependencies = Object.fromEntries(Object.entries(manifest.devDependencies).filter(([name]) => parts.test(name)));
      writeFileSync(join(unbundled, 'package.json'), JSON.stringify({ name: 'unbundled', version: '1.0.0', bin: 'bin.js', dependencies }));
      writeFileSync(join(unbundled, 'bin.js'), '#!/usr/bin/env node\n');
      const other = pack(unbundled);
      const cold = (file, bin) => async () => {
        const cache = mkdtempSync(join(folder, 'cache-'));
        const seconds = await wall('npx', ['--yes', '--cache', cache, '--package', join(folder, file), bin, '--version'], { cwd: folder });
        rmSync(cache, { recursive: true, force: true });
        return seconds;
      };
      return inTurn(cold(packed.filename, 'loki-eks'), cold(other.filename, 'unbundled'), { runs: 3, warm: false });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
