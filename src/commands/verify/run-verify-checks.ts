/** The checks one after the other: lines first, then what can be checked while they settle, and disruptive checks last. */
import { ProblemError } from '../../problems/problem.ts';
import type { VerifyCheckName } from '../../deps.ts';
import { batchSize, judgeBatch, proveBatch, type Batch, type LineProof } from './probe-lines.ts';
import { chooseNodes, type Choice } from './probe-nodes.ts';
import { shownByGrafana } from './grafana.ts';
import { refusesStrangers } from './login.ts';
import { verifyChecks } from './verify-checks.ts';
import { survivesRestart } from './restart.ts';
import type { NodeRow, PrintedLine } from '../../engine/types.ts';
import { latencyOf, nodeRows, noNodes, problemsOfNodes, type VerifyRow } from './result.ts';
import type { ProbeSession } from './probe-session.ts';
import { reachesS3 } from './storage.ts';
import { seesOnlyItsOwn } from './tenant.ts';

export interface Proving {
  readonly choice: Choice;
  readonly names: readonly VerifyCheckName[];
  /** Checks that could have been requested too. */
  readonly untried?: readonly VerifyCheckName[];
  /** Whether to wait, and check again for duplicate lines. */
  readonly settles: boolean;
}

export interface Findings {
  readonly nodes: readonly NodeRow[];
  /** A line that arrived correctly. */
  readonly printed?: PrintedLine;
}

/** `tell` is called as each check ends. */
export async function runVerifyChecks(stage: ProbeSession, proving: Proving, tell: (row: VerifyRow) => void): Promise<Findings> {
  const { names, choice } = proving;
  const needed = names.includes('lines') ? choice : { ...choice, chosen: chooseNodes(choice.chosen, { sample: 1 }).chosen };
  const started = await printLines(stage, needed);
  // Anything another collector would send again has arrived by the time the other checks are done.
  const [others] = await Promise.all([
    Promise.all(names.map((name) => proofRow(stage, name, started))),
    proving.settles ? stage.ctx.clock.sleep(settlingMs(started), stage.run.signal) : undefined,
  ]);
  const lines = await judgeLines(stage, started);
  const nodes = names.includes('lines') ? nodeRows(choice, lines) : [];
  const printed = printedLine(stage, lines);
  if (names.includes('lines')) tell(linesRow({ choice, nodes }));
  for (const row of others) if (row) tell(row);
  if (names.includes('restart')) tell(await restartRow(stage, { choice: needed, lines }));
  return { nodes, ...(printed && { printed }) };
}

interface Started {
  readonly batch: Batch;
  readonly proofs: readonly LineProof[];
}

/** In batches that one query can cover. */
async function printLines({ ctx, probes, login, until, run }: ProbeSession, { chosen }: Choice): Promise<readonly Started[]> {
  const size = batchSize(ctx);
  const started: Started[] = [];
  for (let first = 0; first < chosen.length; first += size) {
    const say = (seen: number) => run.emit({ type: 'check.said', check: verifyChecks.lines.id, text: `${first + seen}/${chosen.length} nodes` });
    const batch: Batch = { run: probes, nodes: chosen.slice(first, first + size), first, login, until, signal: run.signal, say };
    started.push({ batch, proofs: await proveBatch(ctx, batch) });
  }
  return started;
}

async function judgeLines({ ctx }: ProbeSession, started: readonly Started[]): Promise<readonly LineProof[]> {
  const judged: LineProof[] = [];
  for (const { batch, proofs: found } of started) judged.push(...(await judgeBatch(ctx, batch, found)));
  return judged;
}

/** A check that we lack permission for has not failed: it is skipped, and reported as skipped. */
const UNSEEN = /^AWS_|^KUBE_FORBIDDEN$/;
/** Nor has one for which nothing responds, once that was reported for the lines. */
const UNANSWERED = 'GATEWAY_NOT_READY';

interface Attempt {
  readonly proof: VerifyCheckName;
  readonly gatewayGone?: boolean;
}

