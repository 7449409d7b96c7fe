/** Problems that `doctor` finds in what lies between two parts. */
import { doctorRows } from '../row.ts';

export const doctorNetwork = doctorRows({
  MESH_BLOCKS_TRAFFIC: {
    title: 'A service mesh cuts what passes it',
    cause: 'Loki or the collectors have a sidecar, and requests through it fail.',
    fix: 'exclude the ports with traffic.sidecar.istio.io/excludeOutboundPorts, or leave the pods out of the mesh',
    exit: 6,
    covers: ['istio'],
    autofix: 'no',
    explain:
      'A sidecar that starts late, REGISTRY_ONLY, or strict mTLS on one end only. Looked for are sidecars in the pods together with errors of what passes them: S3 and STS, the ring on 7946 and 9095, pushes.',
  },
  NETWORK_POLICY: {
    title: 'A network policy stands in the way',
    cause: 'A policy selects the pods, and none of its rules fits who asks.',
    fix: 'correct podSelector or namespaceSelector; allow 8080 to the gateway, 3100, 9095 and 7946 among Loki, 53 and 443 out',
    exit: 6,
    covers: ['networkpolicy'],
    autofix: 'no',
    explain:
      'Once any policy selects a pod, everything that none allows is dropped, without an answer. Policies are evaluated from their objects; addresses in ipBlock are taken as allowing.',
  },
});
