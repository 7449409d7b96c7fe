/** Many nodes, with ten pods each, behind a real API server: how long the program takes, and how much memory. REAL_CLUSTER_NODES says how many. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { nodeOf } from '../../src/sandbox/cluster/seed-nodes.ts';
import { defaultSeed, reachable } from './cluster.ts';
import { openRealTerminal, type RealTerminal } from './terminal.ts';

const NODES = Number(process.env['REAL_CLUSTER_NODES'] ?? 300);
const PODS = NODES * 10;
const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
/** Of pods that run all the time: no kubelet has to look after them. */
const STILL = 'loki-eks.test/still';

let terminal: RealTerminal;

interface Measured {
  readonly exit: number;
  readonly seconds: number;
  readonly mebibytes: number;
  readonly said: string;
}

/** Runs the program and looks at its greatest memory until it ends. */
function measured(words: string): Promise<Measured> {
  const start = performance.now();
  const child = spawn(process.execPath, [script, ...words.split(' ')], { env: terminal.env, cwd: terminal.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let mebibytes = 0;
  const look = setInterval(() => {
    try {
      mebibytes = Math.max(mebibytes, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
    } catch {
      // It has just ended.
    }
  }, 10);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearInterval(look);
      resolve({ exit: code ?? -1, seconds: (performance.now() - start) / 1000, mebibytes, said });
    }),
  );
}

const nodes = Array.from({ length: NODES }, (_, index) => {
  const name = `ip-10-${index >> 8}-${index & 255}-1.ap-northeast-2.compute.internal`;
  const node = nodeOf('ap-northeast-2', { shape: 'm5.xlarge', index, version: '1.34' });
  return { ...node, metadata: { ...node.metadata, name, labels: { ...node.metadata.labels, 'kubernetes.io/hostname': name } } };
});

/** As the API server keeps it, with the bookkeeping of its writers: that is most of what a list weighs. */
function stillPod(index: number): KubeObject {
  const ip = `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  const time = '2026-01-07T10:00:00Z';
  const of = (...keys: readonly string[]) => Object.fromEntries(keys.map((key) => [`f:${key}`, {}]));
  const owned = (manager: string, fieldsV1: object, more: object = {}) => ({
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...more,
  });
  const container = of('image', 'imagePullPolicy', 'name', 'resources', 'terminationMessagePath', 'terminationMessagePolicy', 'args');
  const conditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `still-${index}`,
      namespace: 'default',
      labels: { app: 'still', [STILL]: 'yes', 'app.kubernetes.io/name': 'still', 'app.kubernetes.io/version': '1.0.0' },
      managedFields: [
        owned('kube-controller-manager', {
          'f:metadata': { 'f:labels': { '.': {}, ...of('app', STILL, 'app.kubernetes.io/name', 'app.kubernetes.io/version') } },
          'f:spec': {
            'f:containers': { 'k:{"name":"still"}': { '.': {}, ...container } },
            ...of('dnsPolicy', 'enableServiceLinks', 'restartPolicy', 'schedulerName', 'securityContext', 'terminationGracePeriodSeconds'),
          },
        }),
        owned(
          'kubelet',
          {
            'f:status': {
              'f:conditions': Object.fromEntries(
                conditions.map((type) => [`k:{"type":"${type}"}`, { '.': {}, ...of('lastProbeTime', 'lastTransitionTime', 'status', 'type') }]),
              ),
              ...of('containerStatuses', 'hostIP', 'hostIPs', 'phase', 'podIP', 'podIPs', 'startTime'),
            },
          },
          { subresource: 'status' },
        ),
      ],
    } as KubeObject['metadata'],
    spec: {
      nodeName: nodes[index % NODES]!.metadata.name,
      containers: [
        {
          name: 'still',
          image: 'registry.example.com/team/still:1.0.0',
          args: ['sleep', '100000'],
          imagePullPolicy: 'IfNotPresent',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      priority: 0,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      securityContext: {},
      serviceAccountName: 'default',
      terminationGracePeriodSeconds: 30,
    },
    status: {
      phase: 'Running',
      conditions: [...conditions, 'PodScheduled'].map((type) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: time })),
      hostIP: '10.0.0.1',
      hostIPs: [{ ip: '10.0.0.1' }],
      podIP: ip,
      podIPs: [{ ip }],
      startTime: time,
      qosClass: 'BestEffort',
      containerStatuses: [
        {
          name: 'still',
          image: 'registry.example.com/team/still:1.0.0',
          imageID: `registry.example.com/team/still@sha256:${'0'.repeat(64)}`,
          containerID: `containerd://${String(index).padStart(64, '0')}`,
          lastState: {},
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: time } },
        },
      ],
    },
  };
}

function* beneath(kubeletPort: number): Generator<KubeObject> {
  for (const node of nodes) yield reachable(node, kubeletPort);
  for (let index = 0; index < PODS; index++) yield stillPod(index);
}

/** Limits of time are for a machine that does nothing else; elsewhere what was measured is printed, and only what is far off fails. */
const SLACK = process.env['REAL_CLUSTER_NODES'] === undefined ? 5 : 1;

beforeAll(async () => {
  // Daemons on each node would be five times as many pods as the collectors, and show nothing.
  const seed = defaultSeed().filter(
    ({ kind, metadata: { namespace = '', name } }) => !/^(Node|DaemonSet|Pod)$/.test(kind) && !/^(training|shop)$/.test(namespace || name),
  );
  terminal = await openRealTerminal({ big: true, seed, beneath, pods: `!${STILL}` });
  await terminal.does('kubectl wait --for=condition=Available -n kube-system deployment --all --timeout=120s');
  const { metadata } = await terminal.cluster.api.must('GET', '/api/v1/pods?limit=1');
  expect((metadata as { readonly remainingItemCount: number }).remainingItemCount).toBeGreaterThanOrEqual(PODS);
});
afterAll(() => terminal?.close());

it('install brings a collector to every node, and proves a line', async () => {
  const { exit, seconds, mebibytes, said } = await measured('install --yes');
  process.stdout.write(`install: ${seconds.toFixed(1)} s, ${mebibytes.toFixed(0)} MiB\n${exit === 0 ? '' : said.slice(-3000)}`);
  expect(exit, said.slice(-3000)).toBe(0);
});

it('status takes 1.5 seconds and 130 MiB at most', async () => {
  const rounds = [await measured('status'), await measured('status'), await measured('status')];
  const best = Math.min(...rounds.map(({ seconds }) => seconds));
  const most = Math.max(...rounds.map(({ mebibytes }) => mebibytes));
  process.stdout.write(`status: ${best.toFixed(1)} s, ${most.toFixed(0)} MiB\n`);
  expect(
    rounds.map(({ exit }) => exit),
    rounds[0]!.said.slice(-2000),
  ).toEqual([0, 0, 0]);
  expect(best).toBeLessThanOrEqual(1.5 * SLACK);
  expect(most).toBeLessThanOrEqual(130);
});

it('doctor takes 20 seconds and 250 MiB at most, and finds nothing', async () => {
  const { exit, seconds, mebibytes, said } = await measured('doctor');
  process.stdout.write(`doctor: ${seconds.toFixed(1)} s, ${mebibytes.toFixed(0)} MiB\n`);
  expect(exit, said.slice(-3000)).toBe(0);
  expect(seconds).toBeLessThanOrEqual(20 * SLACK);
  expect(mebibytes).toBeLessThanOrEqual(250);
});
