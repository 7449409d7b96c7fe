/** What the components of Loki 3.7.6 log from their start until they have found each other: much of it sounds worse than it is. */
import type { LogSurroundings } from '../surroundings.ts';
import { modulesOf } from './modules.ts';
import { type Loki, type LokiPeers, plays } from './loki.ts';

const DNS = '10.100.0.10:53';
/** A real Loki waits five times as long: there the other components are slower to start too. */
const FIRST_WAIT_MS = 200;
const MOST_ATTEMPTS = 10;
const RATES_EVERY_MS = 1_000;

const MEMBERS = ['compactor', 'distributor', 'ingester', 'querier', 'ruler'];

/** Which cache a component looks up at its start, and how often. */
const CACHES: readonly (readonly [component: string, cache: 'chunks' | 'results', times: number])[] = [
  ['querier', 'chunks', 1],
  ['ruler', 'chunks', 1],
  ['index-gateway', 'chunks', 1],
  ['query-frontend', 'results', 5],
];

/** Between its modules and "Loki started". */
const OWN: Readonly<Record<string, readonly string[]>> = {
  compactor: [
    'caller=basic_lifecycler.go:324 msg="instance not found in the ring" instance={pod} ring=compactor',
    'caller=compactor.go:420 msg="waiting until compactor is JOINING in the ring"',
    'caller=compactor.go:424 msg="compactor is JOINING in the ring"',
    'caller=compactor.go:434 msg="waiting until compactor is ACTIVE in the ring"',
    'caller=compactor.go:438 msg="compactor is ACTIVE in the ring"',
  ],
  ingester: [
    'caller=ingester.go:571 component=ingester msg="recovering from checkpoint"',
    'caller=ingester.go:593 component=ingester msg="recovering from WAL"',
    'caller=ingester.go:609 component=ingester msg="WAL segment recovery finished" elapsed=327.677µs errors=false',
    'caller=ingester.go:565 component=ingester msg="WAL recovery finished" time=374.116µs',
    'caller=lifecycler.go:721 component=ingester msg="instance not found in ring, adding with no tokens" ring=ingester',
  ],
  querier: ['caller=worker.go:138 component=querier msg="Starting querier worker connected to query-scheduler" scheduler={scheduler}'],
  ruler: ['caller=ruler.go:536 msg="ruler up and running"'],
};

const stamp = ({ clock }: LogSurroundings): string => `ts=${clock.now().toISOString()}`;
const name = ({ process }: Loki): string => process.pod.metadata.name;

/** How many of a Service's pods DNS returns. */
function addressesOf(around: LogSurroundings, loki: Loki, host: string): number {
  const service = around.network.service(host, loki.process.namespace);
  return service === undefined ? 0 : around.network.readyPods(service).length;
}

export function firstLines(around: LogSurroundings, loki: Loki): readonly string[] {
  const { config } = loki;
  const info = (text: string): string => `level=info ${stamp(around)} ${text}`;
  const components = Object.keys(OWN).filter((component) => plays(loki, component));
  return [
    info(
      `caller=main.go:146 msg="Starting Loki" version="(version=${/:v?([^@]+)/.exec(loki.process.container.image)?.[1] ?? 'unknown'}, branch=HEAD, revision=7ce2c9b)"`,
    ),
    info('caller=main.go:147 msg="Loading configuration file" filename=/etc/loki/config/config.yaml'),
    info(`caller=server.go:397 msg="server listening on addresses" http=[::]:${config.port} grpc=[::]:9095`),
    ...(isMember(loki) ? fastJoin(around, loki) : []),
    ...cacheLookups(around, loki),
    ...modulesOf(config.targets).map((module) => info(`caller=module_service.go:82 msg=starting module=${module}`)),
    ...components
      .flatMap((component) => OWN[component] ?? [])
      .map((text) => info(text.replace('{pod}', name(loki)).replace('{scheduler}', config.scheduler ?? ''))),
    info('caller=loki.go:615 msg="Loki started" startup_time=1.066435842s'),
  ];
}

const isMember = (loki: Loki): boolean => loki.config.ring !== '' && MEMBERS.some((component) => plays(loki, component));

const unresolved = ({ config: { ring } }: Loki): string => `failed to resolve ${ring}: lookup ${ring} on ${DNS}: no such host`;
const resolving = (around: LogSurroundings, loki: Loki): string =>
  `${stamp(around)} caller=memberlist_logger.go:74 level=warn msg=${JSON.stringify(unresolved(loki))}`;
const errors = (loki: Loki): string => JSON.stringify(`1 error occurred:\n\t* ${unresolved(loki)}\n\n`);

/** Components find each other through a Service that lists only ready pods: at the first start of all there are none. */
function fastJoin(around: LogSurroundings, loki: Loki): readonly string[] {
  const { ring } = loki.config;
  const at = stamp(around);
  const found = addressesOf(around, loki, ring);
  const lead = [
    `level=info ${at} caller=memberlist_client.go:517 msg="Using memberlist cluster label and node name" cluster_label= node=${name(loki)}-f7fddd2c`,
    `level=info ${at} caller=memberlist_client.go:708 msg="memberlist fast-join starting" nodes_found=${Math.max(1, found)} to_join=4`,
  ];
  const joining = `level=info ${at} caller=memberlist_client.go:746 phase=startup msg="joining memberlist cluster" join_members=${ring}`;
  if (found > 0)
    return [
      ...lead,
      `level=info ${at} caller=memberlist_client.go:729 msg="memberlist fast-join finished" joined_nodes=${found} elapsed_time=8.4ms`,
      joining,
      succeeded(around, loki, 0),
    ];
  return [
    ...lead,
    resolving(around, loki),
    `level=info ${at} caller=memberlist_client.go:714 msg="fast-joining node failed" node=${ring} err=${errors(loki)}`,
    `level=warn ${at} caller=memberlist_client.go:724 msg="memberlist fast-join failed to reach minimum required seed nodes" joined_nodes=0 required_nodes=1 elapsed_time=8.4ms`,
    `level=error ${at} caller=memberlist_client.go:599 msg="failed to fast-join the memberlist cluster at startup" err="fast-join failed to reach minimum required seed nodes: joined 0, required 1"`,
    joining,
    resolving(around, loki),
    attempted(around, loki, 1),
  ];
}

