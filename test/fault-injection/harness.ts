/**
 * A simulated account and cluster in this process, and runs of the product against them: the real use cases, engine, steps and adapters,
 * with requests handed to the sandbox's doors instead of a socket, helm's requests made by `small-helm.ts`, and workloads that are up at once.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { EKS } from '@aws-sdk/client-eks';
import { IAM } from '@aws-sdk/client-iam';
import { S3 } from '@aws-sdk/client-s3';
import { STS } from '@aws-sdk/client-sts';
import { ConfiguredRetryStrategy } from '@smithy/core/retry';
import { associations } from '../../src/adapters/aws/associations.ts';
import { buckets } from '../../src/adapters/aws/buckets.ts';
import { callers } from '../../src/adapters/aws/caller.ts';
import { clientConfig, type Clients } from '../../src/adapters/aws/clients.ts';
import { clusters } from '../../src/adapters/aws/clusters.ts';
import type { Credentials } from '../../src/adapters/aws/credentials.ts';
import { kubeTokens } from '../../src/adapters/aws/kube-token.ts';
import { oidcProviders } from '../../src/adapters/aws/oidc-providers.ts';
import { roles } from '../../src/adapters/aws/roles.ts';
import { webIdentity } from '../../src/adapters/aws/web-identity.ts';
import { connectGrafana } from '../../src/adapters/grafana/connect.ts';
import { diskJournals } from '../../src/adapters/disk/journals.ts';
import { readChart } from '../../src/adapters/helm/chart-file.ts';
import { openReleases } from '../../src/adapters/helm/releases.ts';
import { openObjects } from '../../src/adapters/kube/objects.ts';
import { openExchanges } from '../../src/adapters/exchanges.ts';
import { openRequests } from '../../src/adapters/kube/requests.ts';
import { repeating, type Ask, type Rest } from '../../src/adapters/kube/rest.ts';
import { openLogs } from '../../src/adapters/loki/logs.ts';
import { adopt } from '../../src/commands/adopt.ts';
import { orphan } from '../../src/commands/orphan.ts';
import { install } from '../../src/commands/install.ts';
import type { Dependencies, RunContext } from '../../src/deps.ts';
import { uninstall } from '../../src/commands/uninstall/uninstall.ts';
import type { Event, Journal } from '../../src/engine/types.ts';
import type { Journals } from '../../src/ports/journals.ts';
import type { Chart, ChartSource } from '../../src/ports/releases.ts';
import type { Kubernetes } from '../../src/ports/kubernetes.ts';
import type { Clock, Questions } from '../../src/ports/system.ts';
import type { Issuer } from '../../src/sandbox/aws/issuer.ts';
import { awsServer } from '../../src/sandbox/aws/server.ts';
import { kubeServer } from '../../src/sandbox/kube/server.ts';
import { createKubeAccess } from '../../src/sandbox/kube-access.ts';
import { createWorld, kubernetesVersion, type OpenWorld } from '../../src/sandbox/world.ts';
import { someSettings } from '../support/facts.ts';
import { templates } from '../support/templates.ts';
import { exact } from './compare.ts';
import { exchange, line, type Line, type Moment, type Planned } from './line.ts';
import { saveWorld } from './saved-world.ts';
import { smallHelm } from './small-helm.ts';
import { stillCluster } from './still-cluster.ts';
import { watchData } from './watch-data.ts';

export const region = 'ap-northeast-2';
export const clusterName = 'training-on-eks';
/** Simulated seconds in a real one, for what the cluster does by itself, and for who waits. */
const SPEED = 2000;
const WAIT_SPEED = 250;
export const server = 'https://sandbox';
export const chartFolder = fileURLToPath(new URL('../../src/sandbox/charts', import.meta.url));

export type Flags = Readonly<Record<string, unknown>>;

export interface Wish {
  readonly command: 'install' | 'uninstall' | 'adopt' | 'orphan';
  readonly flags: Flags;
  readonly faults?: readonly Planned[];
  /** Each request to AWS waits for its turn; given the method, the path, and the action of a query. */
  readonly turn?: (asked: string) => Promise<void>;
  /** Whether the contents of both buckets go too; uninstall only. */
  readonly deleteData?: boolean;
  /** Whether they are left to S3 to expire; uninstall only. */
  readonly expireData?: boolean;
  /** Whose journals and processes the run sees; machines know nothing of each other. */
  readonly machine?: string;
  /** Somebody is there who sees the plan, does this, and then answers. */
  readonly asked?: (onEnter: boolean) => boolean | Promise<boolean>;
}

