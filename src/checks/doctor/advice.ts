/** What loses no line today: found along the way, and worth a look. Warnings only. */
import { at } from '../../design/document.ts';
import { unknownKeys } from '../../design/keys.ts';
import type { Release } from '../../ports/releases.ts';
import { said } from './log-lines.ts';
import type { DoctorCheck, Survey } from './survey.ts';
import { NO_LOKI, pass, skip, warn } from './verdict.ts';

const releasesOf = ({ loki, collectors }: Survey): readonly { readonly name: 'loki' | 'alloy'; readonly release: Release }[] => [
  ...(loki?.release ? [{ name: 'loki', release: loki.release } as const] : []),
  ...collectors.flatMap(({ release }) => (release ? [{ name: 'alloy', release } as const] : [])),
];

export const releasesFinished: DoctorCheck = {
  id: 'helm.finished',
  title: 'No Helm release is half done',
  at: ['doctor'],
  hop: 'scheduling',
  async run(survey) {
    const bad = releasesOf(survey).find(({ release: { status } }) => status !== 'deployed');
    if (!bad) return pass();
    const { name, namespace, status, revision, lastGood } = bad.release;
    const way = lastGood === undefined ? `helm uninstall ${name} -n ${namespace}, then install again` : `helm rollback ${name} ${lastGood} -n ${namespace}`;
    return warn('RELEASE_UNFINISHED', {
      message: `Helm release ${namespace}/${name} is ${status}, revision ${revision}`,
      ...(status.startsWith('pending') && { fix: `make sure that nobody is at it, then: ${way}` }),
      evidence: [`Secret ${namespace}/sh.helm.release.v1.${name}.v${revision}: status ${status}`],
    });
  },
};

export const valuesHeeded: DoctorCheck = {
  id: 'helm.values',
  title: 'The charts heed every value that was given',
  at: ['doctor'],
  hop: 'scheduling',
  async run(survey) {
    const unheeded = releasesOf(survey).flatMap(({ name, release }) =>
      unknownKeys(release.values, { name, version: release.chartVersion }).map(({ path, nearest }) => ({ release, path, nearest })),
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

export const noEndpoint: DoctorCheck = {
  id: 's3.endpoint',
  title: 'Loki finds S3 by its region',
  at: ['doctor'],
  hop: 's3',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (!loki.account.roleArn && !loki.account.association) return skip('Loki has no role');
    const paths = ['storage_config.aws', 'common.storage.s3'].flatMap((section) => ['endpoint', 's3'].map((key) => `${section}.${key}`));
    const set = paths.filter((path) => Boolean(at(loki.config, path)));
    if (set.length === 0) return pass();
    return warn('LOKI_S3_ENDPOINT', {
      evidence: set.map((path) => `${loki.configFrom}: ${path}: ${String(at(loki.config, path))}`),
    });
  },
};

export const retentionWorks: DoctorCheck = {
  id: 'loki.retention',
  title: 'What is to be deleted is deleted',
  at: ['doctor'],
  hop: 'loki-config',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const period = at(loki.config, 'limits_config.retention_period');
    // Loki's default of 0s keeps everything.
    if (period === undefined || String(period).startsWith('0')) return pass();
    if (at(loki.config, 'compactor.retention_enabled') === true) return pass(String(period));
    return warn('LOKI_RETENTION_OFF', {
      evidence: [`${loki.configFrom}: limits_config.retention_period: ${String(period)}, compactor.retention_enabled is not true`],
    });
  },
};

export const walKept: DoctorCheck = {
  id: 'loki.wal',
  title: 'What is not yet in S3 is on a disk',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const writers = loki.workloads.filter(({ component, wanted }) => ['ingester', 'write', 'single-binary'].includes(component) && wanted > 0);
    const bare = writers.find(({ claims, template }) => claims.length === 0 && !template.volumes?.some((volume) => volume.persistentVolumeClaim));
    return bare ? warn('LOKI_WAL_EPHEMERAL', { evidence: [`${bare.kind} ${bare.namespace}/${bare.name}: no volumeClaimTemplates`] }) : pass();
  },
};

export const messagesFit: DoctorCheck = {
  id: 'loki.messages',
  title: "No message is too large for Loki's parts",
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const evidence = said(loki.pods, /received message larger than max/);
    return evidence.length > 0 ? warn('LOKI_MESSAGE_LARGE', { evidence }) : pass();
  },
};
