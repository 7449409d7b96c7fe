/** Our own StorageClass, only where the cluster has none that fits; foreign classes are never changed. */
import { rule } from '../design/permissions.ts';
import type { UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';
import { adoptionMarks, giveBack, isAdopted, mark, markChange, MARKED, foreignMark, unmark } from './ownership-marks.ts';
import { named, isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'adopting'>;

export const storageClass: Step<Needs, UndoRecord> = {
  id: 'storage-class',
  title: "StorageClass for Loki's volumes",
  scope: 'cluster',
  needs: [],
  permissions: [
    rule('cluster', 'get', 'storageclasses.storage.k8s.io', { to: 'read a StorageClass', for: ['plan', 'status', 'install', 'adopt', 'uninstall'] }),
    rule('cluster', 'create delete', 'storageclasses.storage.k8s.io', {
      to: 'create a StorageClass where none fits, and roll that back',
      for: ['install', 'adopt'],
    }),
    rule('cluster', 'patch', 'storageclasses.storage.k8s.io', { to: 'label a StorageClass that is taken over or released', for: ['adopt', 'orphan'] }),
    rule('cluster', 'patch delete', 'storageclasses.storage.k8s.io', { to: 'delete the StorageClass, or give it back', for: ['uninstall'] }),
  ],

  async inspect({ kubernetes, blueprint, adopting }) {
    const wanted = blueprint.storageClass;
    if (!wanted) return { is: 'matches', note: 'the cluster has a suitable one' };
    const found = await kubernetes.get(reference(wanted.metadata.name));
    if (!found) return { is: 'differs', changes: [{ action: 'create', target: named(wanted) }] };
    if (isOwnedByLabels(found, blueprint.ownership)) return { is: 'matches' };
    const bar = foreignMark(found, { ownership: blueprint.ownership, ...(adopting && { adopting }) });
    return bar ? { is: 'blocked', problem: bar } : { is: 'differs', changes: [markChange(found, adoptionMarks(found, blueprint))] };
  },

  async apply({ kubernetes, blueprint }, { record }) {
    const wanted = blueprint.storageClass as KubeObject;
    const found = await kubernetes.get(reference(wanted.metadata.name));
    if (found) return mark(kubernetes, found, { marking: adoptionMarks(found, blueprint), record });
    await record({ did: 'create-storage-class', name: wanted.metadata.name });
    await kubernetes.create(wanted);
  },

  async undo({ kubernetes, blueprint }, receipt) {
    if (receipt.did === MARKED) return unmark(kubernetes, receipt);
    const { name } = receipt;
    const found = await kubernetes.get(reference(String(name)));
    if (found && isOwnedByLabels(found, blueprint.ownership)) await kubernetes.delete(reference(String(name)));
  },

  /** Found by its marks: the facts of an installed cluster no longer show that the class was missing. */
  async remove({ kubernetes, blueprint }) {
    const classes = await kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' });
    const ours = classes.filter((found) => isOwnedByLabels(found, blueprint.ownership));
    const [adopted, made] = [ours.filter(isAdopted), ours.filter((one) => !isAdopted(one))];
    await Promise.all(made.map(({ metadata }) => kubernetes.delete(reference(metadata.name))));
    const kept = await Promise.all(adopted.map((one) => giveBack(kubernetes, { ...one, apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }, blueprint)));
    return kept[0] ?? (made.length > 0 ? { is: 'removed' } : { is: 'absent' });
  },
};

const reference = (name: string) => ({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name });
