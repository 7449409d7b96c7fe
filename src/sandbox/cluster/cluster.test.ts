import { afterEach, expect, test } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { createClock } from '../clock.ts';
import { createStore } from '../kube/store.ts';
import type { ComponentStart, LogPath, SandboxAccount } from '../types.ts';
import { createCluster } from './cluster.ts';
import { seedOf } from './seed.ts';
import type { Pod } from './shapes.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const account = {
  id: '111122223333',
  partition: 'aws',
  region: 'ap-northeast-2',
  issuer: 'https://oidc.example',
  podIdentityRole: () => undefined,
} as unknown as SandboxAccount;

async function start(
  options: { readonly seed?: readonly KubeObject[]; readonly component?: (pod: KubeObject, container: string) => ComponentStart | undefined } = {},
) {
  const clock = createClock({ speed: 10 });
  const store = createStore({ clock });
  const printed: string[] = [];
  const logPath: LogPath = {
    start: (pod, container) => options.component?.(pod, container),
    printed: (pod, _container, { line }) => void printed.push(`${pod.metadata.namespace}: ${line}`),
    serve: () => undefined,
  };
  const cluster = await createCluster({
    store,
    clock,
    account,
    createLogPath: () => logPath,
    seed: options.seed ?? seedOf({ region: 'ap-northeast-2', version: '1.33' }),
  });
  closing.push(cluster.close, clock.close);
  const until = async <T>(what: () => T | undefined | false): Promise<T> => {
    for (let tries = 0; tries < 400; tries += 1) {
      const seen = what();
      if (seen) return seen;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`never: ${what.toString()}`);
  };
  const pods = (namespace: string): readonly Pod[] => store.list('Pod', { namespace }) as readonly Pod[];
  const events = (reason: string): readonly string[] =>
    store
      .list('Event')
      .filter((event) => event['reason'] === reason)
      .map((event) => String(event['message']));
  return { store, cluster, until, pods, events, printed };
}

const pod = (name: string, spec: object, namespace = 'default'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: name } },
  spec,
});
const box = (script: string, more: object = {}): object => ({ name: 'main', image: 'busybox:1.37', command: ['sh', '-c', script], ...more });
const workload = (kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: 'default' },
  spec: { selector: { matchLabels: { app: name } }, ...spec },
});
const template = (name: string, spec: object): object => ({ metadata: { labels: { app: name } }, spec });
const status = (object: KubeObject | undefined): Record<string, unknown> => (object?.['status'] ?? {}) as Record<string, unknown>;

test('the default seed comes up: every pod ready, DaemonSets on all but the Fargate node, lines from training and shop', async () => {
  const { store, pods, until, printed } = await start();
  expect(store.list('Pod').filter((each) => status(each)['phase'] !== 'Running')).toEqual([]);
  expect(status(store.get('DaemonSet', 'kube-system', 'aws-node'))).toMatchObject({ desiredNumberScheduled: 5, numberReady: 5 });
  expect(status(store.get('Deployment', 'kube-system', 'coredns'))).toMatchObject({ readyReplicas: 2, updatedReplicas: 2 });
  const trainer = pods('training')[0] as Pod;
  expect(store.get('Node', undefined, trainer.spec.nodeName as string)?.metadata.labels?.['node.kubernetes.io/instance-type']).toBe('g5.xlarge');
  await until(() => printed.some((line) => /^training: .*loss=/.test(line)) && printed.some((line) => line.includes('order placed')));
  const dns = store.get('Endpoints', 'kube-system', 'kube-dns') as KubeObject & { readonly subsets: readonly { readonly addresses: readonly unknown[] }[] };
  expect(dns.subsets[0]?.addresses.length).toBe(3);
});

