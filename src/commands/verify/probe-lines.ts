/** One line from each of many nodes, found with one query: which arrived, when, and whether they arrived intact. */
import type { NodeFact } from '../../design/facts.ts';
import type { Problem } from '../../engine/types.ts';
import type { Entry, Login } from '../../ports/logs.ts';
import { problem, ProblemError } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import { diagnoseMissingLine, departed } from './diagnose-missing-line.ts';
import { gatewayWatch } from './probe-gateway.ts';
import { PROBE_CONTAINER, saying } from './probe-pod.ts';
import { placeProbes, promptly, type Placed, type ProbeRun } from './probe-pods.ts';

export interface LineProof {
  readonly node: string;
  readonly pod: string;
  readonly line: string;
  /** From the timestamp that the container runtime gave the line until a query found it. */
  readonly seconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** As stored in Loki, in nanoseconds. */
  readonly stamp?: string;
  /** The node left the cluster meanwhile, so there is nothing to verify. */
  readonly departed?: true;
  /** Why it failed; absent if it passed. */
  readonly problem?: Problem;
}

export interface Batch {
  readonly run: ProbeRun;
  readonly nodes: readonly NodeFact[];
  /** Number of the first pod. */
  readonly first: number;
  readonly login: Login;
  readonly signal: AbortSignal;
  /** When waiting ends, by our own clock, in milliseconds. */
  readonly until: number;
  readonly say: (found: number) => void;
}

/** Alloy discovers new pods and files every few seconds, and a batch waits a second: this covers a slow node. */
export const PATIENCE_MS = 90_000;
/** How long a DaemonSet's pod or a scheduling decision may take; after that, what blocks a line will not go away by itself. */
const HOPE_MS = 20_000;

export const lineOf = ({ token }: Pick<ProbeRun, 'token'>, index: number): string => `loki-eks verify ${token}/${index}`;

/** Finds all lines of a run by labels that are correct if everything works. */
export const queryFor = ({ blueprint }: Pick<Context, 'blueprint'>, { token }: Pick<ProbeRun, 'token'>): string =>
  `{namespace="${blueprint.verify.namespace}", container="${PROBE_CONTAINER}"} |= "${token}/"`;

/** Loki adds this label to every stream, so it also finds lines whose own labels are wrong. Reads all logs of the queried time range. */
const anywhere = ({ token }: ProbeRun): string => `{service_name=~".+"} |= "${token}/"`;

/** Loki's own default for the maximum number of entries per response. */
const MOST_ENTRIES = 5000;

/** The number of nodes that one query can cover, with room for duplicate lines. */
export function batchSize({ blueprint }: Pick<Context, 'blueprint'>): number {
  return Math.max(1, Math.min(500, Math.floor(mostEntries(blueprint) / 4)));
}

function mostEntries({ loki }: Context['blueprint']): number {
  const { limits_config: limits } = (loki.values['loki'] ?? {}) as { readonly limits_config?: { readonly max_entries_limit_per_query?: unknown } };
  const own = limits?.max_entries_limit_per_query;
  return typeof own === 'number' && own > 0 ? Math.min(own, MOST_ENTRIES) : MOST_ENTRIES;
}

