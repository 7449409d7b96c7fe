/** The shell script that turns a namespace into a container: its own root, its mounts, its user, and then the program. */
import { join } from 'node:path';
import type { Container, Pod } from '../cluster/shapes.ts';
import { DNS_ADDRESS } from './network.ts';
import type { Mount } from './volumes.ts';

export interface ScriptOptions {
  readonly pod: Pod;
  readonly container: Container;
  readonly address: string;
  /** An empty folder, for the container's root. */
  readonly root: string;
  /** Named pipes. */
  readonly stdout: string;
  readonly stderr: string;
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** Programs of this machine and their paths in the container. */
  readonly programs: readonly { readonly source: string; readonly target: string }[];
  /** PEM file: the only authority that programs trust. */
  readonly ca: string;
}

interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  readonly readOnlyRootFilesystem?: boolean;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
}

/** containerd's default capabilities. */
const DEFAULT_CAPABILITIES = 'chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap net_bind_service sys_chroot kill audit_write'.split(
  ' ',
);

const q = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function securityOf(pod: Pod, container: Container): SecurityContext {
  const own = (container as { readonly securityContext?: SecurityContext }).securityContext;
  return { ...(pod.spec['securityContext'] as SecurityContext | undefined), ...own };
}

function userFlags(security: SecurityContext): readonly string[] {
  const { runAsUser = 0, runAsGroup = 0, fsGroup, supplementalGroups = [], capabilities = {}, allowPrivilegeEscalation } = security;
  const groups = [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups])];
  const name = (capability: string): string => capability.toLowerCase().replace(/^cap_/, '');
  const dropped = (capabilities.drop ?? []).map(name);
  const kept = [
    ...DEFAULT_CAPABILITIES.filter((one) => !dropped.includes('all') && !dropped.includes(one)),
    ...(capabilities.add ?? []).map(name).filter((one) => one !== 'all'),
  ];
  const bounds = security.privileged === true ? [] : ['--bounding-set', ['-all', ...new Set(kept.map((one) => `+${one}`))].join(',')];
  return [
    `--reuid=${runAsUser}`,
    `--regid=${runAsGroup}`,
    groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
    '--inh-caps=-all',
    ...bounds,
    ...(allowPrivilegeEscalation === false ? ['--no-new-privs'] : []),
  ];
}

export function containerScript(options: ScriptOptions): string {
  const { pod, container, root, mounts } = options;
  const security = securityOf(pod, container);
  const within = (path: string): string => q(join(root, path));
  const file = (path: string, text: string): string => `printf %s ${q(text)} > ${within(path)}`;
  const namespace = pod.metadata.namespace ?? 'default';
  const point = ({ isFile, target }: Pick<Mount, 'isFile' | 'target'>): string =>
    isFile ? `mkdir -p "$(dirname ${within(target)})"; [ -e ${within(target)} ] || : > ${within(target)}` : `mkdir -p ${within(target)}`;
  const env = Object.entries(options.env).map(([name, value]) => q(`${name}=${value}`));
  return [
    'set -e',
    `exec >${q(options.stdout)} 2>${q(options.stderr)}`,
    `hostname ${q(pod.metadata.name)}`,
    `mount -t tmpfs -o mode=755 loki-eks ${q(root)}`,
    `cd ${q(root)}`,
    'mkdir -p usr etc/ssl/certs proc dev tmp var/run var/log var/tmp run root .over .work',
    'chmod 1777 tmp var/tmp; chmod 777 run var/run',
    // Mounted over the machine's programs without changing them.
    'mount -t overlay -o lowerdir=/usr,upperdir=.over,workdir=.work loki-eks usr',
    ...options.programs.flatMap(({ source, target }) => [point({ isFile: true, target }), `mount --bind ${q(source)} ${within(target)}`]),
    'for name in bin sbin lib lib64; do if [ -L /$name ]; then ln -s "$(readlink /$name)" $name; elif [ -d /$name ]; then mkdir $name; mount --rbind /$name $name; fi; done',
    'mount --rbind /dev dev',
    'mount -t proc proc proc',
    'for name in passwd group nsswitch.conf protocols services mime.types ld.so.cache; do [ ! -f /etc/$name ] || cp /etc/$name etc/$name; done',
    // What the nginx image holds besides its configuration.
    'if [ -f /etc/nginx/mime.types ]; then mkdir -p etc/nginx; cp /etc/nginx/mime.types etc/nginx/; fi',
    'mkdir -p var/lib/nginx var/log/nginx; chmod 777 var/lib/nginx var/log/nginx',
    `cp ${q(options.ca)} etc/ssl/certs/ca-certificates.crt`,
    file('etc/resolv.conf', `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver ${DNS_ADDRESS}\noptions ndots:5\n`),
    file('etc/hosts', `127.0.0.1\tlocalhost\n${options.address}\t${pod.metadata.name}\n`),
    file('etc/hostname', `${pod.metadata.name}\n`),
    ...mounts.flatMap((mount) => [point(mount), `mount --bind ${q(mount.source)} ${within(mount.target)}`]),
    // At the end, since a nested mount needs its mount point there.
    ...mounts.filter(({ readOnly }) => readOnly).map(({ target }) => `mount -o remount,ro,bind ${within(target)}`),
    ...(security.readOnlyRootFilesystem === true ? ['mount -o remount,ro usr', `mount -o remount,ro ${q(root)}`] : []),
    `exec chroot ${q(root)} /usr/bin/env -i ${env.join(' ')} setpriv ${userFlags(security).join(' ')} -- ${options.words.map(q).join(' ')}`,
    '',
  ].join('\n');
}
