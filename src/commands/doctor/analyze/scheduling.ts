/** Hop scheduling: every pod has been scheduled, with its volumes and its image. */
import type { DoctorCode } from '../../../problems/catalogue.ts';
import { inCommon, shortened } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';

const hop = 'scheduling';
export const podsOf = ({ loki, collectors }: Evidence): readonly PodEvidence[] => [...(loki?.pods ?? []), ...collectors.flatMap(({ pods }) => pods)];

export const lokiThere: DoctorCheck = {
  id: 'scheduling.loki',
  title: 'Loki exists in the cluster',
  at: ['doctor'],
  hop,
  async run({ loki, unread }) {
    if (unread?.includes('loki')) return skip('Loki could not be looked up');
    if (loki) return pass(`${loki.release ? `${loki.release.chart} ${loki.release.chartVersion}` : 'without Helm'} in namespace ${loki.namespace}`);
    return fail('LOKI_NOT_FOUND', { evidence: ['no Deployment or StatefulSet has the label app.kubernetes.io/name=loki'] });
  },
};

/** An unschedulable cache costs speed, not lines. */
const isCache = ({ component, name }: PodEvidence) => /cache|memcached/.test(`${component} ${name}`);

export const podsPlaced: DoctorCheck = {
  id: 'scheduling.placed',
  title: 'All pods are scheduled',
  at: ['doctor'],
  hop,
  async run(collected) {
    const pods = podsOf(collected);
    const waiting = pods
      .filter((pod) => pod.unscheduled !== undefined || isVolumeless(pod, collected.loki))
      .sort((a, b) => Number(isCache(a)) - Number(isCache(b)));
    const [first] = waiting;
    if (!first) return pods.length > 0 ? pass(`${pods.length} pods`) : NO_LOKI;
    const [code, why] = reasonOf(first, collected.loki);
    return fail(code, {
      message: `${waiting.length === 1 ? `Pod ${first.namespace}/${first.name} finds` : `${waiting.length} pods find`} no place: ${why}`,
      ...fixFor(code, first, collected),
      evidence: [
        ...inCommon(
          waiting.map((pod) => ({ pod, text: pod.unscheduled ?? 'Pending, on no node yet' })),
          4,
        ),
        ...claimEvidence(first, collected.loki),
      ],
    });
  },
};

const claimsOf = (pod: PodEvidence, loki: LokiEvidence | undefined) =>
  (loki?.claims ?? []).filter(
    ({ name, phase }) => phase !== 'Bound' && pod.spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name),
  );

/** A scheduler that waits for a provisioner reports nothing for ten minutes. */
const isVolumeless = (pod: PodEvidence, loki: LokiEvidence | undefined): boolean =>
  pod.node === undefined && claimsOf(pod, loki).some(({ events }) => events.some((event) => /^(ExternalProvisioning|ProvisioningFailed)/.test(event)));

function claimEvidence(pod: PodEvidence, loki: LokiEvidence | undefined): readonly string[] {
  return claimsOf(pod, loki).map(
    ({ name, phase, storageClass, events }) => `claim ${name}: ${phase}, class ${storageClass ?? 'none'}${events[0] ? `, ${shortened(events[0], 160)}` : ''}`,
  );
}

function reasonOf(pod: PodEvidence, loki: LokiEvidence | undefined): [DoctorCode, string] {
  const text = pod.unscheduled ?? '';
  if (
    /persistent ?volume|volume node affinity|max volume count/i.test(text) ||
    isVolumeless(pod, loki) ||
    claimsOf(pod, loki).some(({ classKnown }) => !classKnown)
  )
    return ['PODS_PENDING_VOLUME', 'a volume is not there'];
  if (/didn't (match|satisfy) (existing pods )?(pod )?anti-affinity|topology spread/i.test(text))
    return ['PODS_PENDING_SPREAD', 'replicas must not share a node, and there are too few nodes'];
  if (/Insufficient (memory|cpu|pods)|Too many pods/.test(text))
    return ['PODS_PENDING_CAPACITY', `no node has enough ${/Insufficient (\w+)/.exec(text)?.[1] ?? 'room'} left`];
  return ['PODS_PENDING', shortened(text, 120)];
}

function fixFor(code: DoctorCode, pod: PodEvidence, { loki }: Evidence): { readonly fix?: string } {
  if (code === 'PODS_PENDING_CAPACITY' && isCache(pod)) {
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

/** In the kubelet's words. */
export const noImage = ({ waiting }: PodEvidence['containers'][number]): boolean =>
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError)$/.test(waiting?.reason ?? '');

export const imagesPulled: DoctorCheck = {
  id: 'scheduling.images',
  title: 'All images are pulled',
  at: ['doctor'],
  hop,
  async run(collected) {
    const bad = podsOf(collected).flatMap((pod) =>
      pod.containers.flatMap((one) => (noImage(one) ? [{ pod, container: one.name, message: one.waiting?.message ?? '' }] : [])),
    );
    const [first] = bad;
    if (!first) return pass();
    const image = first.pod.spec.containers.find(({ name }) => name === first.container)?.image;
    return fail('PODS_IMAGE_UNPULLABLE', {
      message: `Image ${image} can't be pulled (pod ${first.pod.namespace}/${first.pod.name})`,
      evidence: inCommon(
        bad.map(({ pod, message }) => ({ pod, text: message })),
        3,
      ),
    });
  },
};

/** Scheduled but not started: volumes that the kubelet can't attach or mount are reported in events only. */
export const volumesMounted: DoctorCheck = {
  id: 'scheduling.volumes',
  title: 'All volumes are attached and mounted',
  at: ['doctor'],
  hop,
  async run(collected) {
    const waiting = podsOf(collected).filter(
      ({ ready, node, containers }) => !ready && node !== undefined && containers.every(({ restarts }) => restarts === 0),
    );
    const events = [...(collected.loki?.events ?? []), ...collected.collectors.flatMap((one) => one.events)];
    const bad = waiting.flatMap((pod) =>
      events
        .filter(
          ({ object, reason, message }) =>
            object === `Pod ${pod.namespace}/${pod.name}` && /^Failed(AttachVolume|Mount)$/.test(reason) && !/secret|configmap/i.test(message),
        )
        .map(({ reason, message }) => ({ pod, text: `${reason}: ${message}` })),
    );
    const [first] = bad;
    if (!first) return pass();
    return fail('PODS_PENDING_VOLUME', {
      message: `The volume of pod ${first.pod.namespace}/${first.pod.name} can't be attached or mounted`,
      fix: `kubectl -n ${first.pod.namespace} describe pod ${first.pod.name}; check the add-on aws-ebs-csi-driver and at the policy of its role`,
      evidence: inCommon(bad, 3),
    });
  },
};
