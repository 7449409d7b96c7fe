/** No false alarm: what healthy parts say and do while they start, restart and are rolled out. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rankFindings } from '../../src/commands/doctor/diagnose.ts';
import { accessOf } from '../../src/commands/doctor/analyze/access.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import { timeOf } from '../../src/commands/doctor/analyze/log-lines.ts';
import type { LokiEvidence } from '../../src/commands/doctor/analyze/loki-evidence.ts';
import type { PodEvidence } from '../../src/commands/doctor/analyze/objects-evidence.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import { runChecks } from '../../src/engine/run-checks.ts';
import { collectorSeen, pod, surveySeen, workload } from './survey-maker.ts';

type Recorded = Readonly<Record<string, { readonly pod: string; readonly lines: readonly string[] }>>;
/** Every part of Loki 3.7.6 in microservices, its gateway and Alloy 1.18.1, from their first line on; three minutes in all. */
const recorded = JSON.parse(readFileSync(new URL('startup-lines.json', import.meta.url), 'utf8')) as Recorded;
const BEGAN = Date.parse('2026-11-28T18:26:21Z');

async function told(collected: Evidence) {
  const toProblem = (error: unknown) => {
    throw error;
  };
  return rankFindings(
    doctorChecks,
    await runChecks(doctorChecks, collected, { at: 'doctor', emit: () => {}, signal: new AbortController().signal, toProblem }),
  ).map(({ severity, problem }) => `${severity} ${problem.code}: ${problem.message} ${problem.evidence?.join(' ')}`);
}

const kind = (component: string) => (/ingester|compactor|index-gateway|cache|ruler/.test(component) ? 'StatefulSet' : 'Deployment');

/** `at`: seconds after the first part began, when everything is looked at. */
function fresh(at: number, put: Partial<LokiEvidence> = {}, known: Partial<PodEvidence> = {}): Evidence {
  const now = BEGAN + at * 1000;
  const until = (lines: readonly string[]) => lines.filter((line) => (timeOf(line) ?? 0) <= now);
  const parts = Object.entries(recorded).filter(([component]) => component !== 'alloy');
  const healthy = surveySeen();
  const pods = parts.map(([component, { pod: name, lines }]) =>
    component === 'gateway' ? pod(name, component, { ...known, ...accessOf(until(lines)) }) : pod(name, component, { ...known, lines: until(lines) }),
  );
  const ingesters = [0, 1, 2].map((index) => pod(`loki-ingester-${index}`, 'ingester', { ...known, lines: until(recorded['ingester']!.lines) }));
  const workloads = [...new Set(pods.map(({ component }) => component))].map((component) =>
    workload(`loki-${component}`, component, { kind: kind(component), ...(component === 'ingester' && { wanted: 3, ready: 3, claims: ['data'] }) }),
  );
  return surveySeen({
    done: new Date(now),
    loki: {
      ...healthy.loki!,
      workloads,
      pods: [...pods.filter(({ component }) => component !== 'ingester'), ...ingesters],
      ring: { active: 3, states: ['a: ACTIVE', 'b: ACTIVE', 'c: ACTIVE'] },
      ...put,
    },
    collectors: [collectorSeen({ pods: [pod('alloy-a', '', { namespace: 'alloy', lines: until(recorded['alloy']!.lines) })] })],
    reading: { ...healthy.reading!, asked: new Date(now), newest: { line: 'x', time: new Date(now - 2000), labels: {} } },
  });
}

describe('parts that have just started say much', () => {
  it('all of it was recorded', () => {
    expect(Object.keys(recorded)).toEqual(
      expect.arrayContaining([
        'alloy',
        'compactor',
        'distributor',
        'gateway',
        'index-gateway',
        'ingester',
        'querier',
        'query-frontend',
        'query-scheduler',
        'ruler',
      ]),
    );
    expect(
      Object.values(recorded)
        .flatMap(({ lines }) => lines)
        .filter((line) => /level=(warn|error)/.test(line)).length,
    ).toBeGreaterThan(20);
  });

  it.each([25, 30, 45, 60, 75, 95, 120, 180, 240])('and none of it is a finding %d s after the start, where the ring is whole', async (at) => {
    expect(await told(fresh(at))).toEqual([]);
  });

  it.each([25, 60, 120])('nor %d s after it where Kubernetes tells when they started', async (at) => {
    const started = new Date(BEGAN - 5000);
    expect(
      await told(fresh(at, {}, { created: started, readySince: new Date(BEGAN + 15_000), containers: [{ name: 'loki', restarts: 0, startedAt: started }] })),
    ).toEqual([]);
  });

  it('but what goes on long after is', async () => {
    const late =
      'level=warn ts=2026-11-28T18:32:34.36Z caller=log_result_cache.go:170 msg="error fetching cache" err="memcache: no servers configured or available"';
    const collected = fresh(380);
    const pods = collected.loki!.pods.map((one) => (one.component === 'query-frontend' ? { ...one, lines: [...one.lines!, late] } : one));
    expect(await told({ ...collected, loki: { ...collected.loki!, pods } })).toEqual([expect.stringContaining('warn LOKI_CACHE_TIMEOUTS')]);
  });

  it('and so is a part that has not joined long after, where the ring is not whole', async () => {
    const late =
      'level=error ts=2026-11-28T18:32:34.36Z caller=memberlist_client.go:750 phase=startup msg="joining memberlist cluster failed" err="found no nodes to join"';
    const collected = fresh(380, { ring: { active: 1, states: ['a: ACTIVE'] } });
    const pods = collected.loki!.pods.map((one) => (one.component === 'distributor' ? { ...one, lines: [...one.lines!, late] } : one));
    expect((await told({ ...collected, loki: { ...collected.loki!, pods } })).join('\n')).toContain('fail LOKI_MEMBERLIST');
  });
});

