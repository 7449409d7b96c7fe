/** Why a node's line was not found: its pod never ran, there is no (ready) collector, or the line was lost further on. */
import { countersIn } from '../doctor/analyze/counters.ts';
import type { Problem } from '../../engine/types.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { problem, ProblemError } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import { isReady, nodeOf, stuck } from './probe-pod.ts';
import { probesOf, type Placed, type ProbeRun } from './probe-pods.ts';
import { each } from '../doctor/collect/objects.ts';

export interface Cause {
  readonly problem: Problem;
  /** The line is not expected any more. */
  readonly hopeless: boolean;
}

export interface Missing {
  readonly index: number;
  readonly node: string;
}

/** Beyond this many, nodes are not diagnosed one by one. */
const FEW = 16;
/** The number of collectors whose last errors are read as evidence. */
const LISTENED_TO = 3;

/** By the index of the pod. What can't be read is left out of the cause, and never fatal. */
export async function diagnoseMissingLine(
  ctx: Context,
  of: { readonly run: ProbeRun; readonly placed: ReadonlyMap<number, Placed>; readonly missing: readonly Missing[] },
): Promise<ReadonlyMap<number, Cause>> {
  const { missing, placed, run } = of;
  if (missing.length === 0) return new Map();
  const [pods, collectors] = await Promise.all([probesOf(ctx, run).catch(nothing), collectorsOn(ctx, new Set(missing.map(({ node }) => node))).catch(nothing)]);
  const probes = new Map(pods?.map((pod) => [pod.metadata.name, pod]));
  const causes = new Map<number, Cause>();
  for (const { index, node } of missing) {
    const { refused, name = '' } = placed.get(index) ?? {};
    const cause =
      (refused && { problem: refusedOn(node, refused), hopeless: true }) ??
      (pods && unplaced(node, probes.get(name))) ??
      (collectors && uncollected(ctx, node, collectors.get(node)));
    causes.set(index, cause ?? { problem: lost(ctx, node), hopeless: false });
  }
  const silent = missing.filter(({ index }) => causes.get(index)?.problem.code === 'LINE_NOT_FOUND').slice(0, LISTENED_TO);
  await each(silent, LISTENED_TO, async ({ index, node }) => {
    const evidence = await complaints(ctx, collectors?.get(node));
    if (evidence.length > 0) causes.set(index, { problem: { ...lost(ctx, node), evidence }, hopeless: false });
  });
  return causes;
}

/** The nodes that no longer exist: spot instances may disappear at any time. */
export async function departed({ kubernetes }: Pick<Context, 'kubernetes'>, missing: readonly Missing[]): Promise<ReadonlySet<string>> {
  if (missing.length === 0) return new Set();
  const names = missing.map(({ node }) => node);
  if (names.length > FEW) {
    const there = await kubernetes.list({ apiVersion: 'v1', kind: 'Node', metadataOnly: true }).catch(nothing);
    const known = new Set(there?.map(({ metadata }) => metadata.name));
    return new Set(there ? names.filter((name) => !known.has(name)) : []);
  }
  const gone = await each(names, FEW, async (name) => {
    // Only a response proves that it is gone.
    const node = await kubernetes.get({ apiVersion: 'v1', kind: 'Node', name }).then((found) => ({ found }), nothing);
    return node && !node.found ? [name] : [];
  });
  return new Set(gone.flat());
}

/** The result for something that could not be read. Bugs are rethrown. */
export function nothing(error: unknown): undefined {
  if (!(error instanceof ProblemError)) throw error;
}

const refusedOn = (node: string, { message, evidence = [] }: Problem): Problem =>
  problem('PROBE_NOT_RUN', { message: `No probe pod could be created for node ${node}: ${message}`, evidence });