export interface Ran {
  /** Absent when the run was killed. */
  readonly exit: number | undefined;
  readonly events: readonly Event[];
  readonly writes: readonly Moment[];
  /** How many of the planned faults came. */
  readonly fired: number;
  /** Log data that went, or was set to go, without having been named for this run. */
  readonly unnamed: readonly string[];
}

export interface Harness {
  readonly world: OpenWorld;
  /** The whole world before anything was run. */
  readonly pristine: string;
  run(wish: Wish): Promise<Ran>;
  /** What a person at a terminal would have: the same adapters, and nothing goes wrong. */
  deps(): Promise<Dependencies>;
  /** Keeps this moment; what is returned leads back to it, as often as it is called. */
  save(): () => void;
  close(): void;
}

export interface HouseOptions {
  /** Simulated seconds in a real one, for a cluster with pods and for who waits alike; without it workloads are up at once, without pods. */
  readonly speed?: number;
  readonly grafana?: boolean;
}

export async function openHarness(prepare?: (world: OpenWorld) => void, { speed, grafana = false }: HouseOptions = {}): Promise<Harness> {
  const world = await createWorld({
    region,
    clusterName,
    seed: 'small',
    nodes: 3,
    grafana,
    speed: speed ?? SPEED,
    endpoint: server,
    ca: '',
    account: { timings: { rolePropagationMs: 0, deletedNameMs: 0 } },
    cluster: { certificateAuthority: 'c2FuZGJveA==', oidcProvider: false },
    ...(speed === undefined && { controllers: stillCluster }),
  });
  prepare?.(world);
  shareKeys(world);
  const disk = mkdtempSync(join(tmpdir(), 'loki-eks-faults-'));
  const state = join(disk, 'state');
  mkdirSync(state);
  let saved = 0;
  const clock = speed === undefined ? jumpingClock() : clockOf(world, speed);
  const alive = new Set<number>();
  return {
    world,
    pristine: exact(world),
    run: (wish) => live({ world, clock, state, alive }, wish),
    deps: () => outsideOf({ world, clock, state, alive, pid: 0 }, line([])),
    save: () => saveWorld(world, { folder: state, copy: join(disk, String(++saved)) }),
    close: () => {
      world.close();
      rmSync(disk, { recursive: true, force: true });
    },
  };
}

let issuer: Issuer | undefined;

/** The same cluster in every world: making the key of its issuer takes longer than most runs. */
export function shareKeys({ account, clusterName: name }: OpenWorld): void {
  const cluster = account.state.eks.clusters.get(name) as { issuer: Issuer };
  cluster.issuer = issuer ??= cluster.issuer;
}

export interface Place {
  readonly world: OpenWorld;
  readonly clock: Clock;
  readonly state: string;
  /** Process ids of runs that have not ended. */
  readonly alive: Set<number>;
}

let lastPid = 0;

async function live(place: Place, { command, flags, faults = [], deleteData = false, expireData = false, asked, turn, machine }: Wish): Promise<Ran> {
  const crossing = line(faults);
  const events: Event[] = [];
  const pid = ++lastPid;
  place.alive.add(pid);
  const deps = {
    ...(await outsideOf({ ...place, pid, ...(machine && { machine }), ...(turn && { turn }) }, crossing)),
    ...(asked && { questions: answering(asked) }),
  };
  const run: RunContext = {
    settings: someSettings({ cluster: clusterName, region, createOidcProvider: true, verify: false, ...flags }),
    deps,
    emit: (event) => void events.push(event),
    said: new Set(Object.keys(flags)),
    settled: async () => {},
    signal: new AbortController().signal,
    version: '0.0.0',
    sandbox: true,
    yes: asked === undefined,
  };
  const names = [...place.world.account.state.s3.buckets.keys()];
  const losses = watchData(place.world, { buckets: deleteData || expireData ? names : [] });
  const commands = {
    install: () => install(run, { dryRun: false }),
    adopt: () => adopt(run, { dryRun: false }),
    orphan: () => orphan(run, { dryRun: false }),
    uninstall: () => uninstall(run, { deleteData, expireData, confirmDeleteData: deleteData || expireData ? names : [] }),
  };
  const ended = commands[command]();
  const exit = await Promise.race([ended, crossing.death.then(() => undefined)]).finally(() => place.alive.delete(pid));
  return { exit, events, writes: crossing.writes, fired: crossing.fired(), unnamed: losses() };
}

