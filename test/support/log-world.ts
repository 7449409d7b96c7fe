/** A tiny cluster for the log path: objects, pods made of their workloads, an account that checks roles, a clock moved by hand. */
import { execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { admitted } from '../../src/sandbox/cluster/admission.ts';
import type { Pod, PodTemplate } from '../../src/sandbox/cluster/shapes.ts';
import { labelTest } from '../../src/sandbox/kube/selectors.ts';
import { createLogPath } from '../../src/sandbox/logs/log-path.ts';
import { AwsFault, type ObjectStore, type SandboxAccount, type SandboxClock, type SandboxResponse, type StoreEvent } from '../../src/sandbox/types.ts';

export const NODES = ['node-a', 'node-b', 'node-c'] as const;

function helm(): string {
  const path = process.env['LOKI_EKS_HELM'];
  if (!path) throw new Error('LOKI_EKS_HELM is not set: `npm run tools` fetches helm and says where it is');
  return path;
}

/** `helm template` with values on stdin. */
export function render(chart: 'loki' | 'alloy', values: string, set: readonly string[] = []): readonly KubeObject[] {
  const path = new URL(`../../src/sandbox/charts/${chart}`, import.meta.url).pathname;
  const text = execFileSync(helm(), ['template', chart, path, '-n', chart, '--kube-version', '1.33.0', '-f', '-', ...set.flatMap((one) => ['--set', one])], {
    input: values,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

export interface FakeRole {
  readonly subject: string;
  readonly audience: string;
  readonly buckets: readonly string[];
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export type LogWorld = ReturnType<typeof createLogWorld>;

export function createLogWorld(
  options: { readonly roles?: Readonly<Record<string, FakeRole>>; readonly associations?: Readonly<Record<string, string>>; readonly dns?: boolean } = {},
) {
  const clock = fakeClock();
  const store = fakeStore();
  const objects = new Map<string, Uint8Array>();
  const roles = new Map(Object.entries(options.roles ?? {}));
  const account = fakeAccount({ objects, roles, associations: options.associations ?? {} });
  const printed: { readonly pod: string; readonly container: string; readonly line: string }[] = [];
  const path = createLogPath({ store, account, clock, print: (pod, container, line) => write(pod, container, line) });
  const write = (pod: KubeObject, container: string, line: string): void => {
    printed.push({ pod: `${pod.metadata.namespace}/${pod.metadata.name}`, container, line });
    path.printed(pod, container, { time: clock.now(), line });
  };
  let uids = 0;

  const startContainer = (pod: Pod, name: string): boolean => {
    const current = (store.get('Pod', pod.metadata.namespace, pod.metadata.name) ?? pod) as Pod;
    const start = path.start(current, name);
    for (const line of start?.lines ?? []) write(current, name, line);
    return start === undefined || start.ready;
  };
  /** A pod of a workload, on a node, started as far as it comes up. */
  const run = (
    template: PodTemplate,
    of: { readonly name: string; readonly namespace: string; readonly node: string; readonly owner?: { readonly kind: string; readonly name: string } },
  ): Pod => {
    uids += 1;
    const raw = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: of.name,
        namespace: of.namespace,
        uid: `uid-${uids}`,
        labels: template.metadata?.labels ?? {},
        ...(of.owner && { ownerReferences: [{ apiVersion: 'apps/v1', ...of.owner, uid: 'owner', controller: true }] }),
      },
      spec: { ...template.spec, nodeName: of.node },
      status: status({ ip: `10.0.1.${uids}`, ready: false }),
    } as unknown as Pod;
    const pod = admitted(store, account, raw) ?? raw;
    store.create(pod);
    settle(pod);
    return store.get('Pod', of.namespace, of.name) as Pod;
  };
  const settle = (pod: Pod): void => {
    const ready = pod.spec.containers.map((container) => startContainer(pod, container.name)).every(Boolean);
    store.setStatus('Pod', pod.metadata.namespace, pod.metadata.name, status({ ip: pod.status?.podIP ?? '', ready }) as object);
  };
  const restart = (pod: Pod): void => {
    const restarts = (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) + 1;
    store.setStatus('Pod', pod.metadata.namespace, pod.metadata.name, {
      ...pod.status,
      containerStatuses: pod.spec.containers.map((container) => ({ name: container.name, restartCount: restarts, ready: true, state: {} })),
    } as object);
    for (const container of pod.spec.containers) startContainer(store.get('Pod', pod.metadata.namespace, pod.metadata.name) as Pod, container.name);
  };
  /** Everything a chart rendered, with a pod for every replica. */
  const deploy = (rendered: readonly KubeObject[], namespace: string): void => {
    const all = rendered.map(
      (object) =>
        ({
          ...object,
          metadata: { ...object.metadata, ...(!object.kind.startsWith('Cluster') && { namespace: object.metadata.namespace ?? namespace }) },
        }) as KubeObject,
    );
    for (const object of all) store.create(object);
    for (const object of all)
      for (const [at, node] of placesOf(object).entries()) {
        const { template, volumeClaimTemplates } = object['spec'] as { readonly template: PodTemplate; readonly volumeClaimTemplates?: readonly KubeObject[] };
        const name = `${object.metadata.name}-${at}`;
        const claims = (volumeClaimTemplates ?? []).map((claim) => ({
          name: claim.metadata.name,
          persistentVolumeClaim: { claimName: `${claim.metadata.name}-${name}` },
        }));
        run(
          { ...template, spec: { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claims] } },
          { name, namespace, node, owner: { kind: object.kind, name: object.metadata.name } },
        );
      }
    advance(3_000);
    ready();
  };
  /** The kubelet asks those again that were not ready. */
  const ready = (): void => {
    for (const pod of store.list('Pod') as readonly Pod[]) if (pod.status?.conditions?.[0]?.status !== 'True') settle(pod);
  };
  const advance = (ms: number): void => clock.advance(ms);

  if (options.dns !== false)
    store.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: { clusterIP: '10.100.0.10', ports: [{ port: 53 }] },
    });
  const login = (user: string, password: string): Readonly<Record<string, string>> => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  });
  const call = async (
    pod: string,
    request: {
      readonly port?: number;
      readonly method?: string;
      readonly path: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    },
  ): Promise<SandboxResponse & { readonly body: string }> => {
    const [namespace, name] = pod.split('/') as [string, string];
    const object = store.get('Pod', namespace, name);
    if (object === undefined) throw new Error(`no pod ${pod}`);
    const response = await path.serve(object, request.port ?? (name.includes('gateway') ? 8080 : namespace === 'alloy' ? 12_345 : 3100), {
      method: request.method ?? 'GET',
      path: request.path,
      headers: request.headers ?? {},
      body: Buffer.from(request.body ?? ''),
    });
    if (response === undefined) throw new Error(`${pod} does not listen there`);
    return { ...response, body: typeof response.body === 'string' ? response.body : Buffer.from(response.body).toString('utf8') };
  };
  /** Lines of a log query through the gateway; throws with the answer when it is not 200. */
  const query = async (
    logql: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly line: string }[]> => {
    const response = await call('loki/loki-gateway-0', { path: `/loki/api/v1/query_range?query=${encodeURIComponent(logql)}`, headers });
    if (response.status !== 200) throw new Error(`${response.status}: ${response.body}`);
    const { data } = JSON.parse(response.body) as { data: { result: { stream: Record<string, string>; values: [string, string][] }[] } };
    return data.result.flatMap(({ stream, values }) => values.map(([, line]) => ({ labels: stream, line })));
  };
  const secret = (namespace: string, name: string, data: Readonly<Record<string, string>>): void =>
    void store.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
    });
  return { clock, store, account, objects, roles, path, printed, run, restart, deploy, ready, advance, call, query, login, secret, write, render };
}

