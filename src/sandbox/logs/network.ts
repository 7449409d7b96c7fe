/** How one pod reaches another: cluster DNS, Services, ready endpoints. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { selectsByMap } from '../cluster/selector.ts';
import { isReady, type Pod } from '../cluster/shapes.ts';
import type { LogPathParts, SandboxRequest, SandboxResponse } from '../types.ts';
import { admits, letsOut } from './network-policies.ts';

interface Service extends KubeObject {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly targetPort?: number | string }[];
  };
}

/** `failed`: there was no answer; the message is the Go dialer's. */
export type Reply = { readonly is: 'answer'; readonly response: SandboxResponse } | { readonly is: 'failed'; readonly message: string };

export interface Network {
  /** `host` may be a short name: then `namespace` is searched first. NetworkPolicies apply when the calling pod is given. */
  request(to: { readonly url: string; readonly namespace: string; readonly from?: Pod }, request: Omit<SandboxRequest, 'path'>): Reply;
  /** Why a pod can't reach a host outside the cluster, as the dialer's message. */
  outside(from: Pod, host: string): string | undefined;
  /** The Service that a name resolves to, from a pod of this namespace. */
  service(host: string, namespace: string): KubeObject | undefined;
  readyPods(service: KubeObject): readonly Pod[];
}

type Answer = (pod: Pod, port: number, request: SandboxRequest) => SandboxResponse | undefined;

export function createNetwork({ store, layer }: Pick<LogPathParts, 'store' | 'layer'>, answer: Answer): Network {
  const service = (host: string, namespace: string): Service | undefined => {
    if (/^[\d.]+$/.test(host)) return store.list('Service').find((candidate) => (candidate as Service).spec.clusterIP === host) as Service | undefined;
    const match = /^([a-z0-9-]+)(?:\.([a-z0-9-]+))?(?:\.svc)?(?:\.cluster\.local\.?)?$/.exec(host);
    if (match === null) return undefined;
    return store.get('Service', match[2] ?? namespace, match[1] as string) as Service | undefined;
  };
  const readyPods = (object: KubeObject): readonly Pod[] => {
    const { spec, metadata } = object as Service;
    return store
      .list('Pod', { ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) })
      .map((pod) => pod as Pod)
      .filter(
        (pod) =>
          selectsByMap(spec.selector, pod.metadata.labels) &&
          pod.metadata.deletionTimestamp === undefined &&
          (isReady(pod) || (spec.publishNotReadyAddresses === true && pod.status?.phase === 'Running')),
      );
  };
  return {
    service,
    readyPods,
    outside: (from, host) => layer?.unreachable(from, host) ?? (letsOut(store, from) ? undefined : 'dial tcp 52.95.40.12:443: i/o timeout'),
    request(to, request) {
      const url = parseUrl(to.url);
      if (url === undefined) return { is: 'failed', message: `unsupported protocol scheme in "${to.url}"` };
      const host = url.hostname;
      const found = service(host, to.namespace);
      if (found === undefined) return { is: 'failed', message: `dial tcp: lookup ${host} on 10.100.0.10:53: no such host` };
      const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
      const wanted = found.spec.ports?.find((candidate) => candidate.port === port);
      const address = `${found.spec.clusterIP ?? host}:${port}`;
      if (wanted === undefined) return { is: 'failed', message: `dial tcp ${address}: i/o timeout` };
      if (url.protocol === 'https:') return { is: 'failed', message: 'http: server gave HTTP response to HTTPS client' };
      const barred = to.from && layer?.unreachable(to.from, host);
      if (barred !== undefined) return { is: 'failed', message: barred };
      for (const pod of readyPods(found)) {
        // A packet dropped by a policy gets no answer.
        if (to.from !== undefined && !admits(store, { from: to.from, to: pod, port: targetPort(wanted, pod) }))
          return { is: 'failed', message: `dial tcp ${address}: i/o timeout` };
        const response = answer(pod, targetPort(wanted, pod), {
          ...request,
          path: `${url.pathname}${url.search}`,
          ...(to.from?.status?.podIP !== undefined && { from: to.from.status.podIP }),
        });
        if (response !== undefined) return { is: 'answer', response };
      }
      return { is: 'failed', message: `dial tcp ${address}: connect: connection refused` };
    },
  };
}

function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    return undefined;
  }
}

function targetPort(port: { readonly port: number; readonly targetPort?: number | string }, pod: Pod): number {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number' || /^\d+$/.test(target)) return Number(target);
  return pod.spec.containers.flatMap((container) => container.ports ?? []).find((candidate) => candidate.name === target)?.containerPort ?? port.port;
}
