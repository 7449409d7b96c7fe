/** What was installed with which settings, stored in the cluster: status, uninstall and CI read it there and need no file from the user. */
import { EVERY, rule } from '../design/permissions.ts';
import { canonical } from '../design/canonical.ts';
import { documentIn } from '../design/installation-record.ts';
import type { Json, UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { isOwned, isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint'>;

export const RECORD = 'loki-eks';
export const RECORD_TYPE = 'loki-eks.dev/installation';
/** The action with which an installation is orphaned. */
export const FORGOTTEN = 'delete-record';

export const record: Step<Needs, UndoRecord> = {
  id: 'record',
  remembers: true,
  title: 'Installation record',
  scope: 'cluster',
  needs: ['namespace.loki'],
  permissions: [
    rule('loki', 'get', 'secrets', { to: 'read the record of the installation', for: EVERY }),
    rule('loki', 'create patch delete', 'secrets', { to: 'write the record, and roll that back', for: ['install', 'adopt', 'orphan'] }),
    rule('loki', 'delete', 'secrets', { to: 'delete the record', for: ['uninstall'] }),
  ],

  async inspect({ kubernetes, blueprint }) {
    const found = await kubernetes.get(reference(blueprint));
    const target = `Secret ${blueprint.loki.namespace}/${RECORD}`;
    if (!found) return { is: 'differs', changes: [{ action: 'create', target, detail: 'settings' }] };
    if (!isOwnedByLabels(found, blueprint.ownership)) {
      return { is: 'blocked', problem: problem('OBJECT_NOT_OURS', { message: `${target} exists but was not created by loki-eks` }) };
    }
    if (found['type'] !== RECORD_TYPE) {
      return { is: 'blocked', problem: problem('OBJECT_NOT_OURS', { message: `${target} is of type ${String(found['type'])}, not ${RECORD_TYPE}` }) };
    }
    if (!isOwned(found, blueprint.ownership)) return { is: 'differs', changes: [{ action: 'update', target, detail: 'marks' }] };
    if (canonical(dataOf(found)) === canonical(encoded(blueprint))) return { is: 'matches' };
    return { is: 'differs', changes: [{ action: 'update', target, detail: 'settings' }] };
  },

  async apply({ kubernetes, blueprint }, io) {
    const found = await kubernetes.get(reference(blueprint));
    const data = encoded(blueprint);
    if (found) {
      // The previous record may hold the user's values, so the journal only stores its version.
      await io.record({ did: 'update-record', version: found.metadata.resourceVersion ?? null });
      await kubernetes.patch(reference(blueprint), {
        metadata: { annotations: blueprint.ownership.annotations },
        data: { ...data, ...gone(found, data), former: former(found) },
      });
      return;
    }
    await io.record({ did: 'create-record' });
    await kubernetes.create(recordObject(blueprint));
  },

  async undo({ kubernetes, blueprint }, receipt) {
    const found = await kubernetes.get(reference(blueprint));
    // The blueprint was made from the deleted record: the same settings give the same record.
    if (receipt.did === FORGOTTEN) return void (found ?? (await kubernetes.create(recordObject(blueprint))));
    if (!found || !isOwnedByLabels(found, blueprint.ownership)) return;
    if (receipt.did === 'create-record') return kubernetes.delete(reference(blueprint));
    // Still the version from before: the update never happened, and `former` is from an earlier run.
    if (found.metadata.resourceVersion === receipt['version']) return;
    const data = formerIn(found);
    if (!data) return;
    const added = Object.keys(dataOf(found) as object).filter((key) => !(key in data));
    await kubernetes.patch(reference(blueprint), { data: { former: null, ...Object.fromEntries(added.map((key) => [key, null])), ...data } });
  },

  async remove({ kubernetes, blueprint }) {
    const found = await kubernetes.get(reference(blueprint));
    if (!found || !isOwnedByLabels(found, blueprint.ownership)) return { is: 'absent' };
    await kubernetes.delete(reference(blueprint));
    return { is: 'removed' };
  },
};

const recordObject = (blueprint: Needs['blueprint']): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: RECORD, namespace: blueprint.loki.namespace, labels: blueprint.ownership.labels, annotations: blueprint.ownership.annotations },
  type: RECORD_TYPE,
  data: encoded(blueprint),
});

const reference = ({ loki }: Needs['blueprint']) => ({ apiVersion: 'v1', kind: 'Secret', namespace: loki.namespace, name: RECORD });

const encoded = ({ record: { settings, lokiValues, alloyValues, adopted } }: Needs['blueprint']) => ({
  'settings.json': base64(settings),
  'loki-values.json': base64(lokiValues),
  'alloy-values.json': base64(alloyValues),
  ...(adopted !== undefined && { 'adopted.json': base64(adopted) }),
});

const base64 = (value: Json) => Buffer.from(canonical(value)).toString('base64');

function dataOf(found: KubeObject): Json {
  const { former: _, ...data } = (found['data'] ?? {}) as Readonly<Record<string, string>>;
  return data;
}

/** Keys that loki-eks did not write are not part of a record. */
const gone = (found: KubeObject, data: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.keys(dataOf(found) as object).flatMap((key) => (key in data ? [] : [[key, null]])));

/** The contents before the last update; nothing if they were changed since. */
function formerIn(found: KubeObject): Readonly<Record<string, string>> | undefined {
  const text = (found['data'] as Readonly<Record<string, string>> | undefined)?.['former'];
  const read = documentIn(Buffer.from(text ?? '', 'base64').toString());
  if ('why' in read || !Object.values(read.document).every((value) => typeof value === 'string')) return undefined;
  return read.document as Readonly<Record<string, string>>;
}

const former = (found: KubeObject) => Buffer.from(canonical(dataOf(found))).toString('base64');
