/**
 * Prints how fast and how light the built program is, as ratios to something measured in turn in the same run.
 * `--json` prints the rows alone, `--only TEXT` measures the rows whose name holds it. Ends with 1 when a measurement is broken, never
 * because a target is missed.
 */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { awsRows } from './rows/aws.mjs';
import { bucketRows } from './rows/buckets.mjs';
import { clusterRows } from './rows/clusters.mjs';
import { installRows } from './rows/install.mjs';
import { packageRows } from './rows/package.mjs';
import { startUp } from './rows/start-up.mjs';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: '' } } });

/** Thrown when a row can't be measured on this machine; that is said, and no failure. */
class Absent extends Error {}

const peer = (name, words, { env } = {}) => {
  const path = (env && process.env[env]) || name;
  let version;
  try {
    version = execFileSync(path, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n')[0];
  } catch {
    version = undefined;
  }
  const use = () => {
    if (version === undefined) throw new Absent(`${name} is not on this machine`);
    return path;
  };
  return Object.assign(use, { label: name, version });
};
const peers = {
  helm: peer('helm', ['version', '--short'], { env: 'LOKI_EKS_HELM' }),
  kubectl: peer('kubectl', ['version', '--client'], { env: 'TOOLS_KUBECTL' }),
  aws: peer('aws', ['--version']),
  cdk: peer('cdk', ['--version']),
};

const rows = [];
let broken = 0;
async function add(name, target, measure) {
  if (!name.includes(values.only)) return;
  if (!values.json) process.stderr.write(`${name} ...\n`);
  try {
    const found = await measure();
    if (!Number.isFinite(found.ratio)) throw new Error('no figure came out');
    rows.push({ name, target, ...found, met: target === undefined ? undefined : found.ratio <= target });
  } catch (error) {
    if (!(error instanceof Absent)) broken += 1;
    rows.push({ name, target, why: error instanceof Absent ? error.message : `broken: ${error.message.split('\n')[0]}` });
  }
  // A long run that is broken off has still told what it found.
  if (!values.json) process.stderr.write(`  ${rows.at(-1).why ?? rows.at(-1).ratio.toPrecision(3)}\n`);
}

/** What the issue of speed asks for and this bench does not show, and why. */
const notMeasured = [];

const head = [
  `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
  ...Object.values(peers).map(({ label, version }) => `${label}: ${version ?? 'absent'}`),
];

for (const group of [startUp, packageRows, clusterRows, awsRows, installRows, bucketRows]) await group({ add, peers });

const number = (value) => (value === undefined ? '' : value >= 10 ? value.toFixed(1) : value.toPrecision(3));
if (values.json) process.stdout.write(`${JSON.stringify({ machine: head, rows, notMeasured }, null, 2)}\n`);
else {
  const lines = rows.map(({ name, ratio, spread, target, met, a, b, runs, note, why }) =>
    [
      name,
      why ?? number(ratio),
      spread ? `${number(spread[0])} to ${number(spread[1])}` : '',
      number(target),
      met === undefined ? '' : met ? 'met' : 'missed',
      note ?? (a === undefined ? '' : `${number(a * 1000)} ms, ${number(b * 1000)} ms, ${runs} pairs`),
    ].join(' | '),
  );
  const table = ['what | ratio | spread | target | | medians', '--- | --- | --- | --- | --- | ---', ...lines].map((line) => `| ${line} |`);
  const missing = notMeasured.map(([name, why]) => `- ${name}: ${why}`);
  process.stdout.write(`${[...head, '', ...table, ...(missing.length > 0 ? ['', 'Not measured:', '', ...missing] : [])].join('\n')}\n`);
}
process.exitCode = broken > 0 ? 1 : 0;
