/**
 * Helm refuses to go back to a revision that holds an object which the newest one lacks, while that object is there: left by an upgrade that was
 * cut short, or kept by its owner's wish. Such objects are taken out of helm's way; it makes them anew, as that revision has them.
 */
import { parseAllDocuments } from 'yaml';
import type { Kubernetes, KubeObject, Ref } from '../../ports/kubernetes.ts';
import { manifestOf } from './release-secret.ts';

interface Of {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
}

/** What holds data, or what everything else is in, is never taken out of the way. */
const STAY: ReadonlySet<string> = new Set(['Namespace', 'PersistentVolumeClaim', 'PersistentVolume', 'CustomResourceDefinition', 'StorageClass']);
const WITH_PODS: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']);

/** Gives back what makes the lent objects again, for where helm fails all the same. */
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
      // A manifest is what a Secret says: only what helm itself has marked as this release's is touched.
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
