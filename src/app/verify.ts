/** The proof, not the absence of errors: pods print lines that nobody has printed before, and they come back through the gateway. */
import type { Json, Problem, Verdict } from '../engine/types.ts';
import type { Login } from '../ports/logs.ts';
import { problem, ProblemError, stop } from '../problems/problem.ts';
import type { Context } from '../steps/context.ts';
import { contextFor } from './context.ts';
import { discover } from './discover.ts';
import { draft } from './draft.ts';
import { installed } from './installed.ts';
import type { ProofName, Run, UseCase, VerifyOptions } from './outside.ts';
import { chooseNodes, type Choice } from './probe-nodes.ts';
import { batchSize, judgeBatch, proveBatch, type Batch, type LineProof } from './probe-lines.ts';
import { closeProbes, openProbes, sweepProbes, type ProbeRun } from './probe-pods.ts';
import { reach } from './reach.ts';
import { refusesStrangers } from './verify-login.ts';
import { proofs, usualProofs } from './verify-proofs.ts';
import { survivesRestart } from './verify-restart.ts';
import { reachesS3 } from './verify-storage.ts';
import { seesOnlyItsOwn } from './verify-tenant.ts';
import { latencyOf, nodeRows, noNodes, problemsOfNodes, type NodeRow, type PrintedLine, type ProofRow } from './verify-result.ts';
import { within } from './within.ts';

export const verify: UseCase<VerifyOptions> = (run, options) =>
  within(run, 'verify', async () => {
    const reached = await reach(run);
    const known = await installed(run, reached.kubernetes);
    if (!known) return { outcome: 'unhealthy', problems: [notInstalled(run)] };
    const looking = { ...run, settings: known.settings };
    const facts = await discover(looking, reached, { fetchCharts: false });
    const choice = chooseNodes(facts.nodes, { names: options.nodes, sample: options.sample ?? defaultSample(facts.nodes.length) });
    const blueprint = await draft(looking, facts, known.userValues);
    const proof = await prove(run, await contextFor(looking, reached, { blueprint, facts }), { choice, names: wanted(options), settles: true });
    return proof.found ? { outcome: 'ok' } : { outcome: 'unhealthy', problems: proof.problems };
  });

/** More nodes than these are proved by a sample unless more are asked for. */
const ALL_UP_TO = 500;
const SAMPLE = 200;
const defaultSample = (nodes: number) => (nodes > ALL_UP_TO ? SAMPLE : undefined);

function wanted({ proofs: named, restartCollector }: VerifyOptions): readonly ProofName[] {
  const names = named.length > 0 ? named : usualProofs;
  return restartCollector ? [...new Set([...names, 'restart' as const])] : names;
}

export const notInstalled = ({ settings }: Pick<Run, 'settings'>) =>
  problem('NOT_INSTALLED', { message: `loki-eks is not installed in namespace ${settings.namespace} of this cluster`, fix: 'loki-eks install' });

export interface Proof {
  /** Everything that was tried is proved. */
  readonly found: boolean;
  readonly problems: readonly Problem[];
  /** A line that came back as it should, for whoever wants to find it another way; absent when none did. */
  readonly printed?: PrintedLine;
}

export interface Proving {
  readonly choice: Choice;
  readonly names: readonly ProofName[];
  /** Whether to wait, and look again for lines that come back twice. */
  readonly settles: boolean;
}

/** At the end of an install: every node of an ordinary cluster, side by side, and of a big one some of each kind. */
const INSTALL_UP_TO = 50;
const INSTALL_SAMPLE = 20;

function atInstall({ facts: { nodes } }: Context): Proving {
  return { choice: chooseNodes(nodes, nodes.length > INSTALL_UP_TO ? { sample: INSTALL_SAMPLE } : {}), names: ['lines'], settles: false };
}

/** One line on one node: enough for who wants to find it through something else, Grafana for example. */
export const oneLine = ({ facts }: Pick<Context, 'facts'>): Proving => ({ choice: chooseNodes(facts.nodes, { sample: 1 }), names: ['lines'], settles: false });

export interface Stage {
  readonly run: Pick<Run, 'emit' | 'signal' | 'outside' | 'settings'>;
  readonly ctx: Context;
  readonly probes: ProbeRun;
  readonly login: Login;
  readonly until: number;
}