function answering(confirm: NonNullable<Wish['asked']>): Questions {
  const unexpected = (question: string) => Promise.reject(new Error(`asked: ${question}`));
  return { confirm: async (_, onEnter) => confirm(onEnter), choose: unexpected, text: unexpected, secret: unexpected };
}

type Living = Place & { readonly pid: number; readonly machine?: string; readonly turn?: Wish['turn'] };

export async function outsideOf({ world, clock, state, alive, pid, machine = 'here', turn = async () => {} }: Living, crossing: Line): Promise<Dependencies> {
  const rest = kubeRest(world, crossing);
  const kubernetes = kubernetesOf(world, { rest: repeating(rest, { server, backoffMs: 1 }), crossing });
  const releases = openReleases({
    access: { is: 'kubeconfig' },
    kubernetes,
    eks: { cluster: clusterName, region: world.account.region },
    env: {},
    cli: { node: '', script: '' },
    clock,
    tempDir: async () => mkdtempSync(join(state, 'helm-')),
    find: async () => ({ path: 'helm', version: '4.1.4' }),
    run: smallHelm({ rest, clock }),
  });
  return {
    clock,
    // Always the same bytes: the password of one world can be compared with that of another.
    random: { bytes: (length) => new Uint8Array(length).fill(7) },
    // The time jumps here: a lock is renewed when it is asked for, not by a beat.
    pulse: () => () => {},
    self: async () => ({ user: 'tester', host: machine, pid, place: machine, alive: (other) => alive.has(other) }),
    // A password file holds its own name, long enough to be one; the name of a token's file is the token.
    files: {
      read: async (path) => (path.startsWith('glsa_') ? path : `the content of ${path}`),
      mode: async () => undefined,
      write: async () => {},
      writable: async () => {},
    },
    journals: mortal(
      diskJournals(join(state, machine), () => clock.now()),
      crossing,
    ),
    aws: async () => awsOf(world, crossing, turn),
    kubernetes: async () => kubernetes,
    kubeconfigServer: async () => Promise.reject(new Error('no kubeconfig')),
    releases: async () => releases,
    charts: async () => ({ obtain: chartOf }),
    logs: async (of) => openLogs(of),
    grafana: async (of) => connectGrafana({ ...of, env: {} }),
    hide: () => {},
    templates,
    dispose: () => releases.dispose(),
  };
}

const charts = new Map<string, Promise<Chart>>();

function chartOf(source: ChartSource): Promise<Chart> {
  const name = source.is === 'pinned' ? source.name : '';
  const known = charts.get(name) ?? readChart(join(chartFolder, name), () => `${name} (a stand-in)`);
  charts.set(name, known);
  return known;
}

/** What a dead run would still have written never reaches the disk. */
function mortal(journals: Journals, { crossing, dead }: Line): Journals {
  const guard = <T extends Journal>(journal: T): T => ({
    ...journal,
    append: async (entry) => (dead() ? crossing(Promise.resolve()) : crossing(journal.append(entry))),
    close: async (outcome) => (dead() ? crossing(Promise.resolve()) : crossing(journal.close(outcome))),
  });
  return {
    open: async (installId, chain) => guard(await journals.open(installId, chain)),
    recent: async () => [],
    unfinished: async (installId) => {
      const found = await journals.unfinished(installId);
      return found && guard(found);
    },
  };
}

const clockOf = ({ clock }: OpenWorld, speed: number): Clock => ({
  now: () => clock.now(),
  sleep: async (ms, signal) => {
    await new Promise((resolve) => setTimeout(resolve, ms / speed));
    signal?.throwIfAborted();
  },
});

/** Waiting costs a moment and moves the time: nobody's patience ends because the machine is slow. */
function jumpingClock(): Clock {
  let now = Date.now();
  return {
    now: () => new Date((now = Math.max(now, Date.now()))),
    sleep: async (ms, signal) => {
      const until = now + ms;
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, ms / WAIT_SPEED)));
      signal?.throwIfAborted();
      now = Math.max(now, until);
    },
  };
}

