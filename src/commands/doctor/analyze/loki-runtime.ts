/** Hop loki-runtime: Loki's components stay up, and have room for their data. */
import { getPath } from '../../../design/get-path.ts';
import { bytes } from '../../../design/quantities.ts';
import { core, crashing, freshSince, nowIn, said, saying, toldOnce } from './log-lines.ts';
import type { PodEvidence } from './objects-evidence.ts';
import { isStarting, settled } from './starting.ts';
import type { DoctorCheck } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const wasKilled = ({ containers }: PodEvidence) => containers.some(({ ended, restarts }) => ended?.reason === 'OOMKilled' && restarts > 0);
const WRITERS = ['ingester', 'write', 'single-binary'];

export const notKilled: DoctorCheck = {
  id: 'loki.memory',
  title: 'No Loki pod runs out of memory',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const killed = core(loki).filter(wasKilled);
    const [first] = killed;
    if (!first) return pass();
    const limit = first.spec.containers.find(({ resources }) => resources?.limits?.['memory'])?.resources?.limits?.['memory'];
    const evidence = killed
      .slice(0, 4)
      .map(({ name, containers }) => `pod ${name}: lastState.terminated.reason OOMKilled, ${Math.max(...containers.map(({ restarts }) => restarts))} restarts`);
    const said_ = {
      message: `${killed.length === 1 ? `Pod ${first.name} was` : `${killed.length} pods were`} killed for memory${limit ? ` (limit ${limit})` : ''}`,
      evidence,
    };
    return killed.some(({ ready }) => !ready) ? fail('LOKI_OOM', said_) : warn('LOKI_OOM', said_);
  },
};

/** While an ingester replays its log it may use this much, whatever its limit is. */
export const replayFits: DoctorCheck = {
  id: 'loki.replay',
  title: "WAL replay fits into the ingester's memory limit",
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (loki.config === undefined) return skip('its configuration could not be read');
    if (getPath(loki.config, 'ingester.wal.enabled') === false) return pass('the write-ahead log is off');
    const said_ = getPath(loki.config, 'ingester.wal.replay_memory_ceiling');
    const ceiling = sized(String(said_ ?? '4GB'));
    for (const { kind, namespace, name, component, template, wanted } of loki.workloads) {
      if (!WRITERS.includes(component) || wanted === 0) continue;
      const limit = template.containers.map(({ resources }) => resources?.limits?.['memory']).find(Boolean);
      if (limit === undefined || ceiling === 0 || ceiling < bytes(limit)) continue;
      return warn('LOKI_WAL_CEILING', {
        message: `${kind} ${namespace}/${name} may use ${limit}, but reading its log back may take ${String(said_ ?? '4GB, the default')}`,
        fix: `loki.ingester.wal.replay_memory_ceiling: ${Math.max(1, Math.round((bytes(limit) * 0.5) / 1048576))}MB in the values, and upgrade the release`,
        evidence: [
          `${kind} ${namespace}/${name}: limits.memory ${limit}`,
          `${loki.configFrom}: ingester.wal.replay_memory_ceiling: ${String(said_ ?? 'not set')}`,
        ],
      });
    }
    return pass();
  },
};

/** Sizes as Loki writes them: 4GB is 4 times 1024 cubed. */
function sized(text: string): number {
  const [, number = '0', unit = ''] = /^([\d.]+)\s*([KMGT]?)i?B?$/i.exec(text.trim()) ?? [];
  return Number(number) * 1024 ** ' KMGT'.indexOf(unit.toUpperCase() || ' ');
}

export const diskFree: DoctorCheck = {
  id: 'loki.disk',
  title: "Loki's volumes have free space",
  at: ['doctor'],
  hop: 'loki-runtime',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const evidence = said(core(loki), /no space left on device|disk quota exceeded|ENOSPC/i, 3, freshSince(collected));
    return evidence.length > 0 ? fail('LOKI_DISK_FULL', { evidence }) : pass();
  },
};

export const staysUp: DoctorCheck = {
  id: 'loki.up',
  title: 'No Loki pod is crashing',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const bad = crashing(core(loki)).filter((pod) => !wasKilled(pod));
    const [first] = bad;
    if (!first) return pass();
    const lines = said(bad, /level=error|error running|panic|fatal|failed/i);
    return fail('LOKI_CRASHES', {
      message: `${bad.length === 1 ? `Pod ${first.name} crashes` : `${bad.length} pods of Loki crash`}`,
      fix: `kubectl -n ${first.namespace} logs ${first.name} --previous --tail 50`,
      evidence:
        lines.length > 0
          ? lines
          : bad
              .slice(0, 3)
              .map(({ name, containers }) => `pod ${name}: ${containers.map(({ waiting, ended }) => waiting?.reason ?? ended?.reason).join(', ')}`),
    });
  },
};

export const walKept: DoctorCheck = {
  id: 'loki.wal',
  title: 'Unflushed log lines are on persistent volumes',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const writers = loki.workloads.filter(({ component, wanted }) => ['ingester', 'write', 'single-binary'].includes(component) && wanted > 0);
    const bare = writers.find(
      ({ claims, template }) => claims.length === 0 && !template.volumes?.some((volume) => volume.persistentVolumeClaim ?? volume.hostPath),
    );
    return bare ? warn('LOKI_WAL_EPHEMERAL', { evidence: [`${bare.kind} ${bare.namespace}/${bare.name}: no volumeClaimTemplates`] }) : pass();
  },
};

const isCache = (name: string): boolean => /cache|memcached/.test(name);

/** A cache that does not respond costs time, and large queries may fail. */
export const cachesAnswer: DoctorCheck = {
  id: 'loki.caches',
  title: 'Caches respond in time',
  at: ['doctor'],
  hop: 'loki-runtime',
  partial: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const pattern =
      /memcache[\s\S]{0,400}(timeout|refused|no such host|no servers|EOF|reset|error)|failed to (put|get)[\s\S]{0,400}memcached|server=\S{1,255}:11211/i;
    const caches = loki.workloads.filter(({ component, name }) => isCache(`${component} ${name}`));
    const down = caches.filter(({ ready, wanted }) => ready < wanted);
    const theirs = loki.pods.filter(({ component, name }) => isCache(`${component} ${name}`));
    if (down.length > 0 && theirs.some((pod) => isStarting(pod, nowIn(collected)))) return skip('a cache is starting');
    // Nothing resolves before the first cache is ready, and names are looked up once a minute; a late cache is not a missing one.
    const since = freshSince(collected);
    const heard = down.length > 0 ? saying(core(loki), pattern, since) : saying(settled(core(loki), theirs), pattern, since);
    const late = saying(core(loki), /(memcache|:11211)[\s\S]{0,400}(timeout|EOF|reset)/i, since).filter(
      ({ pod }) => !heard.some((one) => one.pod.name === pod.name),
    );
    const evidence = toldOnce([...heard, ...late]).slice(0, 3);
    if (evidence.length === 0) return pass();
    return warn('LOKI_CACHE_TIMEOUTS', {
      message: down.length > 0 ? `The cache ${down[0]!.name} is down, and Loki waits for it` : 'The caches time out',
      evidence: [...evidence, ...caches.map(({ kind, name, ready, wanted }) => `${kind} ${name}: ${ready} of ${wanted} ready`)],
    });
  },
};