/** Throws only when interrupted: what bars the proof is its result, because what was installed stays. Its pods go on every way out. */
export async function prove(run: Stage['run'], ctx: Context, proving: Proving = atInstall(ctx)): Promise<Proof> {
  const began = ctx.clock.now().getTime();
  run.emit({ type: 'checks.started', at: 'verify', checks: proving.names.map((name) => ({ id: proofs[name].id, title: proofs[name].title })) });
  const findings = await findingsOf(run, ctx, proving);
  const problems = [...problemsOfNodes(findings.nodes), ...findings.rows.flatMap(({ proof, problem: wrong }) => (wrong && proof !== 'lines' ? [wrong] : []))];
  if (problems.length === 0) problems.push(...findings.rows.flatMap(({ problem: wrong }) => (wrong ? [wrong] : [])));
  const found = problems.length === 0;
  const seconds = (ctx.clock.now().getTime() - began) / 1000;
  run.emit({ type: 'verify.finished', result: resultOf(ctx, { proving, findings, problems, seconds }) });
  return { found, problems, ...(findings.printed && { printed: findings.printed }) };
}

interface Findings {
  readonly nodes: readonly NodeRow[];
  readonly rows: readonly ProofRow[];
  readonly printed?: PrintedLine;
}

async function findingsOf(run: Stage['run'], ctx: Context, proving: Proving): Promise<Findings> {
  const rows: ProofRow[] = [];
  const tell = (row: ProofRow) => {
    rows.push(row);
    run.emit({ type: 'check.finished', check: proofs[row.proof].id, title: row.title, verdict: verdictOf(row) });
  };
  try {
    const lines = await withProbes(run, ctx, (stage) => proveAll(stage, proving, tell));
    return { ...lines, rows };
  } catch (error) {
    if (!(error instanceof ProblemError) || run.signal.aborted) throw error;
    const told = new Set(rows.map(({ proof }) => proof));
    const [first, ...others] = proving.names.filter((name) => !told.has(name));
    if (first) tell({ proof: first, title: proofs[first].title, state: 'failed', problem: error.problem });
    for (const name of others) tell({ proof: name, title: proofs[name].title, state: 'skipped', why: 'what comes before it failed' });
    return { nodes: [], rows };
  }
}

/** What the user sees is only told once the pods are gone. */
async function withProbes<T>(run: Stage['run'], ctx: Context, body: (stage: Stage) => Promise<T>): Promise<T> {
  const { emit, signal, outside, settings } = run;
  const [login, self] = await Promise.all([readLogin(ctx), outside.self()]);
  await sweepProbes(ctx, { self, all: false });
  const seconds = settings.timeoutSeconds;
  const until = ctx.clock.now().getTime() + seconds * 1000;
  signal.throwIfAborted();
  let probes: ProbeRun | undefined;
  emit({ type: 'probes.placed' });
  try {
    probes = await openProbes(ctx, { self, seconds: seconds + 120 });
    return await body({ run, ctx, probes, login, until });
  } finally {
    const left = probes ? await closeProbes(ctx, probes, { wait: !signal.aborted }) : 0;
    emit({ type: 'probes.removed', left });
  }
}

