/** Ports and blueprint, combined for the steps; every port that can lose log data is wrapped by the guard. */
import type { Blueprint } from '../design/blueprint.ts';
import type { Facts } from '../design/facts.ts';
import type { Context } from '../context.ts';
import { guardData } from '../steps/data-guard.ts';
import { grafanaFor } from './grafana.ts';
import type { RunContext } from '../deps.ts';
import type { Session } from './connect.ts';

export async function contextFor(
  { settings, deps, said, consent }: RunContext,
  { aws, caller, kubernetes, releases }: Session,
  made: { readonly blueprint: Blueprint; readonly facts: Facts; readonly givenPassword?: string; readonly rotateLogin?: boolean; readonly adopting?: boolean },
): Promise<Context> {
  const { namespace, selector, podPort } = made.blueprint.gateway;
  const grafana = await grafanaFor({ settings, deps }, kubernetes, made.blueprint.grafana);
  return guardData({
    ...made,
    buckets: aws.buckets(caller.account),
    roles: aws.roles,
    oidcProviders: aws.oidcProviders,
    associations: aws.associations,
    webIdentity: aws.webIdentity,
    kubernetes,
    releases,
    logs: await deps.logs({ kubernetes, namespace, selector, port: podPort }),
    ...(grafana && { grafana }),
    clock: deps.clock,
    random: deps.random,
    ...(said && { said }),
    ...(consent && { consent }),
    timeoutMs: settings.timeoutSeconds * 1000,
  });
}
