/** What NetworkPolicies allow: between pods, and out of the cluster. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { selects } from '../cluster/selector.ts';
import type { LabelSelector, Pod } from '../cluster/shapes.ts';
import type { ObjectStore } from '../types.ts';

interface Peer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port?: number | string }[];
}
interface Policy extends KubeObject {
  readonly spec?: {
    readonly podSelector?: LabelSelector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

const EVERYWHERE = '0.0.0.0/0';

/** Policies of one direction that select the pod; without any, everything is allowed. */
function over(store: ObjectStore, pod: Pod, type: 'Ingress' | 'Egress'): readonly Policy[] {
  const namespace = pod.metadata.namespace;
  return (store.list('NetworkPolicy', namespace === undefined ? {} : { namespace }) as readonly Policy[]).filter(({ spec = {} }) => {
    const types = spec.policyTypes ?? ['Ingress', ...(spec.egress ? ['Egress'] : [])];
    return types.includes(type) && selects(spec.podSelector ?? {}, pod.metadata.labels);
  });
}

function isPeer(store: ObjectStore, peer: Peer, of: { readonly pod: Pod; readonly home: string | undefined }): boolean {
  if (peer.ipBlock !== undefined) return peer.ipBlock.cidr === EVERYWHERE;
  const { namespace, labels } = of.pod.metadata;
  if (peer.podSelector !== undefined && !selects(peer.podSelector, labels)) return false;
  if (peer.namespaceSelector === undefined) return namespace === of.home;
  const found = store.get('Namespace', undefined, namespace ?? '');
  return selects(peer.namespaceSelector, { 'kubernetes.io/metadata.name': namespace ?? '', ...found?.metadata.labels });
}

const covers = ({ ports }: Rule, port: number): boolean =>
  ports === undefined || ports.length === 0 || ports.some((one) => one.port === undefined || one.port === port || Number.isNaN(Number(one.port)));

interface Side {
  readonly side: 'from' | 'to';
  readonly pod: Pod;
  readonly home: string | undefined;
  readonly port: number;
}

function passes(store: ObjectStore, rules: readonly Rule[], of: Side): boolean {
  return rules.some((rule) => {
    const peers = rule[of.side] ?? [];
    return covers(rule, of.port) && (peers.length === 0 || peers.some((peer) => isPeer(store, peer, of)));
  });
}

/** Whether a connection from one pod reaches a port of another. */
export function admits(store: ObjectStore, way: { readonly from: Pod; readonly to: Pod; readonly port: number }): boolean {
  const { from, to, port } = way;
  const into = over(store, to, 'Ingress');
  const out = over(store, from, 'Egress');
  const arrives = ({ spec }: Policy) => passes(store, spec?.ingress ?? [], { side: 'from', pod: from, home: to.metadata.namespace, port });
  const leaves = ({ spec }: Policy) => passes(store, spec?.egress ?? [], { side: 'to', pod: to, home: from.metadata.namespace, port });
  return (into.length === 0 || into.some(arrives)) && (out.length === 0 || out.some(leaves));
}

/** Whether a pod may reach AWS. */
export function letsOut(store: ObjectStore, from: Pod): boolean {
  const out = over(store, from, 'Egress');
  const open = (rule: Rule): boolean => covers(rule, 443) && ((rule.to ?? []).length === 0 || (rule.to ?? []).some(({ ipBlock }) => ipBlock !== undefined));
  return out.length === 0 || out.some(({ spec }) => (spec?.egress ?? []).some(open));
}
