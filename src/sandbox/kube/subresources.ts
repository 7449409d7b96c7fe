/** Subresources that change objects: scale, eviction, binding. */
import { ok } from './answer.ts';
import type { Answer } from './answer.ts';
import { documentOf } from './body.ts';
import { copy, docOf } from './document.ts';
import type { Doc } from './document.ts';
import { trackUpdate } from './managed-fields.ts';
import { existing, isApply, patched, writerOf } from './objects.ts';
import type { Api } from './objects.ts';
import type { ResourceRequest } from './request.ts';
import { labelTest, selectorText } from './selectors.ts';
import { badRequest, failure, invalid, Refusal, success, unsupportedMedia } from './status.ts';

function scaleOf(object: Doc): Doc {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: object.spec?.replicas ?? 0 },
    status: { replicas: object.status?.replicas ?? 0, selector: selectorText(object.spec?.selector ?? {}) },
  };
}

export function scale(api: Api, request: ResourceRequest): Answer {
  const before = existing(api, request);
  if (request.verb === 'get') return ok(scaleOf(docOf(before)));
  if (isApply(request)) throw unsupportedMedia('the sandbox scales by PUT or by merge patch, not by apply');
  const wanted = request.verb === 'patch' ? patched(request, scaleOf(copy(docOf(before)))) : documentOf(request);
  const replicas: unknown = wanted.spec?.replicas ?? 0;
  if (typeof replicas !== 'number' || replicas < 0) {
    const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
    throw invalid({ group: 'autoscaling', kind: 'Scale', plural: 'scales' }, request.name, [{ field: 'spec.replicas', reason: 'FieldValueInvalid', message }]);
  }
  const draft = copy(docOf(before));
  draft.spec.replicas = replicas;
  const track = trackUpdate(writerOf(api, request));
  return ok(scaleOf(docOf(api.store.write(request.resource, before, draft, { part: 'main', dryRun: request.dryRun, track }))));
}

/** Refused while a disruption budget allows none. */
export function evict(api: Api, request: ResourceRequest): Answer {
  const pod = existing(api, request);
  const blocking = api.store
    .list('PodDisruptionBudget', { namespace: request.namespace })
    .map(docOf)
    .find((budget) => labelTest(selectorText(budget.spec?.selector ?? {}))(pod.metadata.labels) && (budget.status?.disruptionsAllowed ?? 0) < 1);
  if (blocking) {
    const message = `The disruption budget ${blocking.metadata.name} needs ${blocking.status?.desiredHealthy ?? 0} healthy pods and has ${blocking.status?.currentHealthy ?? 0} currently`;
    const details = { causes: [{ reason: 'DisruptionBudget', message }] };
    throw new Refusal(failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", details));
  }
  if (!request.dryRun) api.store.erase(request.resource, pod);
  return ok(success({ name: request.name, kind: 'pods' }), 201);
}

export function bind(api: Api, request: ResourceRequest): Answer {
  const pod = existing(api, request);
  const node: unknown = documentOf(request).target?.name;
  if (typeof node !== 'string') throw badRequest('a binding needs target.name, the node');
  api.store.write(request.resource, pod, { ...docOf(pod), spec: { ...docOf(pod).spec, nodeName: node } }, { part: 'main' });
  return ok(success({}), 201);
}
