/** Ports and blueprint, put together for the steps; every port that can lose log data goes through the guard. */
import type { Blueprint } from '../design/blueprint.ts';
import type { Facts } from '../design/facts.ts';
import type { Context } from '../steps/context.ts';
import { guardData } from '../steps/data-guard.ts';
import { grafanaFor } from './grafana.ts';
import type { Run } from './outside.ts';
import type { Reached } from './reach.ts';

export async function contextFor(
  { settings, outside, said, consent }: Run,
  { aws, caller, kubernetes, releases }: Reached,
  made: { readonly blueprint: Blueprint; readonly facts: Facts; readonly givenPassword?: string; readonly rotateLogin?: boolean; readonly adopting?: boolean },
): Promise<Context> {
  const { namespace, selector, podPort } = made.blueprint.gateway;
  const grafana = await grafanaFor({ settings, outside }, kubernetes, made.blueprint.grafana);
  return guardData({
    ...made,
    buckets: aws.buckets(caller.account),
    roles: aws.roles,
    oidcProviders: aws.oidcProviders,
    associations: aws.associations,
    webIdentity: aws.webIdentity,
    kubernetes,
    releases,
    logs: await outside.logs({ kubernetes, namespace, selector, port: podPort }),
    ...(grafana && { grafana }),
    clock: outside.clock,
    random: outside.random,
    ...(said && { said }),
    ...(consent && { consent }),
    timeoutMs: settings.timeoutSeconds * 1000,
  });
}
