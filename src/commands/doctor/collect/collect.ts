/** Collects all evidence about a log path, without a write and without an installation record. */
import { clusterArn, roleArn, rule } from '../../../design/permissions.ts';
import type { Permission } from '../../../engine/types.ts';
import type { CollectorEvidence } from '../analyze/collectors-evidence.ts';
import type { LokiEvidence } from '../analyze/loki-evidence.ts';
import type { Evidence } from '../analyze/evidence.ts';
import { targetOf } from '../../../design/drift.ts';
import { ownership } from '../../../design/ownership.ts';
import type { Release } from '../../../ports/releases.ts';
import { byWhom, driftOf } from '../../../steps/release-drift.ts';
import { isOwnedRelease } from '../../../steps/ownership.ts';
import { nodeFacts } from '../../nodes.ts';
import type { RunContext } from '../../../deps.ts';
import type { Session } from '../../connect.ts';
import { answersOf, type Answers } from './answers.ts';
import { podsOnFargate, silentApps } from './apps.ts';
import { surveyCollectors } from './collectors.ts';
import { surveyDashboards } from './dashboards.ts';
import { namespaceLabels, nodeEvents, policiesIn } from './events.ts';
import { askThroughGrafana, sourceNames, surveyDatasources, surveyGrafana } from './grafana.ts';
import { surveyLoki } from './loki.ts';
import { collected, collectErrors, understood, type NotCollected, type CollectContext } from './objects.ts';
import { servicesOf } from './services.ts';
import { pushingOf } from './pushing.ts';
import { standingStill } from './standstill.ts';

export async function collect(run: RunContext, session: Session): Promise<Evidence> {
  const notCollected: NotCollected[] = [];
  const looking: CollectContext = { run, session, miss: collectErrors(notCollected, run.signal) };
  const guarded = <T>(what: string, look: Promise<T>) => collected(looking.miss, what, look);
  const [cluster, nodes, lokiFound, collectorsFound, datasourcesFound, inGrafana, dashboards = [], events = []] = await Promise.all([
    guarded('the cluster', clusterEvidence(looking)),
    guarded('nodes', nodeFacts(session.kubernetes)),
    understood(
      looking.miss,
      'Loki',
      surveyLoki(looking).then((loki) => ({ loki })),
    ),
    understood(looking.miss, 'collectors', surveyCollectors(looking)),
    guarded('Grafana data sources', surveyDatasources(looking)),
    guarded('Grafana', surveyGrafana(looking)),
    guarded('dashboards', surveyDashboards(looking)),
    guarded('node events', nodeEvents(looking)),
  ]);
  const unread = [...(lokiFound ? [] : ['loki' as const]), ...(collectorsFound ? [] : ['collectors' as const])];
  const loki = lokiFound?.loki;
  const found = collectorsFound ?? { expected: [], elsewhere: [] };
  const provisioned = datasourcesFound ?? { datasources: [], whole: false };
  const began = run.deps.clock.now();
  const { datasources } = provisioned;
  const names = sourceNames(provisioned, inGrafana);
  const upstreams = (loki?.gateway?.upstreams ?? []).map((url) => ({ url, from: `Service ${loki?.namespace}/` }));
  const asked = { upstreams, collectors: [...found.expected, ...found.elsewhere], datasources: [...datasources, ...(inGrafana?.sources ?? [])] };
  const services = (await guarded('Services', servicesOf(looking, asked))) ?? new Map();
  const leads = (url: string | undefined) => loki !== undefined && services.get(url ?? '')?.namespace === loki.namespace;
  const withOurs = (all: readonly CollectorEvidence[]) =>
    all.map((one) => ({ ...one, writers: one.writers.map((writer) => ({ ...writer, ours: leads(writer.url) })) }));
  const collectors = [...withOurs(found.expected), ...withOurs(found.elsewhere).filter(({ writers }) => writers.some(({ ours }) => ours))];
  const asking = { collectors, datasources: datasources.map((one) => ({ ...one, ours: leads(one.url) })) };
  const namespaces = [...new Set([...(loki ? [loki.namespace] : []), ...collectors.map(({ workload }) => workload.namespace)])];
  const releases = [loki?.release, ...collectors.map(({ release }) => release)].filter((release) => release !== undefined);
  const [answers, policies, labels, silent, throughGrafana, fargatePods, drifted] = await Promise.all([
    loki ? guarded("Loki's responses", answersOf(looking, { loki, ...asking })) : undefined,
    guarded('NetworkPolicies', policiesIn(looking, namespaces)),
    guarded('namespace labels', namespaceLabels(looking, namespaces)),
    guarded('pods that log nothing', silentApps(looking, namespaces)),
    inGrafana && guarded('queries through Grafana', askThroughGrafana(inGrafana, leads)),
    nodes?.some(({ kind }) => kind === 'fargate') ? guarded('pods on Fargate', podsOnFargate(looking)) : undefined,
    guarded('drift of the Helm releases', driftedIn(looking, releases)),
  ]);
  const before = answers?.collectors ?? collectors;
  const pushing = (await guarded('results of pushes', pushingOf(looking, { collectors: before, began }))) ?? before;
  return {
    cluster: cluster ?? { name: session.cluster.name, region: session.aws.region, partition: session.caller.partition, clusterDns: true },
    ours: isOurs(loki, session),
    nodes: nodes ?? [],
    ...(loki && { loki: withAnswer(loki, answers?.anonymous) }),
    collectors: await withStandstill(looking, { ...answers, collectors: pushing }),
    datasources: answers?.datasources ?? asking.datasources,
    ...(throughGrafana && { throughGrafana }),
    ...(names && { sourceNames: names }),
    services,
    ...(answers?.reading && { reading: answers.reading }),
    nodeEvents: events,
    ...(policies && { policies }),
    namespaces: labels ?? new Map(),
    dashboards,
    ...(silent && { silent }),
    ...(fargatePods && { fargatePods }),
    ...(drifted && { drifted }),
    done: run.deps.clock.now(),
    notCollected,
    ...(unread.length > 0 && { unread }),
    ...(looking.miss.unreached() && { unreached: looking.miss.unreached()! }),
  };
}

