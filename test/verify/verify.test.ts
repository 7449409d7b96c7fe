/** What verify finds, and what it leaves, on a small cluster with the product installed: each story changes the cluster and puts it back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Pod } from '../../src/sandbox/cluster/shapes.ts';
import { verifyJunit } from '../../src/ui/verify-junit.ts';
import { openHarness, type Harness } from './harness.ts';

let harness: Harness;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  harness = await openHarness({ nodes: 4, gpuNodes: 1 });
});
afterEach(async () => {
  for (const put of undo.splice(0).toReversed()) await put();
  await collectorsReady();
  expect(harness.leftovers()).toEqual([]);
});
afterAll(() => harness.close());

const nodes = () => harness.world.store.list('Node').map(({ metadata }) => metadata.name);
const codes = (problems: readonly { readonly code: string }[]) => problems.map(({ code }) => code);
const row = (result: any, proof: string) => result.proofs.find((one: { readonly proof: string }) => one.proof === proof);

/** The object with this change, until the story ends. */
function change(kind: string, of: { readonly name: string; readonly namespace?: string }, edit: (object: any) => void): void {
  const before = harness.world.store.get(kind, of.namespace, of.name) as KubeObject;
  const after = structuredClone(before);
  edit(after);
  harness.world.store.update(after);
  undo.push(() => {
    const now = harness.world.store.get(kind, of.namespace, of.name) as KubeObject;
    harness.world.store.update({ ...before, metadata: { ...before.metadata, resourceVersion: now.metadata.resourceVersion ?? '' } });
  });
}

const collectors = () => harness.world.store.list('Pod', { namespace: 'alloy' }) as readonly Pod[];