function placesOf(object: KubeObject): readonly string[] {
  if (object.kind === 'DaemonSet') return NODES;
  if (object.kind !== 'Deployment' && object.kind !== 'StatefulSet') return [];
  const replicas = (object['spec'] as { readonly replicas?: number }).replicas ?? 1;
  return Array.from({ length: replicas }, (_, at) => NODES[at % NODES.length] as string);
}

function status(of: { readonly ip: string; readonly ready: boolean }): Pod['status'] {
  return { phase: 'Running', podIP: of.ip, conditions: [{ type: 'Ready', status: of.ready ? 'True' : 'False' }] };
}

function fakeClock(): SandboxClock & { advance(ms: number): void } {
  let now = Date.parse('2026-03-01T12:00:00Z');
  let order = 0;
  let timers: Timer[] = [];
  return {
    now: () => new Date(now),
    after(ms, act) {
      const timer = { at: now + ms, order: (order += 1), act };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        now = Math.max(now, next.at);
        next.act();
      }
      now = end;
    },
  };
}

function fakeStore(): ObjectStore {
  const objects = new Map<string, KubeObject>();
  const listeners = new Set<(event: StoreEvent) => void>();
  const key = (kind: string, namespace: string | undefined, name: string): string => `${kind}/${/^Cluster|^Node$/.test(kind) ? '' : (namespace ?? '')}/${name}`;
  const tell = (event: StoreEvent): void => listeners.forEach((listener) => listener(event));
  const put = (object: KubeObject): KubeObject => {
    const at = key(object.kind, object.metadata.namespace, object.metadata.name);
    const before = objects.get(at);
    objects.set(at, object);
    tell(before === undefined ? { type: 'ADDED', object } : { type: 'MODIFIED', object, before });
    return object;
  };
  return {
    get: (kind, namespace, name) => objects.get(key(kind, namespace, name)),
    list: (kind, { namespace, selector } = {}) =>
      [...objects.values()].filter(
        (object) => object.kind === kind && (namespace === undefined || object.metadata.namespace === namespace) && labelTest(selector)(object.metadata.labels),
      ),
    create: put,
    update: put,
    setStatus(kind, namespace, name, now) {
      const object = objects.get(key(kind, namespace, name));
      if (object !== undefined) put({ ...object, status: now });
    },
    delete(kind, namespace, name) {
      const object = objects.get(key(kind, namespace, name));
      objects.delete(key(kind, namespace, name));
      if (object !== undefined) tell({ type: 'DELETED', object });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function fakeAccount(of: {
  readonly objects: Map<string, Uint8Array>;
  readonly roles: ReadonlyMap<string, FakeRole>;
  readonly associations: Readonly<Record<string, string>>;
}): SandboxAccount {
  const allowed = (role: string, bucket: string, action: string): void => {
    if (of.roles.get(role)?.buckets.includes(bucket) !== true)
      throw new AwsFault(403, 'AccessDenied', `User: ${role} is not authorized to perform: ${action} on resource: "arn:aws:s3:::${bucket}"`);
  };
  const account: SandboxAccount & {
    signServiceAccountToken(request: { readonly namespace: string; readonly serviceAccount: string; readonly audience: string }): string;
  } = {
    id: '111122223333',
    partition: 'aws',
    region: 'ap-northeast-2',
    issuer: 'https://oidc.example/id/1',
    signServiceAccountToken: ({ namespace, serviceAccount, audience }) =>
      JSON.stringify({ sub: `system:serviceaccount:${namespace}:${serviceAccount}`, aud: audience }),
    assumeRoleWithWebIdentity(arn, token) {
      const claims = JSON.parse(token) as { readonly sub: string; readonly aud: string };
      const role = of.roles.get(arn);
      if (role === undefined || role.subject !== claims.sub || role.audience !== claims.aud)
        throw new AwsFault(403, 'AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
      return { accessKeyId: arn, secretAccessKey: 'x', sessionToken: 'y' };
    },
    podIdentityRole: (namespace, serviceAccount) => of.associations[`${namespace}/${serviceAccount}`],
    credentialsOf: (arn) => ({ accessKeyId: arn, secretAccessKey: 'x' }),
    putObject(credentials, bucket, key, body) {
      allowed(credentials.accessKeyId, bucket, 's3:PutObject');
      of.objects.set(`${bucket}/${key}`, body);
    },
    getObject(credentials, bucket, key) {
      allowed(credentials.accessKeyId, bucket, 's3:GetObject');
      const body = of.objects.get(`${bucket}/${key}`);
      if (body === undefined) throw new AwsFault(404, 'NoSuchKey', 'The specified key does not exist.');
      return body;
    },
    deleteObject(credentials, bucket, key) {
      allowed(credentials.accessKeyId, bucket, 's3:DeleteObject');
      of.objects.delete(`${bucket}/${key}`);
    },
    listObjects(credentials, bucket, prefix) {
      allowed(credentials.accessKeyId, bucket, 's3:ListBucket');
      return [...of.objects.keys()].filter((key) => key.startsWith(`${bucket}/${prefix}`)).map((key) => key.slice(bucket.length + 1));
    },
    callerOfPresigned: () => undefined,
  };
  return account;
}
