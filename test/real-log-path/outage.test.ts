/** No line is lost and none is doubled, whatever happens to a collector while Loki takes no writes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, isReady, openHarness, seconds, until } from './harness.ts';
import { printed, rotate, startWriters, tally, writeLong, type Writer } from './lines.ts';

const MINUTES = Number(process.env['OUTAGE_MINUTES'] ?? 2);
const RATE = 20;
const BEFORE_SECONDS = 30;
const AFTER_SECONDS = 30;
const ROTATIONS = 10;
/** So much is printed by the rotated one in the outage: far more than a collector keeps in memory, so that it has to be kept elsewhere. */
const ROTATED_BYTES = 40 * 2 ** 20;
/** Over what nginx and Loki take as one push. */
const LONG_BYTES = 6 * 2 ** 20;
/** Above Alloy's longest pause between two attempts, which is five minutes, once an outage was long enough to come to it. */
const STILL_SECONDS = Math.min(330, 60 + MINUTES * 60);

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness({ nodes: 6 });
  const { exit, stdout, stderr } = await harness.cli('install', '--yes', '--retention-days', '60', '--output', 'plain');
  expect(exit, stdout + stderr).toBe(0);
});
afterAll(() => harness?.close());

const collectorOn = async (node: string): Promise<string> => {
  const found = (await harness.pods('alloy')).find(({ spec }) => spec.nodeName === node);
  if (found === undefined) throw new Error(`no collector on ${node}`);
  return found.metadata.name;
};

interface Row {
  readonly title: string;
  readonly writer: Omit<Writer, 'rate' | 'count'>;
  /** Once, a while into the outage. */
  readonly during?: () => Promise<unknown>;
}

function rows(): readonly Row[] {
  const [quiet = '', deleted = '', killed = '', rebooted = '', rotated = ''] = harness.nodes;
  return [
    { title: 'nothing else', writer: { name: 'quiet', node: quiet } },
    {
      title: 'collector pod deleted',
      writer: { name: 'deleted', node: deleted },
      during: async () => harness.kubectl('-n', 'alloy', 'delete', 'pod', await collectorOn(deleted), '--wait=false'),
    },
    {
      title: 'collector killed with -9',
      writer: { name: 'killed', node: killed },
      during: async () => harness.control('real/signal', { namespace: 'alloy', pod: await collectorOn(killed), signal: 'SIGKILL' }),
    },
    { title: 'node rebooted', writer: { name: 'rebooted', node: rebooted }, during: () => harness.control('reboot', { node: rebooted, downMs: 15_000 }) },
    {
      title: `file rotated ${ROTATIONS} times`,
      writer: { name: 'rotated', node: rotated, bytes: Math.max(160, Math.ceil(ROTATED_BYTES / (MINUTES * 60 * RATE))) },
    },
    { title: 'lines over 4 MiB', writer: { name: 'long', node: quiet }, during: () => writeLong(harness, 'long', { number: 1, bytes: LONG_BYTES }) },
    { title: 'static pod', writer: { name: 'static', node: quiet, isStatic: true } },
  ];
}

it(`a write outage of ${MINUTES} min`, async ({ task }) => {
  const all = rows();
  const since = new Date();
  const outageSeconds = MINUTES * 60;
  const count = Math.ceil((BEFORE_SECONDS + outageSeconds + AFTER_SECONDS) * RATE);
  await startWriters(
    harness,
    all.map(({ writer }) => ({ ...writer, rate: RATE, count })),
  );
  await seconds(BEFORE_SECONDS);
  await writeLong(harness, 'long', { number: 0, bytes: LONG_BYTES });

  await harness.kubectl('-n', 'loki', 'scale', 'deployment', 'loki-distributor', '--replicas=0');
  const began = Date.now();
  await seconds(25);
  await Promise.all(all.map(({ during }) => during?.()));
  for (let round = 1; round <= ROTATIONS; round += 1) {
    await seconds(Math.max(0, (outageSeconds * round) / (ROTATIONS + 1) - (Date.now() - began) / 1000));
    await rotate(harness, 'rotated');
  }
  await seconds(Math.max(0, outageSeconds - (Date.now() - began) / 1000));
  await harness.kubectl('-n', 'loki', 'scale', 'deployment', 'loki-distributor', '--replicas=2');
  await seconds(AFTER_SECONDS);
  await until('collectors are ready', 300, async () => (await harness.pods('alloy')).every(isReady));

  // A writer that was started anew begins again: wait until none prints, then until no more comes.
  await until('writers are done', outageSeconds + 600, async () => {
    const before = all.map(({ writer }) => printed(harness, writer.name).length);
    await seconds(5);
    return all.every(({ writer }, at) => printed(harness, writer.name).length === before[at]);
  });
  const counted = async () => Promise.all(all.map(async (row) => ({ row, tally: await tally(harness, row.writer.name, since) })));
  let results = await counted();
  const missing = (): number => results.reduce((total, { tally: { lost } }) => total + lost, 0);
  // Backlogs come in by and by; what has not moved for so long does not come any more.
  let [least, moved] = [missing(), Date.now()];
  while (missing() > 0 && Date.now() - moved < STILL_SECONDS * 1000) {
    await seconds(10);
    results = await counted();
    if (missing() < least) [least, moved] = [missing(), Date.now()];
  }
  const lines = results.map(
    ({ row, tally: { written, lost, doubled, missing } }) =>
      `${MINUTES} min, ${row.title}: written ${written}, lost ${lost}, doubled ${doubled}${missing.length > 0 ? ` (${missing.join('; ')} …)` : ''}`,
  );
  const sum = (of: 'written' | 'lost' | 'doubled'): number => results.reduce((total, { tally: one }) => total + one[of], 0);
  Object.assign(task.meta, { rows: [...lines, `${MINUTES} min, all rows: written ${sum('written')}, lost ${sum('lost')}, doubled ${sum('doubled')}`] });
  process.stdout.write(`${lines.join('\n')}\n`);
  expect(results.map(({ row, tally: { lost, doubled } }) => ({ row: row.title, lost, doubled }))).toEqual(
    all.map(({ title }) => ({ row: title, lost: 0, doubled: 0 })),
  );
  expect(results.every(({ tally: { written } }) => written >= count)).toBe(true);
});

it('one query spans the whole retention', async ({ task }) => {
  const day = 86_400_000;
  const search = new URLSearchParams({ query: '{namespace="writers"}', start: `${Date.now() - 59 * day}000000`, end: `${Date.now()}000000`, limit: '10' });
  const { status, body } = await harness.gateway(`/loki/api/v1/query_range?${search}`);
  Object.assign(task.meta, { rows: [`one query over 59 days: HTTP ${status}`] });
  expect(status, body.slice(0, 300)).toBe(200);
});
