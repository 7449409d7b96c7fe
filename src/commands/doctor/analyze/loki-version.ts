/** The running version of Loki, by its image. */
import { core } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';

const imageOf = (loki: LokiEvidence): string | undefined =>
  core(loki)
    .flatMap(({ spec }) => spec.containers)
    .find(({ image }) => /loki/.test(image ?? ''))?.image;

/** Major and minor; `undefined` if the tag is not a version. */
export function versionOf(loki: LokiEvidence): readonly [number, number] | undefined {
  const [, major, minor] = /:v?(\d+)\.(\d+)/.exec(imageOf(loki) ?? '') ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** As evidence: `image grafana/loki:3.7.6`. */
export const imageSaid = (loki: LokiEvidence): readonly string[] => (imageOf(loki) ? [`image ${imageOf(loki)}`] : []);