function unplaced(node: string, pod: KubeObject | undefined): Cause | undefined {
  if (!pod)
    return { problem: problem('PROBE_NOT_RUN', { message: `The probe pod on node ${node} was deleted before its log line was received` }), hopeless: true };
  const why = stuck(pod);
  return why && { problem: problem('PROBE_NOT_RUN', { message: `The probe pod for node ${node} did not run: ${why.why}` }), hopeless: why.hopeless };
}

/** By node; a ready one if there are several. */
export async function collectorsOn({ kubernetes, blueprint }: Context, nodes: ReadonlySet<string>): Promise<ReadonlyMap<string, KubeObject>> {
  const { name, namespace } = blueprint.alloy;
  const query = { apiVersion: 'v1', kind: 'Pod', namespace, labels: `app.kubernetes.io/instance=${name}` };
  const pods =
    nodes.size <= FEW
      ? (await each([...nodes], FEW, (node) => kubernetes.list({ ...query, fields: `spec.nodeName=${node}` }))).flat()
      : await kubernetes.list(query);
  const found = new Map<string, KubeObject>();
  for (const pod of pods) if (!found.has(nodeOf(pod)) || isReady(pod)) found.set(nodeOf(pod), pod);
  return found;
}

function uncollected({ blueprint }: Context, node: string, collector: KubeObject | undefined): Cause | undefined {
  const { namespace } = blueprint.alloy;
  const fix = `Run \`kubectl -n ${namespace} get pods -o wide --field-selector spec.nodeName=${node}\``;
  if (!collector) return { problem: problem('COLLECTOR_NOT_ON_NODE', { message: `No Alloy pod runs on node ${node}`, fix }), hopeless: true };
  if (isReady(collector)) return undefined;
  const why = stuck(collector)?.why ?? 'it is running but not ready';
  const message = `The Alloy pod ${namespace}/${collector.metadata.name} on node ${node} is not ready: ${why}`;
  return {
    problem: problem('COLLECTOR_NOT_ON_NODE', { message, fix: `Run \`kubectl -n ${namespace} describe pod ${collector.metadata.name}\`` }),
    hopeless: false,
  };
}

const lost = ({ blueprint }: Context, node: string): Problem =>
  problem('LINE_NOT_FOUND', {
    message: `Log line of node ${node} not received`,
    fix: 'Run `loki-eks doctor`',
    evidence: [`the Alloy pod on the node is ready (namespace ${blueprint.alloy.namespace})`],
  });

async function complaints({ kubernetes, blueprint }: Context, collector: KubeObject | undefined): Promise<readonly string[]> {
  if (!collector) return [];
  const { name, namespace } = collector.metadata;
  const metrics = await kubernetes.raw(`/api/v1/namespaces/${namespace}/pods/${name}:12345/proxy/metrics`).catch(nothing);
  const lines = await kubernetes.logs({ namespace: blueprint.alloy.namespace, pod: name, container: 'alloy', tail: 200 }).catch(nothing);
  // Every Alloy logs this one; it means nothing.
  const errors = (lines ?? []).filter((line) => /level=(error|warn)/.test(line) && !line.includes('noop client'));
  return [...refusedBy(name, metrics?.status === 200 ? metrics.body : ''), ...errors.slice(-2).map((line) => `${name}: ${line.slice(0, 400)}`)];
}

/** A collector that is refused logs that at level debug only, but counts it. */
function refusedBy(pod: string, metrics: string): readonly string[] {
  const pushes = Object.values(countersIn(metrics, { name: pod }).pushes);
  const retries = pushes.reduce((sum, one) => sum + one.retries, 0);
  const statuses = pushes.flatMap(({ answers }) => Object.entries(answers).filter(([status, count]) => !status.startsWith('2') && count > 0));
  if (retries === 0 && statuses.length === 0) return [];
  const told = statuses.map(([status, count]) => `${count} ${status === '-1' ? 'without a response' : `with status ${status}`}`).join(', ');
  return [`${pod}: loki_write_batch_retries_total ${retries}${told ? `; pushes: ${told}` : ''}`];
}
