/** Hop loki-runtime: Loki's components find each other. Rings mirror what happens to pods, so most of this is a symptom. */
import { getPath } from '../../../design/get-path.ts';
import { core, freshSince, hasSaidSince, nowIn, said, saying, toldOnce } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';
import { isStarting, settled, startOf } from './starting.ts';
import { quorumOf, replicationFactor } from './loki-quorum.ts';
import { newestRefusal, refusedWith } from './refusals.ts';
import type { DoctorCheck } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const storing = ({ pods }: LokiEvidence): readonly PodEvidence[] => pods.filter(({ component }) => ['ingester', 'write', 'single-binary'].includes(component));

/** As far as it was read: enough members, none of them unhealthy. */
const isWhole = (loki: LokiEvidence): boolean =>
  loki.ring !== undefined && loki.ring.active >= quorumOf(loki) && !loki.ring.states.some((state) => /UNHEALTHY/i.test(state));

/** A ring mirrors the ingesters: whatever takes them down shows here too. */
export const ringWhole: DoctorCheck = {
  id: 'loki.ring',
  title: 'Enough ingesters are active in the ring',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const ingesters = loki.workloads.filter(({ component }) => ['ingester', 'write', 'single-binary'].includes(component));
    const wanted = ingesters.reduce((sum, { wanted }) => sum + wanted, 0);
    const [factor, quorum] = [replicationFactor(loki), quorumOf(loki)];
    if (wanted === 0 && ingesters.length > 0) {
      return fail('LOKI_NO_INGESTERS', {
        message: 'Loki has no ingesters: their replicas are 0',
        evidence: ingesters.map(({ kind, name }) => `${kind} ${loki.namespace}/${name}: spec.replicas 0`),
      });
    }
    if (!loki.ring) return skip('the ring could not be read');
    if (loki.ring.active >= quorum) return pass(`${loki.ring.active} active, ${quorum} needed`);
    const starting = storing(loki).filter((pod) => isStarting(pod, nowIn(collected)));
    if (starting.length > 0) return skip(`${loki.ring.active} active, and ${starting.length} are starting`);
    return fail('LOKI_RING_UNHEALTHY', {
      message: `${loki.ring.active} ingesters are active in the ring, ${quorum} are needed (replication factor ${factor})`,
      evidence: [
        `/ring: ${loki.ring.states.slice(0, 6).join(', ') || 'empty'}`,
        ...ingesters.map(({ kind, name, ready, wanted: all }) => `${kind} ${name}: ${ready} of ${all} ready`),
      ],
    });
  },
};

export const patternsServed: DoctorCheck = {
  id: 'loki.patterns',
  title: 'Every enabled component has pods',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (getPath(loki.config, 'pattern_ingester.enabled') !== true) return pass();
    const alone = loki.workloads.some(({ component }) => ['single-binary', 'write'].includes(component));
    if (alone || loki.workloads.some(({ component, wanted }) => component === 'pattern-ingester' && wanted > 0)) return pass();
    return warn('LOKI_PATTERN_INGESTER_MISSING', {
      evidence: [`${loki.configFrom}: pattern_ingester.enabled: true`, 'no workload of component pattern-ingester'],
    });
  },
};

/** Longer than an ingester waits for a neighbor that joins or leaves. */
const WAITING_MS = 120_000;

/** Entries of pods that no longer exist: harmless while enough others exist, unless a new one waits for them. */
export const ringClean: DoctorCheck = {
  id: 'loki.ring-entries',
  title: 'The ring has no stale ingesters',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const pattern = /past heartbeat timeout|existing instance\(?s?\)? with a problem in the ring|too many unhealthy instances/i;
    const evidence = said(core(loki), pattern, 3, freshSince(collected));
    const stale = (loki.ring?.states ?? []).filter((state) => /UNHEALTHY|LEFT/i.test(state));
    if (evidence.length === 0) return stale.length === 0 ? pass() : skip(`${stale.length} unhealthy entries, which block nothing`);
    const whole = loki.ring !== undefined && loki.ring.active > 0 && stale.length === 0;
    // Each of them logs this at its start, while a neighbor is leaving or joining.
    const late = storing(loki).filter(({ ready }) => !ready);
    const lost = stale.length > 0 || evidence.some((line) => /past heartbeat timeout/i.test(line));
    const waiting = late.some((pod) => lost || nowIn(collected) - startOf(pod) >= WAITING_MS);
    if (whole && !waiting) return late.length > 0 ? skip('an ingester has just started') : pass('seen only earlier');
    const unhealthy = evidence.some((line) => /too many unhealthy/i.test(line));
    const said_ = {
      message: waiting ? 'An ingester waits for an entry of the ring whose pod is gone' : 'The ring has entries whose pods are gone',
      evidence: [...evidence, ...stale.slice(0, 3).map((state) => `/ring: ${state}`)],
    };
    return waiting || unhealthy ? fail('LOKI_RING_STALE', said_) : warn('LOKI_RING_STALE', said_);
  },
};