/** Throws only if interrupted. */
export async function proveBatch(ctx: Context, batch: Batch): Promise<readonly LineProof[]> {
  const { nodes, first, run, signal } = batch;
  const wanted = nodes.map(({ name: node }, at) => ({ index: first + at, node, script: saying(lineOf(run, first + at)) }));
  const placing = placeProbes(ctx, run, { wanted, signal });
  const search = await look(ctx, batch, placing).finally(() => placing);
  const placed = new Map((await placing).map((one) => [one.index, one]));
  const missing = wanted.filter(({ index }) => !search.seen.has(index));
  const strays = missing.length > 0 && search.problem === undefined ? await elsewhere(ctx, batch) : new Map<number, readonly Entry[]>();
  const lost = missing.filter(({ index }) => !strays.has(index));
  const [causes, left] = await Promise.all([diagnoseMissingLine(ctx, { run, placed, missing: lost }), departed(ctx, lost)]);
  return wanted.map(({ index, node }): LineProof => {
    const known = { node, pod: placed.get(index)?.name ?? '', line: lineOf(run, index) };
    const seen = search.seen.get(index);
    if (seen) return { ...known, ...seen };
    const stray = strays.get(index);
    if (stray) return judged(ctx, { ...known, ...(stray[0] && { labels: stray[0].labels }) }, stray);
    if (left.has(node)) return { ...known, departed: true };
    return { ...known, problem: search.problem ?? causes.get(index)?.problem ?? problem('LINE_NOT_FOUND') };
  });
}