test('a Deployment rolls to a new template without falling below what must stay available, and says when it is complete', async () => {
  const { store, until, pods } = await start();
  store.create(
    workload('Deployment', 'web', {
      replicas: 4,
      template: template('web', { containers: [{ name: 'c', image: 'example/web:1', readinessProbe: { httpGet: { port: 80 } } }] }),
    }),
  );
  await until(() => status(store.get('Deployment', 'default', 'web'))['availableReplicas'] === 4);
  let least = 4;
  const stop = store.subscribe(({ object }) => {
    if (object.kind === 'Deployment' && object.metadata.name === 'web') least = Math.min(least, Number(status(object)['availableReplicas']));
  });
  const web = store.get('Deployment', 'default', 'web') as KubeObject & { readonly spec: object };
  store.update({
    ...web,
    spec: { ...web.spec, template: template('web', { containers: [{ name: 'c', image: 'example/web:2', readinessProbe: { httpGet: { port: 80 } } }] }) },
  });
  await until(() => {
    const now = store.get('Deployment', 'default', 'web');
    const { observedGeneration, updatedReplicas, replicas, availableReplicas, conditions } = status(now) as Record<string, never>;
    const progressing = (conditions as unknown as { type: string; reason: string }[]).find((condition) => condition.type === 'Progressing');
    return (
      observedGeneration === now?.metadata.generation &&
      updatedReplicas === 4 &&
      replicas === 4 &&
      availableReplicas === 4 &&
      progressing?.reason === 'NewReplicaSetAvailable'
    );
  });
  stop();
  expect(least).toBeGreaterThanOrEqual(3);
  expect(pods('default').map((each) => each.spec.containers[0]?.image)).toEqual(Array(4).fill('example/web:2'));
  expect(
    store
      .list('ReplicaSet', { namespace: 'default' })
      .map((set) => Number(set.metadata.annotations?.['deployment.kubernetes.io/revision']))
      .sort(),
  ).toEqual([1, 2]);
});

test('a StatefulSet in order starts one after the other, binds its claims, and its retention policy takes them away', async () => {
  const { store, until, pods } = await start();
  const claims = [
    { metadata: { name: 'data' }, spec: { storageClassName: 'gp3', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  ];
  const order: string[] = [];
  store.subscribe(({ type, object }) => {
    if (type === 'ADDED' && object.kind === 'Pod' && object.metadata.namespace === 'default')
      order.push(
        `${object.metadata.name} after ${pods('default').filter((each) => (each.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')).length}`,
      );
  });
  store.create(
    workload('StatefulSet', 'db', {
      replicas: 3,
      serviceName: 'db',
      template: template('db', { containers: [{ name: 'c', image: 'example/db:1' }] }),
      volumeClaimTemplates: claims,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    }),
  );
  await until(() => status(store.get('StatefulSet', 'default', 'db'))['readyReplicas'] === 3);
  expect(order).toEqual(['db-0 after 0', 'db-1 after 1', 'db-2 after 2']);
  const set = status(store.get('StatefulSet', 'default', 'db'));
  expect(set['currentRevision']).toBe(set['updateRevision']);
  expect(store.list('PersistentVolumeClaim', { namespace: 'default' }).map((claim) => [claim.metadata.name, status(claim)['phase']])).toEqual(
    [0, 1, 2].map((index) => [`data-db-${index}`, 'Bound']),
  );
  store.delete('StatefulSet', 'default', 'db');
  await until(() => pods('default').length === 0 && store.list('PersistentVolumeClaim').length === 0 && store.list('PersistentVolume').length === 0);
});

test('a StatefulSet in parallel updates from the last pod to the first', async () => {
  const { store, until } = await start();
  const spec = (image: string) => ({
    replicas: 3,
    serviceName: 'p',
    podManagementPolicy: 'Parallel',
    template: template('p', { containers: [{ name: 'c', image }] }),
  });
  store.create(workload('StatefulSet', 'p', spec('example/p:1')));
  await until(() => status(store.get('StatefulSet', 'default', 'p'))['readyReplicas'] === 3);
  const gone: string[] = [];
  store.subscribe(({ type, object }) => void (type === 'DELETED' && object.kind === 'Pod' && gone.push(object.metadata.name)));
  const now = store.get('StatefulSet', 'default', 'p') as KubeObject & { readonly spec: object };
  store.update({ ...now, spec: { ...now.spec, ...spec('example/p:2') } });
  await until(
    () =>
      gone.length === 3 &&
      status(store.get('StatefulSet', 'default', 'p'))['readyReplicas'] === 3 &&
      status(store.get('StatefulSet', 'default', 'p'))['updatedReplicas'] === 3,
  );
  expect(gone).toEqual(['p-2', 'p-1', 'p-0']);
});

test('pods with claims of their own and anti-affinity find places of their own, though their volumes are made at the same time', async () => {
  const { store, until, pods } = await start();
  const affinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'kubernetes.io/hostname' }],
    },
  };
  const claims = [
    { metadata: { name: 'data' }, spec: { storageClassName: 'gp3', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  ];
  store.create(
    workload('StatefulSet', 'db', {
      replicas: 4,
      serviceName: 'db',
      podManagementPolicy: 'Parallel',
      template: template('db', { affinity, containers: [{ name: 'c', image: 'example/db:1' }] }),
      volumeClaimTemplates: claims,
    }),
  );
  await until(() => status(store.get('StatefulSet', 'default', 'db'))['readyReplicas'] === 4);
  expect(new Set(pods('default').map((each) => each.spec.nodeName)).size).toBe(4);
});

