/** Problems that `doctor` finds in the network between two components. */
import { doctorRows } from '../row.ts';

export const doctorNetwork = doctorRows({
  MESH_BLOCKS_TRAFFIC: {
    title: 'A service mesh blocks traffic',
    cause: 'Loki or the collectors have a sidecar, and requests through it fail.',
    fix: 'Exclude the ports with traffic.sidecar.istio.io/excludeOutboundPorts, or exclude the pods from the mesh',
    exit: 6,
    covers: ['istio'],
    autofix: 'no',
    explain:
      'Typical causes are a sidecar that starts late, REGISTRY_ONLY, or strict mTLS on one side only. doctor reports sidecars in pods that also have errors on connections through them: S3 and STS, the ring on ports 7946 and 9095, pushes.',
  },
  NETWORK_POLICY: {
    title: 'A network policy blocks traffic',
    cause: 'A policy selects the pods, and none of its rules allows the client.',
    fix: 'Correct podSelector or namespaceSelector: allow 8080 to the gateway, 3100, 9095 and 7946 between Loki pods, and 53 and 443 outbound',
    exit: 6,
    covers: ['networkpolicy'],
    autofix: 'no',
    explain:
      'Once a policy selects a pod, all traffic that no policy allows is dropped silently. doctor evaluates the policy objects; addresses in ipBlock count as allowed.',
  },
});
