/** Before Loki goes, its ingesters put into S3 what they still hold: uninstalling must not lose the last lines. */
import type { Helpers } from '../engine/types.ts';
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
  const running = ingesters.filter((pod) => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running');
  if (running.length === 0) return;
  say(`flushing ${running.length} ingesters to S3`);
  await Promise.all(
    running.map(({ metadata }) =>
      kubernetes.forward({ namespace, pod: metadata.name, port: LOKI_PORT }, { method: 'POST', path: '/flush', timeoutMs: 120_000 }),
    ),
  );
}
