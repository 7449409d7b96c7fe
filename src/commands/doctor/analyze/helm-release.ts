/** Hop scheduling: leftovers of Helm in the cluster. Warnings only: none of them loses a line today. */
import { getPath } from '../../../design/get-path.ts';
import { unknownKeys } from '../../../design/keys.ts';
import type { Release } from '../../../ports/releases.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { NO_LOKI, pass, warn } from './verdict.ts';

const releasesOf = ({ loki, collectors }: Evidence): readonly { readonly name: 'loki' | 'alloy'; readonly release: Release }[] => [
  ...(loki?.release ? [{ name: 'loki', release: loki.release } as const] : []),
  ...collectors.flatMap(({ release }) => (release ? [{ name: 'alloy', release } as const] : [])),
];

export const releasesFinished: DoctorCheck = {
  id: 'helm.finished',
  title: 'No Helm release is stuck in a pending state',
  at: ['doctor'],
  hop: 'scheduling',
  async run(collected) {
    const bad = releasesOf(collected).find(({ release: { status } }) => status !== 'deployed');
    if (!bad) return pass();
    const { name, namespace, status, revision, lastGood } = bad.release;
    const way = lastGood === undefined ? `helm uninstall ${name} -n ${namespace}, then install again` : `helm rollback ${name} ${lastGood} -n ${namespace}`;
    return warn('RELEASE_UNFINISHED', {
      message: `Helm release ${namespace}/${name} is ${status}, revision ${revision}`,
      ...(status.startsWith('pending') && { fix: `Make sure that no other helm is running on it, then: ${way}` }),
      evidence: [`Secret ${namespace}/sh.helm.release.v1.${name}.v${revision}: status ${status}`],
    });
  },
};

export const valuesHeeded: DoctorCheck = {
  id: 'helm.values',
  title: 'No Helm value is ignored',
  at: ['doctor'],
  hop: 'scheduling',
  async run(collected) {
    const unheeded = releasesOf(collected).flatMap(({ name, release }) =>
      (release.chart === name ? unknownKeys(release.values, { name, version: release.chartVersion }) : []).map(({ path, nearest }) => ({
        release,
        path,
        nearest,
      })),
    );
    const [first] = unheeded;
    if (!first) return pass();
    return warn('VALUES_UNKNOWN_KEY', {
      message: `Release ${first.release.name}: the chart ignores "${first.path}"${unheeded.length > 1 ? ` and ${unheeded.length - 1} more` : ''}`,
      ...(first.nearest && { fix: `did you mean "${first.nearest}"?` }),
      evidence: unheeded
        .slice(0, 8)
        .map(({ release, path, nearest }) => `values of ${release.name}: ${path}${nearest ? ` (nearest known key: ${nearest})` : ''}`),
    });
  },
};

export const releasesAsApplied: DoctorCheck = {
  id: 'helm.as-applied',
  title: 'No object of a release was changed after helm applied it',
  at: ['doctor'],
  hop: 'scheduling',
  async run({ drifted = [], ours }) {
    const [first, ...others] = drifted;
    if (!first) return pass();
    return warn('RELEASE_CHANGED', {
      message: `${first.target} was changed after helm applied it: ${first.how}`,
      ...(!ours && { fix: 'Revert the change the way it was made, or add it to the values of the release' }),
      evidence: others.slice(0, 8).map(({ target, how }) => `${target}: ${how}`),
    });
  },
};

/** A StatefulSet leaves its claims behind, containing an old write-ahead log and an old ring entry. */
export const claimsInUse: DoctorCheck = {
  id: 'helm.claims',
  title: 'No orphaned volumes',
  at: ['doctor'],
  hop: 'scheduling',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const left = [...orphans(loki), ...older(loki)];
    const [first] = left;
    if (!first) return pass(`${loki.claims.length} volume claims`);
    return warn('LOKI_VOLUMES_ORPHANED', {
      message: `${left.length === 1 ? 'A volume is' : `${left.length} volumes are`} left of ${first.why}`,
      fix: `Check what they contain, then run: kubectl -n ${loki.namespace} delete pvc ${left
        .slice(0, 6)
        .map(({ name }) => name)
        .join(' ')}`,
      evidence: left.slice(0, 6).map(({ name, why }) => `claim ${loki.namespace}/${name}: ${why}`),
    });
  },
};

interface Left {
  readonly name: string;
  readonly why: string;
}

/** `data-loki-ingester-3`, if there are only three ingesters or no such StatefulSet. */
function orphans({ claims, workloads, pods, config }: LokiEvidence): readonly Left[] {
  // If it was scaled below what Loki needs, its pods are needed again, with what their volumes hold and the bucket lacks.
  const needed = Number(getPath(config, 'common.replication_factor') ?? 3);
  const mounted = new Set(pods.flatMap(({ spec }) => (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [])));
  return claims.flatMap(({ name }) => {
    const owner = workloads.find((one) =>
      one.claims.some((claim) => name.startsWith(`${claim}-${one.name}-`) && /^\d+$/.test(name.slice(`${claim}-${one.name}-`.length))),
    );
    if (mounted.has(name)) return [];
    const ordinal = Number(name.split('-').at(-1));
    if (owner && /^(ingester|write)/.test(owner.component) && owner.wanted < needed) return [];
    if (owner) return ordinal >= owner.wanted ? [{ name, why: `a pod that no longer exists (${owner.kind} ${owner.name} has ${owner.wanted})` }] : [];
    // A StatefulSet that has no volumes any more is reported separately.
    const bare = workloads.some((one) => one.kind === 'StatefulSet' && name.replace(/-\d+$/, '').endsWith(`-${one.name}`));
    return /-\d+$/.test(name) && !bare ? [{ name, why: 'a StatefulSet that no longer exists' }] : [];
  });
}

/** At the first revision of a release no part of it is older than the release. */
function older({ claims, release }: LokiEvidence): readonly Left[] {
  const made = release?.revision === 1 ? release.updated?.getTime() : undefined;
  if (made === undefined) return [];
  return claims
    .filter(({ created }) => created !== undefined && created.getTime() < made - 60_000)
    .map(({ name, created }) => ({
      name,
      why: `an installation before this one (made ${created!.toISOString()}, the release ${new Date(made).toISOString()})`,
    }));
}
