/** A Grafana in the cluster, read from its workload: where it listens, what its sidecars watch, where its admin login is. */
import type { KubeObject } from '../ports/kubernetes.ts';

/** What a k8s-sidecar container watches. */
export interface SidecarFact {
  readonly container: string;
  readonly label: string;
  /** Any value when absent. */
  readonly labelValue?: string;
  readonly resource: 'configmap' | 'secret' | 'both';
  /** `own` is the namespace of the pod. */
  readonly namespaces: 'all' | 'own' | readonly string[];
  /** It can tell Grafana to reload, and has a login for that; without it, files are read only when Grafana starts. */
  readonly reloads: boolean;
}

export interface SecretKey {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

export interface GrafanaFact {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly namespace: string;
  readonly name: string;
  /** Of its container. */
  readonly port: number;
  /** Label selector of its pods. */
  readonly selector: string;
  readonly datasources?: SidecarFact;
  readonly dashboards?: SidecarFact;
  /** The caller is not allowed to create objects in its namespace. */
  readonly closed?: true;
  /** The Secret with the login of its initial admin. */
  readonly admin?: { readonly user: SecretKey; readonly password: SecretKey };
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
  }[];
}

interface Workload {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly template?: {
    readonly spec?: { readonly containers?: readonly Container[]; readonly initContainers?: readonly (Container & { readonly restartPolicy?: string })[] };
  };
}

/** `undefined` for a workload that has Grafana's label but does not run it. */
export function grafanaIn(object: KubeObject): GrafanaFact | undefined {
  const { kind, metadata } = object;
  if (kind !== 'Deployment' && kind !== 'StatefulSet') return undefined;
  const { selector, template } = (object['spec'] ?? {}) as Workload;
  const { containers = [], initContainers = [] } = template?.spec ?? {};
  const main = containers.find(({ name, image = '' }) => name === 'grafana' || /(^|\/)grafana(-enterprise|-oss)?(:|@|$)/.test(image));
  if (!main || !selector?.matchLabels) return undefined;
  const namespace = metadata.namespace ?? 'default';
  // A native sidecar is an init container that keeps running; one that only lists once watches nothing.
  const watching = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')];
  const sidecars = watching.flatMap((container) => (container === main ? [] : sidecarIn(container)));
  const datasources = sidecars.find(({ folder }) => folder.includes('datasources'))?.fact;
  const dashboards = sidecars.find(({ folder, fact }) => /dashboards?/.test(`${folder} ${fact.container}`))?.fact;
  const admin = adminOf(main, namespace);
  return {
    kind,
    namespace,
    name: metadata.name,
    port: main.ports?.find(({ name }) => name === 'grafana' || name === 'http' || name === 'service')?.containerPort ?? main.ports?.[0]?.containerPort ?? 3000,
    selector: Object.entries(selector.matchLabels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    ...(datasources && { datasources }),
    ...(dashboards && { dashboards }),
    ...(admin && { admin }),
  };
}

function sidecarIn(container: Container): readonly { readonly folder: string; readonly fact: SidecarFact }[] {
  const env = container.env ?? [];
  const value = (name: string) => env.find((one) => one.name === name)?.value ?? '';
  const has = (name: string) => env.some((one) => one.name === name && (one.value || one.valueFrom));
  const label = value('LABEL');
  // A sidecar that watches objects by name never sees ours.
  if (!label || !value('FOLDER') || value('METHOD') === 'LIST' || has('RESOURCE_NAME')) return [];
  const resource = value('RESOURCE') || 'configmap';
  const namespaces = value('NAMESPACE');
  const login = (has('REQ_USERNAME') && has('REQ_PASSWORD')) || (has('REQ_USERNAME_FILE') && has('REQ_PASSWORD_FILE'));
  const fact: SidecarFact = {
    container: container.name,
    label,
    ...(value('LABEL_VALUE') && { labelValue: value('LABEL_VALUE') }),
    resource: resource === 'secret' || resource === 'both' ? resource : 'configmap',
    namespaces: namespaces === '' ? 'own' : namespaces === 'ALL' ? 'all' : namespaces.split(',').map((name) => name.trim()),
    reloads: has('REQ_URL') && login,
  };
  return [{ folder: value('FOLDER'), fact }];
}

function adminOf(main: Container, namespace: string): GrafanaFact['admin'] {
  const key = (name: string): SecretKey | undefined => {
    const ref = main.env?.find((one) => one.name === name)?.valueFrom?.secretKeyRef;
    return ref && { namespace, name: ref.name, key: ref.key };
  };
  const [user, password] = [key('GF_SECURITY_ADMIN_USER'), key('GF_SECURITY_ADMIN_PASSWORD')];
  return user && password ? { user, password } : undefined;
}

/** The namespace where the sidecar finds an object: `wanted` if it watches that, else Grafana's own. */
export function watchedNamespace({ namespace }: Pick<GrafanaFact, 'namespace'>, { namespaces }: SidecarFact, wanted: string): string | undefined {
  if (namespaces === 'own') return namespace;
  if (namespaces === 'all') return wanted;
  return [wanted, namespace].find((name) => namespaces.includes(name));
}
