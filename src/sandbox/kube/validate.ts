/** The API server's validation of names, labels and required fields. */
import { isMap, reach } from './document.ts';
import type { Doc } from './document.ts';
import type { Resource } from './resources.ts';
import { invalid } from './status.ts';
import type { Cause } from './status.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SERVICE_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const DATA_KEY = /^[-._a-zA-Z0-9]+$/;

const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SERVICE_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const wrong = (field: string, value: unknown, why: string): Cause => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});
const missing = (field: string, why = ''): Cause => ({ field, reason: 'FieldValueRequired', message: `Required value${why && `: ${why}`}` });

function nameCauses(resource: Resource, name: string): Cause[] {
  const field = 'metadata.name';
  if (resource.group === 'rbac.authorization.k8s.io') return /[/%]/.test(name) ? [wrong(field, name, "may not contain '/' or '%'")] : [];
  const [pattern, text, longest] =
    resource.kind === 'Service' && resource.group === ''
      ? ([SERVICE_LABEL, SERVICE_TEXT, 63] as const)
      : resource.kind === 'Namespace'
        ? ([LABEL, LABEL_TEXT, 63] as const)
        : ([SUBDOMAIN, SUBDOMAIN_TEXT, 253] as const);
  if (name.length > longest) return [wrong(field, name, `must be no more than ${longest} characters`)];
  return pattern.test(name) ? [] : [wrong(field, name, text)];
}

function labelCauses(object: Doc, path: string): Cause[] {
  const labels: Doc = reach(object, path) ?? {};
  return Object.entries(labels).flatMap(([, value]) => {
    if (typeof value !== 'string') return [wrong(path, value, 'must be a string')];
    if (value.length > 63) return [wrong(path, value, 'must be no more than 63 characters')];
    return LABEL_VALUE.test(value) ? [] : [wrong(path, value, VALUE_TEXT)];
  });
}

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec.selector', 'spec.template'],
  StatefulSet: ['spec.selector', 'spec.template'],
  DaemonSet: ['spec.selector', 'spec.template'],
  ReplicaSet: ['spec.selector', 'spec.template'],
  Pod: ['spec.containers'],
  PersistentVolumeClaim: ['spec.accessModes', 'spec.resources'],
  StorageClass: ['provisioner'],
  RoleBinding: ['roleRef'],
  ClusterRoleBinding: ['roleRef'],
};

/** A workload must select its own pods. */
function selectorCauses(object: Doc): Cause[] {
  const wanted: Doc = object.spec?.selector?.matchLabels ?? {};
  const labels: Doc = object.spec?.template?.metadata?.labels ?? {};
  const agrees = Object.entries(wanted).every(([key, value]) => labels[key] === value);
  return agrees ? [] : [wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

function containerCauses(spec: Doc | undefined, path: string): Cause[] {
  const causes: Cause[] = [];
  const containers: unknown = spec?.containers;
  if (!Array.isArray(containers) || containers.length === 0) return [missing(`${path}.containers`)];
  const volumes = new Set<string>((spec?.volumes ?? []).map((volume: Doc) => volume.name));
  containers.forEach((container: Doc, index) => {
    const at = `${path}.containers[${index}]`;
    if (!container.name) causes.push(missing(`${at}.name`));
    if (!container.image) causes.push(missing(`${at}.image`));
    (container.volumeMounts ?? []).forEach((mount: Doc, number: number) => {
      if (!volumes.has(mount.name))
        causes.push({ field: `${at}.volumeMounts[${number}].name`, reason: 'FieldValueInvalid', message: `Not found: "${mount.name}"` });
    });
  });
  return causes;
}

/** An event is in the namespace of the object it is about, or in `default`. */
function eventCauses({ metadata, involvedObject }: Doc): Cause[] {
  const about: string = involvedObject?.namespace ?? '';
  const home = about === '' ? 'default' : about;
  return home === metadata.namespace ? [] : [wrong('involvedObject.namespace', about, 'does not match event.namespace')];
}

function bodyCauses(object: Doc): Cause[] {
  const absent = (REQUIRED[object.kind] ?? []).filter((path) => reach(object, path) === undefined).map((path) => missing(path));
  if (absent.length > 0) return absent;
  if (object.kind === 'Event') return eventCauses(object);
  const data = ['Secret', 'ConfigMap'].includes(object.kind) ? Object.keys(object.data ?? {}) : [];
  const keys = data.filter((key) => !DATA_KEY.test(key)).map((key) => wrong(`data[${key}]`, key, KEY_TEXT));
  if (!['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].includes(object.kind))
    return object.kind === 'Pod' ? containerCauses(object.spec, 'spec') : keys;
  // Claims of a StatefulSet become volumes of its pods.
  const claims = (object.spec.volumeClaimTemplates ?? []).map((claim: Doc) => ({ name: claim.metadata?.name }));
  const spec: Doc | undefined = object.spec.template.spec;
  return [...selectorCauses(object), ...containerCauses(spec && { ...spec, volumes: [...(spec.volumes ?? []), ...claims] }, 'spec.template.spec')];
}

/** Throws the 422 of the real server. Expects defaults to be filled in. */
export function validate(resource: Resource, object: Doc): void {
  const name: unknown = object.metadata.name;
  if (typeof name !== 'string' || name === '') throw invalid(resource, '', [missing('metadata.name', 'name or generateName is required')]);
  const causes = [...nameCauses(resource, name), ...labelCauses(object, 'metadata.labels'), ...labelCauses(object, 'spec.template.metadata.labels')];
  if (isMap(object.metadata.annotations)) {
    const odd = Object.values(object.metadata.annotations).filter((value) => typeof value !== 'string');
    causes.push(...odd.map((value) => wrong('metadata.annotations', value, 'must be a string')));
  }
  if (resource.custom === undefined) causes.push(...bodyCauses(object));
  if (causes.length > 0) throw invalid(resource, name, causes);
}
