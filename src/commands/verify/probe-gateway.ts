/** Whether a gateway and the components behind it are deployed at all: zero replicas, or a missing Service, do not recover by waiting. */
import { scaledToZero } from '../../checks/parts.ts';
import type { Problem } from '../../engine/types.ts';
import { problem } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import { nothing } from './diagnose-missing-line.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'clock'>;

/** Time between two checks; what both of them see is not a restart, nor a release that is being restored right now. */
const PAUSE_MS = 5000;

/** To be polled: reports what is permanently gone, once that is certain. What can't be read does not count as gone. */
export function gatewayWatch(ctx: Needs): () => Promise<Problem | undefined> {
  const now = () => ctx.clock.now().getTime();
  let [looked, suspected] = [now(), false];
  return async () => {
    if (now() - looked < PAUSE_MS) return undefined;
    const gone = await gatewayGone(ctx).catch(nothing);
    const sure = suspected;
    [looked, suspected] = [now(), gone !== undefined];
    return sure ? gone : undefined;
  };
}

/** Existing pods, ready or not, may serve again, whatever manages them. */
async function gatewayGone({ kubernetes, blueprint }: Needs): Promise<Problem | undefined> {
  const { namespace, service, selector: labels } = blueprint.gateway;
  const [deployments, pods, found] = await Promise.all([
    kubernetes.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, labels }),
    kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels }),
    kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace, name: service }),
  ]);
  const said = (message: string, evidence: string) => problem('GATEWAY_UNAVAILABLE', { message, fix: 'Run `loki-eks doctor --fix`', evidence: [evidence] });
  if (pods.every(({ metadata }) => metadata.deletionTimestamp)) {
    const idle = deployments.find(({ spec }) => (spec as { readonly replicas?: number } | undefined)?.replicas === 0);
    if (idle) return said(`No gateway is running: Deployment ${namespace}/${idle.metadata.name} has no replicas`, 'spec.replicas 0');
    if (deployments.length === 0)
      return said(`No gateway is running: its Deployment in namespace ${namespace} does not exist`, `no Deployment and no pod in ${namespace} with ${labels}`);
  }
  const part = await partGone({ kubernetes, blueprint });
  if (part) return part;
  return found
    ? undefined
    : said(`The gateway can't be found: Service ${namespace}/${service} does not exist`, `collectors push to ${blueprint.gateway.pushUrl}`);
}

/** A component without replicas neither accepts the line nor finds it. */
async function partGone({ kubernetes, blueprint: { loki } }: Pick<Needs, 'kubernetes' | 'blueprint'>): Promise<Problem | undefined> {
  const { name, namespace } = loki;
  const kinds = ['Deployment', 'StatefulSet'];
  const labels = `app.kubernetes.io/instance=${name},app.kubernetes.io/component`;
  const objects = (await Promise.all(kinds.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, namespace, labels })))).flat();
  const parts = objects.map(({ kind, metadata, spec, status }) => ({
    object: `${kind} ${namespace}/${metadata.name}`,
    component: metadata.labels?.['app.kubernetes.io/component'] ?? '',
    wanted: (spec as { readonly replicas?: number } | undefined)?.replicas ?? 1,
    ready: (status as { readonly readyReplicas?: number } | undefined)?.readyReplicas ?? 0,
  }));
  const [idle] = scaledToZero(parts).filter(({ work }) => work !== 'compact');
  if (!idle) return undefined;
  const { object } = idle.parts[0]!;
  return problem('LOKI_COMPONENT_SCALED_DOWN', {
    message: `${object} has no replicas, so Loki ${idle.words}`,
    fix: 'Run `loki-eks doctor --fix`',
    evidence: [`${object}: spec.replicas 0`],
  });
}
