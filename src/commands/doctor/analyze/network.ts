/** The network affects every hop: meshes and policies that cut the connection between two components. */
import type { Hop, DoctorCheck, Evidence } from './evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';
import { NO_ANSWER } from './aws-answers.ts';
import { core, freshSince, said, unwrittenSince } from './log-lines.ts';
import { barrier, type End } from './network-policy.ts';
import { meshed, sidecarIn } from './mesh.ts';
import { failing, refusedWith } from './refusals.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';

const collectors = (collected: Evidence): readonly PodEvidence[] => collected.collectors.flatMap(({ pods }) => pods);

interface Cut {
  readonly id: string;
  readonly title: string;
  readonly hop: Hop;
  /** Who has the sidecar, and who reports errors. */
  readonly pods: (collected: Evidence) => readonly PodEvidence[];
  readonly complaint: RegExp;
  readonly since: (collected: Evidence) => number;
  readonly message: string;
  readonly fix: string;
}

const PROXIED = /upstream connect error|disconnect\/reset before headers|RequestCanceled|BlackHoleCluster|istio|envoy/i;
const GOSSIP =
  /memberlist.{0,200}(refused|reset|timeout|EOF|no such host|failed)|:9095.{0,200}(refused|reset|timeout|EOF|unavailable)|:7946.{0,200}(refused|reset|timeout|EOF)|empty ring/i;
const any = (...patterns: readonly RegExp[]): RegExp => new RegExp(patterns.map(({ source }) => source).join('|'), 'i');

const CUTS: readonly Cut[] = [
  {
    id: 'network.mesh-s3',
    title: 'No service mesh blocks Loki from AWS',
    hop: 's3',
    pods: (collected) => (collected.loki ? core(collected.loki) : []),
    complaint: new RegExp(`(failed to flush|amazonaws|operation error (S3|STS)|WebIdentityErr)[\\s\\S]{0,400}(${any(NO_ANSWER, PROXIED).source})`, 'i'),
    since: unwrittenSince,
    message: 'Loki gets no answer from AWS through the mesh',
    fix: 'put the annotation traffic.sidecar.istio.io/excludeOutboundPorts: "443" under loki.podAnnotations, or leave Loki out of the mesh: sidecar.istio.io/inject: "false" under loki.podLabels; then upgrade the release',
  },
  {
    id: 'network.mesh-ring',
    title: "No service mesh blocks Loki's components from each other",
    hop: 'loki-runtime',
    pods: (collected) => (collected.loki ? core(collected.loki) : []),
    complaint: any(GOSSIP, PROXIED),
    since: freshSince,
    message: "Loki's parts do not reach each other through the mesh",
    fix: 'exclude the ports of the ring from the mesh: traffic.sidecar.istio.io/excludeInboundPorts and excludeOutboundPorts: "7946,9095" under loki.podAnnotations; then upgrade the release',
  },
  {
    id: 'network.mesh-push',
    title: 'No service mesh blocks collectors from Loki',
    hop: 'alloy-push',
    pods: (collected) => [...(collected.loki?.pods ?? []), ...collectors(collected)],
    complaint:
      /(error sending batch|server returned HTTP status 50[23])[\s\S]{0,400}(upstream connect error|disconnect\/reset|connection reset by peer|EOF|RBAC: access denied|no healthy upstream)|RBAC: access denied/i,
    since: freshSince,
    message: 'Pushes do not come through the mesh',
    fix: "let both ends into the mesh, or neither; or set PeerAuthentication to PERMISSIVE for Loki's namespace",
  },
];

/** A sidecar alone is not a problem: it is one if traffic through it is cut off. */
export const meshLetsThrough: readonly DoctorCheck[] = CUTS.map(({ id, title, hop, pods, complaint, since, message, fix }) => ({
  id,
  title,
  at: ['doctor'],
  hop,
  async run(collected) {
    if (!collected.loki) return NO_LOKI;
    const inside = meshed(pods(collected));
    const [first] = inside;
    if (!first) return skip('no service mesh sidecars');
    const evidence = said(pods(collected), complaint, 2, since(collected));
    if (evidence.length === 0) return pass(`${inside.length} pods with ${sidecarIn(first)}`);
    return fail('MESH_BLOCKS_TRAFFIC', { message, fix, evidence: [`pod ${first.name}: container ${sidecarIn(first)}`, ...evidence] });
  },
}));

interface Way {
  readonly id: string;
  readonly title: string;
  readonly hop: Hop;
  readonly between: string;
  readonly ends: (collected: Evidence) => { readonly from: End; readonly to: End; readonly port: number } | undefined;
}

const endOf = (pod: PodEvidence | undefined, collected: Evidence): End | undefined =>
  pod && { is: 'pod', namespace: pod.namespace, labels: pod.labels, namespaceLabels: collected.namespaces.get(pod.namespace) ?? {} };
