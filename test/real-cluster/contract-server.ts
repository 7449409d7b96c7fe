/** The server of the Kubernetes contracts, with a real control plane in the sandbox's place. */
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { createFaults } from '../../src/sandbox/call-faults.ts';
import { nodeOf } from '../../src/sandbox/cluster/seed-nodes.ts';
import { isReady, type Pod } from '../../src/sandbox/cluster/shapes.ts';
import type { SandboxRequest } from '../../src/sandbox/types.ts';
import { fakeRuntime, type Followers, type ServerOptions, type TestServer } from '../contracts/kube/server.ts';
import { startRealCluster, until } from './cluster.ts';
import { namesIn } from './terminal.ts';

const TOKENS = 'admin,admin,1,"system:masters"\nviewer,viewer,2\n';
const GROUPS: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  PodDisruptionBudget: 'policy/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
  Ingress: 'networking.k8s.io/v1',
  CustomResourceDefinition: 'apiextensions.k8s.io/v1',
  ServiceMonitor: 'monitoring.coreos.com/v1',
};

/** Three nodes, named as the contracts name them. */
const nodes = ['n1', 'n2', 'n3'].map((name, index): KubeObject => {
  const node = nodeOf('ap-northeast-2', { shape: 'm5.xlarge', index, version: '1.34' });
  return { ...node, metadata: { ...node.metadata, name, labels: { ...node.metadata.labels, 'kubernetes.io/hostname': name } } };
});

export async function startRealServer({ stuck }: ServerOptions): Promise<TestServer> {
  const session: SandboxRequest[] = [];
  const followers: Followers = new Map();
  const cluster = await startRealCluster({
    tokens: TOKENS,
    seed: nodes,
    runtime: () => fakeRuntime(session, followers),
    // Nothing becomes ready without kubelets, as far as those are asked to look.
    ...(stuck && { pods: 'kubelets=look' }),
  });
  const { api, plane } = cluster;
  const at = (kind: string, namespace: string | undefined, name?: string): string =>
    api.pathOf({ apiVersion: GROUPS[kind] ?? 'v1', kind, metadata: { namespace, ...(name !== undefined && { name }) } });
  const get: TestServer['get'] = async (kind, namespace, name) => {
    const reply = await api.ask('GET', at(kind, namespace, name));
    return reply.status === 200 ? (reply.body as KubeObject) : undefined;
  };
  // What controllers and kubelets put into a new cluster is there before anyone compares two states of it.
  const count = async (path: string): Promise<number> => ((await api.must('GET', path))['items'] as readonly unknown[]).length;
  const spaces = 4;
  await until(async () => (await count('/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault')) >= spaces);
  await until(async () => (await count('/api/v1/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt')) >= spaces);
  await until(async () => (await count('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases')) >= nodes.length);
  const version = (await api.must('GET', '/version'))['gitVersion'] as string;
  return {
    is: 'real',
    url: plane.url,
    ca: cluster.authority.ca,
    version,
    faults: createFaults(),
    calls: [],
    session,
    print: (name, line) => followers.get(name)?.forEach((tell) => tell(line)),
    following: (name) => followers.get(name)?.size ?? 0,
    async put(object) {
      const { kind, metadata, status } = object;
      const path = at(kind, metadata.namespace, metadata.name);
      const there = await get(kind, metadata.namespace, metadata.name);
      const { resourceVersion: _revision, ...rest } = { ...metadata, managedFields: undefined };
      if (there === undefined) await api.must('POST', at(kind, metadata.namespace), object);
      else if (kind !== 'Pod') await api.must('PATCH', path, { ...object, metadata: rest, status: undefined }, 'merge');
      if (status !== undefined) await api.must('PATCH', `${path}/status`, { status }, 'merge');
    },
    get,
    list: async (kind, { namespace, selector }) =>
      (await api.must('GET', `${at(kind, namespace)}?labelSelector=${encodeURIComponent(selector)}`))['items'] as readonly KubeObject[],
    remove: async (kind, namespace, name) => void (await api.must('DELETE', at(kind, namespace, name))),
    running: (namespace, name) =>
      until(async () => {
        const pod = (await get('Pod', namespace, name)) as Pod | undefined;
        return pod !== undefined && isReady(pod);
      }),
    world: () => namesIn(cluster),
    kubeconfig: (token = 'admin') => plane.kubeconfig({ token }),
    close: () => cluster.close(),
  };
}
