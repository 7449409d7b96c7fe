import type { Ownership } from '../../design/ownership.ts';
import type { KubeObject, Ref } from '../../ports/kubernetes.ts';
import type { Self } from '../../ports/system.ts';

/** Always exists, is never deleted, and is ignored by admission policies; see docs/decisions/0005. */
export const LOCK_NAMESPACE = 'kube-system';

/** How long a holder without a sign of life is considered alive. */
export const LEASE_SECONDS = 30;

/** Anyone with write access to the Lease could set any duration; no run waits longer than this. */
const MOST_SECONDS = 4 * LEASE_SECONDS;

/** The holder of the lock, by its own account. Times are from its own clock. */
export interface Holder {
  /** Unique for each run; empty if the lock is free. */
  readonly identity: string;
  /** The chain of runs that made the latest changes: only its journals may be rolled back. Empty in a Lease of an earlier version. */
  readonly chain: string;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** Equal on two processes that share a PID namespace. */
  readonly place?: string;
  readonly command: string;
  readonly since: Date;
  readonly renewed: Date;
  readonly seconds: number;
}

export const lockRef = ({ installId }: Pick<Ownership, 'installId'>): Ref => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: LOCK_NAMESPACE,
  name: `loki-eks-${installId}`,
});

export function holderNow(self: Self, of: { readonly command: string; readonly run: string; readonly chain?: string; readonly now: Date }): Holder {
  const { user, host, pid, place } = self;
  const identity = `${user}@${host}_${pid}_${of.run}`;
  return {
    identity,
    chain: of.chain ?? identity,
    user,
    host,
    pid,
    ...(place && { place }),
    command: of.command,
    since: of.now,
    renewed: of.now,
    seconds: LEASE_SECONDS,
  };
}

const mark = (name: string) => `loki-eks.dev/lock-${name}`;

/** `before`: the Lease that is taken over or renewed; its resourceVersion guards the write. */
export function leaseOf(holder: Holder, ownership: Ownership, before?: KubeObject): KubeObject {
  const { namespace, name } = lockRef(ownership);
  const spec = (before?.['spec'] ?? {}) as Spec;
  const passed = before !== undefined && holder.identity !== '' && spec.holderIdentity !== holder.identity;
  return {
    ...(before ?? { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }),
    metadata: {
      ...before?.metadata,
      name,
      ...(namespace && { namespace }),
      labels: ownership.labels,
      annotations: {
        ...ownership.annotations,
        [mark('user')]: holder.user,
        [mark('host')]: holder.host,
        [mark('pid')]: String(holder.pid),
        [mark('command')]: holder.command,
        [mark('chain')]: holder.chain,
        ...(holder.place && { [mark('place')]: holder.place }),
      },
    },
    spec: {
      ...(holder.identity && { holderIdentity: holder.identity }),
      leaseDurationSeconds: holder.seconds,
      acquireTime: microTime(holder.since),
      renewTime: microTime(holder.renewed),
      leaseTransitions: (spec.leaseTransitions ?? 0) + (passed ? 1 : 0),
    },
  };
}

interface Spec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export function holderIn({ metadata, spec: found }: KubeObject): Holder {
  const spec = (found ?? {}) as Spec;
  const note = (name: string) => metadata.annotations?.[mark(name)] ?? '';
  const renewed = dateIn(spec.renewTime) ?? new Date(0);
  return {
    identity: String(spec.holderIdentity ?? ''),
    chain: note('chain'),
    user: note('user') || 'somebody',
    host: note('host') || 'another machine',
    pid: Number(note('pid')) || 0,
    ...(note('place') && { place: note('place') }),
    command: note('command') || 'run',
    since: dateIn(spec.acquireTime) ?? renewed,
    renewed,
    seconds: Math.min(Math.max(Number(spec.leaseDurationSeconds) || LEASE_SECONDS, 1), MOST_SECONDS),
  };
}

function dateIn(text: unknown): Date | undefined {
  const date = new Date(typeof text === 'string' ? text : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The API server requires exactly six digits after the seconds. */
const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');
