/** Hop scheduling: every pod has found a place and its image, and every node has a collector. */
import type { Verdict } from '../../engine/types.ts';
import type { NodeFact } from '../../design/facts.ts';
import type { DoctorCode } from '../../problems/catalogue.ts';
import { shortened } from './log-lines.ts';
import type { CollectorSeen, DoctorCheck, LokiSeen, PodSeen, Survey } from './survey.ts';
import { fail, NO_COLLECTOR, NO_LOKI, pass, skip } from './verdict.ts';

const hop = 'scheduling';
const podsOf = ({ loki, collectors }: Survey): readonly PodSeen[] => [...(loki?.pods ?? []), ...collectors.flatMap(({ pods }) => pods)];

export const lokiThere: DoctorCheck = {
  id: 'scheduling.loki',
  title: 'There is a Loki in the cluster',
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (loki) return pass(`${loki.release ? `${loki.release.chart} ${loki.release.chartVersion}` : 'without Helm'} in namespace ${loki.namespace}`);
    return fail('LOKI_NOT_FOUND', { evidence: ['no Deployment or StatefulSet has the label app.kubernetes.io/name=loki'] });
  },
};

/** A cache that finds no place costs speed, no line. */
const isCache = ({ component, name }: PodSeen) => /cache|memcached/.test(`${component} ${name}`);

export const podsPlaced: DoctorCheck = {
  id: 'scheduling.placed',
  title: 'Every pod has found a place',
  at: ['doctor'],
  hop,
  async run(survey) {
    const pods = podsOf(survey);
    const waiting = pods.filter(({ unscheduled }) => unscheduled !== undefined).sort((a, b) => Number(isCache(a)) - Number(isCache(b)));
    const [first] = waiting;
    if (!first) return pods.length > 0 ? pass(`${pods.length} pods`) : NO_LOKI;
    const [code, why] = reasonOf(first, survey.loki);
    return fail(code, {
      message: `${waiting.length === 1 ? `Pod ${first.namespace}/${first.name} finds` : `${waiting.length} pods find`} no place: ${why}`,
      ...fixFor(code, first, survey),
      evidence: [...waiting.slice(0, 4).map((pod) => `pod ${pod.name}: ${shortened(pod.unscheduled ?? '')}`), ...claimEvidence(first, survey.loki)],
    });
  },
};

const claimsOf = (pod: PodSeen, loki: LokiSeen | undefined) =>
  (loki?.claims ?? []).filter(({ name }) => pod.spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name));

function claimEvidence(pod: PodSeen, loki: LokiSeen | undefined): readonly string[] {
  return claimsOf(pod, loki).map(
    ({ name, phase, storageClass, events }) => `claim ${name}: ${phase}, class ${storageClass ?? 'none'}${events[0] ? `, ${shortened(events[0], 160)}` : ''}`,
  );
}

