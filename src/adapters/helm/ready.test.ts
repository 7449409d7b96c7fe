import { describe, expect, it } from 'vitest';
import { clusterOf, jumpingClock } from '../../../test/support/cluster-objects.ts';
import { ProblemError } from '../../problems/problem.ts';
import type { HelmTask } from '../../ports/releases.ts';
import { openReadiness } from './ready.ts';
import { missing } from './rollout.ts';

const labels = { 'app.kubernetes.io/instance': 'loki' };
const born = '2030-01-01T00:00:00Z';
const workload = (kind: string, of: { readonly name?: string; readonly spec?: object; readonly status?: object; readonly generation?: number } = {}) => {
  const name = of.name ?? 'loki-ingester';
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: 'loki', labels, generation: of.generation ?? 1 },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, ...of.spec },
    status: { observedGeneration: 1, ...of.status },
  };
};
const done = { replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1 };
const pod = (status: object, of: { readonly name?: string; readonly app?: string; readonly spec?: object; readonly created?: string } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: of.name ?? 'loki-ingester-0',
    namespace: 'loki',
    uid: of.name ?? 'uid-0',
    labels: { ...labels, app: of.app ?? 'loki-ingester' },
    creationTimestamp: of.created ?? born,
  },
  spec: of.spec ?? {},
  status,
});
const waiting = (reason: string, message?: string) => ({
  phase: 'Pending',
  containerStatuses: [{ name: 'loki', ready: false, restartCount: 0, state: { waiting: { reason, message } } }],
});
const crashing = (restartCount: number) => ({
  phase: 'Running',
  containerStatuses: [
    {
      name: 'loki',
      ready: false,
      restartCount,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    },
  ],
});
const unscheduled = (message: string) => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime: born }],
});

describe('when a workload is rolled out', () => {
  it.each([
    ['Deployment', {}, done, undefined],
    ['Deployment', {}, { ...done, updatedReplicas: 0 }, '0/1 updated'],
    ['Deployment', {}, { ...done, replicas: 2 }, '1 of the previous revision still terminating'],
    ['Deployment', { replicas: 3 }, { replicas: 3, updatedReplicas: 3, availableReplicas: 1 }, '1/3 ready'],
    ['Deployment', { replicas: 0 }, {}, undefined],
    ['StatefulSet', { replicas: 3 }, { readyReplicas: 1, updatedReplicas: 3 }, '1/3 ready'],
    ['StatefulSet', {}, { ...done, updatedReplicas: 0, currentRevision: 'a', updateRevision: 'b' }, '0/1 updated'],
    ['StatefulSet', { updateStrategy: { type: 'OnDelete' } }, { ...done, updatedReplicas: 0, currentRevision: 'a', updateRevision: 'b' }, undefined],
    ['StatefulSet', {}, { ...done, currentRevision: 'a', updateRevision: 'a' }, undefined],
    ['DaemonSet', {}, { desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 3 }, '3/4 ready'],
    ['DaemonSet', {}, { desiredNumberScheduled: 4, updatedNumberScheduled: 1, numberAvailable: 4 }, '1/4 updated'],
    ['DaemonSet', {}, { desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 }, undefined],
  ])('%s %j %j: %s', (kind, spec, status, expected) => expect(missing(workload(kind, { spec, status }))).toBe(expected));

  it('does not believe counts of a generation its controller has not seen', () =>
    expect(missing(workload('Deployment', { generation: 2, status: done }))).toBe('not yet observed by its controller'));
});

