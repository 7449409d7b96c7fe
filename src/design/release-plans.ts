/** The two Helm releases: our values, the user's merged over them, and which of the user's keys the charts do not know. */
import type { Chart } from '../ports/releases.ts';
import type { DesignInput, UserValues, ValuesFile } from './design-input.ts';
import type { Blueprint, GatewayPlan, ReleasePlan } from './blueprint.ts';
import { gatewayResolver } from './cluster-dns.ts';
import { exposureService } from './exposure.ts';
import { unknownKeys } from './keys.ts';
import { mergeValues, type Values } from './merge.ts';
import * as names from './names.ts';
import type { Ownership } from './ownership.ts';
import type { Period } from './schema.ts';
import { alloyValues, lokiValues } from './values.ts';

interface ReleaseParts {
  readonly buckets: Blueprint['buckets'];
  readonly roleArn: string;
  readonly gateway: GatewayPlan;
  readonly storageClass: string;
  readonly userValues: UserValues;
}

export function releasePlans(input: DesignInput, { buckets, roleArn, gateway, storageClass, userValues }: ReleaseParts): Pick<Blueprint, 'loki' | 'alloy'> {
  const { settings, facts, templates, own, tenant, clusterLabel } = input;
  const shared = { installId: own.installId, tenant, monitoring: facts.serviceMonitors === true };
  const loki = lokiValues(templates, {
    ...shared,
    region: facts.region,
    role: `${roleArn} by ${settings.identity}`,
    chunksBucket: buckets.chunks.name,
    rulerBucket: buckets.ruler.name,
    retentionDays: settings.retentionDays,
    sizing: input.sizing,
    storageClass,
    htpasswdSecret: facts.adopted?.passwordSecret ?? names.htpasswdSecret,
    alertmanagerUrl: settings.alertmanagerUrl,
    resolver: gatewayResolver(facts),
    kept: facts.inUse?.schema ?? ((facts.adopted?.schema ?? []) as readonly Period[]),
    today: facts.today ?? '',
    exposed: exposureService({ settings, facts }),
  });
  const alloy = alloyValues(templates, { ...shared, clusterLabel, pushUrl: gateway.pushUrl, user: settings.gatewayUser });
  const plan = (which: 'loki' | 'alloy', namespace: string, ours: Values) =>
    release({ which, namespace, chart: facts.charts[which], ours, users: userValues[which], own });
  return { loki: plan('loki', settings.namespace, loki), alloy: plan('alloy', settings.collectorNamespace, alloy) };
}

function release(of: {
  readonly which: 'loki' | 'alloy';
  readonly namespace: string;
  readonly chart: Chart;
  readonly ours: Values;
  readonly users: readonly ValuesFile[];
  readonly own: Ownership;
}): ReleasePlan {
  const { which, chart, users } = of;
  return {
    name: which === 'loki' ? names.lokiRelease : names.alloyRelease,
    namespace: of.namespace,
    chart,
    values: users.reduce((below, { values }) => mergeValues(below, values), of.ours),
    labels: of.own.labels,
    unknownKeys: users.flatMap(({ file, values }) => unknownKeys(values, { name: which, version: chart.version }).map((found) => ({ ...found, file }))),
  };
}
