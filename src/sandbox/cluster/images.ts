/** Default behavior of images: the lines they print at startup and while they run. */
import type { Pod } from './shapes.ts';

export interface Behaviour {
  readonly start: readonly string[];
  readonly every?: { readonly ms: number; readonly line: (count: number, now: Date) => string };
}

/** Loss of the simulated training: falls with each step, with a little noise that is the same in each run. */
function loss(step: number): string {
  return (0.35 + 2.2 * Math.exp(-step / 400) + 0.02 * Math.sin(step * 7.3)).toFixed(4);
}

const PRODUCTS = ['espresso-machine', 'grinder', 'kettle', 'filter-paper', 'scale'];

const KNOWN: readonly (readonly [RegExp, Behaviour])[] = [
  [
    /\/pytorch-trainer(:|$)/,
    {
      start: ['INFO initializing process group backend=nccl world_size=1', 'INFO cuda device 0: NVIDIA A10G'],
      every: {
        ms: 2000,
        line: (step, now) => `${now.toISOString()} INFO epoch=${Math.floor(step / 500)} step=${step} loss=${loss(step)} lr=3e-4 gpu_mem=18.2GiB`,
      },
    },
  ],
  [
    /\/shop-front(:|$)/,
    {
      start: ['{"level":"info","msg":"listening","port":8080}'],
      every: {
        ms: 3000,
        line: (count) =>
          JSON.stringify({ level: 'info', msg: 'order placed', order: 10_000 + count, item: PRODUCTS[count % PRODUCTS.length], ms: 12 + ((count * 7) % 40) }),
      },
    },
  ],
  [/\/coredns(:|$)/, { start: ['.:53', '[INFO] plugin/reload: Running configuration SHA512', 'CoreDNS-1.11.4'] }],
  [/\/amazon-k8s-cni(-init)?(:|$)/, { start: ['Installed /host/opt/cni/bin/aws-cni', 'Starting IPAM daemon in the background ... ok.'] }],
  [/\/kube-proxy(:|$)/, { start: ['"Using iptables Proxier"', '"Caches are synced" controller="service config"'] }],
  [/\/(aws-ebs-csi-driver|csi-[a-z-]+|livenessprobe|node-driver-registrar)(:|$)/, { start: ['"Driver Information" Driver="ebs.csi.aws.com"'] }],
  [/\/(alloy|loki)(:|$)/, { start: [] }],
  [/\/(nginx|nginx-unprivileged)(:|$)/, { start: ['/docker-entrypoint.sh: Configuration complete; ready for start up'] }],
  [/\/(memcached|memcached-exporter|access-log-exporter|prometheus-config-reloader|k8s-sidecar|pause)(:|$)/, { start: [] }],
];

/** Images without an entrypoint: their arguments alone are the command. */
const BARE = /(^|\/)(busybox|alpine|ubuntu|debian|bash|amazonlinux|bash)(:|@|$)/;

/** Images whose programs are simulated by the log path alone: anything else they run, before or beside it, succeeds. */
export const isOfLogPath = (image: string): boolean => /\/(alloy|loki)(:|@|$)/.test(`/${image}`);

export function isBare(image: string): boolean {
  return BARE.test(image);
}

export function behaviourOf(image: string, pod: Pod): Behaviour {
  const slashed = image.includes('/') ? image : `/${image}`;
  const found = KNOWN.find(([pattern]) => pattern.test(slashed.replace(/@sha256:.*$/, '')));
  if (found !== undefined) return found[1];
  return { start: [`starting ${image}`], every: { ms: 5000, line: (count) => `${pod.metadata.name} is working (${count})` } };
}
