/** What a collector's configuration says that it does, whichever software it is. */
import { blocksNamed, type AlloyBlock } from '../../design/alloy-reading.ts';
import { at } from '../../design/document.ts';
import type { Json } from '../../engine/types.ts';
import type { CollectorSeen } from './collectors-seen.ts';
import { freshSince, saying, timeOf, told } from './log-lines.ts';
import type { Container, PodSeen } from './objects-seen.ts';
import type { Survey } from './survey.ts';

type Piped = Pick<CollectorSeen, 'software' | 'blocks' | 'scrapes'>;

const scrapesOf = ({ scrapes }: Piped): readonly Json[] => {
  const configs = at(scrapes, 'scrape_configs');
  return Array.isArray(configs) ? (configs as readonly Json[]) : [];
};

export const readsFiles = (one: Piped): boolean =>
  one.software === 'promtail'
    ? scrapesOf(one).some((scrape) => ['kubernetes_sd_configs', 'static_configs', 'file_sd_configs'].some((key) => at(scrape, key) !== undefined))
    : blocksNamed(one.blocks, 'loki.source.file').length > 0;

/** Through the API server, as `kubectl logs` does. */
export const readsApi = ({ blocks }: Piped): boolean => blocksNamed(blocks, /^loki\.source\.(kubernetes|podlogs)$/).length > 0;

export const takesPrefix = (one: Piped): boolean =>
  one.software === 'promtail' ? /"(cri|docker)":/.test(JSON.stringify(one.scrapes ?? {})) : blocksNamed(one.blocks, /^stage\.(cri|docker)$/).length > 0;

/** The variable of the environment that is taken for the name of the node, and where that is said; none is the name of the host, which is the pod's. */
export function nodeVariable(one: Piped): { readonly variable?: string; readonly said: string } | undefined {
  if (one.software === 'promtail')
    return scrapesOf(one).some((scrape) => at(scrape, 'kubernetes_sd_configs') !== undefined) ? { variable: 'HOSTNAME', said: '__host__' } : undefined;
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

/** The one that is told what to run, among sidecars. */
export const container = ({ workload: { template } }: CollectorSeen): Container | undefined =>
  template.containers.find(({ command = [], args = [] }) => [...command, ...args].some((word) => word === 'run' || /^--?config\.file=/.test(word))) ??
  template.containers[0];

/** Those whose configuration is read. */
export const judged = ({ collectors }: Survey): readonly CollectorSeen[] => collectors.filter(({ software }) => software !== 'other');
export const collectorPods = (survey: Survey): readonly PodSeen[] => judged(survey).flatMap(({ pods }) => pods);
/** Collectors that may still suffer from what their log tells: those that follow files are over it. */
export const stuck = ({ pods, counters }: CollectorSeen): readonly PodSeen[] =>
  pods.filter(({ name }) => !counters.some(({ pod, activeFiles = 0 }) => pod === name && activeFiles > 0));
/** Where the settings are that fix what is found. */
export const where = ({ release, workload: { kind, namespace, name } }: CollectorSeen): string =>
  release ? `the values of Helm release ${release.namespace}/${release.name}` : `${kind} ${namespace}/${name}`;

/** Whether what a block hands on ends in a `loki.write`, or somewhere that this file does not tell of. */
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

const PUSH_ERROR = /error sending batch|status=(4\d\d|5\d\d|-1)|server returned HTTP status/i;

/** Trouble of now is told about by whoever tries next; what others said before may have been another one. */
const AT_ONCE_MS = 25_000;

/** What is ready answers a little later: a Service has to learn of its pods. */
const SETTLED_MS = 5000;

/**
 * Since when Loki can take lines, by its first gateway and the last ingester that it needed, as far as they are ready: what collectors
 * met before is how an installation begins, or the time between two gateways.
 */
function takingSince({ loki }: Pick<Survey, 'loki'>): number {
  const since = (component: RegExp): readonly number[] =>
    (loki?.pods ?? []).flatMap((pod) => (component.test(pod.component) ? (pod.readySince?.getTime() ?? []) : [])).toSorted((a, b) => a - b);
  const needed = Math.floor(Number(at(loki?.config, 'common.replication_factor') ?? 3) / 2) + 1;
  const [gateways, ingesters] = [since(/^gateway$/), since(/^(ingester|write|single-binary)/)];
  const ends = [...gateways.slice(0, 1), ...ingesters.slice(0, needed).slice(-1)];
  return ends.length > 0 ? Math.max(...ends) + SETTLED_MS : 0;
}

/** The last word of each collector about a push that failed: what it said before, or others long before, was another trouble. */
export function refusals(survey: Survey): ReturnType<typeof saying> {
  const heard = saying(collectorPods(survey), PUSH_ERROR, Math.max(freshSince(survey), takingSince(survey)));
  const newest = Math.max(0, ...heard.map(({ line }) => timeOf(line) ?? 0));
  return heard.filter(({ line }) => (timeOf(line) ?? newest) >= newest - AT_ONCE_MS);
}

/** What was said last of all. */
export function newestRefusal(survey: Survey): string | undefined {
  const heard = refusals(survey);
  return heard.toSorted((a, b) => (timeOf(a.line) ?? 0) - (timeOf(b.line) ?? 0)).at(-1)?.line;
}

/** Those of them that say this, each as `pod alloy-a: …`. */
export const refusedWith = (survey: Survey, pattern: RegExp, most = 3): readonly string[] =>
  refusals(survey)
    .filter(({ line }) => pattern.test(line))
    .slice(0, most)
    .map(({ pod, line }) => `pod ${pod.name}: ${told(line)}`);