describe('waiting', () => {
  const said: string[] = [];
  const task = (timeoutMs = 600_000): HelmTask => {
    said.length = 0;
    return { name: 'loki', namespace: 'loki', signal: new AbortController().signal, timeoutMs, say: (text) => void said.push(text) };
  };
  const wait = async (
    objects: readonly object[],
    of: {
      readonly during?: (seconds: number, cluster: ReturnType<typeof clusterOf>) => void;
      readonly timeoutMs?: number;
      readonly logs?: Record<string, string[]>;
    } = {},
  ) => {
    const cluster = clusterOf(objects);
    cluster.logs = of.logs ?? {};
    const start = Date.parse(born);
    let now = start;
    const clock = jumpingClock((time) => {
      now = time.getTime();
      of.during?.((now - start) / 1000, cluster);
    });
    const error = await openReadiness({ kubernetes: cluster.kubernetes, clock })
      .ready(task(of.timeoutMs))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (error !== undefined) expect(error).toBeInstanceOf(ProblemError);
    return { problem: (error as ProblemError | undefined)?.problem, seconds: (now - start) / 1000, calls: cluster.calls };
  };

  it('ends at once, without looking at pods, when all is rolled out', async () => {
    const { problem, calls } = await wait([workload('Deployment', { status: done })]);
    expect(problem).toBeUndefined();
    expect(calls).toEqual(['list Deployment', 'list StatefulSet', 'list DaemonSet']);
  });

  it('says what it waits for, once, and again when that changes', async () => {
    const { problem } = await wait(
      [workload('StatefulSet'), workload('Deployment', { name: 'loki-gateway', status: done }), pod(waiting('ContainerCreating'))],
      {
        during: (seconds, cluster) => {
          if (seconds === 3)
            cluster.objects = [
              workload('StatefulSet'),
              workload('Deployment', { name: 'loki-gateway', status: done }),
              pod({ phase: 'Running', containerStatuses: [{ name: 'loki', ready: false, state: { running: {} } }] }),
            ] as never;
          if (seconds === 6) cluster.objects = [workload('StatefulSet', { status: done })] as never;
        },
      },
    );
    expect(problem).toBeUndefined();
    expect(said).toEqual([
      '1/2 workloads ready; waiting for loki-ingester 0/1 ready (loki-ingester-0 ContainerCreating)',
      '1/2 workloads ready; waiting for loki-ingester 0/1 ready (loki-ingester-0 running, but container loki is not ready)',
    ]);
  });

  it('puts the pod that most likely needs help first', async () => {
    const objects = [
      workload('Deployment', { name: 'loki-gateway' }),
      pod(waiting('ContainerCreating'), { name: 'gateway-1', app: 'loki-gateway' }),
      workload('StatefulSet'),
      pod(unscheduled('0/3 nodes are available: 3 Insufficient memory.')),
    ];
    await wait(objects, { timeoutMs: 1_000 });
    expect(said).toEqual([
      '0/2 workloads ready; waiting for loki-ingester 0/1 ready (loki-ingester-0 Pending: 0/3 nodes are available: 3 Insufficient memory.), loki-gateway 0/1 updated',
    ]);
  });

  it.each([
    'running PreBind plugin "VolumeBinding": Operation cannot be fulfilled on persistentvolumeclaims "data-loki-ingester-0": the object has been modified; please apply your changes to the latest version and try again',
    'running Reserve plugin "VolumeBinding": Operation cannot be fulfilled on persistentvolumes "pvc-1": StorageError: invalid object',
  ])('does not alarm with what the scheduler tries again', async (message) => {
    await wait([workload('StatefulSet'), pod(unscheduled(message))], { timeoutMs: 1_000 });
    expect(said.join()).toContain('loki-ingester-0 being scheduled');
  });

  it('looks for the reason when nothing changes for ten seconds', async () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'loki' },
      involvedObject: { kind: 'Pod', name: 'loki-ingester-0' },
      type: 'Warning',
      reason: 'FailedMount',
      message: 'secret "login" not found',
    };
    const { calls } = await wait([workload('StatefulSet'), pod(waiting('ContainerCreating')), event], { timeoutMs: 25_000 });
    const line = '0/1 workloads ready; waiting for loki-ingester 0/1 ready (loki-ingester-0 ContainerCreating)';
    expect(said).toEqual([line, `${line}: FailedMount: secret "login" not found`]);
    expect(calls.filter((call) => call === 'list Event')).toHaveLength(3);
  });

  it('gives up on an image that stays unpullable for a minute, not before', async () => {
    const { problem, seconds } = await wait([workload('StatefulSet'), pod(waiting('ImagePullBackOff', 'Back-off pulling image "x/loki:9"'))]);
    expect(problem).toMatchObject({ code: 'POD_IMAGE_UNPULLABLE', message: expect.stringContaining('x/loki:9') });
    expect(seconds).toBeGreaterThanOrEqual(60);
    expect(seconds).toBeLessThan(70);
  });

  it('forgives an image that is pulled in time', async () => {
    const { problem } = await wait([workload('StatefulSet'), pod(waiting('ErrImagePull'))], {
      during: (seconds, cluster) => void (seconds > 50 && (cluster.objects = [workload('StatefulSet', { status: done })] as never)),
    });
    expect(problem).toBeUndefined();
  });

  it('gives up on a crash loop at the fourth restart, with the last lines', async () => {
    const { problem, seconds } = await wait([workload('StatefulSet'), pod(crashing(0))], {
      logs: { 'loki-ingester-0 previous': ['level=error msg="AccessDenied: not authorized to perform s3:PutObject"'] },
      during: (second, cluster) => void (cluster.objects = [workload('StatefulSet'), pod(crashing(Math.floor(second / 10)))] as never),
    });
    expect(problem).toMatchObject({ code: 'POD_CRASHES', message: 'Pod loki/loki-ingester-0: container loki crashes with exit code 1, 4 restarts' });
    expect(problem?.evidence).toContain('loki-ingester-0: level=error msg="AccessDenied: not authorized to perform s3:PutObject"');
    expect(seconds).toBe(40);
  });

  it('does not give up because a pod of the former revision has crashed before', async () => {
    const { problem } = await wait([workload('StatefulSet'), pod(crashing(12), { created: '2029-12-31T00:00:00Z' })], {
      during: (seconds, cluster) => void (seconds > 20 && (cluster.objects = [workload('StatefulSet', { status: done })] as never)),
    });
    expect(problem).toBeUndefined();
  });

  it('gives an autoscaler five minutes to find a node, and names the volume that waits', async () => {
    const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data-0', namespace: 'loki' }, status: { phase: 'Pending' } };
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'loki' },
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'data-0' },
      type: 'Warning',
      reason: 'ProvisioningFailed',
      message: 'UnauthorizedOperation',
      lastTimestamp: born,
    };
    const { problem, seconds } = await wait([
      workload('StatefulSet'),
      pod(unscheduled('0/3 nodes are available: 3 Insufficient cpu.'), { spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data-0' } }] } }),
      claim,
      event,
    ]);
    expect(problem).toMatchObject({ code: 'POD_UNSCHEDULABLE', message: expect.stringContaining('3 Insufficient cpu') });
    expect(problem?.evidence).toEqual([
      'StatefulSet loki/loki-ingester: 0/1 ready',
      'PersistentVolumeClaim loki/data-0 is Pending',
      'ProvisioningFailed: UnauthorizedOperation',
    ]);
    expect(seconds).toBeGreaterThanOrEqual(300);
  });

  it("tells at the timeout every workload that is not ready, with its pods' own words", async () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'loki' },
      involvedObject: { kind: 'Pod', name: 'loki-ingester-0' },
      type: 'Warning',
      reason: 'FailedMount',
      message: 'secret "login" not found',
      lastTimestamp: born,
    };
    const { problem, seconds } = await wait([workload('StatefulSet'), pod(waiting('ContainerCreating')), event], { timeoutMs: 45_500 });
    expect(problem).toMatchObject({ code: 'RELEASE_NOT_READY', message: expect.stringContaining('StatefulSet loki/loki-ingester') });
    expect(problem?.evidence).toEqual(['StatefulSet loki/loki-ingester: 0/1 ready; loki-ingester-0 ContainerCreating | FailedMount: secret "login" not found']);
    expect(seconds).toBe(45.5);
  });

  it('does not wait for the pods of nodes that are broken themselves, and says so', async () => {
    const set = workload('DaemonSet', { name: 'alloy', status: { desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 3 } });
    const node = (ready: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n4' }, status: { conditions: [{ type: 'Ready', status: ready }] } });
    const lost = pod({ phase: 'Pending', conditions: [] }, { name: 'alloy-4', app: 'alloy', spec: { nodeName: 'n4' } });
    expect((await wait([set, lost, node('Unknown')])).problem).toBeUndefined();
    expect(said).toEqual(['alloy: 1 nodes are not ready (n4); their pods will start later']);
    expect((await wait([set, lost, node('True')], { timeoutMs: 5_000 })).problem?.code).toBe('RELEASE_NOT_READY');
  });

  it('names the pod of the former revision that blocks an ordered StatefulSet', async () => {
    const set = workload('StatefulSet', { status: { updateRevision: 'new', currentRevision: 'old' } });
    const old = pod(crashing(12), { created: '2029-12-31T00:00:00Z' });
    const blocked = { ...old, metadata: { ...old.metadata, labels: { ...old.metadata.labels, 'controller-revision-hash': 'old' } } };
    const { problem } = await wait([set, blocked], { timeoutMs: 5_000 });
    expect(problem?.evidence?.[0]).toContain('loki-ingester-0 belongs to the previous revision and blocks the update');
  });

  it('stops when it is told to', async () => {
    const cluster = clusterOf([workload('StatefulSet')]);
    const stop = new AbortController();
    const clock = jumpingClock(() => stop.abort(new Error('enough')));
    await expect(openReadiness({ kubernetes: cluster.kubernetes, clock }).ready({ ...task(), signal: stop.signal })).rejects.toThrow('enough');
  });
});

