/** Fields that can't change once an object exists, with the messages of the real server. */
import { reach, same } from './document.ts';
import type { Doc } from './document.ts';
import type { Resource } from './resources.ts';
import { invalid } from './status.ts';
import type { Cause } from './status.ts';

const fixed = (field: string, value: unknown, why = 'field is immutable'): Cause => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});
const forbids = (field: string, why: string): Cause => ({ field, reason: 'FieldValueForbidden', message: `Forbidden: ${why}` });

const unchanged = (before: Doc, after: Doc, path: string, why?: string): Cause[] =>
  same(reach(before, path), reach(after, path)) ? [] : [fixed(path, reach(after, path), why)];

const without = (doc: Doc | undefined, fields: readonly string[]): Doc =>
  Object.fromEntries(Object.entries(doc ?? {}).filter(([key]) => !fields.includes(key)));

const STATEFUL_MAY = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'];
const STATEFUL_TEXT =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

type Rule = (before: Doc, after: Doc) => Cause[];
const selector: Rule = (before, after) => unchanged(before, after, 'spec.selector');
const roleRef: Rule = (before, after) => unchanged(before, after, 'roleRef', 'cannot change roleRef');

const frozenData: Rule = (before, after) => {
  if (before.immutable !== true) return [];
  const kept = after.immutable === true ? [] : [forbids('immutable', 'field is immutable when `immutable` is set')];
  const data = same(before.data, after.data) ? [] : [forbids('data', 'field is immutable when `immutable` is set')];
  return [...kept, ...data];
};

const RULES: Readonly<Record<string, Rule>> = {
  Deployment: selector,
  ReplicaSet: selector,
  DaemonSet: selector,
  RoleBinding: roleRef,
  ClusterRoleBinding: roleRef,
  ConfigMap: frozenData,
  Secret: (before, after) => [...unchanged(before, after, 'type'), ...frozenData(before, after)],
  StatefulSet: (before, after) => (same(without(before.spec, STATEFUL_MAY), without(after.spec, STATEFUL_MAY)) ? [] : [forbids('spec', STATEFUL_TEXT)]),
  Service(before, after) {
    const outside = [before.spec?.type, after.spec?.type].includes('ExternalName');
    if (outside || before.spec?.clusterIP === after.spec?.clusterIP) return [];
    return [fixed('spec.clusterIPs[0]', [after.spec?.clusterIP], 'may not change once set')];
  },
  Job: (before, after) => ['spec.completions', 'spec.selector', 'spec.template'].flatMap((path) => unchanged(before, after, path)),
  PersistentVolumeClaim(before, after) {
    const may = ['resources', 'volumeAttributesClassName', 'volumeName'];
    if (same(without(before.spec, may), without(after.spec, may))) return [];
    return [forbids('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')];
  },
  Pod(before, after) {
    const may = [
      'containers',
      'initContainers',
      'activeDeadlineSeconds',
      'tolerations',
      'terminationGracePeriodSeconds',
      'nodeName',
      'schedulingGates',
      'ephemeralContainers',
    ];
    const images = (pod: Doc) => (pod.spec?.containers ?? []).map((container: Doc) => without(container, ['image', 'resources']));
    if (same(without(before.spec, may), without(after.spec, may)) && same(images(before), images(after))) return [];
    const fields =
      '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
    return [forbids('spec', `pod updates may not change fields other than ${fields}`)];
  },
  StorageClass(before, after) {
    return ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode']
      .filter((field) => !same(before[field], after[field]))
      .map((field) => (field === 'parameters' || field === 'provisioner' ? forbids(field, `updates to ${field} are forbidden.`) : fixed(field, after[field])));
  },
};

/** Throws the 422 of the real server. */
export function guardImmutable(resource: Resource, before: Doc, after: Doc): void {
  if (resource.custom !== undefined) return;
  const causes = RULES[resource.kind]?.(before, after) ?? [];
  if (causes.length > 0) throw invalid(resource, after.metadata.name, causes);
}
