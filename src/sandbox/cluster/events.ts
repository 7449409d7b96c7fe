/** Kubernetes Event objects: one per object, reason and message, counted up on repetition. */
import { createHash } from 'node:crypto';
import type { ObjectStore, SandboxClock } from '../types.ts';
import type { Happened } from './parts.ts';
import { stamp } from './shapes.ts';

/** Events in a terminating namespace, or about a deleted object, are dropped as in a real cluster. */
export function createTeller(parts: { readonly store: ObjectStore; readonly clock: SandboxClock }): (happened: Happened) => void {
  const names = new Map<string, string>();
  let told = 0;
  return ({ about, type, reason, message, from }) => {
    const namespace = about.metadata.namespace ?? 'default';
    const digest = createHash('sha256').update(`${about.kind}/${about.metadata.uid}/${reason}/${message}`).digest('base64');
    const now = stamp(parts.clock.now());
    // Times are whole seconds, so the name keeps events of one second in order.
    const serial = (BigInt(parts.clock.now().getTime()) * 1_000_000n + BigInt((told += 1) % 1_000_000)).toString(16);
    const name = names.get(digest) ?? `${about.metadata.name}.${serial}`;
    names.set(digest, name);
    try {
      const before = parts.store.get('Event', namespace, name);
      if (before !== undefined) {
        parts.store.update({ ...before, count: Number(before['count'] ?? 1) + 1, lastTimestamp: now });
        return;
      }
      const { apiVersion, kind, metadata } = about;
      parts.store.create({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace },
        involvedObject: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
        type,
        reason,
        message,
        count: 1,
        firstTimestamp: now,
        lastTimestamp: now,
        eventTime: null,
        reportingComponent: from,
        reportingInstance: '',
        source: { component: from },
      });
    } catch {
      // The namespace is terminating or gone: a real API server rejects the event too, silently.
    }
  };
}