async function proveAll(stage: Stage, proving: Proving, tell: (row: ProofRow) => void): Promise<Pick<Findings, 'nodes' | 'printed'>> {
  const { names, choice } = proving;
  const needed = names.includes('lines') ? choice : { ...choice, chosen: chooseNodes(choice.chosen, { sample: 1 }).chosen };
  const started = await printLines(stage, needed);
  // What another collector would send again has come by the time the other proofs are done.
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

/** In portions that one query can answer for. */
async function printLines({ ctx, probes, login, until, run }: Stage, { chosen }: Choice): Promise<readonly Started[]> {
  const size = batchSize(ctx);
  const started: Started[] = [];
  for (let first = 0; first < chosen.length; first += size) {
    const say = (seen: number) => run.emit({ type: 'check.said', check: proofs.lines.id, text: `${first + seen} of ${chosen.length} nodes` });
    const batch: Batch = { run: probes, nodes: chosen.slice(first, first + size), first, login, until, signal: run.signal, skewMs: 0, say };
    started.push({ batch, proofs: await proveBatch(ctx, batch) });
  }
  return started;
}

async function judgeLines({ ctx }: Stage, started: readonly Started[]): Promise<readonly LineProof[]> {
  const judged: LineProof[] = [];
  for (const { batch, proofs: found } of started) judged.push(...(await judgeBatch(ctx, batch, found)));
  return judged;
}

/** What is refused to us is not refuted: the proof is left out, and said to be. */
const UNSEEN = /^AWS_|^KUBE_FORBIDDEN$/;

async function attempted(stage: Stage, proof: ProofName, prove: () => Promise<ProofRow>): Promise<ProofRow> {
  const known = { proof, title: proofs[proof].title };
  try {
    return await prove();
  } catch (error) {
    if (!(error instanceof ProblemError) || stage.run.signal.aborted) throw error;
    return UNSEEN.test(error.problem.code) ? { ...known, state: 'skipped', why: error.problem.message } : { ...known, state: 'failed', problem: error.problem };
  }
}

function proofRow(stage: Stage, name: ProofName, started: readonly Started[]): Promise<ProofRow> | undefined {
  const lines = started.flatMap(({ proofs: found }) => found).filter(({ problem: wrong, stamp }) => !wrong && stamp);
  const printed = printedLine(stage, lines);
  const lineless: ProofRow = { proof: name, title: proofs[name].title, state: 'skipped', why: 'it takes a line that came back, and none did' };
  switch (name) {
    case 'login':
      return attempted(stage, name, () => refusesStrangers(stage));
    case 'tenant':
      return attempted(stage, name, async () => (printed ? seesOnlyItsOwn(stage, printed) : lineless));
    case 's3':
      return attempted(stage, name, async () =>
        printed
          ? reachesS3(
              stage,
              lines.flatMap(({ stamp = [] }) => stamp),
            )
          : lineless,
      );
    case 'lines':
    case 'restart':
      return undefined;
  }
}

/** Last of all, since it takes a collector away. */
function restartRow(stage: Stage, { choice: { chosen }, lines }: { readonly choice: Choice; readonly lines: readonly LineProof[] }): Promise<ProofRow> {
  const fine = new Set(lines.flatMap(({ node, problem: wrong, stamp }) => (!wrong && stamp ? [node] : [])));
  const nodes = chosen.filter(({ name }) => fine.has(name));
  return attempted(stage, 'restart', () => survivesRestart(stage, { nodes, index: chosen.length }));
}

/** Another collector that reads the same files takes about as long as the slowest of ours. */
const settlingMs = (started: readonly Started[]) =>
  Math.min(15_000, Math.max(2000, ...started.flatMap(({ proofs: found }) => found.map(({ seconds = 0 }) => seconds * 1000))));

function printedLine({ ctx: { blueprint }, probes }: Stage, lines: readonly LineProof[]): PrintedLine | undefined {
  const one = lines.find(({ problem: wrong, stamp }) => !wrong && stamp);
  if (!one) return undefined;
  const { line, node, pod, labels = {} } = one;
  return { line, node, labels, tenant: blueprint.tenant, query: `{namespace="${blueprint.verify.namespace}", pod="${pod}"} |= "${probes.token}"` };
}

function linesRow({ choice, nodes }: { readonly choice: Choice; readonly nodes: readonly NodeRow[] }): ProofRow {
  const known = { proof: 'lines' as const, title: proofs.lines.title };
  const tried = nodes.filter(({ state }) => state !== 'passed-over');
  const latency = latencyOf(nodes);
  const [wrong = tried.length === 0 ? noNodes() : undefined] = problemsOfNodes(nodes);
  if (wrong) return { ...known, state: 'failed', problem: wrong };
  const scope =
    choice.chosen.length < choice.provable
      ? `${tried.length} of ${choice.provable} nodes, a sample`
      : `${tried.length} ${tried.length === 1 ? 'node' : 'nodes'}`;
  const [only] = tried;
  const where = tried.length === 1 && only ? `on ${only.node}` : `from ${scope}`;
  return {
    ...known,
    state: 'proved',
    saw: latency ? `${where}, half of them within ${latency.p50.toFixed(1)} s, 95% within ${latency.p95.toFixed(1)} s` : where,
  };
}

function verdictOf({ state, saw, why = '', problem: wrong }: ProofRow): Verdict {
  if (wrong) return { is: 'fail', problem: wrong };
  return state === 'skipped' ? { is: 'skip', why } : { is: 'pass', ...(saw && { saw }) };
}

function resultOf(
  ctx: Context,
  of: { readonly proving: Proving; readonly findings: Findings; readonly problems: readonly Problem[]; readonly seconds: number },
): Json {
  const { nodes, rows, printed } = of.findings;
  const { chosen, provable } = of.proving.choice;
  const count = (state: NodeRow['state']) => nodes.filter((row) => row.state === state).length;
  const latency = latencyOf(nodes);
  const result = {
    found: of.problems.length === 0,
    counts: {
      linux: provable,
      tried: chosen.length,
      found: count('found'),
      failed: count('failed'),
      passedOver: count('passed-over'),
      sampled: chosen.length < provable,
    },
    ...(latency && { latency }),
    ...printed,
    tenant: ctx.blueprint.tenant,
    seconds: of.seconds,
    proofs: rows,
    nodes,
    problems: of.problems,
  };
  return result as unknown as Json;
}

/** The reader's login, as Grafana would read it. */
export async function readLogin({ kubernetes, blueprint }: Pick<Context, 'kubernetes' | 'blueprint'>): Promise<Login> {
  const place = blueprint.login.clients[0];
  const secret = place && (await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', ...place }));
  const data = (secret?.['data'] ?? {}) as Readonly<Record<string, string>>;
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  if (!place || !data['password']) {
    throw stop('LOGIN_MISSING', { message: `Secret ${place?.namespace}/${place?.name} with the gateway's login is not there`, fix: 'loki-eks install' });
  }
  return { user: text('username'), password: text('password') };
}