test('a pod that fits nowhere says why in the words of the real scheduler, and starts when there is room', async () => {
  const { store, until, events } = await start({
    seed: seedOf({ region: 'ap-northeast-2', version: '1.33' }).filter((object) => !['DaemonSet', 'Deployment', 'Pod', 'Job'].includes(object.kind)),
  });
  store.create(pod('big', { containers: [box('sleep infinity', { resources: { requests: { memory: '64Gi' } } })] }));
  const message =
    '0/6 nodes are available: 1 node(s) had untolerated taint {eks.amazonaws.com/compute-type: fargate}, 1 node(s) had untolerated taint {nvidia.com/gpu: true}, 4 Insufficient memory. preemption: 0/6 nodes are available: 2 Preemption is not helpful for scheduling, 4 No preemption victims found for incoming pod.';
  await until(() => events('FailedScheduling').length > 0);
  expect(events('FailedScheduling')).toEqual([message]);
  const big = store.get('Pod', 'default', 'big') as Pod;
  expect(big.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }]);
  const node = store.list('Node', { selector: 'eks.amazonaws.com/nodegroup=general' })[0] as KubeObject & { readonly status: { readonly allocatable: object } };
  store.setStatus('Node', undefined, node.metadata.name, { ...node.status, allocatable: { ...node.status.allocatable, memory: '128Gi' } });
  await until(() => (store.get('Pod', 'default', 'big') as Pod).status?.phase === 'Running');
});

test('required anti-affinity keeps two of a kind from one node', async () => {
  const { store, until, events, pods } = await start({ seed: seedOf({ region: 'us-east-1', version: '1.33', name: 'small' }) });
  const affinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' }],
    },
  };
  store.create(workload('Deployment', 'web', { replicas: 3, template: template('web', { affinity, containers: [{ name: 'c', image: 'example/web:1' }] }) }));
  await until(() => events('FailedScheduling').length > 0 && pods('default').filter((each) => each.status?.phase === 'Running').length === 2);
  expect(events('FailedScheduling')).toContain(
    "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
  );
  expect(new Set(pods('default').map((each) => each.spec.nodeName)).size).toBe(3);
});

test('what a pod prints lands in its log, and it ends with its exit code', async () => {
  const { store, cluster, until, printed } = await start();
  store.create(
    pod('say', {
      restartPolicy: 'Never',
      containers: [
        box('echo "line $WORD from $NODE"; exit 3', {
          env: [
            { name: 'WORD', value: 'one' },
            { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          ],
        }),
      ],
    }),
  );
  const done = await until(
    () => ['Succeeded', 'Failed'].includes((store.get('Pod', 'default', 'say') as Pod).status?.phase ?? '') && (store.get('Pod', 'default', 'say') as Pod),
  );
  expect(done.status?.phase).toBe('Failed');
  expect(done.status?.containerStatuses?.[0]?.state).toMatchObject({ terminated: { exitCode: 3, reason: 'Error' } });
  expect(cluster.runtime.logs(done, 'main', {}).map(({ line }) => line)).toEqual([`line one from ${done.spec.nodeName}`]);
  expect(printed).toContain(`default: line one from ${done.spec.nodeName}`);
});

test('a container that keeps failing goes into CrashLoopBackOff and keeps its former log', async () => {
  const { store, cluster, until, events } = await start();
  store.create(pod('crash', { containers: [box('echo boom; exit 1')] }));
  const crashed = await until(() => {
    const now = store.get('Pod', 'default', 'crash') as Pod;
    return now.status?.containerStatuses?.[0]?.state['waiting']?.['reason'] === 'CrashLoopBackOff' && now;
  });
  expect(crashed.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: false, lastState: { terminated: { exitCode: 1 } } });
  expect(String(crashed.status?.containerStatuses?.[0]?.state['waiting']?.['message'])).toMatch(
    /^back-off 10s restarting failed container=main pod=crash_default\(/,
  );
  expect(cluster.runtime.logs(crashed, 'main', { previous: true }).map(({ line }) => line)).toEqual(['boom']);
  expect(events('BackOff')[0]).toMatch(/^Back-off restarting failed container main in pod crash_default/);
});

test('a missing Secret keeps the pod in ContainerCreating until it is there; an optional one does not', async () => {
  const { store, until, events } = await start();
  store.create(pod('waits', { volumes: [{ name: 'login', secret: { secretName: 'login' } }], containers: [box('sleep infinity')] }));
  store.create(pod('goes', { volumes: [{ name: 'login', secret: { secretName: 'login', optional: true } }], containers: [box('sleep infinity')] }));
  await until(() => events('FailedMount').length > 0 && (store.get('Pod', 'default', 'goes') as Pod).status?.phase === 'Running');
  expect(events('FailedMount')).toEqual(['MountVolume.SetUp failed for volume "login" : secret "login" not found']);
  expect((store.get('Pod', 'default', 'waits') as Pod).status?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
  store.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: 'default' }, data: {} });
  await until(() => (store.get('Pod', 'default', 'waits') as Pod).status?.phase === 'Running');
});

