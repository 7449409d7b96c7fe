/** Fixes our own installation: runs the steps of install that create what is broken, with the recorded settings. */
import { remediationSteps } from '../../../design/remediation.ts';
import { plan as planOf } from '../../../engine/plan.ts';
import type { UserValues } from '../../../design/design.ts';
import type { Plan, Problem, Step } from '../../../engine/types.ts';
import type { Context } from '../../../context.ts';
import { steps } from '../../../steps/index.ts';
import { driftIn, forgetRestored, restart, restore } from '../../../steps/remediation.ts';
import { contextFor } from '../../step-context.ts';
import { discover, findCharts } from '../../discover.ts';
import type { Finding, Diagnosis } from '../diagnose.ts';
import type { Draft } from './proposal.ts';
import { loadBlueprint, readUserValues } from '../../load-blueprint.ts';
import { manifestBarred, valuesBarred } from './values.ts';
import { readInstallation } from '../../read-installation.ts';
import type { RunContext } from '../../../deps.ts';
import { problemOf } from '../../run-command.ts';

/** `undefined` if the cluster has no record of the settings. */
export async function fixOurs(run: RunContext, { session, seen }: Diagnosis, findings: readonly Finding[]): Promise<Draft | undefined> {
  const known = await readInstallation({ ...run, settings: { ...run.settings, namespace: seen.loki?.namespace ?? run.settings.namespace } }, session);
  if (!known) {
    run.emit({
      type: 'note.given',
      text: 'The installation record has no settings, so nothing is fixed. Run loki-eks install to repair the installation.',
    });
    return undefined;
  }
  const codes = new Set(findings.map(({ problem: { code } }) => code));
  // Approved with the finding itself: without a provider no role of this cluster works.
  const settings = { ...known.settings, ...(codes.has('IRSA_PROVIDER_MISSING') && { createOidcProvider: true }) };
  const here = { ...run, settings, emit: () => {} };
  const facts = await discover(here, session, { charts: findCharts(here, { fetchCharts: true }) });
  const own = await readUserValues(here.settings, here.deps.files);
  const wanted = new Set(findings.flatMap(({ problem: { code } }) => remediationSteps(code)));
  const userValues = { loki: own.loki.length > 0 ? own.loki : known.userValues.loki, alloy: own.alloy.length > 0 ? own.alloy : known.userValues.alloy };
  const blueprint = await loadBlueprint(here, facts, userValues);
  const ctx = await contextFor(here, session, { blueprint, facts });
  const blockers = own.loki.length > 0 || !wanted.has('release.loki') ? undefined : await recordedBarred(here, ctx, userValues);
  if (blockers) run.emit({ type: 'warning.raised', problem: blockers });
  if (blockers) wanted.delete('release.loki');
  const drifted = await driftedReleases(run, ctx, wanted);
  const places = drifted.map((use) => ({ namespace: blueprint[use].namespace, name: blueprint[use].name }));
  const all: readonly Step<Context>[] = [
    ...steps(blueprint).filter(({ id }) => wanted.has(id) && !drifted.some((use) => id === `release.${use}`)),
    ...(places.length > 0 ? [restore(places)] : []),
    ...(wanted.has('pods') ? [restart({ namespace: blueprint.loki.namespace, name: blueprint.loki.name, serviceAccount: blueprint.serviceAccount.name })] : []),
  ];
  return {
    plan: (await planOf(all, ctx, problemOf)) as Plan<never>,
    ctx,
    ownership: blueprint.ownership,
    done: () => forgetRestored(ctx, places),
    parts: findings.map((finding) => ({ finding, steps: partsOf(finding, drifted) })),
  };
}

const USES = ['loki', 'alloy'] as const;
type Use = (typeof USES)[number];

/** Objects changed outside of helm are restored; an upgrade would leave them as they are. */
async function driftedReleases({ emit }: Pick<RunContext, 'emit'>, ctx: Context, wanted: ReadonlySet<string>): Promise<readonly Use[]> {
  const drifts = await Promise.all(
    USES.map(async (use) => {
      if (!wanted.has(`release.${use}`) || (await driftIn(ctx, ctx.blueprint[use])).changes.length === 0) return [];
      const blockers = await manifestBarred(ctx, ctx.blueprint[use]);
      if (blockers) emit({ type: 'warning.raised', problem: blockers });
      return blockers ? [] : [use];
    }),
  );
  return drifts.flat();
}

/** Compared with a design without them. */
async function recordedBarred(run: RunContext, ctx: Context, { loki, alloy }: UserValues): Promise<Problem | undefined> {
  const without = await loadBlueprint(run, ctx.facts, { loki: [], alloy });
  return valuesBarred(ctx, without.loki, loki);
}

const partsOf = ({ problem: { code } }: Finding, drifted: readonly Use[]): readonly string[] =>
  remediationSteps(code).map((id) => (id === 'pods' ? 'mend.restart' : drifted.some((use) => id === `release.${use}`) ? 'mend.restore' : id));
