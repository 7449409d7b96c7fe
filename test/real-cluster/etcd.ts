/** Objects by the thousand, written before there is an API server: it would take minutes to be told of each. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../src/ports/kubernetes.ts';

/** Where the API server keeps what it is told. */
const FOLDERS: Readonly<Record<string, string>> = { Node: 'minions', Pod: 'pods' };
/** etcd takes no more operations at once. */
const BATCH = 120;

/**
 * Only while no API server watches: objects of one transaction share a revision, of which a watch may show one alone.
 * Resolves when all of it is written; waits for etcd.
 */
export async function writeBelow(etcdUrl: string, objects: Iterable<KubeObject>): Promise<void> {
  for (let up = false; !up;) {
    up = await fetch(`${etcdUrl}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (!up) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  let batch: object[] = [];
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const reply = await fetch(`${etcdUrl}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ success: batch }) });
    if (!reply.ok) throw new Error(`etcd: ${reply.status} ${await reply.text()}`);
    batch = [];
  };
  for (const object of objects) {
    const { namespace, name } = object.metadata;
    const key = `/registry/${FOLDERS[object.kind]}/${namespace === undefined ? '' : `${namespace}/`}${name}`;
    const whole = { ...object, metadata: { uid: randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+/, ''), ...object.metadata } };
    batch.push({ requestPut: { key: Buffer.from(key).toString('base64'), value: Buffer.from(JSON.stringify(whole)).toString('base64') } });
    if (batch.length === BATCH) await send();
  }
  await send();
}
