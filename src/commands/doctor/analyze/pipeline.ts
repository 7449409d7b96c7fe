/** What a collector does according to its configuration, whichever software it is. */
import { blocksNamed, type AlloyBlock } from '../../../design/alloy-reading.ts';
import { getPath } from '../../../design/get-path.ts';
import type { Json } from '../../../engine/types.ts';
import type { CollectorEvidence } from './collectors-evidence.ts';
import type { Container, PodEvidence } from './objects-evidence.ts';
import type { Evidence } from './evidence.ts';

type Piped = Pick<CollectorEvidence, 'software' | 'blocks' | 'scrapes'>;

const scrapesOf = ({ scrapes }: Piped): readonly Json[] => {
  const configs = getPath(scrapes, 'scrape_configs');
  return Array.isArray(configs) ? (configs as readonly Json[]) : [];
};

export const readsFiles = (one: Piped): boolean =>
  one.software === 'promtail'
    ? scrapesOf(one).some((scrape) => ['kubernetes_sd_configs', 'static_configs', 'file_sd_configs'].some((key) => getPath(scrape, key) !== undefined))
    : blocksNamed(one.blocks, 'loki.source.file').length > 0;

/** Through the API server, as `kubectl logs` does. */
export const readsApi = ({ blocks }: Piped): boolean => blocksNamed(blocks, /^loki\.source\.(kubernetes|podlogs)$/).length > 0;

export const takesPrefix = (one: Piped): boolean =>
  one.software === 'promtail' ? /"(cri|docker)":/.test(JSON.stringify(one.scrapes ?? {})) : blocksNamed(one.blocks, /^stage\.(cri|docker)$/).length > 0;

/** The environment variable used as the node name, and where it is set; without one it is the host name, which is the pod's. */
export function nodeVariable(one: Piped): { readonly variable?: string; readonly said: string } | undefined {
  if (one.software === 'promtail')
    return scrapesOf(one).some((scrape) => getPath(scrape, 'kubernetes_sd_configs') !== undefined) ? { variable: 'HOSTNAME', said: '__host__' } : undefined;
  const selectors = blocksNamed(blocksNamed(one.blocks, 'discovery.kubernetes'), 'selectors').map(({ attributes }) => attributes['field'] ?? '');
  const kept = blocksNamed(one.blocks, 'rule')
    .filter(({ attributes }) => /__meta_kubernetes_pod_node_name/.test(attributes['source_labels'] ?? '') && /"keep"/.test(attributes['action'] ?? ''))
    .map(({ attributes }) => attributes['regex'] ?? '');
  for (const said of [...selectors.filter((text) => text.includes('spec.nodeName')), ...kept]) {
    const variable = /env\("(\w+)"\)/.exec(said)?.[1];
    if (variable) return { variable, said };
    if (said.includes('constants.hostname')) return { said };
  }
  return undefined;
}

/** The container that has the configuration argument, among sidecars. */
export const container = ({ workload: { template } }: CollectorEvidence): Container | undefined =>
  template.containers.find(({ command = [], args = [] }) => [...command, ...args].some((word) => word === 'run' || /^--?config\.file=/.test(word))) ??
  template.containers[0];

/** Collectors whose configuration is read. */
export const judged = ({ collectors }: Evidence): readonly CollectorEvidence[] => collectors.filter(({ software }) => software !== 'other');
export const collectorPods = (collected: Evidence): readonly PodEvidence[] => judged(collected).flatMap(({ pods }) => pods);
/** Collectors that may still suffer from what their log shows: those that follow files have recovered. */
export const stuck = ({ pods, counters }: CollectorEvidence): readonly PodEvidence[] =>
  pods.filter(({ name }) => !counters.some(({ pod, activeFiles = 0 }) => pod === name && activeFiles > 0));
/** Where to find the settings that fix the finding. */
export const where = ({ release, workload: { kind, namespace, name } }: CollectorEvidence): string =>
  release ? `the values of Helm release ${release.namespace}/${release.name}` : `${kind} ${namespace}/${name}`;

/** Whether what a block forwards ends in a `loki.write`, or somewhere outside this file. */
export function leadsOut(block: AlloyBlock, all: readonly AlloyBlock[], left = 8): boolean {
  const to = block.attributes['forward_to'] ?? '';
  if (to.includes('loki.write.') || left === 0) return true;
  const receivers = [...to.matchAll(/(?<![\w.])([\w.]+)\.(\w+)\.receiver/g)].map(([, name, label]) =>
    all.find((one) => one.name === name && one.label === label),
  );
  // Modules and arguments may do anything.
  if (receivers.length === 0) return /\w/.test(to);
  return receivers.some((receiver) => receiver === undefined || leadsOut(receiver, all, left - 1));
}
