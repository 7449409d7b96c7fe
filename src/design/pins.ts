/** The charts this version was made for and tested with, by content. */
import type { ChartSource } from '../ports/releases.ts';

type Pinned = Extract<ChartSource, { is: 'pinned' }>;
export type Pin = Pinned & { readonly appVersion: string };

/** Digests are those of the repositories' own index; Helm itself does not check them. */
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

/** The chart to obtain: a path or reference of the user's own, a mirror of the public repository, else the pinned one. */
export function chartSource(which: 'loki' | 'alloy', of: { readonly chart?: string; readonly repo?: string }): ChartSource {
  const { is, repo, name, version, sha256 } = pinnedCharts[which];
  const pinned: Pinned = { is, repo, name, version, sha256 };
  if (of.chart?.startsWith('oci://')) return { is: 'reference', name: of.chart, version };
  if (of.chart !== undefined) return { is: 'file', path: of.chart };
  if (of.repo === undefined) return pinned;
  // An OCI registry wraps the bytes, so the digest known here is not the one it gives.
  if (of.repo.startsWith('oci://')) return { is: 'reference', name: `${of.repo.replace(/\/$/, '')}/${name}`, version };
  return { ...pinned, repo: of.repo };
}
