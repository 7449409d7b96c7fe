/** Network policies, evaluated as Kubernetes does: once a policy selects a pod, only traffic allowed by one of them may pass. */
import type { PolicyRule, PolicyEvidence, Selector } from './objects-evidence.ts';

export type End =
  | {
      readonly is: 'pod';
      readonly namespace: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly namespaceLabels: Readonly<Record<string, string>>;
    }
  | { readonly is: 'outside' };

export interface Barrier {
  readonly policy: PolicyEvidence;
  /** `in`: the policy selects the server; `out`: it selects the client. */
  readonly side: 'in' | 'out';
}

/** `port` is that of the pod, behind any Service. Named ports count as a match: only the pod knows their number. */
export function barrier(policies: readonly PolicyEvidence[], way: { readonly from: End; readonly to: End; readonly port: number }): Barrier | undefined {
  const { from, to, port } = way;
  const guarding = (end: End, type: string) =>
    end.is === 'pod'
      ? policies.filter(({ namespace, podSelector, types }) => namespace === end.namespace && types.includes(type) && selects(podSelector, end.labels))
      : [];
  const out = guarding(from, 'Egress');
  if (out.length > 0 && !out.some(({ egress, namespace }) => egress.some((rule) => allows(rule, { peer: to, port, home: namespace }))))
    return { policy: out[0]!, side: 'out' };
  const into = guarding(to, 'Ingress');
  if (into.length > 0 && !into.some(({ ingress, namespace }) => ingress.some((rule) => allows(rule, { peer: from, port, home: namespace }))))
    return { policy: into[0]!, side: 'in' };
  return undefined;
}

export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Readonly<Record<string, string>>): boolean {
  const fits = ({ key, operator, values = [] }: (typeof matchExpressions)[number]) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    return operator === 'In' ? value !== undefined && values.includes(value) : value === undefined || !values.includes(value);
  };
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every(fits);
}

function allows({ peers = [], ports = [] }: PolicyRule, { peer, port, home }: { readonly peer: End; readonly port: number; readonly home: string }): boolean {
  const open =
    ports.length === 0 ||
    ports.some((one) => one.protocol !== 'UDP' && (typeof one.port !== 'number' || (port >= one.port && port <= (one.endPort ?? one.port))));
  if (!open) return false;
  if (peers.length === 0) return true;
  return peers.some(({ podSelector, namespaceSelector, ipBlock }) => {
    // IP addresses of pods and of AWS are not known here; a CIDR block is assumed to include them.
    if (ipBlock) return true;
    if (peer.is === 'outside') return false;
    const inNamespace = namespaceSelector
      ? selects(namespaceSelector, { 'kubernetes.io/metadata.name': peer.namespace, ...peer.namespaceLabels })
      : peer.namespace === home;
    return inNamespace && (!podSelector || selects(podSelector, peer.labels));
  });
}
