/** Loki as found in the cluster, no matter who installed it: workloads, pods and their logs, and everything attached to them. */
import type { LokiEvidence } from '../analyze/loki-evidence.ts';
import type { PodEvidence, Workload } from '../analyze/objects-evidence.ts';
import type { KubeObject, Kubernetes } from '../../../ports/kubernetes.ts';
import { ProblemError } from '../../../problems/problem.ts';
import type { RunContext } from '../../../deps.ts';
import { accessLog } from './access.ts';
import { accountOf, bucketsOf } from './aws.ts';
import { claimsIn, warningsIn } from './events.ts';
import { gatewayLost, gatewayOf } from './gateway.ts';
import { bucketsIn, configFile, isLoki, otherStoreIn, parsed } from './loki-config.ts';
import { ringOf, stateOf } from './loki-state.ts';
import { each, linesOf, collected, podOf, understood, workloadOf, type CollectContext } from './objects.ts';

/** Enough to cover each component; a big installation has hundreds. */
const MOST_PODS = 400;
const PODS_READ = 32;
const TAIL = 500;
const LAST = 120;
const BUCKET_TROUBLE = /operation error (S3|STS)|failed to flush|failed to run compaction|get credentials|AccessDenied/;
const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;
/** Labels of Loki in its charts, old and new, the likely ones first. */
const LOKI_LABELS = ['app.kubernetes.io/name=loki', 'app.kubernetes.io/name in (loki-distributed,loki-simple-scalable,enterprise-logs)', 'app=loki'] as const;

/** All workloads with one of these labels: in the expected namespace, else anywhere. Failed lists are reported. */
export async function workloadsLabelled(
  { session: { kubernetes }, miss }: Pick<CollectContext, 'session' | 'miss'>,
  of: { readonly labels: readonly string[]; readonly namespace: string },
): Promise<readonly KubeObject[]> {
  for (const namespace of [of.namespace, undefined]) {
    for (const labels of of.labels) {
      const found = await listed(kubernetes, { labels, ...(namespace && { namespace }) }).catch((error: unknown) => {
        // In a single namespace this list is essential; elsewhere it is optional.
        if (namespace !== undefined || !isForbidden(error)) throw error;
        miss(`Deployments, StatefulSets and DaemonSets outside namespace ${of.namespace}`, error);
        return undefined;
      });
      if (found === undefined) return [];
      if (found.length > 0) return found;
    }
  }
  return [];
}

const isForbidden = (error: unknown): boolean => error instanceof ProblemError && error.problem.code === 'KUBE_FORBIDDEN';
const listed = async (kubernetes: Kubernetes, where: { readonly labels: string; readonly namespace?: string }) =>
  (await Promise.all(KINDS.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, ...where })))).flat();

export async function surveyLoki(looking: CollectContext): Promise<LokiEvidence | undefined> {
  const { run, session, miss } = looking;
  const { kubernetes, releases } = session;
  const found = await workloadsLabelled(looking, { labels: LOKI_LABELS, namespace: run.settings.namespace });
  const anchor = found.find((object) => isLoki(workloadOf(object))) ?? found[0];
  const namespace = anchor?.metadata.namespace;
  if (!anchor || namespace === undefined) return undefined;
  tellOthers(run, found, namespace);
  const instance = anchor.metadata.labels?.['app.kubernetes.io/instance'] ?? anchor.metadata.labels?.['release'];
  const workloads = await lokiWorkloads(looking, { found, namespace, instance });
  const store = workloads.find(({ component }) => ['ingester', 'write', 'single-binary'].includes(component)) ?? workloads.find(isLoki);
  const accountName = store?.template.serviceAccountName ?? 'default';
  const [objects = [], seenAccount, release, file, claims = [], events = []] = await Promise.all([
    understood(miss, `Loki pods`, podsOf(looking, { namespace, instance, workloads })),
    understood(miss, `ServiceAccount ${namespace}/${accountName}`, accountOf(looking, { namespace, accountName })),
    instance ? collected(miss, `Helm release ${instance}`, releases.find(instance, namespace)) : undefined,
    collected(miss, "Loki's configuration", configFile(kubernetes, workloads)),
    collected(miss, 'volume claims', claimsIn(looking, { namespace, instance, workloads })),
    collected(miss, `events in namespace ${namespace}`, warningsIn(looking, namespace)),
  ]);
  const account = seenAccount ?? { name: accountName, exists: true };
  const config = file && parsed(file.text);
  const pods = (await collected(miss, "Loki's logs", withLines(looking, objects))) ?? objects;
  const troubled = pods.some(({ lines = [] }) => lines.some((line) => BUCKET_TROUBLE.test(line)));
  const [buckets = [], ring, state, gateway] = await Promise.all([
    collected(
      miss,
      'buckets',
      Promise.resolve().then(() => bucketsOf(looking, { account, buckets: bucketsIn(config), troubled })),
    ),
    collected(miss, "Loki's ring", ringOf(looking, pods)),
    collected(miss, "Loki's metrics", stateOf(looking, pods)),
    collected(miss, 'the gateway', gatewayOf(looking, { namespace, workloads })),
  ]);
  const lost = (await collected(miss, 'gateway objects', gatewayLost(looking, { namespace, release, gateway }))) ?? [];
  return {
    namespace,
    ...(release && { release }),
    workloads,
    pods,
    claims,
    events,
    configFrom: file?.from ?? `namespace ${namespace}`,
    ...(config !== undefined && { config }),
    ...(otherStoreIn(config) && { otherStore: otherStoreIn(config)! }),
    account,
    buckets,
    ...state,
    ...(ring && { ring }),
    ...(gateway && { gateway }),
    ...(lost.length > 0 && { gatewayLost: lost }),
  };
}

