/** Requests that the API server forwards to a node's kubelet (port-forward, logs): its failures are told apart from those of pod and API server. */
import { stop, type ProblemError } from '../../problems/problem.ts';
import type { KubeObject, Ref } from '../../ports/kubernetes.ts';
import { statusOf } from './failures.ts';

export interface PodName {
  readonly namespace: string;
  readonly pod: string;
}

/**
 * Until the kubelet's first byte. The API server itself gives up dialing only after 30 s, and a TLS handshake with a silent kubelet
 * never times out there.
 */
export const KUBELET_MS = 10_000;
/** How long an unreachable kubelet is not contacted again. */
const REMEMBERED_MS = 60_000;
/** This many unreachable nodes, with no reachable one, stand for all of them. */
const ENOUGH_NODES = 2;

/** Thrown by a request without a first byte in time; the cause is determined in this file. */
export class KubeletLate extends Error {
  constructor(ms: number) {
    super(`no response within ${ms / 1000} s`);
  }
}

/**
 * Runs a request to a pod's kubelet. An unreachable kubelet costs one attempt for its node, and after two nodes one for all:
 * later calls throw the same KUBE_KUBELET_UNREACHABLE at once.
 */
export type Kubelets = <T>(pod: PodName, request: () => Promise<T>) => Promise<T>;

interface Unreached {
  readonly problem: ProblemError;
  readonly until: number;
}

export function openKubelets(get: (ref: Ref) => Promise<KubeObject | undefined>): Kubelets {
  const unreached = new Map<string, Unreached>();
  const fresh = (): readonly [string, Unreached][] => [...unreached].filter(([, { until }]) => Date.now() < until);
  const nodeOf = async ({ namespace, pod }: PodName): Promise<string> => {
    const found = (await get({ apiVersion: 'v1', kind: 'Pod', namespace, name: pod })) as { spec?: { nodeName?: string } } | undefined;
    return found?.spec?.nodeName ?? '';
  };
  return async (pod, request) => {
    const before = fresh();
    if (before.length >= ENOUGH_NODES) throw before[0]![1].problem;
    // The pod's node matters only if any node is known to be unreachable.
    const known = before.length > 0 && unreached.get(await nodeOf(pod).catch(() => ''));
    if (known && Date.now() < known.until) throw known.problem;
    try {
      const answer = await request();
      unreached.clear();
      return answer;
    } catch (error) {
      if (!(error instanceof KubeletLate || error instanceof KubeletFailure)) throw error;
      // Also proves that the API itself responds; if it does not, that is the problem.
      const node = error instanceof KubeletLate ? await nodeOf(pod) : await nodeOf(pod).catch(() => '');
      const problem = error instanceof KubeletLate ? late(error, { node, pod }) : failed(error, { node, pod });
      unreached.set(node, { problem, until: Date.now() + REMEMBERED_MS });
      throw problem;
    }
  };
}

/** The API server's messages about a kubelet that it could not reach, or that refused it. */
export class KubeletFailure extends Error {
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

const DIALING =
  /error dialing backend|dial tcp|proxy error from \S+ while dialing|no agent available|tls: |x509: |TLS handshake timeout|i\/o timeout|context deadline exceeded|connection reset by peer|connection refused|no route to host|no such host|server gave HTTP response to HTTPS client|\bEOF\b/i;
/** The kubelet's authorizer, and the API server's messages about a kubelet that authenticates no one. */
const REFUSING = /\(user=[^)]{0,400}resource=nodes|has asked for the client to provide credentials \( ?pods\/log/;

/** What the response to a kubelet request says about the connection to the kubelet, if anything. */
export function kubeletFailure(reply: { readonly status: number; readonly body: string }): KubeletFailure | undefined {
  if (reply.status < 400) return undefined;
  const text = (statusOf(reply.body)?.message ?? reply.body).slice(0, 4096).replace(/\s+/g, ' ').trim();
  // If the container runtime fails, the kubelet was reached.
  const dialing = reply.status >= 500 && DIALING.test(text) && !/\brpc error:|<html/i.test(text);
  return dialing || REFUSING.test(text) ? new KubeletFailure(reply.status, text) : undefined;
}

interface At {
  readonly node: string;
  readonly pod: PodName;
}

const whose = ({ node, pod }: At) => (node ? `the kubelet of node ${node}` : `the kubelet of pod ${pod.namespace}/${pod.pod}`);

const late = (error: KubeletLate, at: At) =>
  stop(
    'KUBE_KUBELET_UNREACHABLE',
    {
      message: `The Kubernetes API server can't reach ${whose(at)}: ${error.message}`,
      evidence: [`pod ${at.pod.namespace}/${at.pod.pod}: ${error.message}, while the Kubernetes API itself responds`],
    },
    { cause: error },
  );

function failed(error: KubeletFailure, at: At): ProblemError {
  const text = error.message;
  const address = /(?:dial tcp |https:\/\/)(\[[^\]]{1,64}\]:\d+|[\w.-]+:\d+)/.exec(text)?.[1];
  const refused = REFUSING.test(text);
  return stop(
    'KUBE_KUBELET_UNREACHABLE',
    {
      message: refused
        ? `The API server is denied access by ${whose(at)}`
        : `The Kubernetes API server can't reach ${whose(at)}${address ? ` (${address})` : ''}: ${text.split(': ').slice(-2).join(': ').slice(-200)}`,
      fix: fixOf(text, at.node || 'NODE'),
      evidence: [`HTTP ${error.status} ${text.slice(0, 500)}`],
    },
    { cause: error },
  );
}

/** By the messages of Go and the kubelet; without a match, the catalogue's text. */
function fixOf(text: string, node: string): string | undefined {
  if (REFUSING.test(text))
    return `Allow the API server's client certificate nodes/proxy (ClusterRole system:kubelet-api-admin), or restart the kubelet of ${node}`;
  if (/tls: |x509: |HTTP response to HTTPS/i.test(text))
    return `Renew the serving certificate of ${node}'s kubelet: run \`kubectl get csr\`, then \`kubectl certificate approve\` its pending request`;
  if (/no such host/i.test(text)) return `Make the name of ${node} resolvable for the control plane: check the DHCP options and DNS of the VPC`;
  if (/connection refused|no agent available/i.test(text)) return `Start the kubelet of ${node}; \`kubectl describe node ${node}\` shows its state`;
  return undefined;
}
