/** Hops loki-config and loki-runtime: Loki starts with what it was told, stays up, and its parts find each other. */
import { at } from '../../design/document.ts';
import type { Json } from '../../engine/types.ts';
import { crashing, freshSince, said } from './log-lines.ts';
import type { DoctorCheck, LokiSeen, PodSeen } from './survey.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const CONFIG_ERROR = /validating config|failed parsing config|CONFIG ERROR|invalid schema|field \S+ not found in type|error loading config/;
const notGateway = ({ pods }: LokiSeen): readonly PodSeen[] => pods.filter(({ component }) => !/gateway|cache/.test(component));
const wasKilled = ({ containers }: PodSeen) => containers.some(({ ended, restarts }) => ended?.reason === 'OOMKilled' && restarts > 0);

export const configAccepted: DoctorCheck = {
  id: 'loki.config',
  title: 'Loki accepts its configuration',
  at: ['doctor'],
  hop: 'loki-config',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const evidence = said(crashing(notGateway(loki)), CONFIG_ERROR);
    if (evidence.length > 0)
      return fail('LOKI_CONFIG_INVALID', { message: `Loki refuses its configuration (${loki.configFrom})`, evidence: [...evidence, loki.configFrom] });
    return loki.config === undefined ? skip('its configuration could not be read') : pass(loki.configFrom);
  },
};

export const schemaCurrent: DoctorCheck = {
  id: 'loki.schema',
  title: 'Its schema is tsdb, v13 or newer',
  at: ['doctor'],
  hop: 'loki-config',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const periods = at(loki.config, 'schema_config.configs');
    if (!Array.isArray(periods)) return skip('its configuration could not be read');
    const last = (periods as readonly Json[]).at(-1);
    const [store, schema] = [String(at(last, 'store') ?? ''), String(at(last, 'schema') ?? '')];
    if (store === 'tsdb' && Number(schema.slice(1)) >= 13) return pass(`${store} ${schema}`);
    const evidence = [`${loki.configFrom}: schema_config.configs[${periods.length - 1}]: store ${store}, schema ${schema}`];
    const structured = at(loki.config, 'limits_config.allow_structured_metadata') !== false;
    const said_ = { message: `The newest schema period is ${store} ${schema}${structured ? ', but structured metadata is on' : ''}`, evidence };
    return warn('LOKI_SCHEMA_OLD', said_);
  },
};

export const storageShared: DoctorCheck = {
  id: 'loki.storage',
  title: 'Its parts share one object store',
  at: ['doctor'],
  hop: 'loki-config',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const periods = at(loki.config, 'schema_config.configs');
    if (!Array.isArray(periods)) return skip('its configuration could not be read');
    const store = String(at((periods as readonly Json[]).at(-1), 'object_store') ?? '');
    const writers = loki.workloads
      .filter(({ component }) => ['ingester', 'write', 'single-binary'].includes(component))
      .reduce((sum, { wanted }) => sum + wanted, 0);
    if (store === 'filesystem' && (writers > 1 || loki.workloads.length > 3)) {
      return fail('LOKI_STORAGE_LOCAL', {
        message: `Loki keeps chunks in each pod's own file system, and ${writers} pods write`,
        evidence: [`${loki.configFrom}: schema_config.configs[${periods.length - 1}].object_store: filesystem`],
      });
    }
    if (store === 's3' && loki.buckets.length === 0) {
      return fail('LOKI_BUCKET_UNNAMED', {
        message: 'Loki is told to use S3, but no bucket is named',
        evidence: [`${loki.configFrom}: storage_config.aws.bucketnames and common.storage.s3.bucketnames are empty`],
      });
    }
    return pass(store);
  },
};

export const notKilled: DoctorCheck = {
  id: 'loki.memory',
  title: 'No part of Loki runs out of memory',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const killed = loki.pods.filter(wasKilled);
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

export const diskFree: DoctorCheck = {
  id: 'loki.disk',
  title: 'There is room on its disks',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    const evidence = said(loki.pods, /no space left on device/, 3, freshSince(survey));
    return evidence.length > 0 ? fail('LOKI_DISK_FULL', { evidence }) : pass();
  },
};

export const staysUp: DoctorCheck = {
  id: 'loki.up',
  title: 'No part of Loki crashes',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const bad = crashing(notGateway(loki)).filter((pod) => !wasKilled(pod));
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

/** A ring is the mirror of the ingesters: whatever keeps those away shows here third. */
export const ringWhole: DoctorCheck = {
  id: 'loki.ring',
  title: 'Enough ingesters are in the ring',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const ingesters = loki.workloads.filter(({ component }) => ['ingester', 'write', 'single-binary'].includes(component));
    const wanted = ingesters.reduce((sum, { wanted }) => sum + wanted, 0);
    const factor = Number(at(loki.config, 'common.replication_factor') ?? at(loki.config, 'ingester.lifecycler.ring.replication_factor') ?? 3);
    const quorum = Math.floor(factor / 2) + 1;
    if (wanted === 0 && ingesters.length > 0) {
      return fail('LOKI_NO_INGESTERS', {
        message: 'Loki has no ingesters: their replicas are 0',
        evidence: ingesters.map(({ kind, name }) => `${kind} ${loki.namespace}/${name}: spec.replicas 0`),
      });
    }
    if (!loki.ring) return skip('the ring could not be read');
    if (loki.ring.active >= quorum) return pass(`${loki.ring.active} active, ${quorum} needed`);
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
  title: 'What is switched on has pods',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (at(loki.config, 'pattern_ingester.enabled') !== true) return pass();
    const alone = loki.workloads.some(({ component }) => ['single-binary', 'write'].includes(component));
    if (alone || loki.workloads.some(({ component, wanted }) => component === 'pattern-ingester' && wanted > 0)) return pass();
    return warn('LOKI_PATTERNS_UNSERVED', { evidence: [`${loki.configFrom}: pattern_ingester.enabled: true`, 'no workload of component pattern-ingester'] });
  },
};
