/** `status`: what is installed and how it is, compared with the blueprint. */
import { runChecks, failures } from '../engine/run-checks.ts';
import { plan as planOf } from '../engine/plan.ts';
import type { Component, Plan, ReleaseRow } from '../engine/types.ts';
import { pinnedCharts } from '../design/pins.ts';
import { checks } from '../checks/index.ts';
import type { Context } from '../context.ts';
import { steps } from '../steps/index.ts';
import { memoize } from './prefetch.ts';
import { components } from './components.ts';
import { contextFor } from './step-context.ts';
import { coverage } from '../checks/coverage.ts';
import { discover } from './discover.ts';
import { loadBlueprint } from './load-blueprint.ts';
import { asWritten, readInstallation } from './read-installation.ts';
import type { StatusOptions, UseCase } from '../deps.ts';
import { connect } from './connect.ts';
import { pushesTaken } from './pushes-taken.ts';
import { notInstalled } from './verify/verify.ts';
import { problemOf, toProblem, runCommand } from './run-command.ts';

export const status: UseCase<StatusOptions> = (run) =>
  runCommand(run, 'status', async () => {
    const session = await connect(run, 'facts');
    const known = await readInstallation(run, session);
    if (!known) return { outcome: 'unhealthy', problems: [notInstalled(run)] };
    const looking = { ...run, settings: known.settings };
    const facts = await discover(looking, session, { sampleNodes: true });
    const blueprint = asWritten(await loadBlueprint(looking, facts, known.userValues), known);
    const ctx = memoized(await contextFor(looking, { ...session, aws: session.looking }, { blueprint, facts }));
    const [plan, parts, releases, nodes, results] = await Promise.all([
      planOf(steps(blueprint), ctx, problemOf),
      components(ctx),
      releaseRows(ctx),
      coverage(ctx),
      runChecks([...checks, pushesTaken], { ...ctx, settings: looking.settings }, { at: 'status', emit: () => {}, signal: run.signal, toProblem }),
    ]);
    const drift = driftIn(plan);
    const problems = failures(results);
    const healthy = parts.every(({ state }) => state === 'ok') && nodes.without.length === 0 && drift.length === 0 && problems.length === 0;
    run.emit({
      type: 'status.finished',
      result: {
        cluster: blueprint.cluster.name,
        region: blueprint.region,
        namespace: blueprint.loki.namespace,
        sandbox: run.sandbox,
        components: parts,
        releases,
        nodes,
        drift,
        buckets: [blueprint.buckets.chunks, blueprint.buckets.ruler].map(({ use, name }) => ({ use, name })),
        healthy,
        notes: [],
      },
    });
    return healthy ? { outcome: 'ok' } : { outcome: 'unhealthy', problems: [...problems, ...unhealthy(parts)] };
  });

/** Nothing is changed here, and several parts of the page need the same reads. */
const memoized = ({ kubernetes, releases, ...ctx }: Context): Context => ({
  ...ctx,
  kubernetes: { ...kubernetes, get: memoize(kubernetes.get), list: memoize(kubernetes.list), table: memoize(kubernetes.table) },
  releases: { ...releases, find: memoize(releases.find), unready: memoize(releases.unready) },
});

const unhealthy = (parts: readonly Component[]) => parts.flatMap(({ problem }) => (problem ? [problem] : []));

async function releaseRows({ releases, blueprint }: Context): Promise<readonly ReleaseRow[]> {
  const rows = await Promise.all(
    (['loki', 'alloy'] as const).map(async (use): Promise<readonly ReleaseRow[]> => {
      const { name, namespace } = blueprint[use];
      const found = await releases.find(name, namespace);
      if (!found) return [];
      const { chart, chartVersion: version, status: state, revision } = found;
      return [{ name, namespace, chart, version, pinned: pinnedCharts[use].version, status: state, revision }];
    }),
  );
  return rows.flat();
}

/** A release that only waits for its pods is shown by its components, not as drift. */
function driftIn(plan: Plan<Pick<Context, 'blueprint'> & Context>): readonly { step: string; title: string; changes: readonly string[] }[] {
  return plan.flatMap(({ step, finding }) => {
    // Without a token the contents of Grafana are unknown, which is not drift.
    if (finding.is === 'blocked' && finding.problem.code === 'GRAFANA_TOKEN_MISSING') return [];
    if (finding.is === 'blocked') return [{ step: step.id, title: step.title, changes: [finding.problem.message] }];
    if (finding.is === 'matches') return [];
    const changes = finding.changes
      .filter(({ action }) => action !== 'keep')
      .map(({ action, target, detail }) => `${action} ${target}${detail ? `: ${detail}` : ''}`);
    return changes.length > 0 ? [{ step: step.id, title: step.title, changes }] : [];
  });
}
