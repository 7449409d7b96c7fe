/** Which Loki runs, as its image says. */
import { core } from './log-lines.ts';
import type { LokiSeen } from './loki-seen.ts';

const imageOf = (loki: LokiSeen): string | undefined =>
  core(loki)
    .flatMap(({ spec }) => spec.containers)
    .find(({ image }) => /loki/.test(image ?? ''))?.image;

/** Major and minor; `undefined` where the tag is none of a version. */
export function versionOf(loki: LokiSeen): readonly [number, number] | undefined {
  const [, major, minor] = /:v?(\d+)\.(\d+)/.exec(imageOf(loki) ?? '') ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** As evidence: `image grafana/loki:3.7.6`. */
export const imageSaid = (loki: LokiSeen): readonly string[] => (imageOf(loki) ? [`image ${imageOf(loki)}`] : []);
