/** Pairs of breaks, and worlds in which nothing is wrong. */
import { describe, expect, it } from 'vitest';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import { hops } from '../../src/commands/doctor/analyze/evidence.ts';
import { failureClasses, type FailureClass } from '../../src/problems/failure-classes.ts';
import { clusterFaults } from '../../src/sandbox/faults/index.ts';
import { cases } from './halves.ts';
import { openHarness, type Diagnosis, type Harness } from './harness.ts';
import { pairs } from './pairs.ts';

const PATIENCE = 12_000;
const LOOKS = 12;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(harness: Harness, done: (found: Diagnosis) => boolean): Promise<Diagnosis> {
  const end = Date.now() + PATIENCE;
  for (let looks = 1; ; looks += 1) {
    const found = await harness.doctor();
    if (done(found) || (looks >= LOOKS && Date.now() > end)) return found;
    await pause(100);
  }
}

const codes = ({ findings }: Diagnosis): readonly string[] => findings.map(({ role, problem }) => `${role} ${problem.code}: ${problem.message}`);

describe('the list is whole', () => {
  it('every class has a case and a break, every hop a case, every case an id of its own', () => {
    expect(new Set(cases.map((one) => one.class))).toEqual(new Set<FailureClass>(failureClasses));
    expect(clusterFaults.map(({ name }) => name).sort()).toEqual([...failureClasses].sort());
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    expect([...new Set(doctorChecks.map(({ hop }) => hop))]).toEqual([...hops]);
  });
});

describe('two breaks: the one further up is named first', () => {
  for (const { up, down } of pairs()) {
    it(`${up}, and ${down}`, async ({ task }) => {
      const harness = await openHarness();
      try {
        for (const name of [down, up]) harness.world.breaks.make(name);
        const found = await until(harness, ({ first }) => first?.classes.includes(up) === true);
        const ok = found.first?.classes.includes(up) === true;
        task.meta.pair = { ok };
        expect({ ok, told: codes(found) }).toEqual({ ok: true, told: codes(found) });
      } finally {
        harness.close();
      }
    });
  }
});

describe('nothing is found', () => {
  const quiet = (what: string, make: (harness: Harness) => Promise<void>): void =>
    it(what, async ({ task }) => {
      const harness = await openHarness();
      try {
        await make(harness);
        await pause(300);
        const found = await until(harness, ({ findings }) => findings.length === 0);
        task.meta.quiet = { alarm: found.findings.length > 0 || found.exit !== 0 };
        expect({ exit: found.exit, told: codes(found), notCollected: found.notCollected }).toEqual({ exit: 0, told: [], notCollected: [] });
      } finally {
        harness.close();
      }
    });
  quiet('in a healthy installation', async () => {});
  quiet('when evidence was injected and is taken away again', async ({ world, doctor }) => {
    world.replay.add('case', {
      answers: [{ component: 'gateway', path: '/loki/api/v1/*', status: 502, body: '<html>502' }],
      status: [{ kind: 'Pod', namespace: 'loki', name: 'loki-ingester-*', patch: { conditions: [{ type: 'Ready', status: 'False' }] } }],
      metrics: [{ component: 'distributor', values: { 'loki_discarded_samples_total{reason="rate_limited",tenant="x"}': 4 } }],
      objects: [{ kind: 'ServiceAccount', namespace: 'loki', name: 'loki', patch: { metadata: { annotations: null } } }],
      aws: [{ call: 'iam:GetRole', code: 'NoSuchEntity', status: 404 }],
    });
    expect((await doctor()).first).toBeDefined();
    world.replay.clear('case');
  });
  quiet('when a break is taken back', async ({ world, doctor }) => {
    // None of those whose lines are lost for good: that is told for a while, and rightly.
    for (const name of ['oidc-provider', 'varlog-mount']) world.breaks.make(name);
    await pause(300);
    expect((await doctor()).first?.problem.code).toBe('IRSA_PROVIDER_MISSING');
    world.breaks.clear();
  });
});