async function attempted(stage: ProbeSession, { proof, gatewayGone = false }: Attempt, prove: () => Promise<VerifyRow>): Promise<VerifyRow> {
  const known = { proof, title: verifyChecks[proof].title };
  try {
    return await prove();
  } catch (error) {
    if (!(error instanceof ProblemError) || stage.run.signal.aborted) throw error;
    const { code, message } = error.problem;
    const untold = UNSEEN.test(code) || (gatewayGone && code === UNANSWERED);
    return untold ? { ...known, state: 'skipped', why: message } : { ...known, state: 'failed', problem: error.problem };
  }
}

function proofRow(stage: ProbeSession, name: VerifyCheckName, started: readonly Started[]): Promise<VerifyRow> | undefined {
  const lines = started.flatMap(({ proofs: found }) => found).filter(({ problem: wrong, stamp }) => !wrong && stamp);
  const printed = printedLine(stage, lines);
  const attempt = { proof: name, gatewayGone: started.some(({ proofs: found }) => found.some(({ problem: wrong }) => wrong?.code === 'GATEWAY_UNAVAILABLE')) };
  const lineless: VerifyRow = { proof: name, title: verifyChecks[name].title, state: 'skipped', why: 'requires a received log line, and there is none' };
  switch (name) {
    case 'login':
      return attempted(stage, attempt, () => refusesStrangers(stage));
    case 'tenant':
      return attempted(stage, attempt, async () => (printed ? seesOnlyItsOwn(stage, printed) : lineless));
    case 's3':
      return attempted(stage, attempt, async () =>
        printed
          ? reachesS3(
              stage,
              lines.flatMap(({ stamp = [] }) => stamp),
            )
          : lineless,
      );
    case 'grafana':
      return attempted(stage, attempt, async () => (printed ? shownByGrafana(stage, printed) : lineless));
    case 'lines':
    case 'restart':
      return undefined;
  }
}

/** Last of all, since it stops a collector. */
function restartRow(stage: ProbeSession, { choice: { chosen }, lines }: { readonly choice: Choice; readonly lines: readonly LineProof[] }): Promise<VerifyRow> {
  const fine = new Set(lines.flatMap(({ node, problem: wrong, stamp }) => (!wrong && stamp ? [node] : [])));
  const nodes = chosen.filter(({ name }) => fine.has(name));
  return attempted(stage, { proof: 'restart' }, () => survivesRestart(stage, { nodes, index: chosen.length }));
}

/** A second collector that reads the same files takes about as long as the slowest of ours. */
const settlingMs = (started: readonly Started[]) =>
  Math.min(15_000, Math.max(2000, ...started.flatMap(({ proofs: found }) => found.map(({ seconds = 0 }) => seconds * 1000))));

function printedLine({ ctx: { blueprint }, probes }: ProbeSession, lines: readonly LineProof[]): PrintedLine | undefined {
  const one = lines.find(({ problem: wrong, stamp }) => !wrong && stamp);
  if (!one) return undefined;
  const { line, node, pod, labels = {} } = one;
  return { line, node, labels, tenant: blueprint.tenant, query: `{namespace="${blueprint.verify.namespace}", pod="${pod}"} |= "${probes.token}"` };
}

function linesRow({ choice, nodes }: { readonly choice: Choice; readonly nodes: readonly NodeRow[] }): VerifyRow {
  const known = { proof: 'lines' as const, title: verifyChecks.lines.title };
  const tried = nodes.filter(({ state }) => state !== 'passed-over');
  const latency = latencyOf(nodes);
  const [wrong = tried.length === 0 ? noNodes() : undefined] = problemsOfNodes(nodes);
  if (wrong) return { ...known, state: 'failed', problem: wrong };
  const scope =
    choice.chosen.length < choice.provable
      ? `${tried.length} of ${choice.provable} nodes (sampled)`
      : `${tried.length} ${tried.length === 1 ? 'node' : 'nodes'}`;
  const [only] = tried;
  const where = tried.length === 1 && only ? `on ${only.node}` : `from ${scope}`;
  return {
    ...known,
    state: 'proved',
    detail: latency ? `${where}, latency p50 ${latency.p50.toFixed(1)} s, p95 ${latency.p95.toFixed(1)} s` : where,
  };
}
