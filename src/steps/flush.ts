/** Before Loki's ingesters go, they put into S3 what they still hold: neither uninstalling nor taking over may lose the last lines. */
import type { Helpers } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from './context.ts';

const LOKI_PORT = 3100;

type Needs = Pick<Context, 'kubernetes' | 'blueprint'>;

export async function flushIngesters(ctx: Needs, helpers: Helpers): Promise<void> {
  const ready = await readyIngesters(ctx, helpers);
  if (ready.length === 0) return;
  helpers.say(`flushing ${ready.length} ingesters to S3`);
  await Promise.all(ready.map((pod) => ask(ctx, pod, '/flush')));
}

/** What an ingester gets between now and its end is flushed then: one without a volume would take it along. An old Loki flushes now at least. */
export async function flushOnShutdown(ctx: Needs, helpers: Helpers): Promise<void> {
  const ready = await readyIngesters(ctx, helpers);
  if (ready.length > 0) helpers.say(`${ready.length} ingesters are to flush to S3 before they end`);
  await Promise.all(
    ready.map(async (pod) => {
      const { status } = await ask(ctx, pod, '/ingester/prepare_shutdown');
      if (status >= 300) await ask(ctx, pod, '/flush');
    }),
  );
}

const ask = ({ kubernetes, blueprint }: Needs, pod: string, path: string) =>
  kubernetes.forward({ namespace: blueprint.loki.namespace, pod, port: LOKI_PORT }, { method: 'POST', path, timeoutMs: 120_000 });

async function readyIngesters({ kubernetes, blueprint }: Needs, { say }: Helpers): Promise<readonly string[]> {
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
  return ready.map(({ metadata }) => metadata.name);
}

function isReady({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  return !metadata.deletionTimestamp && conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}
