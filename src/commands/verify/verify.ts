/** Proof of delivery, not the absence of errors: pods print unique lines, and these are queried back through the gateway. */
import { bucketArn, rule } from '../../design/permissions.ts';
import type { Blueprint } from '../../design/blueprint.ts';
import type { Permission, Problem, PrintedLine, VerifyResult } from '../../engine/types.ts';
import { problem, ProblemError } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import { contextFor } from '../step-context.ts';
import { discover } from '../discover.ts';
import { loadBlueprint } from '../load-blueprint.ts';
import { readInstallation } from '../read-installation.ts';
import type { VerifyCheckName, RunContext, UseCase, VerifyOptions, JUnitFile } from '../../deps.ts';
import { chooseNodes } from './probe-nodes.ts';
import { connect } from '../connect.ts';
import { verifyCheckNames, verifyChecks, defaultVerifyChecks } from './verify-checks.ts';
import { problemsOfNodes, resultOf, verdictOf, type VerifyRow } from './result.ts';
import { runVerifyChecks, type Findings, type Proving } from './run-verify-checks.ts';
import { withProbes, type ProbeSession } from './probe-session.ts';
import { problemOf, runCommand, type CommandResult } from '../run-command.ts';

export const verify: UseCase<VerifyOptions> = (run, options) =>
  runCommand(run, 'verify', async () => {
    if (!options.junit) return (await verified(run, options)).ending;
    return written(run, options.junit, () => verified(run, options));
  });

interface Verified {
  readonly ending: CommandResult;
  /** As in `verify.finished`; absent if the run ended before. */
  readonly result?: VerifyResult;
}

async function verified(run: RunContext, options: VerifyOptions): Promise<Verified> {
  const session = await connect(run, 'facts');
  const known = await readInstallation(run, session);
  if (!known) return { ending: { outcome: 'unhealthy', problems: [notInstalled(run)] } };
  const looking = { ...run, settings: known.settings };
  const facts = await discover(looking, session);
  const choice = chooseNodes(facts.nodes, { names: options.nodes, sample: options.sample ?? defaultSample(facts.nodes.length) });
  const blueprint = await loadBlueprint(looking, facts, known.userValues);
  const names = wanted(options, blueprint);
  const untried = verifyCheckNames.filter((name) => !names.includes(name) && (name !== 'grafana' || blueprint.grafana?.datasource));
  const proof = await prove(run, await contextFor(looking, session, { blueprint, facts }), { choice, names, untried, settles: true });
  return { result: proof.result, ending: proof.found ? { outcome: 'ok' } : { outcome: 'unhealthy', problems: proof.problems } };
}

/** The file's contents while it runs, which stay if the process is killed. */
const unfinished = () => problem('INTERRUPTED', { message: 'verify was interrupted' });

async function written({ deps: { files }, signal }: RunContext, { file, xml }: JUnitFile, body: () => Promise<Verified>): Promise<CommandResult> {
  const write = async (of: Parameters<JUnitFile['xml']>[0]) => files.write(file, await xml(of), { replace: true });
  await write({ problems: [unfinished()] });
  try {
    const { ending, result } = await body();
    await write({ problems: ending.problems ?? [], ...(result !== undefined && { result }) });
    return ending;
  } catch (error) {
    const known = problemOf(error, signal);
    if (known) await write({ problems: [known] });
    throw error;
  }
}

/** Above this many nodes a sample is verified unless more are requested. */
const ALL_UP_TO = 500;
const SAMPLE = 200;
const defaultSample = (nodes: number) => (nodes > ALL_UP_TO ? SAMPLE : undefined);

function wanted({ proofs: named, restartCollector }: VerifyOptions, blueprint: Blueprint): readonly VerifyCheckName[] {
  const names = named.length > 0 ? named : [...defaultVerifyChecks, ...throughGrafana(blueprint)];
  return restartCollector ? [...new Set([...names, 'restart' as const])] : names;
}

const throughGrafana = ({ grafana }: Blueprint): readonly VerifyCheckName[] => (grafana?.datasource ? ['grafana'] : []);

export const notInstalled = ({ settings }: Pick<RunContext, 'settings'>) =>
  problem('NOT_INSTALLED', { message: `loki-eks is not installed in namespace ${settings.namespace} of this cluster`, fix: 'Run `loki-eks install`' });

export interface Proof {
  /** Everything that was tried has passed. */
  readonly found: boolean;
  readonly problems: readonly Problem[];
  /** A line that arrived correctly, to be found another way; absent if none did. */
  readonly printed?: PrintedLine;
  /** As in `verify.finished`. */
  readonly result: VerifyResult;
}