const attempted = (around: LogSurroundings, loki: Loki, attempt: number): string =>
  `level=warn ${stamp(around)} caller=memberlist_client.go:780 phase=startup msg="joining memberlist cluster" attempts=${attempt} max_attempts=${MOST_ATTEMPTS} err=${errors(loki)}`;

function succeeded(around: LogSurroundings, loki: Loki, ms: number): string {
  const reached = addressesOf(around, loki, loki.config.ring);
  return `level=info ${stamp(around)} caller=memberlist_client.go:753 phase=startup msg="joining memberlist cluster succeeded" reached_nodes=${reached} elapsed_time=${ms / 1000}s`;
}

function cacheLookups(around: LogSurroundings, loki: Loki): readonly string[] {
  return CACHES.flatMap(([component, cache, times]) => {
    const host = loki.config.caches[cache];
    if (host === undefined || !plays(loki, component) || addressesOf(around, loki, host) > 0) return [];
    const record = `_memcached-client._tcp.${host}`;
    const line = `level=error ${stamp(around)} caller=resolver.go:100 msg="failed to lookup SRV records" host=${record} err="lookup ${record} on ${DNS}: no such host"`;
    return Array.from({ length: times }, () => line);
  });
}

/** How long a component keeps the result of its first cache lookup. */
const CACHE_KNOWN_MS = 3_000;

/** Logged with each query as long as the last lookup of the results cache found no address. */
export function withoutCache(around: LogSurroundings, loki: Loki, key: string): readonly string[] {
  const host = loki.config.caches.results;
  const age = around.clock.now().getTime() - loki.started.getTime();
  if (host === undefined || !plays(loki, 'query-frontend') || !loki.cacheless || age > CACHE_KNOWN_MS) return [];
  const err = 'err="memcache: no servers configured or available"';
  return [
    `level=warn ${stamp(around)} caller=log_result_cache.go:170 msg="error fetching cache" ${err} cacheKey=${JSON.stringify(key)}`,
    `level=warn ${stamp(around)} caller=background.go:202 msg="backgroundCache writeBackLoop Cache.Store fail" ${err}`,
  ];
}

export const isCacheless = (around: LogSurroundings, loki: Loki): boolean =>
  loki.config.caches.results !== undefined && addressesOf(around, loki, loki.config.caches.results) === 0;

/** What it keeps logging until it has found the others; `runs` tells whether it is still the same process. */
export function keepTrying(around: LogSurroundings, peers: LokiPeers, of: { readonly loki: Loki; readonly runs: () => boolean }): void {
  const { loki, runs } = of;
  const say = (line: string): void => around.print(loki.process.pod, loki.process.container.name, line);
  const from = around.clock.now().getTime();
  const join = (attempt: number): void => {
    around.clock.after(FIRST_WAIT_MS * 2 ** (attempt - 2), () => {
      if (!runs()) return;
      const ms = around.clock.now().getTime() - from;
      if (addressesOf(around, loki, loki.config.ring) > 0) return say(succeeded(around, loki, ms));
      say(resolving(around, loki));
      say(attempted(around, loki, attempt));
      if (attempt < MOST_ATTEMPTS) return join(attempt + 1);
      say(
        `level=error ${stamp(around)} caller=memberlist_client.go:750 phase=startup msg="joining memberlist cluster failed" err="joining memberlist: terminated after ${MOST_ATTEMPTS} retries" elapsed_time=${ms / 1000}s`,
      );
    });
  };
  if (isMember(loki) && addressesOf(around, loki, loki.config.ring) === 0) join(2);
  const rates = (): void => {
    if (!runs() || peers.ring(loki, 'ingester').some(({ state }) => state === 'ACTIVE')) return;
    say(`level=error ${stamp(around)} caller=ratestore.go:110 msg="error getting ingester clients" err="empty ring"`);
    around.clock.after(RATES_EVERY_MS, rates);
  };
  if (plays(loki, 'distributor')) around.clock.after(0, rates);
}

/** An ingester checks that every member of its ring is active, including itself, before it is ready. */
export function ringProblem(around: LogSurroundings, peers: LokiPeers, loki: Loki): string | undefined {
  const odd = peers.ring(loki, 'ingester').find(({ state }) => state !== 'ACTIVE');
  if (odd === undefined) return undefined;
  return `level=warn ${stamp(around)} caller=lifecycler.go:304 component=ingester msg="found an existing instance(s) with a problem in the ring, this instance cannot become ready until this problem is resolved. The /ring http endpoint on the distributor (or single binary) provides visibility into the ring." ring=ingester err="instance ${odd.address} in state ${odd.state}"`;
}

export function schedulerGone(around: LogSurroundings, address: string): string {
  const dialed = `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp ${address}: connect: connection refused"`;
  return `level=warn ${stamp(around)} caller=scheduler_processor.go:103 component=querier msg="error contacting scheduler" err=${JSON.stringify(dialed)} addr=${address}`;
}