describe('one look', () => {
  const look = (objects: readonly object[], at: string) => {
    const clock = { now: () => new Date(at), sleep: async () => undefined };
    return openReadiness({ kubernetes: clusterOf(objects).kubernetes, clock }).unready('loki', 'loki');
  };

  it('judges by the times of the pod itself', async () => {
    const objects = [workload('StatefulSet'), pod(waiting('ErrImagePull', 'i/o timeout'))];
    expect((await look(objects, '2030-01-01T00:00:30Z'))[0]!.problem).toBeUndefined();
    expect((await look(objects, '2030-01-01T00:02:00Z'))[0]).toMatchObject({
      workload: 'StatefulSet loki/loki-ingester',
      why: '0/1 ready; loki-ingester-0 container loki: ErrImagePull: i/o timeout',
      problem: { code: 'POD_IMAGE_UNPULLABLE' },
    });
  });

  it('does not wait long for an image that its registry does not have', async () => {
    const objects = [
      workload('StatefulSet'),
      pod(waiting('ImagePullBackOff', 'Back-off pulling image "x:9": ErrImagePull: failed to resolve "x:9": x:9: not found')),
    ];
    expect((await look(objects, '2030-01-01T00:00:10Z'))[0]!.problem).toBeUndefined();
    expect((await look(objects, '2030-01-01T00:00:20Z'))[0]?.problem?.code).toBe('POD_IMAGE_UNPULLABLE');
  });

  it('does not blame a workload for the pods of another', async () => {
    const [only] = await look([workload('StatefulSet'), pod(crashing(9), { app: 'loki-querier', name: 'loki-querier-0' })], '2030-01-01T01:00:00Z');
    expect(only).toEqual({ workload: 'StatefulSet loki/loki-ingester', why: '0/1 ready' });
  });
});