function kubeRest(world: OpenWorld, crossing: Line): Rest {
  const access = createKubeAccess(world);
  const door = kubeServer({
    store: world.store,
    runtime: world.runtime,
    clock: world.clock,
    ...access,
    faults: crossing.faults,
    onCall: (call) => (world.onCall(call), crossing.onCall(call)),
    version: `v${kubernetesVersion}.4-eks-99d6cc0`,
  });
  return ({ method, path, body, contentType = 'application/json', accept = 'application/json' }: Ask) => {
    if (crossing.dead()) return crossing.crossing(new Promise<never>(() => undefined));
    const headers = { accept, 'content-type': contentType, authorization: `Bearer ${access.token}` };
    const sent = exchange(door.request, { method, url: path, headers, body: Buffer.from(body === undefined ? '' : JSON.stringify(body)) });
    return crossing.crossing(sent.then((answer) => ({ ...answer, body: answer.body.toString() })));
  };
}

function kubernetesOf(world: OpenWorld, { rest, crossing }: { readonly rest: Rest; readonly crossing: Line }): Kubernetes {
  return {
    ...openObjects(rest, server),
    ...openRequests(rest, { server, kubelets: (_, request) => request() }),
    forward: async ({ namespace, pod: name, port }, { method, path, headers = {}, body = '' }) => {
      const pod = world.store.get('Pod', namespace, name);
      if (!pod) throw new Error(`no pod ${namespace}/${name}`);
      const answer = await crossing.crossing(world.runtime.request(pod, port, { method, path, headers, body: Buffer.from(body) }));
      return { status: answer.status, headers: answer.headers ?? {}, body: Buffer.from(answer.body).toString() };
    },
  };
}

interface SdkRequest {
  readonly method: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

function awsOf(world: OpenWorld, crossing: Line, turn: NonNullable<Wish['turn']>) {
  const door = awsServer({ account: world.account, faults: crossing.faults, onCall: (call) => (world.onCall(call), crossing.onCall(call)) });
  const requestHandler = {
    handle: async ({ method, hostname, port, path, query = {}, headers, body = '' }: SdkRequest) => {
      if (crossing.dead()) return crossing.crossing(new Promise<never>(() => undefined));
      await turn(`${method} ${path} ${/Action=(\w+)/.exec(Buffer.from(body).toString())?.[1] ?? ''}`);
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      const host = lower['host'] ?? `${hostname}${port ? `:${port}` : ''}`;
      const sent = exchange(door, { method, url: `${path}${search(query)}`, headers: { ...lower, host }, body: Buffer.from(body) });
      // What Node's own handler calls a connection that broke off.
      const named = sent.catch((error: Error) => Promise.reject(Object.assign(error, { name: 'TimeoutError' })));
      const { status, headers: answered, body: bytes } = await crossing.crossing(named);
      return { response: { statusCode: status, headers: answered, body: Readable.from(bytes.length > 0 ? [bytes] : []) } };
    },
  };
  const { region: here } = world.account;
  const credentials: Credentials = async () => world.account.admin;
  const config = (service: 'EKS' | 'IAM' | 'S3' | 'STS', own: Credentials = credentials) =>
    ({
      ...clientConfig(service, { region: here, env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }, credentials: own }),
      requestHandler,
      retryStrategy: new ConfiguredRetryStrategy(6, () => 1),
    }) as never;
  const once =
    <T>(made: T) =>
    async () =>
      made;
  const clients: Clients = {
    region: here,
    exchanges: openExchanges(),
    eks: once(new EKS(config('EKS'))),
    iam: once(new IAM(config('IAM'))),
    sts: once(new STS(config('STS'))),
    s3: once(new S3(config('S3'))),
    otherS3: async ({ credentials: own }) => new S3(config('S3', own)),
  };
  const who = callers(clients, { credentials });
  return {
    region: here,
    callers: who,
    clusters: clusters(clients),
    roles: roles(clients, who),
    oidcProviders: oidcProviders(clients),
    associations: associations(clients),
    webIdentity: webIdentity(clients, async () => world.account.id),
    buckets: (owner: string) => buckets(clients, owner),
    kubeToken: kubeTokens({ region: here, credentials }),
  };
}

function search(query: NonNullable<SdkRequest['query']>): string {
  const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const parts = Object.entries(query).flatMap(([key, value]) =>
    value === null ? [encode(key)] : [value].flat().map((one) => `${encode(key)}=${encode(one as string)}`),
  );
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}