/** Queriers get their work from a scheduler; without one they wait forever. */
export const schedulerThere: DoctorCheck = {
  id: 'loki.scheduler',
  title: 'Queriers can reach the query scheduler',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const apart = loki.workloads.some(({ component }) => component === 'querier');
    const schedulers = loki.workloads.filter(({ component }) => component === 'query-scheduler');
    const told = said(
      core(loki).filter(({ component }) => /querier|query-frontend|read/.test(component)),
      /querier-scheduler-worker[\s\S]{0,400}(empty ring|error)|error getting addresses from ring|(error|failed) (contacting|connecting to) (query-)?scheduler|scheduler.{0,400}(no such host|connection refused)/i,
      2,
      freshSince(collected),
    );
    const absent = apart && schedulers.every(({ wanted }) => wanted === 0) && (schedulers.length > 0 || told.length > 0);
    if (!absent && told.length === 0) return pass();
    if (!absent && schedulers.some(({ ready }) => ready > 0)) return skip('a scheduler is ready, queriers are still connecting');
    return fail('LOKI_NO_SCHEDULER', {
      message: absent ? 'Loki has no query scheduler, and queriers wait for one' : 'Queriers do not find their scheduler',
      evidence: [...told, ...schedulers.map(({ kind, name, ready, wanted }) => `${kind} ${name}: ${ready} of ${wanted} ready`)],
    });
  },
};

const JOINED = /(re-joined memberlist cluster|joining memberlist cluster succeeded|memberlist fast-join finished)/i;

/** Components discover each other by gossip; one that can't join has an empty ring. */
export const memberlistJoined: DoctorCheck = {
  id: 'loki.memberlist',
  title: "Loki's components have joined the memberlist cluster",
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const pattern =
      /(failed to (fast-)?join (the )?memberlist|joining memberlist cluster( failed|: )|memberlist[\s\S]{0,400}(no such host|no nodes|failed to (resolve|reach)|found no nodes to join))/i;
    const lost = saying(isWhole(loki) ? settled(core(loki)) : core(loki), pattern, freshSince(collected)).filter(
      ({ pod, line }) => !hasSaidSince(pod, line, JOINED),
    );
    if (lost.length > 0 && !isWhole(loki) && lost.every(({ pod }) => isStarting(pod, nowIn(collected)))) return skip('they have just started');
    const evidence = toldOnce(lost).slice(0, 3);
    if (evidence.length === 0) return pass();
    const members = getPath(loki.config, 'memberlist.join_members');
    return fail('LOKI_MEMBERLIST', {
      evidence: [...evidence, `${loki.configFrom}: memberlist.join_members: ${Array.isArray(members) ? members.join(', ') : 'not set'}`],
    });
  },
};

/** Inferred from responses where the rings themselves could not be read. */
export const ringAnswers: DoctorCheck = {
  id: 'loki.ring-answers',
  title: 'No component reports an empty ring',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const patterns = getPath(loki.config, 'pattern_ingester.enabled') === true;
    const pods = core(loki).filter(({ component }) => !/^querier$/.test(component));
    const pattern = /empty ring|at least \d+ live replicas required/i;
    // A ring that is healthy again was empty a while ago.
    const whole = loki.ring !== undefined && loki.ring.active > 0 && !loki.ring.states.some((state) => /UNHEALTHY/i.test(state));
    const starting = storing(loki).some((pod) => isStarting(pod, nowIn(collected)));
    const inside = whole || starting ? [] : said(pods, pattern, 3, freshSince(collected)).filter((line) => !(patterns && /pattern/i.test(line)));
    // Nor is it current if the newest rejection has another cause: not every collector has had a line to push since.
    const refused = !whole || pattern.test(newestRefusal(collected) ?? '') ? refusedWith(collected, pattern, 2) : [];
    const evidence = [...refused, ...inside];
    const served = collected.reading?.newest && collected.reading.asked.getTime() - collected.reading.newest.time.getTime() < 60_000;
    if (evidence.length === 0 || served) return pass();
    const few = /at least (\d+) live replicas required, could only find (\d+)/i.exec(evidence.join(' '));
    return fail('LOKI_RING_UNHEALTHY', {
      message: few ? `Loki wants ${few[1]} ingesters for every line, and finds ${few[2]}` : 'Loki finds no ingester: its ring is empty',
      ...(few && Number(few[2]) === 1 && { fix: 'loki.commonConfig.replication_factor: 1 where only one pod writes, or bring the others back' }),
      evidence,
    });
  },
};
