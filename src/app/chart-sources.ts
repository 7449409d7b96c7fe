/** Where the two charts come from: the pinned ones, or what the user named. */
import type { Settings } from '../design/settings-type.ts';
import type { Pin } from '../design/pins.ts';
import type { Chart, Charts, ChartSource } from '../ports/releases.ts';

/** `oci://…` and `repo/name` are references; everything else that was given is a path. */
export function chartSource(given: string | undefined, { pin, chartRepo }: { readonly pin: Pin; readonly chartRepo: string | undefined }): ChartSource {
  if (given === undefined) {
    if (chartRepo === undefined) return { is: 'pinned', repo: pin.repo, name: pin.name, version: pin.version, sha256: pin.sha256 };
    // A mirror serves the same bytes, so the digest is still the proof.
    return { is: 'pinned', repo: chartRepo, name: pin.name, version: pin.version, sha256: pin.sha256 };
  }
  if (given.startsWith('oci://')) return { is: 'reference', name: given };
  return { is: 'file', path: given };
}

/** Without fetching anything: what a release made from this source would be called. Enough to look, not to install. */
export async function chartFacts(source: ChartSource, { pin, charts }: { readonly pin: Pin; readonly charts: () => Promise<Charts> }): Promise<Chart> {
  if (source.is === 'file') return (await charts()).obtain(source);
  const { name, version, appVersion, sha256 } = pin;
  return { path: '', name, version, appVersion, sha256, origin: `${pin.repo} ${name} ${version} (pinned)` };
}

export const sourcesOf = (settings: Settings, pins: { readonly loki: Pin; readonly alloy: Pin }) => ({
  loki: chartSource(settings.lokiChart, { pin: pins.loki, chartRepo: settings.chartRepo }),
  alloy: chartSource(settings.alloyChart, { pin: pins.alloy, chartRepo: settings.chartRepo }),
});