const now = new Date(1_000_000);
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const withPods = (pods: readonly PodEvidence[], put: Partial<LokiEvidence> = {}): Evidence => {
  const healthy = surveySeen();
  return surveySeen({ done: now, loki: { ...healthy.loki!, pods, ...put } });
};
const RESTART =
  'level=warn ts=1970-01-01T00:16:35Z caller=lifecycler.go:304 msg="found an existing instance(s) with a problem in the ring, this instance cannot become ready until this problem is resolved. The /ring http endpoint on the distributor (or single binary) provides visibility into the ring." ring=ingester err="instance 10.0.0.2:9095 in state LEAVING"';
const starting = (name: string, component: string, seconds: number, put: Partial<PodEvidence> = {}) =>
  pod(name, component, { ready: false, created: ago(3600), containers: [{ name: 'loki', restarts: 0, startedAt: ago(seconds) }], ...put });

describe('an ingester that starts beside one that leaves', () => {
  const others = [1, 2].map((index) => pod(`loki-ingester-${index}`, 'ingester'));
  const gateway = pod('loki-gateway-0', 'gateway');
  const ring = { active: 2, states: ['a: JOINING', 'b: ACTIVE', 'c: ACTIVE'] };
  it.each([5, 30, 80])('waits for its neighbour, and nobody for it, %d s after its start', async (seconds) => {
    expect(await told(withPods([starting('loki-ingester-0', 'ingester', seconds, { lines: [RESTART] }), ...others, gateway], { ring }))).toEqual([]);
  });
  it('is a finding once it has waited for minutes', async () => {
    const found = await told(withPods([starting('loki-ingester-0', 'ingester', 300, { lines: [RESTART] }), ...others, gateway], { ring }));
    expect(found[0]).toContain('fail LOKI_RING_STALE');
  });
  it('is one at once where the ring has an entry that is lost', async () => {
    const found = await told(
      withPods([starting('loki-ingester-0', 'ingester', 30, { lines: [RESTART] }), ...others, gateway], {
        ring: { active: 2, states: ['z: UNHEALTHY', 'b: ACTIVE', 'c: ACTIVE'] },
      }),
    );
    expect(found[0]).toContain('fail LOKI_RING_STALE');
  });
});

describe('a part whose only pods have just been replaced', () => {
  const parts = ['distributor', 'querier', 'query-frontend', 'index-gateway', 'gateway', 'query-scheduler', 'compactor'];
  it.each(parts)('%s is on the way', async (component) => {
    const healthy = surveySeen().loki!;
    const own = workload(`loki-${component}`, component, { ready: 0 });
    const workloads = [...healthy.workloads.filter((one) => one.component !== component), own];
    const gateway = component === 'gateway' ? { gateway: { ...healthy.gateway!, workload: own } } : {};
    const pods = [...healthy.pods.filter((one) => one.component !== component), starting(`loki-${component}-0`, component, 20)];
    expect(await told(withPods(pods, { workloads, ...gateway }))).toEqual([]);
  });
  it.each(parts)('%s has none for a moment', async (component) => {
    const healthy = surveySeen().loki!;
    const own = workload(`loki-${component}`, component, { ready: 0 });
    const workloads = [...healthy.workloads.filter((one) => one.component !== component), own];
    const gateway = component === 'gateway' ? { gateway: { ...healthy.gateway!, workload: own } } : {};
    const others = healthy.pods.filter((one) => one.component !== component);
    expect(await told(withPods(others, { workloads, ...gateway }))).toEqual([]);
    expect(await told(withPods([...others, pod('new', component)], { workloads, ...gateway }))).toEqual([]);
  });
  it.each(['distributor', 'querier', 'query-frontend', 'gateway'])('%s that may make none is down', async (component) => {
    const healthy = surveySeen().loki!;
    const own = workload(`loki-${component}`, component, { ready: 0 });
    const workloads = [...healthy.workloads.filter((one) => one.component !== component), own];
    const gateway = component === 'gateway' ? { gateway: { ...healthy.gateway!, workload: own } } : {};
    const others = healthy.pods.filter((one) => one.component !== component);
    const events = [{ object: `ReplicaSet loki/loki-${component}-abc`, reason: 'FailedCreate', message: 'exceeded quota' }];
    expect((await told(withPods(others, { workloads, events, ...gateway })))[0]).toMatch(/fail (LOKI_COMPONENT_DOWN|GATEWAY_UNAVAILABLE)/);
  });
  it('all ingesters at once are on the way as well', async () => {
    const healthy = surveySeen().loki!;
    const workloads = healthy.workloads.map((one) => (one.component === 'ingester' ? { ...one, ready: 0 } : one));
    const pods = [...[0, 1, 2].map((index) => starting(`loki-ingester-${index}`, 'ingester', 25)), pod('loki-gateway-0', 'gateway')];
    expect(await told(withPods(pods, { workloads, ring: { active: 0, states: [] } }))).toEqual([]);
  });
});
