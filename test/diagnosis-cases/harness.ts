/** A simulated account and cluster in this process with the product installed in it, to be broken and looked at by `doctor`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doctor } from '../../src/commands/doctor/doctor.ts';
import type { Finding } from '../../src/commands/doctor/diagnose.ts';
import { install } from '../../src/commands/install.ts';
import type { Dependencies, RunContext } from '../../src/deps.ts';
import type { Event } from '../../src/engine/types.ts';
import type { Clock } from '../../src/ports/system.ts';
import { createWorld, type OpenWorld } from '../../src/sandbox/world.ts';
import { clusterName, outsideOf, region, server, shareKeys } from '../fault-injection/harness.ts';
import { line } from '../fault-injection/line.ts';
import { someSettings } from '../support/facts.ts';

/** Simulated seconds in a real one. */
const SPEED = 400;

export interface Diagnosis {
  readonly exit: number;
  /** What is to be mended first: the root, or the first warning where nothing is broken. */
  readonly first?: Finding;
  readonly findings: readonly Finding[];
  readonly notCollected: readonly { readonly what: string; readonly why: string }[];
}

export interface Harness {
  readonly world: OpenWorld;
  doctor(options?: { readonly values?: Readonly<Record<string, string>> }): Promise<Diagnosis>;
  close(): void;
}

interface Opening {
  readonly region?: string;
  readonly installed?: boolean;
  /** Before the installation. */
  readonly breaks?: readonly string[];
}

/** With the product installed, unless said otherwise. */
export async function openHarness(of: Opening = {}): Promise<Harness> {
  const world = await createWorld({
    region: of.region ?? region,
    clusterName,
    seed: 'default',
    nodes: 4,
    speed: SPEED,
    endpoint: server,
    ca: '',
    account: { timings: { rolePropagationMs: 0, deletedNameMs: 0 } },
    cluster: { certificateAuthority: 'c2FuZGJveA==' },
  });
  if (of.region === undefined) shareKeys(world);
  const state = mkdtempSync(join(tmpdir(), 'loki-eks-failures-'));
  const deps = async (files: Readonly<Record<string, string>> = {}): Promise<Dependencies> => {
    const made = await outsideOf({ world, clock: realClock, state, alive: new Set(), pid: 1 }, { ...line([]), faults: world.faults });
    return { ...made, files: { ...made.files, read: async (path) => files[path] ?? made.files.read(path) } };
  };
  const run = async (events: Event[], files?: Readonly<Record<string, string>>): Promise<RunContext> => ({
    settings: someSettings({ cluster: clusterName, region: of.region ?? region, createOidcProvider: true, verify: false }),
    deps: await deps(files),
    emit: (event) => void events.push(event),
    settled: async () => {},
    signal: new AbortController().signal,
    version: '0.0.0',
    sandbox: true,
    yes: true,
  });
  for (const name of of.breaks ?? []) world.breaks.make(name);
  if (of.installed !== false) {
    const events: Event[] = [];
    const exit = await install(await run(events), { dryRun: false });
    if (exit !== 0) throw new Error(`the installation ended with ${exit}: ${JSON.stringify(events.at(-1))}`);
  }
  return {
    world,
    async doctor({ values = {} } = {}) {
      const events: Event[] = [];
      const exit = await doctor(await run(events, values), { values: Object.keys(values) });
      const told = events.find(({ type }) => type === 'doctor.finished') as { readonly result?: Told } | undefined;
      if (told?.result === undefined) throw new Error(`doctor ended with ${exit}: ${JSON.stringify(events.at(-1))}`);
      const { findings, notCollected } = told.result;
      const first = findings.find(({ role }) => role === 'root') ?? findings[0];
      return { exit, findings, notCollected, ...(first && { first }) };
    },
    close() {
      world.close();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

type Told = Pick<Diagnosis, 'findings' | 'notCollected'>;

/** Logs are judged by their age, so that the time must be the world's; waiting is as short as its clock is fast. */
const realClock: Clock = {
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, ms / SPEED)));
    signal?.throwIfAborted();
  },
};
