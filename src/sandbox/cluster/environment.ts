/** A container's environment, and the errors that keep it from starting. */
import type { ObjectStore } from '../types.ts';
import type { Container, EnvVar, ItemsRef, KeyRef, Pod, Volume } from './shapes.ts';

export type Environment = { readonly is: 'known'; readonly env: Readonly<Record<string, string>> } | { readonly is: 'lacking'; readonly message: string };

/** Every variable in order; a missing Secret, ConfigMap or key that is not optional keeps the container from starting. */
export function environmentOf(store: ObjectStore, pod: Pod, container: Container): Environment {
  const env: Record<string, string> = { HOSTNAME: String(pod.spec['hostname'] ?? pod.metadata.name) };
  for (const source of container.envFrom ?? []) {
    const kind = source.secretRef === undefined ? 'ConfigMap' : 'Secret';
    const ref = source.secretRef ?? source.configMapRef;
    if (ref === undefined) continue;
    const data = dataOf(store, pod, { kind, name: ref.name });
    if (data === undefined && ref.optional !== true) return { is: 'lacking', message: `${kind.toLowerCase()} "${ref.name}" not found` };
    for (const [name, value] of Object.entries(data ?? {})) env[`${source.prefix ?? ''}${name}`] = value;
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(store, pod, variable);
    if (value.is === 'lacking') return value;
    if (value.text !== undefined) env[variable.name] = value.text.replace(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name: string) => env[name] ?? whole);
  }
  return { is: 'known', env };
}

/** `$(NAME)` in a command or argument, as the kubelet expands it before the process starts. */
export function expandArguments(words: readonly string[], env: Readonly<Record<string, string>>): readonly string[] {
  return words.map((word) =>
    word.replace(/\$?\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name: string) => (whole.startsWith('$$') ? whole.slice(1) : (env[name] ?? whole))),
  );
}

function dataOf(store: ObjectStore, pod: Pod, of: { readonly kind: string; readonly name: string }): Readonly<Record<string, string>> | undefined {
  const object = store.get(of.kind, pod.metadata.namespace, of.name);
  if (object === undefined) return undefined;
  const data = (object['data'] ?? {}) as Readonly<Record<string, string>>;
  const binary = (object['binaryData'] ?? {}) as Readonly<Record<string, string>>;
  const decode = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Buffer.from(text, 'base64').toString('utf8')]));
  return of.kind === 'Secret' ? decode(data) : { ...data, ...decode(binary) };
}

type Value = { readonly is: 'value'; readonly text: string | undefined } | { readonly is: 'lacking'; readonly message: string };

function valueOf(store: ObjectStore, pod: Pod, variable: EnvVar): Value {
  const from = variable.valueFrom;
  if (from === undefined) return { is: 'value', text: variable.value ?? '' };
  if (from.fieldRef !== undefined) return { is: 'value', text: fieldOf(store, pod, from.fieldRef.fieldPath) };
  if (from.secretKeyRef !== undefined) return keyOf(store, pod, { kind: 'Secret', ref: from.secretKeyRef });
  if (from.configMapKeyRef !== undefined) return keyOf(store, pod, { kind: 'ConfigMap', ref: from.configMapKeyRef });
  const resource = from.resourceFieldRef;
  if (resource === undefined) return { is: 'value', text: '' };
  const container = pod.spec.containers.find((candidate) => candidate.name === (resource.containerName ?? candidate.name));
  const [group, name] = resource.resource.split('.') as ['limits' | 'requests', string];
  return { is: 'value', text: String(container?.resources?.[group]?.[name] ?? '0') };
}

function keyOf(store: ObjectStore, pod: Pod, of: { readonly kind: 'Secret' | 'ConfigMap'; readonly ref: KeyRef }): Value {
  const data = dataOf(store, pod, { kind: of.kind, name: of.ref.name });
  const text = data?.[of.ref.key];
  if (text !== undefined || of.ref.optional === true) return { is: 'value', text };
  if (data === undefined) return { is: 'lacking', message: `${of.kind.toLowerCase()} "${of.ref.name}" not found` };
  return { is: 'lacking', message: `couldn't find key ${of.ref.key} in ${of.kind} ${pod.metadata.namespace}/${of.ref.name}` };
}

function fieldOf(store: ObjectStore, pod: Pod, path: string): string {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed !== null) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] as string] ?? '';
  const node = store.get('Node', undefined, pod.spec.nodeName ?? '') as
    | { readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] } }
    | undefined;
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': pod.status?.podIP,
    'status.podIPs': pod.status?.podIP,
    'status.hostIP': node?.status?.addresses?.find((address) => address.type === 'InternalIP')?.address,
  };
  return fields[path] ?? '';
}

/** The kubelet's message for a volume it cannot mount; `undefined` when all can be. */
export function unmountable(store: ObjectStore, pod: Pod): string | undefined {
  for (const volume of pod.spec.volumes ?? []) {
    const problem = missingIn(store, pod, volume);
    if (problem !== undefined) return `MountVolume.SetUp failed for volume "${volume.name}" : ${problem}`;
  }
  return undefined;
}

function missingIn(store: ObjectStore, pod: Pod, volume: Volume): string | undefined {
  const projected = volume.projected?.sources ?? [];
  const sources: readonly (readonly ['Secret' | 'ConfigMap', ItemsRef | undefined])[] = [
    ['Secret', volume.secret],
    ['ConfigMap', volume.configMap],
    ...projected.flatMap((source) => [['Secret', source.secret] as const, ['ConfigMap', source.configMap] as const]),
  ];
  for (const [kind, ref] of sources) {
    if (ref === undefined || ref.optional === true) continue;
    const name = ref.secretName ?? ref.name ?? '';
    // Every namespace has this one, created by a controller.
    if (kind === 'ConfigMap' && name === 'kube-root-ca.crt') continue;
    const data = dataOf(store, pod, { kind, name });
    if (data === undefined) return `${kind.toLowerCase()} "${name}" not found`;
    const absent = (ref.items ?? []).find((item) => data[item.key] === undefined);
    if (absent !== undefined) return `references non-existent ${kind === 'Secret' ? 'secret' : 'config'} key: ${absent.key}`;
  }
  return undefined;
}
