/** A collector is replaced while a pod prints numbers: every number must arrive, once. */
import type { NodeFact } from '../../design/facts.ts';
import { problem } from '../../problems/problem.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { collectorsOn } from './diagnose-missing-line.ts';
import { isReady, PROBE_CONTAINER } from './probe-pod.ts';
import { placeProbes, promptly } from './probe-pods.ts';
import { verifyChecks } from './verify-checks.ts';
import type { VerifyRow } from './result.ts';
import type { ProbeSession } from './probe-session.ts';

/** More than any restart takes, and less than the lifetime of a probe pod. */
const NUMBERS = 1000;
const EVERY_S = 0.2;
/** A restart while Loki accepts no lines is not tested here, and has this limit. */
const NOT_KEPT = "A restart can't preserve log lines of pods that are deleted while Loki is unavailable";

const PATIENCE_MS = 120_000;
const BESIDE_MS = 2000;

const counting = (line: string): string => `i=0; while [ $i -lt ${NUMBERS} ]; do echo "${line} $i"; i=$((i+1)); sleep ${EVERY_S}; done; sleep 60`;

interface Place {
  readonly node: string;
  readonly pod: string;
  readonly line: string;
}

/** `nodes`: nodes whose lines arrive, best first. `index`: the number of the pod. */
export async function survivesRestart(
  stage: ProbeSession,
  { nodes, index }: { readonly nodes: readonly NodeFact[]; readonly index: number },
): Promise<VerifyRow> {
  const { ctx, probes, run } = stage;
  const known = { proof: 'restart' as const, title: verifyChecks.restart.title };
  const [node] = nodes;
  if (!node) return { ...known, state: 'skipped', why: 'no node has delivered a log line' };
  const before = (await collectorsOn(ctx, new Set([node.name]))).get(node.name);
  if (before?.metadata.labels?.['loki-eks.dev/install-id'] !== ctx.blueprint.ownership.installId)
    return { ...known, state: 'skipped', why: `the collector on node ${node.name} was not installed by loki-eks` };
  const line = `loki-eks verify ${probes.token}/${index}`;
  const [placed] = await placeProbes(ctx, probes, { wanted: [{ index, node: node.name, script: counting(line) }], signal: run.signal });
  if (!placed || placed.refused) return { ...known, state: 'failed', problem: placed?.refused ?? problem('PROBE_NOT_RUN') };
  const place: Place = { node: node.name, pod: placed.name, line };
  const name = `${before.metadata.namespace}/${before.metadata.name}`;
  const say = (text: string) => run.emit({ type: 'check.said', check: verifyChecks.restart.id, text });
  say(`printing numbered lines on ${node.name}`);
  if (!(await until(stage, async () => (await queryNumbers(stage, place)).length > 0)))
    return {
      ...known,
      state: 'failed',
      problem: problem('LINE_NOT_FOUND', { message: `Log lines of node ${node.name} were not received even before the restart` }),
    };
  say(`restarting ${name}`);
  const went = ctx.clock.now().getTime();
  await ctx.kubernetes.delete({ apiVersion: 'v1', kind: 'Pod', namespace: ctx.blueprint.alloy.namespace, name: before.metadata.name });
  if (!(await until(stage, () => replaced(stage, before, node.name)))) {
    const message = `${PATIENCE_MS / 1000} s after ${name} was deleted, no other Alloy pod is ready on node ${node.name}`;
    return { ...known, state: 'failed', problem: problem('COLLECTOR_NOT_ON_NODE', { message }) };
  }
  const seconds = (ctx.clock.now().getTime() - went) / 1000;
  // Some more numbers for the new one to read.
  await ctx.clock.sleep(BESIDE_MS, run.signal);
  return { ...known, ...(await counted(stage, place, { name, seconds })) };
}

async function counted(
  stage: ProbeSession,
  place: Place,
  { name, seconds }: { readonly name: string; readonly seconds: number },
): Promise<Pick<VerifyRow, 'state' | 'detail' | 'problem'>> {
  const { ctx, run } = stage;
  const [said = ''] = await ctx.kubernetes.logs({ namespace: ctx.blueprint.verify.namespace, pod: place.pod, container: PROBE_CONTAINER, tail: 1 });
  const last = Number(said.split(' ').at(-1));
  const missing = async () => {
    const seen = new Set(await queryNumbers(stage, place));
    return Array.from({ length: last + 1 }, (_, number) => number).filter((number) => !seen.has(number));
  };
  await until(stage, async () => (await missing()).length === 0);
  await ctx.clock.sleep(BESIDE_MS, run.signal);
  const numbers = (await queryNumbers(stage, place)).filter((number) => number <= last);
  const lost = await missing();
  const twice = numbers.filter((number, at) => numbers.indexOf(number) !== at);
  if (lost.length > 0) {
    const message = `${lost.length} of ${last + 1} log lines of node ${place.node} were lost while ${name} was restarted`;
    return {
      state: 'failed',
      problem: problem('LINES_LOST', { message, evidence: [`missing: ${lost.slice(0, 20).join(', ')}${lost.length > 20 ? ', …' : ''}`] }),
    };
  }
  if (twice.length > 0) {
    const message = `${twice.length} of ${last + 1} log lines of node ${place.node} were duplicated while ${name} was restarted`;
    return { state: 'failed', problem: problem('LINE_DUPLICATED', { message, evidence: [`twice: ${[...new Set(twice)].slice(0, 20).join(', ')}`] }) };
  }
  return {
    state: 'proved',
    detail: `received all ${last + 1} numbered lines from node ${place.node} exactly once; its collector was down for ${seconds.toFixed(1)} s. ${NOT_KEPT}`,
  };
}

async function queryNumbers({ ctx, run, login }: ProbeSession, { pod, line }: Place): Promise<readonly number[]> {
  const query = `{namespace="${ctx.blueprint.verify.namespace}", pod="${pod}"} |= "${line} "`;
  const entries = await promptly(run.signal, ctx.logs.query(query, { sinceMs: 900_000, limit: 2 * NUMBERS, login, tenant: ctx.blueprint.tenant }));
  return entries.map((entry) => Number(entry.line.slice(line.length)));
}

async function replaced({ ctx }: ProbeSession, { metadata: { uid } }: KubeObject, node: string): Promise<boolean> {
  const now = (await collectorsOn(ctx, new Set([node]))).get(node);
  return now !== undefined && now.metadata.uid !== uid && isReady(now);
}

/** `false` if the timeout ends first. */
async function until({ ctx, run, until: last }: ProbeSession, holds: () => Promise<boolean>): Promise<boolean> {
  const end = Math.min(last, ctx.clock.now().getTime() + PATIENCE_MS);
  for (;;) {
    if (await holds()) return true;
    if (ctx.clock.now().getTime() > end) return false;
    await ctx.clock.sleep(1000, run.signal);
  }
}
