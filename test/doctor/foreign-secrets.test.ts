/** Log lines are foreign text: a secret in one reaches neither an event nor a finding of `doctor`. */
import { expect, it } from 'vitest';
import { openHarness } from '../diagnosis-cases/harness.ts';
import { lines } from '../diagnosis-cases/case.ts';

const SECRETS = ['hunter2hunter2', 'aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'bG9raTpodW50ZXIyaHVudGVyMg=='];

it('in the evidence of a refused push', async () => {
  const harness = await openHarness();
  try {
    const said = `password=${SECRETS[0]} hf_${SECRETS[1]} ASIAIOSFODNN7EXAMPLE ${SECRETS[2]} authorization="Basic ${SECRETS[3]}"`;
    const line = `level=error msg="final error sending batch, no retries left, dropping data" status=401 error="server returned HTTP status 401: ${said.replaceAll('"', "'")}"`;
    harness.world.replay.add('case', { logs: [lines('alloy', line)] });
    await expect
      .poll(async () => JSON.stringify(await harness.doctor()), { timeout: 30_000, interval: 200 })
      // It was found, and it is shown without them.
      .toContain('final error sending batch');
    const told = JSON.stringify(await harness.doctor());
    expect(SECRETS.filter((secret) => told.includes(secret))).toEqual([]);
    expect(told).toContain('[removed: ');
  } finally {
    harness.close();
  }
});