function tellOthers({ emit }: RunContext, found: readonly KubeObject[], namespace: string): void {
  const others = [...new Set(found.map(({ metadata }) => metadata.namespace ?? ''))].filter((one) => one !== namespace);
  if (others.length > 0) emit({ type: 'note.given', text: `Loki is also installed in namespace ${others.join(', ')}. Select one with --namespace.` });
}

interface Place {
  readonly namespace: string;
  readonly instance: string | undefined;
}

/** Caches, and zone-aware ingesters, have other values of the label `name`: the release shows that they belong to it. */
async function lokiWorkloads(
  { session: { kubernetes }, miss }: CollectContext,
  of: Place & { readonly found: readonly KubeObject[] },
): Promise<readonly Workload[]> {
  const { namespace, instance } = of;
  const near = instance
    ? await collected(miss, `workloads of ${instance}`, listed(kubernetes, { labels: `app.kubernetes.io/instance=${instance}`, namespace }))
    : [];
  const all = new Map(
    [...of.found.filter(({ metadata }) => metadata.namespace === namespace), ...(near ?? [])].map((one) => [`${one.kind} ${one.metadata.name}`, one]),
  );
  const known = new Set(of.found.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  return [...all]
    .map(([id, object]) => ({ id, workload: named(workloadOf(object)) }))
    .filter(({ id, workload }) => known.has(id) || isLoki(workload) || /^memcached|-cache$/.test(workload.component))
    .map(({ workload }) => workload);
}

/** Without a `component` label, Loki's arguments show which components it runs. */
function named(workload: Workload): Workload {
  if (workload.component !== '' || !isLoki(workload)) return workload;
  const words = workload.template.containers.flatMap(({ command = [], args = [] }) => [...command, ...args]);
  const target = words.map((word) => /^--?target=(.+)$/.exec(word)?.[1]).find(Boolean) ?? 'all';
  return { ...workload, component: target === 'all' ? 'single-binary' : target.split(',')[0]! };
}

async function podsOf(
  { session: { kubernetes }, miss }: CollectContext,
  { namespace, instance, workloads }: Place & { readonly workloads: readonly Workload[] },
): Promise<readonly PodEvidence[]> {
  const text = (selector: Readonly<Record<string, string>>) =>
    Object.entries(selector)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
  const byInstance = instance !== undefined && workloads.every(({ selector }) => selector['app.kubernetes.io/instance'] === instance);
  const queries = byInstance ? [`app.kubernetes.io/instance=${instance}`] : [...new Set(workloads.map(({ selector }) => text(selector)).filter(Boolean))];
  const objects = (await Promise.all(queries.map((labels) => kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels, limit: MOST_PODS })))).flat();
  if (objects.length >= MOST_PODS) miss.say(`Loki pods beyond the first ${MOST_PODS}`, 'too many to check all');
  return [...new Map(objects.map((object) => [object.metadata.name, podOf(object)])).values()].flatMap((pod) => {
    const owner = workloads.find(
      ({ selector }) => Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => pod.labels[key] === value),
    );
    return owner && !pod.ending ? [{ ...pod, component: owner.component }] : [];
  });
}

/** Pods in trouble first, then all that write to the bucket, and one or two of each other component. */
async function withLines({ session: { kubernetes }, miss }: CollectContext, pods: readonly PodEvidence[]): Promise<readonly PodEvidence[]> {
  const counted = new Map<string, number>();
  const chosen = [...pods]
    .sort((a, b) => Number(a.ready) - Number(b.ready))
    .filter(({ component, ready, unscheduled }) => {
      const nth = (counted.get(component) ?? 0) + 1;
      counted.set(component, nth);
      const most = ['ingester', 'write'].includes(component) ? 8 : ready ? 2 : 4;
      return unscheduled === undefined && nth <= most && !/cache|memcached|canary/.test(component);
    })
    .slice(0, PODS_READ);
  if (pods.length > PODS_READ) miss.say(`logs of ${pods.length - chosen.length} of ${pods.length} Loki pods`, 'sampled per component');
  const read = new Map(
    await each(chosen, 8, async (pod) => {
      const container = logging(pod);
      const what = `log of pod ${pod.name}`;
      // For a pod that fails to start, its last lines count, however old they are.
      if (container && pod.component === 'gateway' && pod.ready)
        return [pod.name, (await collected(miss, what, accessLog(kubernetes, pod, container))) ?? {}] as const;
      const lines = container && (await collected(miss, what, linesOf(kubernetes, pod, { container, tail: TAIL })));
      return [pod.name, lines ? { lines: telling(lines) } : {}] as const;
    }),
  );
  return pods.map((pod) => ({ ...pod, ...read.get(pod.name) }));
}

/** The most recent lines; before them those above level info, and how each component found the others. */
function telling(lines: readonly string[]): readonly string[] {
  const before = lines.slice(0, -LAST).filter((line) => !/\blevel=(info|debug)\b/.test(line) || /memberlist|Starting Loki/.test(line));
  return [...before, ...lines.slice(-LAST)];
}

/** The container of Loki or nginx, among sidecars. */
function logging({ spec: { containers } }: PodEvidence): string | undefined {
  const told = containers.find(({ command = [], args = [] }) => [...command, ...args].some((word) => /^--?config\.file=/.test(word)));
  return (told ?? containers.find(({ name, image }) => ['loki', 'nginx', 'single-binary'].includes(name) || /loki/.test(image ?? '')) ?? containers[0])?.name;
}
