/** Problems of the area "kube". */
import { rows } from '../row.ts';

export const kube = rows({
  KUBE_UNREACHABLE: {
    title: 'The Kubernetes API can\'t be reached',
    cause: 'The endpoint is private, your address is not allowed, or a proxy stands between.',
    fix: 'Run from inside the VPC, or add your address to the endpoint\'s public access CIDRs.',
    exit: 3,
    explain: 'DNS resolution, TCP connection and TLS all happen before the token is looked at.',
  },
});
