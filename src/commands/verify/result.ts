/** The result of verify, as data: a row per node, a row per check, and the few problems that are worth reading. */
import type { NodeFact } from '../../design/facts.ts';
import type { Latency, NodeRow, PrintedLine, Problem, ProofRow, Verdict, VerifyResult } from '../../engine/types.ts';
import { problem } from '../../problems/problem.ts';
import type { Choice } from './probe-nodes.ts';
import type { LineProof } from './probe-lines.ts';
import type { VerifyCheckName } from '../../deps.ts';
import { verifyChecks } from './verify-checks.ts';

export type VerifyRow = ProofRow<VerifyCheckName>;

export function nodeRows(choice: Choice, verifyChecks: readonly LineProof[]): readonly NodeRow[] {
  const facts = new Map(choice.chosen.map((node) => [node.name, node]));
  const proved = verifyChecks.map(({ node, seconds, departed, problem: wrong }): NodeRow => {
    const about = { node, ...aboutNode(facts.get(node)) };
    if (departed) return { ...about, state: 'passed-over', why: 'left the cluster during verification' };
    const rounded = seconds === undefined ? {} : { seconds: Math.round(seconds * 100) / 100 };
    return wrong ? { ...about, state: 'failed', ...rounded, problem: wrong } : { ...about, state: 'found', ...rounded };
  });
  return [...proved, ...choice.passed.map(({ node, why }): NodeRow => ({ node, state: 'passed-over', why }))];
}

function aboutNode(node: NodeFact | undefined): Pick<NodeRow, 'zone' | 'instanceType' | 'taints'> {
  if (!node) return {};
  const { zone, instanceType, taints } = node;
  const words = taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`);
  return { ...(zone && { zone }), ...(instanceType && { instanceType }), ...(words.length > 0 && { taints: words }) };
}

/** By nearest rank, over nodes whose line arrived correctly. */
export function latencyOf(rows: readonly NodeRow[]): Latency | undefined {
  const sorted = rows.flatMap(({ state, seconds }) => (state === 'found' && seconds !== undefined ? [seconds] : [])).toSorted((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0 ? undefined : { p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}

/** The same problem on many nodes is one problem that names them. */
export function problemsOfNodes(rows: readonly NodeRow[]): readonly Problem[] {
  const groups = new Map<string, { readonly node: string; readonly problem: Problem }[]>();
  for (const { node, problem: wrong } of rows) if (wrong) groups.set(wrong.code, [...(groups.get(wrong.code) ?? []), { node, problem: wrong }]);
  return [...groups.values()].map((group): Problem => {
    const [first] = group as [(typeof group)[number]];
    if (group.every(({ problem: { message } }) => message === first.problem.message)) return first.problem;
    const others = group.slice(1).map(({ node }) => node);
    const named = others.length > NAMED ? `${others.slice(0, NAMED).join(', ')} and ${others.length - NAMED} more` : others.join(', ');
    const unlike = group.slice(1).filter(({ node, problem: { message } }) => message.replace(node, first.node) !== first.problem.message);
    const evidence = [...(first.problem.evidence ?? []), ...unlike.slice(0, NAMED).map(({ problem: { message } }) => message)];
    return {
      ...first.problem,
      message: `${first.problem.message}; the same on ${group.length - 1} other ${group.length === 2 ? 'node' : 'nodes'}: ${named}`,
      evidence,
    };
  });
}
const NAMED = 8;

export const noNodes = (): Problem =>
  problem('LINE_NOT_FOUND', { message: 'There is no ready Linux node on which a line could be printed', fix: 'kubectl get nodes' });

export function verdictOf({ state, detail, why = '', problem: wrong }: ProofRow): Verdict {
  if (wrong) return { is: 'fail', problem: wrong };
  return state === 'skipped' ? { is: 'skip', why } : { is: 'pass', ...(detail && { detail }) };
}

export interface Sum {
  readonly nodes: readonly NodeRow[];
  readonly rows: readonly VerifyRow[];
  readonly printed?: PrintedLine;
  readonly problems: readonly Problem[];
  readonly choice: Choice;
  readonly untried?: readonly VerifyCheckName[];
  readonly tenant: string;
  readonly seconds: number;
}

/** The content of `verify.finished`: see src/engine/event-docs.ts. */
export function resultOf({ nodes, rows, printed, problems, choice: { chosen, provable }, untried = [], tenant, seconds }: Sum): VerifyResult {
  const count = (state: NodeRow['state']) => nodes.filter((row) => row.state === state).length;
  const latency = latencyOf(nodes);
  const sampled = chosen.length < provable;
  return {
    found: problems.length === 0,
    counts: { linux: provable, tried: chosen.length, found: count('found'), failed: count('failed'), passedOver: count('passed-over'), sampled },
    ...(latency && { latency }),
    ...printed,
    tenant,
    seconds,
    proofs: rows,
    untried: untried.map((proof) => ({ proof, title: verifyChecks[proof].title })),
    nodes,
    problems,
  };
}
