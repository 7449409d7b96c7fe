/** The values of both charts, built from the files under `templates/`. */
import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { gatewayLabels } from './exposure.ts';
import { lokiRelease, loginSecret, lokiServiceAccount } from './names.ts';
import type { Values } from './merge.ts';
import { periods, takesMetadata, type Period } from './schema.ts';
import { components, type Component, type Share, type Sizing } from './sizes.ts';
import { renderDocument, renderText, type Templates } from './template.ts';

/** Enough for the write-ahead log of every size; the same for all, because a StatefulSet can't change its volumes. */
export const volumeSize = '20Gi';

/** Loki's own limit, 30d1h: a longer query is rejected, so logs kept longer could only be queried piecewise. */
const queryableHours = 721;

export interface LokiParts {
  readonly installId: string;
  readonly region: string;
  /** The role of Loki's pods, and how they get it. */
  readonly role: string;
  readonly chunksBucket: string;
  readonly rulerBucket: string;
  readonly retentionDays: number;
  readonly tenant: string;
  readonly sizing: Sizing;
  readonly storageClass: string;
  /** The Secret that the gateway mounts as its password file. */
  readonly htpasswdSecret: string;
  readonly alertmanagerUrl?: string;
  readonly resolver?: string;
  readonly monitoring: boolean;
  /** Schema periods under which lines have been written; none if nothing runs yet. */
  readonly kept: readonly Period[];
  readonly today: string;
  /** The load balancer's Service, if there is one. */
  readonly exposed?: object;
}

export function lokiValues(templates: Templates, parts: LokiParts): Values {
  const { sizing, retentionDays, tenant, exposed, kept, today, ...plain } = parts;
  const values = renderDocument(parse(templates('loki/values.yaml')), {
    alertmanagerUrl: undefined,
    resolver: undefined,
    ...plain,
    serviceAccount: lokiServiceAccount,
    volumeSize,
    retentionPeriod: `${retentionDays * 24}h`,
    maxQueryLength: `${Math.max(queryableHours, retentionDays * 24 + 1)}h`,
    tenantHeader: `proxy_set_header X-Scope-OrgID "${tenant}";`,
    replicationFactor: sizing.replicationFactor,
    walReplayCeiling: sizing.walReplayCeiling,
    ingestionRate: sizing.ingestion.rate,
    ingestionBurst: sizing.ingestion.burst,
    maxStreams: sizing.maxStreams,
    chunksCacheMemory: sizing.chunksCache.memory,
    chunksCacheCpu: sizing.chunksCache.cpu,
    resultsCacheMemory: sizing.resultsCache.memory,
    resultsCacheCpu: sizing.resultsCache.cpu,
    extraObjects: exposed === undefined ? undefined : [exposed],
    ...shareValues(sizing),
  }) as LokiValues;
  const schema = periods({ ours: values.loki.schemaConfig.configs, kept, today });
  const limits = { ...values.loki.limits_config, ...(!takesMetadata(schema) && { allow_structured_metadata: false }) };
  return { ...values, loki: { ...values.loki, schemaConfig: { configs: schema }, limits_config: limits } };
}

interface LokiValues {
  readonly loki: { readonly schemaConfig: { readonly configs: readonly Period[] }; readonly limits_config: Values; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** Components that always run with one replica: anti-affinity and a disruption budget would be pointless. */
const single: readonly Component[] = ['compactor', 'ruler'];

function shareValues(sizing: Sizing): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const component of components) {
    const share = sizing.shares[component];
    values[`${component}Replicas`] = share.replicas;
    values[`${component}Resources`] = resources(share);
    if (single.includes(component)) continue;
    const several = share.replicas > 1;
    values[`${component}MaxUnavailable`] = several ? 1 : undefined;
    values[`${component}Affinity`] = several && !sizing.apart.includes(component) ? spread(component) : undefined;
  }
  return values;
}

const resources = ({ cpu, memory, limit }: Share) => ({ requests: { cpu, memory }, limits: { memory: limit } });

const kebab = (component: Component) => component.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The chart requires different nodes; this only prefers them. The `null` removes the chart's requirement, because maps merge. */
function spread(component: Component) {
  const matchLabels = { ...gatewayLabels, 'app.kubernetes.io/instance': lokiRelease, 'app.kubernetes.io/component': kebab(component) };
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: null,
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 100, podAffinityTerm: { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' } },
      ],
    },
  };
}

export interface AlloyParts {
  readonly installId: string;
  readonly clusterLabel: string;
  readonly pushUrl: string;
  readonly tenant: string;
  readonly user: string;
  readonly monitoring: boolean;
}

/** The pipeline, as Alloy reads it. */
export function alloyConfig(templates: Templates, { clusterLabel, pushUrl, tenant, user }: AlloyParts): string {
  return renderText(templates('alloy/config.alloy'), { clusterLabel, pushUrl, tenant, user });
}

export function alloyValues(templates: Templates, parts: AlloyParts): Values {
  const checkpoint = templates('alloy/checkpoint.pl');
  return renderDocument(parse(templates('alloy/values.yaml')), {
    installId: parts.installId,
    monitoring: parts.monitoring,
    loginSecret,
    config: literal(alloyConfig(templates, parts)),
    checkpoint: literal(checkpoint),
    checkpointChecksum: createHash('sha256').update(checkpoint).digest('hex').slice(0, 16),
  }) as Values;
}

/** The chart renders both texts through Helm templates, where braces would be template actions. */
const literal = (text: string) => text.replaceAll('{{', '{{ "{{" }}');
