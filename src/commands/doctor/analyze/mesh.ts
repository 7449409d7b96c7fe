/** Sidecars of service meshes in pods. */
import type { PodEvidence } from './objects-evidence.ts';

const SIDECARS = /^(istio-proxy|linkerd-proxy|envoy-sidecar|kuma-sidecar|consul-dataplane)$/;

/** Its name; a sidecar may be among the init containers, where it keeps running. */
export const sidecarIn = ({ spec }: PodEvidence): string | undefined =>
  [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => SIDECARS.test(name))?.name;

export const meshed = (pods: readonly PodEvidence[]): readonly PodEvidence[] => pods.filter((pod) => sidecarIn(pod) !== undefined);
