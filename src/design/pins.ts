/** The charts that this version was made for and tested with, by digest. */
import type { ChartSource } from '../ports/releases.ts';

type Pinned = Extract<ChartSource, { is: 'pinned' }>;
export type Pin = Pinned & { readonly appVersion: string };

/** Digests come from the repositories' own index; Helm itself does not check them. */
export const pinnedCharts: { readonly loki: Pin; readonly alloy: Pin } = {
  loki: {
    is: 'pinned',
    repo: 'https://grafana-community.github.io/helm-charts',
    name: 'loki',
    version: '18.11.0',
    appVersion: '3.7.6',
    sha256: 'd4d99424d197e1460878093c9fced02346669ab0698a0dca7c575ab76fff7aeb',
  },
  alloy: {
    is: 'pinned',
    repo: 'https://grafana.github.io/helm-charts',
    name: 'alloy',
    version: '1.11.1',
    appVersion: 'v1.18.1',
    sha256: 'cc4cd48a885c070fe8b2929971552852375c11e92d95fc6337d0c3fa277ac575',
  },
};

/** The chart to fetch: the user's own path or reference, a mirror of the public repository, else the pinned one. */
export function chartSource(which: 'loki' | 'alloy', of: { readonly chart?: string; readonly repo?: string }): ChartSource {
  const { is, repo, name, version, sha256 } = pinnedCharts[which];
  const pinned: Pinned = { is, repo, name, version, sha256 };
  if (of.chart?.startsWith('oci://')) return { is: 'reference', name: of.chart, version };
  if (of.chart !== undefined) return { is: 'file', path: of.chart };
  if (of.repo === undefined) return pinned;
  // An OCI registry wraps the bytes, so its digest differs from the one known here.
  if (of.repo.startsWith('oci://')) return { is: 'reference', name: `${of.repo.replace(/\/$/, '')}/${name}`, version };
  return { ...pinned, repo: of.repo };
}

export interface PinnedImage {
  readonly image: string;
  readonly part: string;
  /** Only where ServiceMonitors exist. */
  readonly monitoring?: true;
}

/** The images that a cluster without internet access must be able to pull, unless a value changes them. */
export const pinnedImages: readonly PinnedImage[] = [
  { image: 'docker.io/grafana/loki:3.7.6', part: 'all Loki components' },
  { image: 'docker.io/nginxinc/nginx-unprivileged:1.31-alpine', part: 'the gateway' },
  { image: 'docker.io/library/memcached:1.6.45-alpine', part: 'both caches' },
  { image: 'docker.io/grafana/alloy:v1.18.1', part: 'Alloy and the verification pods' },
  { image: 'ghcr.io/jkroepke/access-log-exporter:0.4.11', part: 'gateway metrics', monitoring: true },
  { image: 'docker.io/prom/memcached-exporter:v0.17.0', part: 'cache metrics', monitoring: true },
];
