/** What goes into a bundle, and where it comes from; the cluster's own data is in cluster-sources.ts. */
import { stringify } from 'yaml';
import type { Evidence } from '../analyze/evidence.ts';
import { objectsIn, refIn, targetOf } from '../../../design/drift.ts';
import { ownership } from '../../../design/ownership.ts';
import type { Release } from '../../../ports/releases.ts';
import { clusterSources, yamlOf, type With } from './cluster-sources.ts';
import type { BundleWriter, Source, Sourcing } from './bundle-writer.ts';
import { readInstallation } from '../../read-installation.ts';
import type { Diagnosis } from '../diagnose.ts';

export function sources(of: Sourcing): readonly Source[] {
  const { run, diagnosis } = of;
  const local: readonly Source[] = [{ what: 'settings', fill: async ({ put }) => put('settings.yaml', stringify(of.blanking.document(run.settings))) }];
  if (!diagnosis) return local;
  const within = { ...of, ...diagnosis };
  return [
    ...local,
    { what: 'settings in the installation record', fill: (writer) => recorded(within, writer) },
    { what: 'versions', fill: (writer) => versions(within, writer) },
    { what: 'AWS account', fill: async ({ put }) => put('aws.yaml', stringify(of.blanking.document(awsSide(diagnosis)))) },
    { what: 'nodes', fill: async ({ put }) => put('nodes.yaml', stringify(diagnosis.seen.nodes)) },
    { what: 'Helm releases', fill: async (writer) => releases(within, writer) },
    { what: 'journals', fill: (writer) => journals(within, writer) },
    ...clusterSources(within),
  ];
}

const releasesIn = ({ loki, collectors }: Evidence): readonly Release[] => [
  ...(loki?.release ? [loki.release] : []),
  ...collectors.flatMap(({ release }) => (release ? [release] : [])),
];

async function releases({ seen, blanking }: With, { put }: BundleWriter): Promise<void> {
  for (const { manifest = '', values, ...release } of releasesIn(seen)) {
    const folder = `releases/${release.namespace}/${release.name}`;
    put(`${folder}/release.yaml`, stringify(release));
    put(`${folder}/values.yaml`, stringify(blanking.document(values)));
    const rendered = objectsIn(manifest);
    if (rendered.length > 0)
      put(`${folder}/manifest.yaml`, rendered.map((one) => `# ${targetOf(refIn(one, release.namespace))}\n${yamlOf(one, blanking)}`).join('---\n'));
  }
}

async function recorded({ run, session, seen, blanking }: With, { put }: BundleWriter): Promise<void> {
  const namespace = seen.loki?.namespace ?? run.settings.namespace;
  const known = await readInstallation({ settings: { ...run.settings, namespace }, emit: () => {} }, session);
  if (known) put('installed-with.yaml', stringify(blanking.document(known)));
}

async function versions({ run, session, seen }: With, { put, miss }: BundleWriter): Promise<void> {
  const [kubernetes, helm] = await Promise.all([
    session.kubernetes.version().catch((error: unknown) => void miss('Kubernetes version', error)),
    session.releases.helm().catch((error: unknown) => void miss('helm version', error)),
  ]);
  const images = [...(seen.loki?.workloads ?? []), ...seen.collectors.map(({ workload }) => workload)].flatMap(({ template }) =>
    template.containers.map(({ image }) => image ?? ''),
  );
  put(
    'versions.yaml',
    stringify({
      'loki-eks': run.version,
      simulated: run.sandbox,
      kubernetes: kubernetes ?? null,
      eks: session.cluster.platformVersion ?? null,
      helm: helm?.version ?? null,
      charts: Object.fromEntries(
        releasesIn(seen).map(({ namespace, name, chart, chartVersion, appVersion }) => [`${namespace}/${name}`, `${chart} ${chartVersion} (${appVersion})`]),
      ),
      images: [...new Set(images)].filter(Boolean).toSorted(),
    }),
  );
}

/** Without logins and without the certificate authority. */
function awsSide({ session: { caller, cluster, aws }, seen: { loki, cluster: surveyed } }: Diagnosis): object {
  const { certificateAuthority: _, ...rest } = cluster;
  const provider = surveyed.provider ? { arn: surveyed.provider.arn, audiences: surveyed.provider.audiences } : null;
  return { caller, region: aws.region, cluster: rest, provider, account: loki?.account ?? null, buckets: loki?.buckets ?? [] };
}

async function journals({ run, session, seen }: With, { put }: BundleWriter): Promise<void> {
  const { installId } = ownership(session.cluster.arn, seen.loki?.namespace ?? run.settings.namespace);
  for (const { id, ...journal } of await run.deps.journals.recent(installId, 3))
    put(`journal/${id.replace(/\.jsonl$/, '')}.json`, `${JSON.stringify(journal, null, 1)}\n`);
}
