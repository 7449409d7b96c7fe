/** A simulated cluster in this process with the product installed in it, and runs of `verify` against it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { install } from '../../src/commands/install.ts';
import type { Dependencies, RunContext, VerifyOptions } from '../../src/deps.ts';
import { uninstall } from '../../src/commands/uninstall/uninstall.ts';
import { verify } from '../../src/commands/verify/verify.ts';
import type { Event, Json, Problem } from '../../src/engine/types.ts';
import type { Clock } from '../../src/ports/system.ts';
import { createWorld, type OpenWorld } from '../../src/sandbox/world.ts';
import { clusterName, outsideOf, region, server, shareKeys } from '../fault-injection/harness.ts';
import { line, type Line, type Planned } from '../fault-injection/line.ts';
import { someSettings } from '../support/facts.ts';

/** Simulated seconds in a real one, for the cluster and for who waits. */
const SPEED = 100;

export interface Verified {
  readonly exit: number | undefined;
  readonly events: readonly Event[];
  readonly result: any;
  readonly problems: readonly Problem[];
  readonly files: ReadonlyMap<string, string>;
  /** What was asked of Loki through the gateway; each once, however often. */
  readonly queries: ReadonlySet<string>;
}

export interface Wish extends Partial<VerifyOptions> {
  readonly signal?: AbortSignal;
  readonly on?: (event: Event) => void;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Of the process that runs it. */
  readonly pid?: number;
  /** What goes wrong with its requests; a run that is killed has no exit. */
  readonly faults?: readonly Planned[];
}

export interface Harness {
  readonly world: OpenWorld;
  /** Process ids that are alive, but those of runs. */
  readonly alive: Set<number>;
  verify(wish?: Wish): Promise<Verified>;
  uninstall(): Promise<number>;
  /** What is left of probes. */
  leftovers(): readonly string[];
  close(): void;
}

export async function openHarness(of: { readonly nodes: number; readonly gpuNodes?: number }): Promise<Harness> {
  const world = await createWorld({
    ...of,
    region,
    clusterName,
    speed: SPEED,
    endpoint: server,
    ca: '',
    account: { timings: { rolePropagationMs: 0, deletedNameMs: 0 } },
    cluster: { certificateAuthority: 'c2FuZGJveA==' },
  });
  shareKeys(world);
  const state = mkdtempSync(join(tmpdir(), 'loki-eks-verify-'));
  const alive = new Set<number>();
  const clock = jumpingClock();
  const runOf = async (wish: Wish, { events = [], files = new Map(), queries = new Set(), crossing = line([]) }: Recording = {}): Promise<RunContext> => {
    const made = await outsideOf({ world, clock, state, alive, pid: wish.pid ?? 1 }, crossing);
    const deps: Dependencies = {
      ...made,
      logs: async (of) => {
        const logs = await made.logs(of);
        return { ...logs, query: (text, options) => logs.query((queries.add(text), text), options) };
      },
      random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
      files: { ...made.files, write: async (path, content) => void files.set(path, String(content)) },
    };
    return {
      settings: someSettings({ cluster: clusterName, region, createOidcProvider: true, verify: false, ...wish.settings }),
      deps,
      emit: (event) => {
        events.push(event);
        wish.on?.(event);
      },
      settled: async () => {},
      signal: wish.signal ?? new AbortController().signal,
      version: '0.0.0',
      sandbox: true,
      yes: true,
    };
  };
  const events: Event[] = [];
  const exit = await install(await runOf({}, { events }), { dryRun: false });
  if (exit !== 0) throw new Error(`the installation ended with ${exit}: ${JSON.stringify(events.at(-1))}`);
  return {
    world,
    alive,
    async verify(wish = {}) {
      const [events, files, queries, crossing] = [[] as Event[], new Map<string, string>(), new Set<string>(), line(wish.faults ?? [])];
      const { nodes = [], proofs = [], restartCollector = false, sample, junit } = wish;
      const options = { nodes, proofs, restartCollector, ...(sample !== undefined && { sample }), ...(junit && { junit }) };
      const run = await runOf(wish, { events, files, queries, crossing });
      const code = await Promise.race([verify(run, options), crossing.death.then(() => undefined)]);
      const finished = events.find(({ type }) => type === 'verify.finished') as { readonly result?: Json } | undefined;
      const last = events.find(({ type }) => type === 'run.finished') as { readonly problems?: readonly Problem[] } | undefined;
      return { exit: code, events, files, queries, result: finished?.result, problems: last?.problems ?? [] };
    },
    uninstall: async () => uninstall(await runOf({}), { deleteData: false, confirmDeleteData: [] }),
    leftovers: () =>
      ['Pod', 'Job'].flatMap((kind) =>
        world.store.list(kind).flatMap(({ metadata }) => (metadata.labels?.['loki-eks.dev/probe'] === undefined ? [] : [`${kind} ${metadata.name}`])),
      ),
    close: () => {
      world.close();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

interface Recording {
  readonly events?: Event[];
  readonly files?: Map<string, string>;
  readonly queries?: Set<string>;
  readonly crossing?: Line;
}

/** Waiting costs a moment and moves the time: nobody's patience ends because the machine is slow. */
function jumpingClock(): Clock {
  let ahead = 0;
  return {
    now: () => new Date(Date.now() + ahead),
    sleep: async (ms, signal) => {
      const began = Date.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, ms / SPEED)));
      signal?.throwIfAborted();
      ahead += Math.max(0, ms - (Date.now() - began));
    },
  };
}
