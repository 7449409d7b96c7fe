/** Two faults at once, one hop apart or many: the one further up must be named first. */
import { hops, type Hop } from '../../src/commands/doctor/analyze/evidence.ts';
import type { FailureClass } from '../../src/problems/failure-classes.ts';

/** One break a hop that loses every line, so that nothing further down explains more. */
const ofHop: Readonly<Partial<Record<Hop, FailureClass>>> = {
  'aws-identity': 'oidc-provider',
  s3: 'bucket-name',
  scheduling: 'image-pull',
  'loki-config': 'schema',
  'loki-runtime': 'ring-unhealthy',
  gateway: 'gateway-auth',
  'tenant-write': 'tenant-missing',
  'alloy-discovery': 'discovery-scope',
  'alloy-read': 'varlog-mount',
  'alloy-push': 'push-url',
  'tenant-read': 'tenant-mismatch',
  'grafana-datasource': 'service-name-endpoint',
  query: 'connected-no-labels',
};
/** It loses some lines only: whatever loses all explains more, also from further down. */
const partial: { readonly hop: Hop; readonly name: FailureClass } = { hop: 'limits', name: 'rate-limit' };

export interface Pair {
  readonly up: FailureClass;
  readonly down: FailureClass;
}

/** Every third pair, and every hop at least once on either side. */
export function pairs(): readonly Pair[] {
  const diagnosis = hops.flatMap((hop) => (ofHop[hop] ? [ofHop[hop]] : []));
  const all = diagnosis.flatMap((up, at) => diagnosis.slice(at + 1).map((down) => ({ up, down })));
  const above = hops.slice(0, hops.indexOf(partial.hop)).flatMap((hop) => (ofHop[hop] ? [{ up: ofHop[hop], down: partial.name }] : []));
  return [...all.filter((_, at) => at % 3 === 0), ...above.filter((_, at) => at % 4 === 0)];
}
