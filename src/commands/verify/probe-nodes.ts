/** The nodes to verify: all that can run a collector, or a sample that covers every kind and taint. */
import type { NodeFact } from '../../design/facts.ts';
import { nearest } from '../../design/nearest.ts';
import { stop } from '../../problems/problem.ts';

export interface Wish {
  /** Approximate number of nodes; one of each kind and taint is always included. */
  readonly sample?: number;
  /** Only these nodes. */
  readonly names?: readonly string[];
}

export interface PassedOver {
  readonly node: string;
  readonly why: string;
}

export interface Choice {
  readonly chosen: readonly NodeFact[];
  /** Nodes on which no pod could print a line that Alloy reads, and why. */
  readonly passed: readonly PassedOver[];
  /** How many could be verified; more than were chosen if this is a sample. */
  readonly provable: number;
}

/** Throws NODE_UNKNOWN for a name that is not a node, or a node that can't have a collector. Deterministic. */
export function chooseNodes(nodes: readonly NodeFact[], { sample, names = [] }: Wish): Choice {
  const passed = nodes.flatMap((node) => passedOver(node));
  const provable = nodes.filter((node) => passedOver(node).length === 0);
  if (names.length > 0) return { chosen: named(nodes, [...new Set(names)]), passed: [], provable: provable.length };
  const chosen = sample === undefined || sample >= provable.length ? provable : spread(provable, sample);
  return { chosen: chosen.toSorted(byName), passed, provable: provable.length };
}

const byName = (a: NodeFact, b: NodeFact) => (a.name < b.name ? -1 : 1);

function passedOver(node: NodeFact): readonly PassedOver[] {
  const why = uncollectable(node) ?? (node.ready ? undefined : 'not ready, no pod can start there');
  return why === undefined ? [] : [{ node: node.name, why }];
}

function uncollectable({ os, kind, labels }: NodeFact): string | undefined {
  if (os === 'windows') return 'Windows';
  if (kind === 'fargate') return 'Fargate, which runs no DaemonSets';
  if (labels['type'] === 'virtual-kubelet') return 'virtual node, which has no log files';
  return undefined;
}

function named(nodes: readonly NodeFact[], names: readonly string[]): readonly NodeFact[] {
  const known = new Map(nodes.map((node) => [node.name, node]));
  return names.map((name) => {
    const node = known.get(name);
    if (!node) {
      const near = nearest(name, [...known.keys()]);
      const evidence = near === undefined ? [`nodes there: ${[...known.keys()].slice(0, 10).join(', ')}`] : [];
      throw stop('NODE_UNKNOWN', { message: `There is no node "${name}" in this cluster`, fix: near ? `--nodes ${near}` : 'kubectl get nodes', evidence });
    }
    const why = uncollectable(node);
    if (why) throw stop('NODE_UNKNOWN', { message: `Node ${name} can't be proved: ${why}`, fix: 'name Linux nodes with --nodes' });
    return node;
  });
}

/** What makes a node different for a collector. Taint values often name a team or a machine, so they do not count. */
function kindOf({ kind, arch, gpu, taints }: NodeFact): string {
  const lasting = taints.map(({ key, effect }) => `${key}:${effect}`).filter((taint) => !taint.startsWith('node.kubernetes.io/'));
  return [kind, arch, gpu ? 'gpu' : '', ...lasting.toSorted()].join(' ');
}

/** The first of each kind, then proportionally; within a kind the zones take turns. */
function spread(nodes: readonly NodeFact[], sample: number): readonly NodeFact[] {
  const ranked = groups(nodes, kindOf).flatMap((kind) => {
    const zones = groups(kind, ({ zone = '' }) => zone);
    const turns = zones.flatMap((zone) => zone.map((node, turn) => ({ node, turn }))).toSorted((a, b) => a.turn - b.turn);
    return turns.map(({ node }, rank) => ({ node, share: rank === 0 ? -1 : rank / kind.length }));
  });
  const first = ranked.filter(({ share }) => share < 0).length;
  return ranked
    .toSorted((a, b) => a.share - b.share)
    .slice(0, Math.max(sample, first))
    .map(({ node }) => node);
}

function groups(nodes: readonly NodeFact[], of: (node: NodeFact) => string): readonly (readonly NodeFact[])[] {
  const found = new Map<string, NodeFact[]>();
  for (const node of nodes.toSorted(byName)) found.set(of(node), [...(found.get(of(node)) ?? []), node]);
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => members);
}