/** At the end of an install: every node of an ordinary cluster, concurrently, or some of each kind on a big one. */
const INSTALL_UP_TO = 50;
const INSTALL_SAMPLE = 20;

function atInstall({ blueprint, facts: { nodes } }: Context): Proving {
  const names: readonly VerifyCheckName[] = ['lines', ...throughGrafana(blueprint)];
  return { choice: chooseNodes(nodes, nodes.length > INSTALL_UP_TO ? { sample: INSTALL_SAMPLE } : {}), names, settles: false };
}

/** One line on one node: enough to be looked up through something else, such as Grafana. */
export const oneLine = ({ facts }: Pick<Context, 'facts'>): Proving => ({ choice: chooseNodes(facts.nodes, { sample: 1 }), names: ['lines'], settles: false });

/** Throws only if interrupted: what prevents verification is its result, because the installation stays. Its pods are deleted on every path. */
export async function prove(run: ProbeSession['run'], ctx: Context, proving: Proving = atInstall(ctx)): Promise<Proof> {
  const began = ctx.clock.now().getTime();
  run.emit({ type: 'checks.started', at: 'verify', checks: proving.names.map((name) => ({ id: verifyChecks[name].id, title: verifyChecks[name].title })) });
  const findings = await findingsOf(run, ctx, proving);
  const problems = problemsIn(findings);
  const found = problems.length === 0;
  const seconds = (ctx.clock.now().getTime() - began) / 1000;
  const result = resultOf({ ...findings, ...proving, problems, seconds, tenant: ctx.blueprint.tenant });
  run.emit({ type: 'verify.finished', result });
  return { found, problems, result, ...(findings.printed && { printed: findings.printed }) };
}

/** The nodes' problems represent that of their check. */
function problemsIn({ nodes, rows }: All): readonly Problem[] {
  const ofNodes = problemsOfNodes(nodes);
  const ofRows = rows.flatMap(({ proof, problem: wrong }) => (wrong && (proof !== 'lines' || ofNodes.length === 0) ? [wrong] : []));
  const problems = [...ofNodes, ...ofRows];
  const nothing = problems.length === 0 && !rows.some(({ state }) => state === 'proved');
  return nothing ? [problem('NOTHING_VERIFIED', { evidence: rows.map(({ title, why = '' }) => `${title}: ${why}`) })] : problems;
}

type All = Findings & { readonly rows: readonly VerifyRow[] };

async function findingsOf(run: ProbeSession['run'], ctx: Context, proving: Proving): Promise<All> {
  const rows: VerifyRow[] = [];
  const tell = (row: VerifyRow) => {
    rows.push(row);
    run.emit({ type: 'check.finished', check: verifyChecks[row.proof].id, title: row.title, verdict: verdictOf(row) });
  };
  try {
    const lines = await withProbes(run, ctx, (stage) => runVerifyChecks(stage, proving, tell));
    return { ...lines, rows };
  } catch (error) {
    if (!(error instanceof ProblemError) || run.signal.aborted) throw error;
    const told = new Set(rows.map(({ proof }) => proof));
    const [first, ...others] = proving.names.filter((name) => !told.has(name));
    if (first) tell({ proof: first, title: verifyChecks[first].title, state: 'failed', problem: error.problem });
    for (const name of others) tell({ proof: name, title: verifyChecks[name].title, state: 'skipped', why: 'an earlier check failed' });
    return { nodes: [], rows };
  }
}

/** Install and adopt verify at their end. */
const PROVING = ['verify', 'install', 'adopt'] as const;
export const verifyPermissions: readonly Permission[] = [
  { to: 'see objects of Loki in its bucket', for: PROVING, actions: ['s3:ListBucket'], on: [bucketArn('chunks')] },
  rule('loki', 'list create', 'pods', { to: 'run pods that print a line', for: PROVING }),
  rule('loki', 'list create delete', 'jobs.batch', { to: 'own these pods, so that Kubernetes removes them even if the run dies', for: PROVING }),
  rule('loki', 'get create', 'pods/portforward', { to: 'query Loki; a WebSocket is opened with get, or create by Kubernetes version', for: PROVING }),
  rule('loki', 'list', 'jobs.batch', { to: 'find pods of a run that died', for: ['uninstall'] }),
  rule('collector', 'list', 'pods', { to: 'find the collector that should have read a missing line', for: PROVING }),
  rule('collector', 'get', 'pods/log', { to: 'say why a line is missing', for: PROVING }),
  rule('collector', 'delete', 'pods', { to: 'restart a collector, with --restart-collector only', for: ['verify'] }),
];
