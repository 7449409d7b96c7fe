/** Fixes foreign installations, approved by name: a release gets one more value on its own chart and values, a data source its tenant. */
import { doctorChecks } from '../analyze/index.ts';
import { ownership } from '../../../design/ownership.ts';
import { renderedApart } from '../../../design/drift.ts';
import { remediationValues } from '../../../design/remediation.ts';
import { mergeValues } from '../../../design/merge.ts';
import { chartSource, pinnedCharts } from '../../../design/pins.ts';
import { plan as planOf } from '../../../engine/plan.ts';
import type { Plan, Step } from '../../../engine/types.ts';
import type { Chart, ChartSource, Release } from '../../../ports/releases.ts';
import { ProblemError, stop } from '../../../problems/problem.ts';
import { forgetRestored, restart, revalue, type RemediationNeeds, type Revalue } from '../../../steps/remediation.ts';
import { tenanted } from '../../../steps/remediation-datasource.ts';
import type { Finding, Diagnosis } from '../diagnose.ts';
import { guardIngesters } from '../../../steps/data-guard.ts';
import type { Draft } from './proposal.ts';
import type { RunContext } from '../../../deps.ts';
import { problemOf } from '../../run-command.ts';

/** For one finding. `undefined` if nothing can be done safely; the reason is reported. */
export async function fixElsewhere(run: RunContext, diagnosis: Diagnosis, [finding]: readonly Finding[]): Promise<Draft | undefined> {
  if (!finding) return undefined;
  const { session, seen } = diagnosis;
  const { kubernetes, releases, cluster } = session;
  const ctx = guardIngesters({
    kubernetes,
    releases,
    clock: run.deps.clock,
    timeoutMs: run.settings.timeoutSeconds * 1000,
    blueprint: { ownership: ownership(cluster.arn, seen.loki?.namespace ?? run.settings.namespace) },
  });
  try {
    const { code } = finding.problem;
    const made = remediationValues(code)
      ? await withValues(run, diagnosis, finding)
      : code.startsWith('READER_')
        ? await withTenant(diagnosis, finding)
        : withRestart(diagnosis);
    if (!made) return undefined;
    const plan = (await planOf([made.step], ctx, problemOf)) as Plan<never>;
    const { step, target, done } = made;
    return { plan, ctx, ownership: ctx.blueprint.ownership, parts: [{ finding, steps: [step.id], target }], ...(done && { done: () => done(ctx) }) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    run.emit({ type: 'warning.raised', problem: error.problem });
    return undefined;
  }
}

interface Made {
  readonly step: Step<RemediationNeeds>;
  readonly target: NonNullable<Draft['parts'][number]['target']>;
  readonly done?: (ctx: RemediationNeeds) => Promise<unknown>;
}

const targetOf = ({ namespace, name }: Pick<Release, 'namespace' | 'name'>): string => `${namespace}/${name}`;

function withRestart({ seen: { loki } }: Diagnosis): Made | undefined {
  if (!loki?.release) return undefined;
  const { namespace, name } = loki.release;
  const means = `Helm release ${targetOf(loki.release)} was not installed by loki-eks; the fix restarts its pods one at a time.`;
  return { step: restart({ namespace, name, serviceAccount: loki.account.name }), target: { name: targetOf(loki.release), means } };
}

async function withValues(run: RunContext, diagnosis: Diagnosis, finding: Finding): Promise<Made | undefined> {
  const found = await collectorsOf(diagnosis, finding);
  if (found.length === 0) return undefined;
  const all = await Promise.all(found.map((release) => revalued(run, diagnosis, { release, code: finding.problem.code })));
  const name = found.map(targetOf).join(',');
  return {
    step: revalue(all),
    target: { name, means: `Helm release ${name} was not installed by loki-eks; the fix upgrades it with its own chart and values.` },
  };
}

/** Readers have to name the tenant that collectors write; if that is not a single one, the right one is unknown. */
async function withTenant({ seen }: Diagnosis, { check: id }: Finding): Promise<Made | undefined> {
  const check = doctorChecks.find((one) => one.id === id);
  const { signal } = new AbortController();
  const judged = await Promise.all(seen.datasources.map(async (one) => ({ one, verdict: await check?.run({ ...seen, datasources: [one] }, signal) })));
  const wrong = judged.find(({ verdict }) => verdict?.is === 'fail')?.one;
  const place = /^(ConfigMap|Secret) ([^/]+)\/([^,]+), (.+)$/.exec(wrong?.from ?? '');
  const written = new Set(
    seen.collectors.flatMap(({ writers }) => writers.flatMap(({ ours, tenant }) => (ours && tenant?.is === 'fixed' ? [tenant.name] : []))),
  );
  const [tenant] = written;
  if (!wrong || !place || tenant === undefined || written.size > 1) return undefined;
  const [, kind, namespace = '', name = '', key = ''] = place;
  const target = { namespace, name };
  return {
    step: tenanted({ kind: kind as 'ConfigMap' | 'Secret', ...target, key, datasource: wrong.name, tenant }),
    target: { name: targetOf(target), means: `${kind} ${targetOf(target)} was not created by loki-eks; the fix sets the tenant "${tenant}" in it.` },
    done: (ctx) => forgetRestored(ctx, [target]),
  };
}

/** The collectors for which the check fails, each checked individually. */
async function collectorsOf({ seen }: Diagnosis, { check: id }: Finding): Promise<readonly Release[]> {
  const check = doctorChecks.find((one) => one.id === id);
  const { signal } = new AbortController();
  const judged = await Promise.all(seen.collectors.map(async (one) => ({ one, verdict: await check?.run({ ...seen, collectors: [one] }, signal) })));
  return judged.flatMap(({ one, verdict }) => (verdict?.is === 'fail' && one.release ? [one.release] : []));
}

/** Throws if the chart can't be fetched, or is not certainly the installed one. */
async function revalued(run: RunContext, { session }: Diagnosis, { release, code }: { readonly release: Release; readonly code: string }): Promise<Revalue> {
  const { name, namespace, revision, labels, manifest, status } = release;
  if (status !== 'deployed' || !manifest)
    throw stop('RELEASE_UNFINISHED', { message: `Helm release ${targetOf(release)} is ${status}, so it is left unchanged` });
  const chart = await chartOf(run, release);
  const kubeVersion = await session.kubernetes.version();
  const render = (values: object) => session.releases.render({ name, namespace, chart, values, kubeVersion });
  const values = mergeValues(release.values, remediationValues(code) ?? {});
  const [now, then] = await Promise.all([render(release.values), render(values)]);
  const apart = renderedApart(manifest, now, namespace).filter(({ action }) => action !== 'create');
  if (apart.length > 0) {
    throw stop('FIX_CHART_DIFFERS', {
      message: `${chart.origin} does not render what is installed as ${targetOf(release)}, so it is left unchanged`,
      evidence: apart.slice(0, 3).flatMap(({ target, diff = [] }) => [target, ...diff.slice(0, 4)]),
    });
  }
  return { name, namespace, revision, labels, chart, values, code, changes: renderedApart(now, then, namespace) };
}

/** A chart of this name and version: the user's own if given, else from where it is published. */
async function chartOf({ deps, settings }: RunContext, release: Release): Promise<Chart> {
  const use = release.chart === 'loki' ? 'loki' : 'alloy';
  const { helm, chartRepo } = settings;
  const given = settings[`${use}Chart`];
  const version = release.chartVersion;
  const sources: readonly ChartSource[] = [
    ...(given ? [chartSource(use, { chart: given })] : []),
    { is: 'reference', name: release.chart, version, repo: chartRepo ?? pinnedCharts[use].repo },
  ];
  const charts = await deps.charts({ ...(helm && { helm }) });
  for (const source of sources.slice(0, -1)) {
    const chart = await charts.obtain(source).catch(() => undefined);
    if (chart?.name === release.chart && chart.version === version) return chart;
  }
  return charts.obtain(sources.at(-1)!);
}