test('an image nobody has ends in ImagePullBackOff', async () => {
  const { store, cluster, until } = await start();
  cluster.deniedImages.add('nowhere/image');
  store.create(pod('pull', { containers: [{ name: 'main', image: 'nowhere/image:1' }] }));
  await until(() => (store.get('Pod', 'default', 'pull') as Pod).status?.containerStatuses?.[0]?.state['waiting']?.['reason'] === 'ImagePullBackOff');
});

test('claims without a class, with an unknown class, and without a driver stay pending with the real texts', async () => {
  const { store, until, events } = await start({ seed: seedOf({ region: 'ap-northeast-2', version: '1.33', name: 'no-storage-class' }) });
  const claim = (name: string, spec: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
  store.create(claim('none', {}));
  store.create(claim('unknown', { storageClassName: 'fast' }));
  store.create({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'gp3' },
    provisioner: 'ebs.csi.aws.com',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  store.create(claim('driverless', { storageClassName: 'gp3' }));
  store.create(pod('uses', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'driverless' } }], containers: [box('true')] }));
  await until(() => events('ExternalProvisioning').length > 0);
  expect(events('FailedBinding')).toEqual(['no persistent volumes available for this claim and no storage class is set']);
  expect(events('ProvisioningFailed')).toEqual(['storageclass.storage.k8s.io "fast" not found']);
  expect(events('ExternalProvisioning')[0]).toContain("external provisioner 'ebs.csi.aws.com'");
  expect((store.get('Pod', 'default', 'uses') as Pod).spec.nodeName).toBeUndefined();
});

test('pods of a service account with a role get the variables and the token', async () => {
  const { store } = await start();
  store.create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'loki', namespace: 'default', annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/loki' } },
  });
  store.create(pod('irsa', { serviceAccountName: 'loki', containers: [box('sleep infinity')] }));
  const made = store.get('Pod', 'default', 'irsa') as Pod;
  const env = Object.fromEntries((made.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
  expect(env).toMatchObject({
    AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/loki',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token',
    AWS_REGION: 'ap-northeast-2',
  });
  expect(made.spec.volumes?.map((volume) => volume.name)).toContain('aws-iam-token');
});

test('a component of the log path is asked again until it is ready, and crashes when it says so', async () => {
  let asked = 0;
  const { store, cluster, until } = await start({
    component: (of) => {
      if (of.metadata.name === 'slow') return { lines: ['waiting for the ring'], ready: (asked += 1) > 2 };
      if (of.metadata.name === 'bad') return { lines: ['bad config'], ready: false, crash: { exitCode: 1 } };
      return undefined;
    },
  });
  store.create(pod('slow', { containers: [{ name: 'loki', image: 'grafana/loki:3' }] }));
  store.create(pod('bad', { containers: [{ name: 'loki', image: 'grafana/loki:3' }] }));
  await until(() => (store.get('Pod', 'default', 'slow') as Pod).status?.containerStatuses?.[0]?.ready);
  expect(asked).toBe(3);
  expect(cluster.runtime.logs(store.get('Pod', 'default', 'slow') as Pod, 'loki', {}).map(({ line }) => line)).toEqual(['waiting for the ring']);
  await until(() => (store.get('Pod', 'default', 'bad') as Pod).status?.containerStatuses?.[0]?.state['waiting']?.['reason'] === 'CrashLoopBackOff');
});

