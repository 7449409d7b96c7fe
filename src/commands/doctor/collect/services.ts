/** The Services to which addresses in configurations lead. */
import type { DatasourceEvidence, ServiceEvidence, Evidence } from '../analyze/evidence.ts';
import type { CollectorEvidence } from '../analyze/collectors-evidence.ts';
import type { KubeObject } from '../../../ports/kubernetes.ts';
import { collected, type CollectContext } from './objects.ts';

/** By address; `undefined` if no Service has that name. Short names are resolved in the namespace of their user. */
export async function servicesOf(
  { session: { kubernetes }, miss }: CollectContext,
  of: {
    readonly collectors: readonly CollectorEvidence[];
    readonly datasources: readonly Pick<DatasourceEvidence, 'url' | 'from'>[];
    readonly upstreams?: readonly Pick<DatasourceEvidence, 'url' | 'from'>[];
  },
): Promise<Evidence['services']> {
  const addresses = [
    ...of.collectors.flatMap(({ writers, workload }) => writers.map(({ url }) => ({ url, from: workload.namespace }))),
    ...[...of.datasources, ...(of.upstreams ?? [])].map(({ url, from }) => ({ url, from: namespaceIn(from) })),
  ];
  const wanted = new Map(addresses.flatMap(({ url, from }) => (url && serviceNamed(url, from) ? [[url, serviceNamed(url, from)!] as const] : [])));
  const found = await Promise.all(
    [...wanted].map(async ([url, { name, namespace }]) => {
      const look = kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace, name }).then((object) => ({ object }));
      const seen = await collected(miss, `Service ${namespace}/${name}`, look);
      return seen ? ([[url, seen.object && serviceEvidence(seen.object)]] as const) : [];
    }),
  );
  return new Map(found.flat());
}

const namespaceIn = (from: string) => /^\w+ ([^/]+)\//.exec(from)?.[1] ?? 'default';

/** `gateway.loki.svc` and its longer and shorter forms; a name with another ending is outside the cluster. */
function serviceNamed(url: string, from: string): { readonly name: string; readonly namespace: string } | undefined {
  const host = /^(?:\w+:\/\/)?(?:[^/@]*@)?([^/:?#]+)/.exec(url)?.[1] ?? '';
  const match = /^([a-z0-9-]+)(?:\.([a-z0-9-]+))?(\.svc)?(\.cluster\.local\.?)?$/.exec(host);
  return match?.[1] ? { name: match[1], namespace: match[2] ?? from } : undefined;
}

function serviceEvidence({ metadata, spec }: KubeObject): ServiceEvidence {
  const { ports = [], selector = {} } = (spec ?? {}) as { ports?: readonly { port: number }[]; selector?: Readonly<Record<string, string>> };
  return { namespace: metadata.namespace ?? '', name: metadata.name, ports: ports.map(({ port }) => port), selector };
}
