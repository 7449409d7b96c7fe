/** An adoption that died and is begun again learns the same as one that was never cut: what it has made itself is nothing to take over. */
import { afterEach, expect, it } from 'vitest';
import { rolePolicy } from '../../src/design/names.ts';
import { settled } from './compare.ts';
import { GUIDE_ROLE, policyOn } from '../doctor/guide-installation.ts';
import { someSettings } from '../support/facts.ts';
import { guideBuckets, guideHouse } from './guide-harness.ts';
import { clusterName, region, type Harness } from './harness.ts';

let harness: Harness;
afterEach(() => harness.close());

/** As by a loki-eks of before that has let go of it. */
async function servesLokiAlone(at: Harness): Promise<void> {
  const { roles } = await (await at.deps()).aws(someSettings({ cluster: clusterName, region }));
  const { Version, Statement } = policyOn(guideBuckets(at.world.account.id));
  await roles.setInline(GUIDE_ROLE, 'LokiS3AccessPolicy', undefined);
  await roles.setInline(GUIDE_ROLE, rolePolicy, { Version, Statement: Statement.map((one) => ({ Sid: 'UseObjects', ...one })) });
}

it.each([
  ['a role that others use as well', async () => {}, {}, 2],
  ['a role of its own', servesLokiAlone, {}, 1],
  ['a path for the role that is made', async () => {}, { iamPath: '/teams/' }, 2],
] as const)('%s', async (_, prepare, said, roles) => {
  harness = await guideHouse();
  await prepare(harness);
  const back = harness.save();
  const whole = await harness.run({ command: 'adopt', flags: said });
  expect(whole.exit).toBe(0);
  expect(harness.world.account.state.iam.roles.size).toBe(roles);
  const adopted = settled(harness.world);
  const moments = whole.writes.filter(({ call }, index) => !call.endsWith(':leases') && index % EACH === 5);
  expect(moments.length).toBeGreaterThan(2);
  for (const moment of moments) {
    back();
    expect((await harness.run({ command: 'adopt', flags: said, faults: [{ ...moment, fault: 'killed' }] })).exit).toBeUndefined();
    expect((await harness.run({ command: 'adopt', flags: { onUnfinished: 'continue' } })).exit).toBe(0);
    expect(settled(harness.world), `${moment.call}#${moment.nth}`).toBe(adopted);
  }
});

/** Every write is in the fault table, for one of these. */
const EACH = 30;