function reasonOf(pod: PodSeen, loki: LokiSeen | undefined): [DoctorCode, string] {
  const text = pod.unscheduled ?? '';
  if (/PersistentVolumeClaim|persistentvolumeclaim|volume node affinity/i.test(text) || claimsOf(pod, loki).some(({ classKnown }) => !classKnown))
    return ['PODS_PENDING_VOLUME', 'its volume is not there'];
  if (/didn't match pod anti-affinity/.test(text)) return ['PODS_PENDING_SPREAD', 'replicas must not share a node, and there are too few nodes'];
  if (/Insufficient (memory|cpu|pods)|Too many pods/.test(text))
    return ['PODS_PENDING_ROOM', `no node has enough ${/Insufficient (\w+)/.exec(text)?.[1] ?? 'room'} left`];
  return ['PODS_PENDING', shortened(text, 120)];
}

function fixFor(code: DoctorCode, pod: PodSeen, { loki }: Survey): { readonly fix?: string } {
  if (code === 'PODS_PENDING_ROOM' && isCache(pod)) {
    const key = /results/.test(pod.name) ? 'resultsCache' : 'chunksCache';
    return { fix: `set ${key}.allocatedMemory: 512 (or ${key}.enabled: false) at the top level of Loki's values and upgrade the release` };
  }
  const missing = claimsOf(pod, loki).find(({ classKnown }) => !classKnown);
  if (code === 'PODS_PENDING_VOLUME' && missing) {
    return missing.storageClass
      ? { fix: `make the StorageClass ${missing.storageClass}, or name one that exists (kubectl get storageclass) in the values` }
      : { fix: 'the cluster has no default StorageClass: name one in the values (persistence.storageClass), or annotate one as the default' };
  }
  return {};
}

export const imagesPulled: DoctorCheck = {
  id: 'scheduling.images',
  title: 'Every image was pulled',
  at: ['doctor'],
  hop,
  async run(survey) {
    const bad = podsOf(survey).flatMap((pod) =>
      pod.containers.flatMap(({ name, waiting }) =>
        /^(ErrImagePull|ImagePullBackOff|InvalidImageName)$/.test(waiting?.reason ?? '') ? [{ pod, container: name, message: waiting?.message ?? '' }] : [],
      ),
    );
    const [first] = bad;
    if (!first) return pass();
    const image = first.pod.spec.containers.find(({ name }) => name === first.container)?.image;
    return fail('PODS_IMAGE_UNPULLABLE', {
      message: `Image ${image} can't be pulled (pod ${first.pod.namespace}/${first.pod.name})`,
      evidence: bad.slice(0, 3).map(({ pod, message }) => `pod ${pod.name}: ${shortened(message)}`),
    });
  },
};

export const collectorThere: DoctorCheck = {
  id: 'scheduling.collector',
  title: 'There is a collector in the cluster',
  at: ['doctor'],
  hop,
  async run({ collectors }) {
    const names = collectors.map(({ workload: { kind, namespace, name } }) => `${kind} ${namespace}/${name}`);
    if (names.length > 0) return pass(names.join(', '));
    return fail('COLLECTOR_NOT_FOUND', { evidence: ['no DaemonSet, Deployment or StatefulSet has the label app.kubernetes.io/name=alloy'] });
  },
};

export const collectorOnEveryNode: DoctorCheck = {
  id: 'scheduling.collectors',
  title: 'A collector may run on every node',
  at: ['doctor'],
  hop,
  partial: true,
  async run({ collectors, nodes }): Promise<Verdict> {
    if (collectors.length === 0) return NO_COLLECTOR;
    const daemons = collectors.filter(({ workload }) => workload.kind === 'DaemonSet');
    if (daemons.length === 0) return skip('the collectors are not DaemonSets');
    const covered = new Set(daemons.flatMap(({ pods }) => pods.filter(({ ready }) => ready).map(({ node }) => node)));
    const eligible = nodes.filter(({ os, kind, ready }) => os === 'linux' && kind !== 'fargate' && ready);
    const without = eligible.filter(({ name }) => !covered.has(name));
    if (without.length === 0) return pass(`${eligible.length} of ${eligible.length} nodes`);
    const barred = without.filter((node) => !daemons.some((one) => mayRun(one, node)));
    if (barred.length === 0) return skip(`${without.length} nodes wait for a collector pod that is not ready`);
    const taints = [...new Set(barred.flatMap(({ taints }) => taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)))];
    return fail('COLLECTOR_BARRED', {
      message: `${barred.length} of ${eligible.length} nodes have no collector: ${taints.length > 0 ? `it does not tolerate ${taints.slice(0, 3).join(', ')}` : 'its nodeSelector leaves them out'}`,
      evidence: barred
        .slice(0, 6)
        .map(({ name, taints: own }) => `node ${name}: ${own.map(({ key, effect }) => `${key}:${effect}`).join(', ') || 'not selected'}`),
    });
  },
};

function mayRun({ workload: { template } }: CollectorSeen, node: NodeFact): boolean {
  const selected = Object.entries(template.nodeSelector ?? {}).every(([key, value]) => node.labels[key] === value);
  const tolerated = node.taints
    // A DaemonSet tolerates what the node controller puts there by itself.
    .filter(({ key, effect }) => effect !== 'PreferNoSchedule' && !key.startsWith('node.kubernetes.io/'))
    .every((taint) =>
      (template.tolerations ?? []).some(
        ({ key, operator = 'Equal', value, effect }) =>
          (effect === undefined || effect === taint.effect) &&
          (key === undefined ? operator === 'Exists' : key === taint.key && (operator === 'Exists' || (value ?? '') === (taint.value ?? ''))),
      ),
    );
  return selected && tolerated;
}
