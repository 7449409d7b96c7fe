/** Before Loki goes, its ingesters put into S3 what they still hold: uninstalling must not lose the last lines. */
import type { Helpers } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from './context.ts';

const LOKI_PORT = 3100;

export async function flushIngesters({ kubernetes, blueprint }: Pick<Context, 'kubernetes' | 'blueprint'>, { say }: Helpers): Promise<void> {
  const { name, namespace } = blueprint.loki;
  const ingesters = await kubernetes.list({
    apiVersion: 'v1',
    kind: 'Pod',
    namespace,
    labels: `app.kubernetes.io/instance=${name},app.kubernetes.io/component=ingester`,
  });
  const ready = ingesters.filter(isReady);
  // One that never came up answers nobody, and must not bar the way out of a broken installation.
  if (ready.length < ingesters.length) say(`${ingesters.length - ready.length} of ${ingesters.length} ingesters are not ready and can't be flushed`);
  if (ready.length === 0) return;
  say(`flushing ${ready.length} ingesters to S3`);
  await Promise.all(
    ready.map(({ metadata }) => kubernetes.forward({ namespace, pod: metadata.name, port: LOKI_PORT }, { method: 'POST', path: '/flush', timeoutMs: 120_000 })),
  );
}

function isReady({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  return !metadata.deletionTimestamp && conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}