async function collectorsReady(): Promise<void> {
  for (let turn = 0; turn < 3000; turn++) {
    const [set] = harness.world.store.list('DaemonSet', { namespace: 'alloy' });
    const status = (set?.['status'] ?? {}) as { readonly desiredNumberScheduled?: number; readonly numberReady?: number };
    const { desiredNumberScheduled, numberReady } = status;
    if (desiredNumberScheduled === 4 && numberReady === 4 && collectors().length === 4) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the collectors did not become ready');
}

/** All collectors anew, with this pipeline. */
async function pipeline(edit: (config: string) => string): Promise<void> {
  const anew = () => collectors().forEach(({ metadata: { namespace, name } }) => harness.world.store.delete('Pod', namespace, name));
  undo.push(anew);
  change('ConfigMap', { namespace: 'alloy', name: 'alloy' }, (map) => {
    const [key = ''] = Object.keys(map.data);
    map.data[key] = edit(map.data[key]);
  });
  anew();
  await collectorsReady();
}

describe('when all is well', () => {
  it('everything is proved, with a pod a node and one Job that owns them', async () => {
    harness.world.forgetCalls();
    const { exit, result, problems, events } = await harness.verify({ restartCollector: true });
    expect(problems).toEqual([]);
    expect(exit).toBe(0);
    expect(result.counts).toEqual({ linux: 4, tried: 4, found: 4, failed: 0, passedOver: 0, sampled: false });
    expect(result.proofs.map(({ proof, state }: any) => `${proof} ${state}`)).toEqual([
      'lines proved',
      'login proved',
      'tenant proved',
      's3 proved',
      'restart proved',
    ]);
    expect(row(result, 's3').detail).toMatch(/^s3:\/\/loki-chunks-.*\/training-on-eks\/[0-9a-f]+\/[0-9a-f]+:[0-9a-f]+:[0-9a-f]+ appeared .* all 3 ingesters/);
    expect(row(result, 'restart').detail).toMatch(/numbered lines from node .* exactly once/);
    const { p50, p95, max } = result.latency;
    expect(p50 <= p95 && p95 <= max).toBe(true);
    expect(result.nodes.find(({ taints }: any) => taints)).toMatchObject({ state: 'found', taints: ['nvidia.com/gpu=true:NoSchedule'] });
    expect(result.labels).toMatchObject({ namespace: 'loki', container: 'verify', job: 'loki/verify', cluster: 'training-on-eks' });
    expect(events.some(({ type }) => type === 'probes.removed')).toBe(true);
    // A pod a node, the numbers' pod, and the Job that owns them.
    const made = harness.world.calls.filter(({ call }) => call.startsWith('kube:create:')).map(({ call }) => call);
    expect(made.filter((call) => call === 'kube:create:pods')).toHaveLength(5);
    expect(made.filter((call) => call === 'kube:create:jobs')).toHaveLength(1);
  });

  it('only what was asked for is tried, and the rest is said', async () => {
    const { exit, result } = await harness.verify({ proofs: ['tenant'], nodes: [nodes()[0] ?? ''] });
    expect(exit).toBe(0);
    expect(result.nodes).toEqual([]);
    expect(result.proofs).toHaveLength(1);
    expect(result.untried.map(({ proof }: any) => proof)).toEqual(['lines', 'login', 's3', 'restart']);
  });

  it('cordoned nodes are proved, nodes that are not ready are named', async () => {
    const [cordoned = '', down = ''] = nodes();
    change(
      'Node',
      { name: cordoned },
      (node) => (node.spec = { ...node.spec, unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
    );
    change('Node', { name: down }, (node) => (node.status.conditions.find(({ type }: any) => type === 'Ready').status = 'Unknown'));
    const { exit, result } = await harness.verify({ proofs: ['lines'] });
    expect(exit).toBe(0);
    expect(result.nodes.find(({ node }: any) => node === cordoned)).toMatchObject({ state: 'found' });
    expect(result.nodes.find(({ node }: any) => node === down)).toEqual({ node: down, state: 'passed-over', why: 'not ready, no pod can start there' });
  });

  it('a name that is no node is a mistake, and nothing is made', async () => {
    harness.world.forgetCalls();
    const { exit, problems } = await harness.verify({ nodes: ['ip-10-9-9-9'] });
    expect({ exit, codes: codes(problems) }).toEqual({ exit: 2, codes: ['NODE_UNKNOWN'] });
    expect(harness.world.calls.filter(({ call, write }) => write && call.startsWith('kube:create:pods'))).toEqual([]);
  });
});

describe('a line that does not come back as it was printed', () => {
  it('is told from one that does: the CRI prefix', async () => {
    await pipeline((config) => config.replace(/stage\.cri \{[^}]*\}/, ''));
    const { exit, problems, result } = await harness.verify({ proofs: ['lines'] });
    expect({ exit, codes: codes(problems) }).toEqual({ exit: 6, codes: ['LINE_CHANGED'] });
    expect(problems[0]?.message).toMatch(/^The log line was altered: \d{4}-.* stdout F loki-eks verify/);
    expect(result.counts).toMatchObject({ found: 0, failed: 4 });
  });

  it('labels that dashboards need, wrong or missing', async () => {
    await pipeline((config) => config.replace('target_label  = "job"', 'target_label  = "task"'));
    const { problems } = await harness.verify({ proofs: ['lines'], sample: 1 });
    expect(codes(problems)).toEqual(['LABELS_WRONG']);
    expect(problems[0]?.evidence?.[0]).toBe('job: expected "loki/verify", got ""');
  });

  it('labels that the query itself needs: it is looked for elsewhere', async () => {
    await pipeline((config) => config.replace('target_label  = "container"', 'target_label  = "kontainer"'));
    const { problems } = await harness.verify({ proofs: ['lines'], sample: 1 });
    expect(codes(problems)).toEqual(['LABELS_WRONG']);
    expect(problems[0]?.evidence).toContain('container: expected "verify", got ""');
  });

  it('twice: another collector reads the same files', async () => {
    await pipeline((config) =>
      config
        .replace('forward_to = [loki.write.gateway.receiver]', 'forward_to = [loki.write.gateway.receiver, loki.process.again.receiver]')
        .concat('\nloki.process "again" {\n  stage.static_labels {\n    values = { by = "another" }\n  }\n  forward_to = [loki.write.gateway.receiver]\n}\n'),
    );
    const { problems } = await harness.verify({ proofs: ['lines'], sample: 1 });
    expect(codes(problems)).toEqual(['LINE_DUPLICATED']);
    expect(problems[0]?.message).toMatch(/^The log line of ip-\S+ was received 2 times/);
  });
});

describe('what is not as it should be', () => {
  it('a node without a collector is named, and why', async () => {
    const [bare = ''] = nodes();
    change('Node', { name: bare }, (node) => (node.metadata.labels['kubernetes.io/os'] = 'other'));
    const { exit, problems, result } = await harness.verify({ proofs: ['lines'] });
    expect({ exit, codes: codes(problems) }).toEqual({ exit: 6, codes: ['COLLECTOR_NOT_ON_NODE'] });
    expect(problems[0]?.message).toBe(`No Alloy pod runs on node ${bare}`);
    expect(result.counts).toMatchObject({ found: 3, failed: 1 });
  });

  it('an image that can not be pulled is told from a lost line', async () => {
    harness.world.cluster.deniedImages.add('grafana/alloy');
    undo.push(() => harness.world.cluster.deniedImages.delete('grafana/alloy'));
    const { problems, result } = await harness.verify({ sample: 1 });
    expect(codes(problems)).toEqual(['PROBE_NOT_RUN']);
    expect(problems[0]?.message).toMatch(/^The probe pod for node ip-.* did not run: Pending: (ErrImagePull|ImagePullBackOff): /);
    expect(row(result, 's3')).toMatchObject({ state: 'skipped' });
    expect(row(result, 'login')).toMatchObject({ state: 'proved' });
  });

  it('no room on a node', async () => {
    const [full = ''] = nodes();
    change('Node', { name: full }, (node) => (node.status.allocatable.pods = '1'));
    const { problems } = await harness.verify({ proofs: ['lines'], nodes: [full] });
    expect(codes(problems)).toEqual(['PROBE_NOT_RUN']);
    expect(problems[0]?.message).toMatch(/did not run: Pending: 0\/4 nodes are available: .*Too many pods/);
  });

  it('a gateway that asks for no login', async () => {
    change('ConfigMap', { namespace: 'loki', name: 'loki-gateway' }, (map) => {
      const [key = ''] = Object.keys(map.data);
      map.data[key] = map.data[key].replace(/^\s*auth_basic.*$/gm, '');
    });
    for (const { metadata } of harness.world.store.list('Pod', { namespace: 'loki', selector: 'app.kubernetes.io/component=gateway' }))
      harness.world.store.delete('Pod', metadata.namespace, metadata.name);
    await gatewayReady();
    const { exit, problems } = await harness.verify({ proofs: ['login'] });
    undo.push(() => {
      for (const { metadata } of harness.world.store.list('Pod', { namespace: 'loki', selector: 'app.kubernetes.io/component=gateway' }))
        harness.world.store.delete('Pod', metadata.namespace, metadata.name);
    });
    expect({ exit, codes: codes(problems) }).toEqual({ exit: 6, codes: ['GATEWAY_OPEN'] });
  });
});

describe('a gateway that is away', () => {
  const gatewayPods = () => harness.world.store.list('Pod', { namespace: 'loki', selector: 'app.kubernetes.io/component=gateway' });
  const removePods = () => gatewayPods().forEach(({ metadata }) => harness.world.store.delete('Pod', metadata.namespace, metadata.name));

  it.each([
    ['has no replicas', 'Deployment loki/loki-gateway has no replicas', () => change('Deployment', gateway, ({ spec }) => void (spec.replicas = 0))],
    ['was deleted', 'its Deployment in namespace loki does not exist', () => remove('Deployment')],
  ])('for good, because its Deployment %s, is not waited for', async (_, said, make) => {
    undo.push(gatewayReady);
    make();
    removePods();
    const { exit, problems, result } = await harness.verify({ proofs: ['lines', 'login'] });
    expect({ exit, codes: codes(problems) }).toEqual({ exit: 6, codes: ['GATEWAY_UNAVAILABLE'] });
    expect(problems[0]?.message).toBe(`No gateway is running: ${said}`);
    expect(row(result, 'login')).toMatchObject({ state: 'skipped' });
    expect(result.seconds).toBeLessThan(40);
  });

  it('for good, because its Service was deleted', async () => {
    remove('Service');
    const { problems, result } = await harness.verify({ proofs: ['lines'] });
    expect(problems.map(({ message }) => message)).toEqual(["The gateway can't be found: Service loki/loki-gateway does not exist"]);
    expect(result.seconds).toBeLessThan(40);
  });

  it('for a moment, is waited for', async () => {
    const { exit, problems } = await harness.verify({ proofs: ['lines'], sample: 1, on: ({ type }) => type === 'probes.placed' && removePods() });
    expect(problems).toEqual([]);
    expect(exit).toBe(0);
  });

  const gateway = { namespace: 'loki', name: 'loki-gateway' };
  function remove(kind: string): void {
    const { metadata, ...rest } = harness.world.store.get(kind, gateway.namespace, gateway.name) as KubeObject;
    harness.world.store.delete(kind, gateway.namespace, gateway.name);
    undo.push(() => harness.world.store.create({ ...rest, metadata: { ...gateway, labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} } }));
  }
});

async function gatewayReady(): Promise<void> {
  for (let turn = 0; turn < 3000; turn++) {
    const [gateway] = harness.world.store.list('Deployment', { namespace: 'loki', selector: 'app.kubernetes.io/component=gateway' });
    const { readyReplicas = 0, replicas = 0 } = (gateway?.['status'] ?? {}) as { readonly readyReplicas?: number; readonly replicas?: number };
    if (replicas > 0 && readyReplicas === replicas) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('an end before the end', () => {
  it('interrupted: nothing is left', async () => {
    const controller = new AbortController();
    const { exit } = await harness.verify({ signal: controller.signal, on: ({ type }) => type === 'check.said' && controller.abort(new Error('stop')) });
    expect(exit).toBe(130);
    expect(harness.leftovers()).toEqual([]);
  });

  it('killed: the next run takes away what was left', async () => {
    const { exit } = await harness.verify({ pid: 77, faults: [{ call: 'kube:create:pods', nth: 2, fault: 'killed' }] });
    expect(exit).toBeUndefined();
    expect(harness.leftovers().length).toBeGreaterThan(1);
    expect((await harness.verify({ proofs: ['lines'], sample: 1 })).exit).toBe(0);
    expect(harness.leftovers()).toEqual([]);
  });

  it('of a run that is still at work nothing is taken away', async () => {
    harness.alive.add(78);
    undo.push(() => harness.alive.delete(78));
    await harness.verify({ pid: 78, faults: [{ call: 'kube:create:pods', nth: 2, fault: 'killed' }] });
    const before = harness.leftovers();
    await harness.verify({ proofs: ['lines'], sample: 1 });
    expect(harness.leftovers()).toEqual(before);
    harness.alive.delete(78);
    await harness.verify({ proofs: ['lines'], sample: 1 });
  });
});

describe('the JUnit file', () => {
  const junit = { file: 'verify.xml', xml: async (of: Parameters<typeof verifyJunit>[0]) => verifyJunit(of) };

  it('has a case for each node and each proof', async () => {
    const { files } = await harness.verify({ junit, sample: 2, proofs: ['lines', 'login'] });
    const text = files.get('verify.xml') ?? '';
    expect(text.match(/<testcase /g)).toHaveLength(4);
    expect(text).toContain('<testsuites name="loki-eks verify" tests="4" failures="0" errors="0" skipped="0"');
  });

  it('is there and says so when the run does not come to its end', async () => {
    const controller = new AbortController();
    const { files } = await harness.verify({
      junit,
      signal: controller.signal,
      on: ({ type }) => type === 'check.said' && controller.abort(new Error('stop')),
    });
    expect(files.get('verify.xml')).toContain('<failure type="INTERRUPTED"');
  });
});
