/** Five ways to keep Loki from taking writes: doctor names each within a minute, and is content again a while after it is over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Harness, isReady, openHarness, until } from './harness.ts';

const NAMED_SECONDS = 60;
const OVER_SECONDS = 300;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness({ nodes: 3 });
  const { exit, stdout, stderr } = await harness.cli('install', '--yes', '--output', 'plain');
  expect(exit, stdout + stderr).toBe(0);
});
afterAll(() => harness?.close());

interface Way {
  readonly title: string;
  readonly make: () => Promise<unknown>;
  readonly undo: () => Promise<unknown>;
  /** Codes that name it, as the root cause. */
  readonly codes: readonly string[];
}

const signalDistributors = async (signal: 'SIGSTOP' | 'SIGCONT'): Promise<unknown> =>
  Promise.all(
    (await harness.pods('loki', 'distributor')).map(({ metadata }) => harness.control('real/signal', { namespace: 'loki', pod: metadata.name, signal })),
  );
const breakIt = (name: string): Promise<unknown> => harness.control('break', { name });
const mend = (name: string): Promise<unknown> => harness.control('clear-break', { name });
let service = '';

const ways: readonly Way[] = [
  {
    title: 'a part is scaled to zero',
    make: () => harness.kubectl('-n', 'loki', 'scale', 'deployment', 'loki-distributor', '--replicas=0'),
    undo: () => harness.kubectl('-n', 'loki', 'scale', 'deployment', 'loki-distributor', '--replicas=2'),
    codes: ['LOKI_COMPONENT_SCALED_DOWN'],
  },
  {
    title: 'a part is stopped',
    make: () => signalDistributors('SIGSTOP'),
    undo: () => signalDistributors('SIGCONT'),
    codes: ['LOKI_COMPONENT_DOWN'],
  },
  {
    title: 'the gateway has no upstream',
    make: async () => {
      service = await harness.kubectl('-n', 'loki', 'get', 'service', 'loki-distributor', '-o', 'json');
      await harness.kubectl('-n', 'loki', 'delete', 'service', 'loki-distributor');
    },
    undo: async () => {
      const { apiVersion, kind, metadata, spec } = JSON.parse(service) as {
        readonly apiVersion: string;
        readonly kind: string;
        readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: object; readonly annotations: object };
        readonly spec: object;
      };
      const { name, namespace, labels, annotations } = metadata;
      await harness.apply({ apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec });
    },
    codes: ['GATEWAY_UPSTREAM', 'ALLOY_PUSH_REFUSED'],
  },
  {
    title: 'the collectors cannot read their password',
    make: () => breakIt('read-permission'),
    undo: () => mend('read-permission'),
    codes: ['WRITER_PASSWORD_UNREADABLE'],
  },
  {
    title: 'a NetworkPolicy closes the gateway',
    make: () => breakIt('networkpolicy'),
    undo: () => mend('networkpolicy'),
    codes: ['NETWORK_POLICY'],
  },
];

/** The exit code, the code of the root cause, and all that was said. */
async function doctor(): Promise<{ readonly exit: number; readonly code: string; readonly said: string }> {
  const { exit, stdout, stderr } = await harness.cli('doctor', '--output', 'json');
  const finished = stdout
    .split('\n')
    .filter((line) => line.includes('"doctor.finished"'))
    .map((line) => JSON.parse(line) as { readonly result?: { readonly root?: { readonly problem: { readonly code: string } }; readonly findings?: unknown } });
  const { root, findings } = finished.at(-1)?.result ?? {};
  return { exit, code: root?.problem.code ?? '', said: `exit ${exit} ${JSON.stringify(findings ?? stdout.slice(-2000))} ${stderr}` };
}

describe('a write outage is named', () => {
  it.for(ways)('$title', async ({ title, make, undo, codes }, { task }) => {
    await until('doctor is content', OVER_SECONDS, async () => (await doctor()).exit === 0);
    await make();
    const began = Date.now();
    let [last, after] = [{ exit: 0, code: '', said: '' }, 0];
    while (Date.now() - began < NAMED_SECONDS * 1000 && !codes.includes(last.code)) {
      last = await doctor();
      after = Math.round((Date.now() - began) / 1000);
    }
    await undo();
    Object.assign(task.meta, { rows: [`${title}: ${last.code || 'not named'} after ${after} s, exit ${last.exit}`] });
    expect(codes, last.said).toContain(last.code);
    expect(last.exit).toBe(6);
    expect(after).toBeLessThanOrEqual(NAMED_SECONDS);
    await until('collectors are ready again', OVER_SECONDS, async () => (await harness.pods('alloy')).every(isReady));
  });
});
