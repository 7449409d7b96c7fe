/**
 * Helm refuses to roll back to a revision with an object that the newest one lacks, if that object exists: left by an interrupted upgrade,
 * or kept by its resource policy. Such objects are removed before; helm then recreates them as in that revision.
 */
import { parseAllDocuments } from 'yaml';
import type { Kubernetes, KubeObject, Ref } from '../../ports/kubernetes.ts';
import { manifestOf } from './release-secret.ts';

interface Of {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
}

/** Objects that hold data, or contain others, are never removed. */
const STAY: ReadonlySet<string> = new Set(['Namespace', 'PersistentVolumeClaim', 'PersistentVolume', 'CustomResourceDefinition', 'StorageClass']);
const WITH_PODS: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']);

/** Returns a function that recreates the removed objects, for when helm fails after all. */
export async function lend(kubernetes: Pick<Kubernetes, 'get' | 'list' | 'create' | 'delete'>, of: Of): Promise<() => Promise<void>> {
  const [newest, wanted] = await Promise.all([manifestOf(kubernetes, { ...of, revision: 'newest' }), manifestOf(kubernetes, of)]);
  const has = new Set(objectsIn(newest, of.namespace).map(keyOf));
  const lacking = objectsIn(wanted, of.namespace).filter((ref) => !has.has(keyOf(ref)) && !STAY.has(ref.kind));
  const lent: KubeObject[] = [];
  const giveBack = async () => {
    for (const object of lent) if (!(await kubernetes.get(refOf(object)))) await kubernetes.create(asNew(object));
  };
  try {
    for (const ref of lacking) {
      const found = await kubernetes.get(ref);
      // A manifest is just the content of a Secret: only objects that helm itself has marked as this release's are touched.
      const { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace = of.namespace } = found?.metadata.annotations ?? {};
      if (!found || name !== of.name || namespace !== of.namespace) continue;
      lent.push({ ...found, apiVersion: ref.apiVersion, kind: ref.kind });
      await kubernetes.delete(ref, WITH_PODS.has(ref.kind) ? { propagation: 'Orphan' } : {});
    }
  } catch (error) {
    await giveBack();
    throw error;
  }
  return giveBack;
}

const keyOf = ({ kind, namespace, name }: Ref) => `${kind}/${namespace ?? ''}/${name}`;
const refOf = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): Ref => ({ apiVersion, kind, ...(namespace && { namespace }), name });

function asNew({ metadata: { name, namespace, labels, annotations }, ...object }: KubeObject): KubeObject {
  const { status: _, ...body } = object;
  return { ...body, metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }), ...(annotations && { annotations }) } } as KubeObject;
}

function objectsIn(manifest: string, namespace: string): readonly Ref[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    const object = document.toJS() as Partial<KubeObject> | null;
    if (!object?.apiVersion || !object.kind || !object.metadata?.name) return [];
    return [{ apiVersion: object.apiVersion, kind: object.kind, namespace: object.metadata.namespace ?? namespace, name: object.metadata.name }];
  });
}
