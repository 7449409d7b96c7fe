/**
 * The previous state of objects that a fix changes, kept in a Secret beside them: any field may hold a password, and journals hold none.
 * The journal holds a digest of it: otherwise anyone who may write that Secret could create arbitrary objects with the rights of a rollback.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { KubeObject, Ref } from '../ports/kubernetes.ts';
import { ProblemError, stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes'> & { readonly ownership: Context['blueprint']['ownership'] };

const TYPE = 'loki-eks.dev/former';
/** One per release; releases may share a namespace. */
const placeOf = ({ namespace, name }: Release): Ref => ({ apiVersion: 'v1', kind: 'Secret', namespace, name: `loki-eks-former-${name}` });

interface Release {
  readonly namespace: string;
  readonly name: string;
}

interface Kept {
  readonly ref: Ref;
  /** Absent: it did not exist. */
  readonly object?: KubeObject;
}

export interface ObjectBackup {
  /** For the journal. */
  readonly digest: string;
  readonly text: string;
}

export async function readBackup({ kubernetes }: Pick<Needs, 'kubernetes'>, refs: readonly Ref[]): Promise<ObjectBackup> {
  const kept = await Promise.all(
    refs.map(async (ref): Promise<Kept> => {
      const object = await kubernetes.get(ref);
      return { ref, ...(object && { object: bare(object) }) };
    }),
  );
  // With a random part, the digest reveals nothing about the contents.
  const text = JSON.stringify({ kept, salt: randomUUID() });
  return { text, digest: digestOf(text) };
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export async function writeBackup({ kubernetes, ownership }: Needs, release: Release, { text }: ObjectBackup): Promise<void> {
  await deleteBackup({ kubernetes, ownership }, release);
  const { apiVersion, kind, namespace = '', name } = placeOf(release);
  await kubernetes.create({
    apiVersion,
    kind,
    metadata: { name, namespace, labels: ownership.labels, annotations: ownership.annotations },
    type: TYPE,
    data: { objects: Buffer.from(text).toString('base64') },
  });
}

/** Harmless if nothing was kept. Throws OBJECT_BACKUP_CHANGED if the contents do not match the digest. */
export async function restoreBackup({ kubernetes, ownership }: Needs, release: Release, digest: unknown): Promise<void> {
  for (const one of await read({ kubernetes, ownership }, release, digest)) await putBack(kubernetes, one);
  await deleteBackup({ kubernetes, ownership }, release);
}

const ATTEMPTS = 10;

/** Controllers update the status of a changed object all the time, so its version soon becomes stale. */
async function putBack(kubernetes: Needs['kubernetes'], { ref, object }: Kept): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const now = await kubernetes.get(ref);
    try {
      if (!object) return now && (await kubernetes.delete(ref));
      if (!now) return void (await kubernetes.create(object));
      const { resourceVersion = '' } = now.metadata;
      return void (await kubernetes.replace({ ...object, metadata: { ...object.metadata, resourceVersion } }));
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'KUBE_CONFLICT' || attempt === ATTEMPTS) throw error;
    }
  }
}

export async function deleteBackup({ kubernetes, ownership }: Needs, release: Release): Promise<void> {
  const found = await kubernetes.get(placeOf(release));
  if (found && isOwnedByLabels(found, ownership)) await kubernetes.delete(placeOf(release));
}

async function read({ kubernetes, ownership }: Needs, release: Release, digest: unknown): Promise<readonly Kept[]> {
  const found = await kubernetes.get(placeOf(release));
  if (!found || found['type'] !== TYPE || !isOwnedByLabels(found, ownership)) return [];
  const encoded = (found['data'] as Readonly<Record<string, string>> | undefined)?.['objects'] ?? '';
  const text = Buffer.from(encoded, 'base64').toString();
  if (digestOf(text) !== digest) {
    const { namespace, name } = placeOf(release);
    throw stop('OBJECT_BACKUP_CHANGED', { message: `Secret ${namespace}/${name} was changed after the run wrote it, so nothing is restored from it` });
  }
  return (JSON.parse(text) as { readonly kept: readonly Kept[] }).kept;
}

const SERVERS_OWN = new Set(['resourceVersion', 'uid', 'generation', 'creationTimestamp', 'managedFields']);

/** Without the fields that only the server writes. */
function bare(object: KubeObject): KubeObject {
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !SERVERS_OWN.has(key)));
  return Object.fromEntries(Object.entries({ ...object, metadata }).filter(([key]) => key !== 'status')) as unknown as KubeObject;
}