const component = ({ loki }: Evidence, ...names: readonly string[]) => names.map((name) => loki?.pods.find((pod) => pod.component === name)).find(Boolean);
const way = (from: End | undefined, to: End | undefined, port: number) => (from && to ? { from, to, port } : undefined);

const WAYS: readonly Way[] = [
  {
    id: 'network.policy-aws',
    title: 'Network policies allow Loki to reach AWS',
    hop: 'aws-identity',
    between: 'Loki and AWS',
    ends: (collected) =>
      collected.loki && collected.loki.buckets.length > 0
        ? way(endOf(component(collected, 'ingester', 'write', 'single-binary'), collected), { is: 'outside' }, 443)
        : undefined,
  },
  {
    id: 'network.policy-ring',
    title: "Network policies allow Loki's components to reach each other",
    hop: 'loki-runtime',
    between: "Loki's distributors and ingesters",
    ends: (collected) => way(endOf(component(collected, 'distributor', 'write'), collected), endOf(component(collected, 'ingester', 'write'), collected), 9095),
  },
  {
    id: 'network.policy-gateway',
    title: 'Network policies allow the gateway to reach Loki',
    hop: 'gateway',
    between: 'the gateway and Loki',
    ends: (collected) =>
      way(endOf(component(collected, 'gateway'), collected), endOf(component(collected, 'distributor', 'write', 'single-binary'), collected), 3100),
  },
  {
    id: 'network.policy-push',
    title: 'Network policies allow collectors to reach Loki',
    hop: 'gateway',
    between: 'collectors and Loki',
    ends: (collected) => {
      const collector = collected.collectors.find(({ writers }) => writers.some(({ ours }) => ours)) ?? collected.collectors[0];
      const to = component(collected, 'gateway', 'single-binary', 'distributor', 'write');
      // A policy does not treat the host network as a pod.
      if (collector?.workload.template.hostNetwork) return undefined;
      return way(endOf(collector?.pods[0], collected), endOf(to, collected), to?.component === 'gateway' ? 8080 : 3100);
    },
  },
];

const inWords = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ') || 'all pods';

/** What a policy forbids, whether or not this cluster's network plugin enforces policies. */
export const policiesLetThrough: readonly DoctorCheck[] = WAYS.map(({ id, title, hop, between, ends }) => ({
  id,
  title,
  at: ['doctor'],
  hop,
  async run(collected) {
    if (!collected.loki) return NO_LOKI;
    if (!collected.policies) return skip('network policies could not be listed');
    const both = ends(collected);
    if (!both) return skip('one side is missing');
    const cut = barrier(collected.policies, both);
    if (!cut) return pass();
    // If the plugin does not enforce policies they cut nothing: then responses still arrive.
    if (hop !== 'aws-identity' && works(collected, id)) return pass(`${cut.policy.name} denies it, but nothing enforces the policy`);
    if (hop === 'aws-identity' && said(core(collected.loki), NO_ANSWER, 1, unwrittenSince(collected)).length === 0) return pass('nothing is blocked');
    const { policy, side } = cut;
    const selected = inWords(policy.podSelector.matchLabels ?? {});
    return fail('NETWORK_POLICY', {
      message: `NetworkPolicy ${policy.namespace}/${policy.name} stands between ${between}: nothing allows port ${both.port}`,
      fix: `kubectl -n ${policy.namespace} edit networkpolicy ${policy.name}, and let ${side === 'in' ? `in whom it must serve, on port ${both.port}` : `its pods out to port ${both.port}, and to DNS on port 53`}`,
      evidence: [
        `NetworkPolicy ${policy.namespace}/${policy.name}: spec.podSelector ${selected}, policyTypes ${policy.types.join(', ')}`,
        ...(both.from.is === 'pod' ? [`labels of the pods that ask: ${inWords(both.from.labels)}`] : []),
        ...said([...collected.loki.pods, ...collectors(collected)], NO_ANSWER, 1, freshSince(collected)),
      ],
    });
  },
}));

function works(collected: Evidence, id: string): boolean {
  const pushing = id === 'network.policy-push';
  const delivered = collected.reading?.newest && collected.reading.asked.getTime() - collected.reading.newest.time.getTime() < 120_000;
  const down = failing(collected);
  // A query is answered by components that no push passes through.
  if (['network.policy-push', 'network.policy-gateway', 'network.policy-ring'].includes(id) && down.length > 0) {
    const unanswered = down.some(({ status }) => status === '-1');
    return id === 'network.policy-push' ? !unanswered : unanswered;
  }
  const answered = !pushing && collected.loki?.gateway?.anonymous && ![502, 503, 504].includes(collected.loki.gateway.anonymous.status);
  // What arrived a minute ago may have arrived before the policy was created.
  return pushing && refusedWith(collected, NO_ANSWER).length > 0 ? false : Boolean(delivered || answered);
}