async function driftedIn({ session }: CollectContext, releases: readonly Release[]): Promise<NonNullable<Evidence['drifted']>> {
  const drifts = await Promise.all(releases.map((release) => driftOf(session, release)));
  return drifts.flatMap(({ drifted }) => drifted.map((one) => ({ target: targetOf(one.ref), how: byWhom(one) })));
}

const isOurs = (loki: LokiEvidence | undefined, { cluster }: Session): boolean =>
  loki?.release !== undefined && isOwnedRelease(loki.release, ownership(cluster.arn, loki.namespace));

const withAnswer = (loki: LokiEvidence, anonymous: NonNullable<LokiEvidence['gateway']>['anonymous']): LokiEvidence =>
  loki.gateway && anonymous ? { ...loki, gateway: { ...loki.gateway, anonymous } } : loki;

function withStandstill(
  looking: CollectContext,
  { collectors, read, reading }: Pick<Answers, 'collectors' | 'read' | 'reading'>,
): Promise<readonly CollectorEvidence[]> {
  const asking = read && reading?.status === 200 ? { get: read, labels: reading.labels } : undefined;
  const look = (one: CollectorEvidence) => collected(looking.miss, 'stalled collectors', standingStill(looking, one, asking));
  return Promise.all(collectors.map(async (one) => ({ ...one, stuck: (await look(one)) ?? [] })));
}

async function clusterEvidence({ session: { aws, caller, cluster, kubernetes }, miss }: CollectContext): Promise<Evidence['cluster']> {
  const issuer = cluster.issuer?.replace('https://', '');
  const providerArn = issuer && `arn:${caller.partition}:iam::${caller.account}:oidc-provider/${issuer}`;
  const dnsService = { apiVersion: 'v1', kind: 'Service', namespace: 'kube-system', name: 'kube-dns' } as const;
  const [provider, dns] = await Promise.all([
    providerArn
      ? collected(
          miss,
          'the OIDC provider',
          aws.oidcProviders.find(providerArn).then((known) => ({ known })),
        )
      : undefined,
    collected(
      miss,
      'Service kube-system/kube-dns',
      kubernetes.get(dnsService).then((object) => ({ object })),
    ),
  ]);
  return {
    name: cluster.name,
    region: aws.region,
    partition: caller.partition,
    ...(issuer && { issuer }),
    // A provider that could not be read is not missing.
    ...(providerArn && provider && { providerArn }),
    ...(provider?.known && { provider: provider.known }),
    clusterDns: dns === undefined || dns.object !== undefined,
  };
}

/** What may not be read is left out, and reported. Adopt reads the installation in the same way. */
const SURVEYING = ['doctor', 'adopt'] as const;
export const surveyPermissions: readonly Permission[] = [
  { to: 'find the cluster and its associations', for: SURVEYING, actions: ['eks:DescribeCluster', 'eks:ListPodIdentityAssociations'], on: [clusterArn] },
  { to: "ask what Loki's role may do in its buckets", for: SURVEYING, actions: ['iam:SimulatePrincipalPolicy'], on: [roleArn] },
  {
    to: 'do so, and read its trust policy, for a Loki that loki-eks did not install',
    for: ['adopt'],
    actions: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies', 'iam:SimulatePrincipalPolicy'],
    on: ['arn:aws:iam::ACCOUNT:role/ADOPTED-ROLE'],
  },
  rule('cluster', 'list', 'pods daemonsets.apps deployments.apps statefulsets.apps', {
    to: 'find Loki, collectors and Grafana wherever they are',
    for: SURVEYING,
  }),
  rule('cluster', 'list', 'nodes storageclasses.storage.k8s.io', { to: 'know the cluster', for: ['doctor'] }),
  rule('kube-system', 'get', 'daemonsets.apps', { to: 'see whether the agent of EKS Pod Identity runs', for: ['adopt'] }),
  rule('cluster', 'list', 'secrets configmaps', { to: 'find data sources and dashboards of Grafana', for: ['doctor'] }),
  rule('cluster', 'list', 'events', { to: 'see why pods do not run', for: SURVEYING }),
  rule('cluster', 'list', 'networkpolicies.networking.k8s.io persistentvolumeclaims', { to: 'see what keeps the parts apart', for: ['doctor'] }),
  rule('cluster', 'get', 'services configmaps namespaces serviceaccounts secrets daemonsets.apps', {
    to: 'read what they are configured with',
    for: ['doctor'],
  }),
  rule('cluster', 'get', 'pods/log pods/proxy', { to: 'read logs and counters', for: ['doctor'] }),
  rule('loki', 'get', 'pods/log pods/proxy', { to: 'read logs and counters', for: ['adopt'] }),
  rule('collector', 'get', 'pods/log pods/proxy configmaps', { to: 'read logs, counters and configuration of collectors', for: ['adopt'] }),
  rule('loki', 'get create', 'pods/portforward', { to: 'ask Loki', for: SURVEYING }),
];