test('a Job completes after its pod, and one that fails too often says so', async () => {
  const { store, until } = await start();
  const job = (name: string, script: string): KubeObject => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default' },
    spec: { backoffLimit: 1, template: { spec: { restartPolicy: 'Never', containers: [box(script)] } } },
  });
  store.create(job('good', 'echo fine'));
  store.create(job('poor', 'exit 1'));
  const ended = (name: string) =>
    (status(store.get('Job', 'default', name))['conditions'] as { type: string; reason: string }[] | undefined)?.find(
      ({ type }) => type === 'Complete' || type === 'Failed',
    );
  await until(() => ended('good') && ended('poor'));
  expect(ended('good')?.type).toBe('Complete');
  expect(ended('poor')).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' });
});

test.each(['StatefulSet', 'Deployment', 'DaemonSet'] as const)('a %s takes over the pods that its namesake left behind', async (kind) => {
  const { store, until, pods } = await start({ seed: seedOf({ region: 'us-east-1', version: '1.33', name: 'small' }) });
  const wanted = workload(kind, 'o', {
    ...(kind !== 'DaemonSet' && { replicas: 2 }),
    serviceName: 'o',
    template: template('o', { containers: [{ name: 'c', image: 'example/o:1' }] }),
  });
  store.create(wanted);
  const up = () => pods('default').filter((each) => (each.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')).length === 2;
  await until(up);
  const uids = pods('default').map((each) => each.metadata.uid);
  const own = store.get(kind, 'default', 'o') as KubeObject;
  const made = (['ReplicaSet', 'ControllerRevision'] as const).flatMap((one) => store.list(one, { namespace: 'default' }));
  for (const dependent of [...pods('default'), ...made])
    if (dependent.metadata.ownerReferences?.[0]?.uid === own.metadata.uid)
      store.update({ ...dependent, metadata: { ...dependent.metadata, ownerReferences: [] } });
  store.delete(kind, 'default', 'o');
  store.create(wanted);
  await until(() => Number(status(store.get(kind, 'default', 'o'))['observedGeneration'] ?? 0) > 0 && up());
  expect(pods('default').map((each) => each.metadata.uid)).toEqual(uids);
});

test('pods of a node that is deleted go with it, and come up elsewhere', async () => {
  const { store, until, pods } = await start();
  const lost = pods('shop')[0]?.spec.nodeName as string;
  store.delete('Node', undefined, lost);
  expect(store.list('Pod').filter((each) => (each as Pod).spec.nodeName === lost)).toEqual([]);
  await until(() => status(store.get('Deployment', 'shop', 'shop-front'))['availableReplicas'] === 3);
});

test('a LoadBalancer Service gets a hostname of the region, loses it when it becomes another, and gets a new one then', async () => {
  const { store, until } = await start();
  store.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'open', namespace: 'default' },
    spec: { type: 'LoadBalancer', selector: { app: 'x' }, ports: [{ port: 80 }] },
  });
  const named = () => /[^"]+\.ap-northeast-2\.elb\.amazonaws\.com/.exec(JSON.stringify(status(store.get('Service', 'default', 'open'))))?.[0];
  await until(() => named() !== undefined);
  const first = named();
  const turn = (type: string) => {
    const service = store.get('Service', 'default', 'open')!;
    store.update({ ...service, spec: { ...(service['spec'] as object), type } });
  };
  turn('ClusterIP');
  await until(() => named() === undefined);
  turn('LoadBalancer');
  await until(() => named() !== undefined);
  expect(named()).not.toBe(first);
});

test('an init container of an image of the log path runs to its end, whatever its script calls', async () => {
  const { store, until, pods } = await start();
  const init = { name: 'restore', image: 'docker.io/grafana/alloy:v1.18.1', command: ['/bin/sh', '-ec', 'perl /etc/restore.pl "$@"', 'restore'] };
  store.create(pod('collector', { initContainers: [init], containers: [box('echo after; sleep 3600')] }));
  const run = await until(() => pods('default').find((one) => one.metadata.name === 'collector' && one.status?.phase === 'Running'));
  expect(run.status).toMatchObject({ initContainerStatuses: [{ ready: true, restartCount: 0, state: { terminated: { exitCode: 0, reason: 'Completed' } } }] });
});
