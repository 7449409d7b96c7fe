/** Whether anybody is told to run a gateway at all: what has no pods wanted, or no Service, does not come back by waiting. */
import type { Problem } from '../../engine/types.ts';
import { problem } from '../../problems/problem.ts';
import type { Context } from '../../steps/context.ts';
import { nothing } from './probe-blame.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'clock'>;

/** Between two looks; what both of them see is no restart, and no release that is just being put back. */
const PAUSE_MS = 5000;

/** To be asked again and again: what is gone for good, once it is sure. What can't be looked at is not gone. */
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

/** Pods that are there, ready or not, may serve again, whoever runs them. */
async function gatewayGone({ kubernetes, blueprint }: Needs): Promise<Problem | undefined> {
  const { namespace, service, selector: labels } = blueprint.gateway;
  const [deployments, pods, found] = await Promise.all([
    kubernetes.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, labels }),
    kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels }),
    kubernetes.get({ apiVersion: 'v1', kind: 'Service', namespace, name: service }),
  ]);
  const said = (message: string, evidence: string) => problem('GATEWAY_ABSENT', { message, fix: 'loki-eks doctor --fix', evidence: [evidence] });
  if (pods.every(({ metadata }) => metadata.deletionTimestamp)) {
    const idle = deployments.find(({ spec }) => (spec as { readonly replicas?: number } | undefined)?.replicas === 0);
    if (idle) return said(`No gateway runs: Deployment ${namespace}/${idle.metadata.name} has no replicas`, 'spec.replicas 0');
    if (deployments.length === 0)
      return said(`No gateway runs: its Deployment in namespace ${namespace} is gone`, `no Deployment and no pod in ${namespace} with ${labels}`);
  }
  return found ? undefined : said(`Nobody finds the gateway: Service ${namespace}/${service} is gone`, `collectors push to ${blueprint.gateway.pushUrl}`);
}