interface Sight {
  readonly seconds: number;
  readonly stamp: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Search {
  readonly seen: ReadonlyMap<number, Sight>;
  /** Why nothing more can be found: the query itself fails, or there is no gateway to query. */
  readonly problem?: Problem;
}

/** Polls until all are found, the rest is hopeless, or time is up. */
async function look(ctx: Context, batch: Batch, placing: Promise<readonly Placed[]>): Promise<Search> {
  const { nodes, run, signal, until } = batch;
  const seen = new Map<number, Sight>();
  const now = () => ctx.clock.now().getTime();
  let placed: readonly Placed[] | undefined;
  void placing.then(
    (all) => (placed = all),
    () => (placed = []),
  );
  const gatewayGone = gatewayWatch(ctx);
  let failing: Problem | undefined;
  let gone: Problem | undefined;
  let [end, asked] = [until, now()];
  for (let pause = 250; ; pause = Math.min(pause * 1.3, 2000)) {
    const answer = await ask(ctx, batch, queryFor(ctx, run));
    failing = answer.problem;
    for (const entry of answer.entries) note(seen, entry, { batch, now: now() });
    if (answer.entries.length > 0) batch.say(seen.size);
    if (placed) end = Math.min(end, now() + PATIENCE_MS, until);
    const open = placed?.filter(({ index, refused }) => !seen.has(index) && !refused) ?? nodes;
    if (open.length === 0 || now() > end) break;
    gone = await gatewayGone();
    if (gone) break;
    // Queries go through a kubelet; if it can't be reached, retrying does not help.
    if (failing?.code === 'KUBE_KUBELET_UNREACHABLE') break;
    if (placed && now() - asked > HOPE_MS) {
      asked = now();
      const causes = await diagnoseMissingLine(ctx, { run, placed: new Map(placed.map((one) => [one.index, one])), missing: wantedOf(batch, seen) });
      if ([...causes.values()].every(({ hopeless }) => hopeless)) break;
    }
    await ctx.clock.sleep(pause, signal);
  }
  const wrong = gone ?? (seen.size === 0 ? failing : undefined);
  return { seen, ...(wrong && { problem: wrong }) };
}

const wantedOf = ({ nodes, first }: Batch, seen: ReadonlyMap<number, Sight>) =>
  nodes.map(({ name: node }, at) => ({ index: first + at, node })).filter(({ index }) => !seen.has(index));

/** The first time it is found counts; the timestamp is from the node's clock, which EKS keeps in sync, and ours is corrected. */
function note(seen: Map<number, Sight>, { line, labels, timestamp }: Entry, { batch, now }: { readonly batch: Batch; readonly now: number }): void {
  const index = indexIn(line, batch.run);
  if (index === undefined || seen.has(index)) return;
  const printed = Number(BigInt(timestamp) / 1_000_000n);
  seen.set(index, { seconds: Math.max(0, now + batch.run.skewMs - printed) / 1000, labels, stamp: timestamp });
}

/** Which pod's line this is, however it was changed on its way. Loki also logs our queries, with the token but without the rest of the line. */
function indexIn(line: string, { token }: Pick<ProbeRun, 'token'>): number | undefined {
  const found = new RegExp(`loki-eks verify ${token}/(\\d+)`).exec(line);
  return found ? Number(found[1]) : undefined;
}

async function ask(ctx: Context, { login, signal, nodes }: Batch, query: string): Promise<{ readonly entries: readonly Entry[]; readonly problem?: Problem }> {
  const limit = Math.min(mostEntries(ctx.blueprint), 100 + 4 * nodes.length);
  try {
    return { entries: await promptly(signal, ctx.logs.query(query, { sinceMs: 900_000, limit, login, tenant: ctx.blueprint.tenant })) };
  } catch (error) {
    if (!(error instanceof ProblemError) || signal.aborted) throw error;
    return { entries: [], problem: error.problem };
  }
}

/** Lines that arrived with other labels than expected. */
async function elsewhere(ctx: Context, batch: Batch): Promise<ReadonlyMap<number, readonly Entry[]>> {
  return byIndex((await ask(ctx, batch, anywhere(batch.run))).entries, batch.run);
}

function byIndex(entries: readonly Entry[], run: ProbeRun): ReadonlyMap<number, readonly Entry[]> {
  const found = new Map<number, readonly Entry[]>();
  for (const entry of entries) {
    const index = indexIn(entry.line, run);
    if (index !== undefined) found.set(index, [...(found.get(index) ?? []), entry]);
  }
  return found;
}

/** Checks the same lines again: each must exist once, as printed, with the labels that dashboards use. */
export async function judgeBatch(ctx: Context, batch: Batch, proofs: readonly LineProof[]): Promise<readonly LineProof[]> {
  const { entries, problem: failing } = await ask(ctx, batch, queryFor(ctx, batch.run));
  // It was found before; a query that fails now says nothing about the line.
  if (failing) return proofs;
  const found = byIndex(entries, batch.run);
  return proofs.map((proof, at) =>
    proof.problem || proof.departed || proof.seconds === undefined ? proof : judged(ctx, proof, found.get(batch.first + at) ?? []),
  );
}

function judged(ctx: Context, proof: LineProof, entries: readonly Entry[]): LineProof {
  const wrong = faultOf(ctx, proof, entries);
  return wrong ? { ...proof, problem: wrong } : proof;
}

function faultOf({ blueprint }: Context, { node, pod, line }: LineProof, entries: readonly Entry[]): Problem | undefined {
  const [entry] = entries;
  if (!entry) return problem('LINE_NOT_FOUND', { message: `The log line of ${node} was received once, but is no longer returned` });
  const changed = entries.find((one) => one.line !== line);
  if (changed) return problem('LINE_CHANGED', { message: `The log line was altered: ${changed.line}`, evidence: [`written on ${node}: ${line}`] });
  if (entries.length > 1)
    return problem('LINE_DUPLICATED', {
      message: `The log line of ${node} was received ${entries.length} times`,
      evidence: entries.slice(0, 3).map((one) => inWords(one)),
    });
  const wanted: Readonly<Record<string, string>> = {
    namespace: blueprint.verify.namespace,
    pod,
    container: PROBE_CONTAINER,
    job: `${blueprint.verify.namespace}/${PROBE_CONTAINER}`,
    cluster: blueprint.clusterLabel,
  };
  const wrong = Object.entries(wanted).filter(([label, value]) => entry.labels[label] !== value);
  if (wrong.length === 0) return undefined;
  return problem('LABELS_WRONG', {
    message: `Unexpected labels on ${node}: ${wrong.map(([label]) => label).join(', ')}`,
    evidence: wrong.map(([label, value]) => `${label}: expected "${value}", got "${entry.labels[label] ?? ''}"`),
  });
}

const inWords = ({ timestamp, labels }: Entry): string =>
  `at ${timestamp} as {${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}}`;
