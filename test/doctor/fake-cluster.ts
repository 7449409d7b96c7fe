/** A cluster made of nothing but objects, seen through the ports that a survey asks: for installations that nobody plays. */
import { collect } from '../../src/commands/doctor/collect/collect.ts';
import type { RunContext } from '../../src/deps.ts';
import type { Session } from '../../src/commands/connect.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import type { KubeObject, Kubernetes, Query, Ref } from '../../src/ports/kubernetes.ts';
import type { Release } from '../../src/ports/releases.ts';
import { stop } from '../../src/problems/problem.ts';
import { fieldTest, labelTest } from '../../src/sandbox/kube/selectors.ts';

export interface Fake {
  readonly objects: readonly KubeObject[];
  readonly releases?: readonly Release[];
  /** Lines by pod. */
  readonly lines?: Readonly<Record<string, readonly string[]>>;
  /** Answers of `pods/proxy` by pod. */
  readonly metrics?: Readonly<Record<string, string>>;
  /** Kinds that may be listed in one namespace only. */
  readonly confined?: readonly string[];
  /** How `/ring` is answered. */
  readonly ring?: { readonly status: number; readonly body: string };
  /** How the gateway, or whatever stands for it, answers. */
  readonly answer?: (path: string, as: { readonly tenant?: string }) => { readonly status: number; readonly body: string };
}

/** With the calls that were made, as `list Pod loki`, for those who count. */
export async function surveyOf(
  fake: Fake,
  settings: { readonly namespace?: string; readonly collectorNamespace?: string } = {},
): Promise<Evidence & { readonly calls: readonly string[] }> {
  const calls: string[] = [];
  const kubernetes = kubernetesOf(fake, calls);
  const run = {
    settings: { namespace: 'loki', collectorNamespace: 'alloy', ...settings },
    emit: () => {},
    signal: new AbortController().signal,
    deps: {
      clock: clockAt('2026-01-07T00:10:00Z'),
      hide: () => {},
      logs: () => ({
        get: async (path: string, as: { readonly tenant?: string } = {}) => ({ headers: {}, ...(fake.answer?.(path, as) ?? { status: 404, body: '' }) }),
      }),
    },
  } as unknown as RunContext;
  const session = {
    kubernetes,
    releases: { find: async (name: string, namespace: string) => fake.releases?.find((one) => one.name === name && one.namespace === namespace) },
    caller: { account: '111122223333', partition: 'aws', arn: 'arn:aws:iam::111122223333:user/me' },
    cluster: { name: 'demo', arn: 'arn:aws:eks:eu-west-1:111122223333:cluster/demo' },
    aws: {
      region: 'eu-west-1',
      oidcProviders: { find: async () => undefined },
      associations: { find: async () => undefined },
      roles: { find: async () => undefined, denied: async () => 'unknown' },
      buckets: () => ({ look: async () => undefined, contents: async () => ({ objects: 0, bytes: 0, exact: true }) }),
    },
  } as unknown as Session;
  return { ...(await collect(run, session)), calls };
}

/** Whoever sleeps lets the others go on first, and finds it later afterwards. */
function clockAt(start: string) {
  let time = Date.parse(start);
  const sleep = async (ms: number) => {
    await new Promise(setImmediate);
    time += ms;
  };
  return { now: () => new Date(time), sleep };
}

function kubernetesOf({ objects, lines = {}, metrics = {}, confined = [], ring }: Fake, calls: string[]): Kubernetes {
  const list = async ({ kind, namespace, labels, fields, limit }: Query) => {
    calls.push(`list ${kind} ${namespace ?? '*'}`);
    if (namespace === undefined && confined.includes(kind)) throw stop('KUBE_FORBIDDEN', { message: `You may not list ${kind}s` });
    return objects
      .filter((one) => one.kind === kind && (namespace === undefined || one.metadata.namespace === namespace))
      .filter((one) => labelTest(labels)(one.metadata.labels) && fieldTest(fields)(one))
      .slice(0, limit);
  };
  return {
    version: async () => 'v1.33.0',
    list,
    get: async ({ kind, namespace, name }: Ref) =>
      objects.find((one) => one.kind === kind && one.metadata.name === name && (one.metadata.namespace ?? namespace) === namespace),
    logs: async ({ pod }: { readonly pod: string }) => lines[pod] ?? [],
    raw: async (path: string) => {
      calls.push(`raw ${path}`);
      const pod = /\/pods\/([^/:]+)/.exec(path)?.[1] ?? '';
      return metrics[pod] === undefined ? { status: 404, body: '' } : { status: 200, body: metrics[pod] };
    },
    forward: async () => ({ headers: {}, ...(ring ?? { status: 404, body: '{}' }) }),
  } as unknown as Kubernetes;
}

/** What controllers would make of workloads: ready pods, one a replica, or one a node. */
export function running(objects: readonly KubeObject[], nodes: readonly string[] = ['node-a', 'node-b']): readonly KubeObject[] {
  const pods = objects.flatMap((object): readonly KubeObject[] => {
    if (!['Deployment', 'StatefulSet', 'DaemonSet'].includes(object.kind)) return [];
    const spec = object['spec'] as { replicas?: number; template: { metadata: object; spec: { containers: readonly { name: string }[] } } };
    const count = object.kind === 'DaemonSet' ? nodes.length : (spec.replicas ?? 1);
    return Array.from({ length: count }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...spec.template.metadata,
        name: `${object.metadata.name}-${index}`,
        namespace: object.metadata.namespace ?? 'default',
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { ...spec.template.spec, nodeName: nodes[index % nodes.length] },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: spec.template.spec.containers.map(({ name }) => ({ name, restartCount: 0, ready: true })),
      },
    }));
  });
  const settled = objects.map((object): KubeObject => {
    const replicas = (object['spec'] as { replicas?: number } | undefined)?.replicas ?? 1;
    if (object.kind === 'DaemonSet') return { ...object, status: { desiredNumberScheduled: nodes.length, numberReady: nodes.length } };
    return ['Deployment', 'StatefulSet'].includes(object.kind) ? { ...object, status: { readyReplicas: replicas } } : object;
  });
  return [...settled, ...nodes.map(nodeOf), ...pods];
}

const nodeOf = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/os': 'linux' } },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '4', memory: '16Gi', pods: '58' } },
});
