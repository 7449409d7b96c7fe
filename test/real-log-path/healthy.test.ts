/** A healthy system: everything ends with 0, and doctor finds nothing at any moment, rollouts included. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, openHarness, seconds } from './harness.ts';

const MINUTES = Number(process.env['DOCTOR_MINUTES'] ?? 5);
let harness: Harness;
beforeAll(async () => (harness = await openHarness({ nodes: 3 })));
afterAll(() => harness?.close());

it(`install, doctor every 5 s for ${MINUTES} min through a rolling restart and a scale-up, verify, status`, async ({ task }) => {
  const install = await harness.cli('install', '--yes', '--output', 'plain');
  expect(install.exit, install.stdout + install.stderr).toBe(0);
  const began = Date.now();
  const minute = (): number => (Date.now() - began) / 60_000;
  const events: readonly { readonly at: number; readonly what: string; readonly act: () => Promise<unknown> }[] = [
    { at: MINUTES * 0.3, what: 'rolling restart', act: () => harness.kubectl('-n', 'loki', 'rollout', 'restart', 'deployment,statefulset') },
    {
      at: MINUTES * 0.7,
      what: 'scale-up',
      act: () => harness.kubectl('-n', 'loki', 'scale', 'deployment', 'loki-distributor', 'loki-querier', '--replicas=3'),
    },
  ];
  let done = 0;
  const alarms: string[] = [];
  let runs = 0;
  while (minute() < MINUTES) {
    const next = events[done];
    if (next !== undefined && minute() >= next.at) {
      await next.act();
      done += 1;
    }
    const at = `${(minute() * 60).toFixed(0)} s, ${done === 0 ? 'after install' : `after ${events[done - 1]?.what}`}`;
    const started = Date.now();
    const { exit, stdout, stderr } = await harness.cli('doctor', '--output', 'plain');
    runs += 1;
    if (exit !== 0) alarms.push(`${at}: exit ${exit}\n${stdout}${stderr}`);
    await seconds(Math.max(0, 5 - (Date.now() - started) / 1000));
  }
  Object.assign(task.meta, { rows: [`doctor on a healthy system: asked ${runs} times in ${MINUTES} min, false alarms ${alarms.length}`] });
  expect(alarms).toEqual([]);
  // Replicas that were scaled by hand are drift, which is said, and no fault.
  for (const words of [['verify', '--restart-collector'], ['status'], ['doctor']]) {
    const { exit, stdout, stderr } = await harness.cli(...words, '--output', 'plain');
    expect(exit, `${words.join(' ')}\n${stdout}${stderr}`).toBe(0);
  }
});
