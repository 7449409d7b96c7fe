/** What was printed reaches S3 as a chunk, written with the role's credentials and not with the node's. */
import type { Problem } from '../../engine/types.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { problem } from '../../problems/problem.ts';
import { isReady } from './probe-pod.ts';
import { each } from '../doctor/collect/objects.ts';
import { verifyChecks } from './verify-checks.ts';
import type { VerifyRow } from './result.ts';
import type { ProbeSession } from './probe-session.ts';

const LOKI_PORT = 3100;
/** A flush writes one object per stream: with more than these it would be too heavy for a check. */
const MOST_STREAMS = 20_000;
/** Fifty requests: a few seconds. */
const MOST_KEYS = 50_000;
const PATIENCE_MS = 60_000;

/**
 * `stamps`: timestamps of lines that arrived, in nanoseconds. A probe's stream has one line, so its chunk begins and ends with it, and
 * the object's name contains that: the object found is that very line's chunk.
 */
export async function reachesS3(stage: ProbeSession, stamps: readonly string[]): Promise<VerifyRow> {
  const { ctx } = stage;
  const known = { proof: 's3' as const, title: verifyChecks.s3.title };
  const ingesters = await ingestersOf(ctx);
  const ready = ingesters.filter(isReady);
  if (ready.length === 0) return { ...known, state: 'skipped', why: 'no ingester is ready to flush' };
  const streams = await streamsOf(ctx, ready);
  if (streams > MOST_STREAMS)
    return { ...known, state: 'skipped', why: `the ingesters have ${streams.toLocaleString('en-US')} streams, and a flush would write one object for each` };
  const others = await otherCredentials(ctx, ingesters);
  if (others) return { ...known, state: 'failed', problem: others };
  await each(ready, 8, ({ metadata }) => ctx.kubernetes.forward(portOf(ctx, metadata.name), { method: 'POST', path: '/flush', timeoutMs: 60_000 }));
  const began = ctx.clock.now().getTime();
  const found = await chunkOf(stage, stamps);
  const bucket = ctx.blueprint.buckets.chunks.name;
  if (found.key === undefined && found.more)
    return {
      ...known,
      state: 'skipped',
      why: `the tenant has more than ${MOST_KEYS.toLocaleString('en-US')} objects in s3://${bucket}, too many to scan`,
    };
  if (found.key === undefined) {
    const message = `${PATIENCE_MS / 1000} s after a flush of ${ready.length} ingesters the chunk is still not in s3://${bucket}`;
    return { ...known, state: 'failed', problem: problem('CHUNKS_NOT_STORED', { message, evidence: await complaints(ctx, ready) }) };
  }
  const seconds = ((ctx.clock.now().getTime() - began) / 1000).toFixed(1);
  const role = `all ${ingesters.length} ingesters have the credentials of role ${ctx.blueprint.role.name} only`;
  return {
    ...known,
    state: 'proved',
    detail: `s3://${bucket}/${found.key} appeared ${seconds} s after a flush; ${role} (S3 itself does not record the writer)`,
  };
}

function ingestersOf({ kubernetes, blueprint }: ProbeSession['ctx']): Promise<readonly KubeObject[]> {
  const { name, namespace } = blueprint.loki;
  return kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: `app.kubernetes.io/instance=${name},app.kubernetes.io/component=ingester` });
}

const portOf = ({ blueprint }: ProbeSession['ctx'], pod: string) => ({ namespace: blueprint.loki.namespace, pod, port: LOKI_PORT });

/** In the memory of all ingesters together: each has its share, and replicas count. */
async function streamsOf(ctx: ProbeSession['ctx'], ready: readonly KubeObject[]): Promise<number> {
  const counts = await each(ready, 8, async ({ metadata }) => {
    const { body } = await ctx.kubernetes.forward(portOf(ctx, metadata.name), { method: 'GET', path: '/metrics' });
    return [...body.matchAll(/^loki_ingester_memory_streams(?:\{[^}]*\})? (\S+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

async function chunkOf({ ctx, run }: ProbeSession, stamps: readonly string[]): Promise<{ readonly key?: string; readonly more: boolean }> {
  const { tenant, buckets } = ctx.blueprint;
  const wanted = new Set(stamps.map((stamp) => Number(BigInt(stamp) / 1_000_000n)));
  const until = ctx.clock.now().getTime() + PATIENCE_MS;
  for (let pause = 500; ; pause = Math.min(pause * 2, 5000)) {
    const { keys, more } = await ctx.buckets.keys(buckets.chunks.name, { prefix: `${tenant}/`, limit: MOST_KEYS });
    const key = keys.find((name) => isChunkOf(name, wanted));
    if (key !== undefined || ctx.clock.now().getTime() > until) return { more, ...(key !== undefined && { key }) };
    await ctx.clock.sleep(pause, run.signal);
  }
}

/** `<tenant>/<fingerprint>/<from>:<through>:<checksum>`, times in hexadecimal milliseconds; the end is rounded up. */
function isChunkOf(key: string, stamps: ReadonlySet<number>): boolean {
  const [, from = '', through = ''] = /\/([0-9a-f]+):([0-9a-f]+):[0-9a-f]+$/.exec(key) ?? [];
  const [begin, end] = [Number.parseInt(from, 16), Number.parseInt(through, 16)];
  return stamps.has(begin) && (end === begin || end === begin + 1);
}

interface PodBody {
  readonly spec?: { readonly containers?: readonly { readonly name: string; readonly env?: readonly { readonly name: string; readonly value?: string }[] }[] };
}

/**
 * With web identity in its environment the SDK uses no other credentials, and with keys in its environment it uses those first: so a
 * pod's environment shows who writes, if S3 does not.
 */
async function otherCredentials(ctx: ProbeSession['ctx'], ingesters: readonly KubeObject[]): Promise<Problem | undefined> {
  const { identity, role, loki } = ctx.blueprint;
  const config = await ctx.kubernetes.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: loki.namespace, name: 'loki' });
  const text = Object.values((config?.['data'] ?? {}) as Readonly<Record<string, string>>).join('\n');
  const evidence = [
    ...(/^[ \t]*access_key_id:[ \t]*\S/m.test(text) ? [`ConfigMap ${loki.namespace}/loki: access_key_id is set`] : []),
    ...ingesters.flatMap((pod) => {
      const env = new Map(
        ((pod as PodBody).spec?.containers ?? []).flatMap(({ env: list = [] }) => list.map(({ name, value = '' }) => [name, value] as const)),
      );
      const say = (what: string) => [`Pod ${loki.namespace}/${pod.metadata.name}: ${what}`];
      if (env.has('AWS_ACCESS_KEY_ID')) return say('AWS_ACCESS_KEY_ID is set and comes first');
      if (identity === 'pod-identity') return env.has('AWS_CONTAINER_CREDENTIALS_FULL_URI') ? [] : say('AWS_CONTAINER_CREDENTIALS_FULL_URI is not set');
      if (!env.has('AWS_WEB_IDENTITY_TOKEN_FILE')) return say('AWS_WEB_IDENTITY_TOKEN_FILE is not set');
      return env.get('AWS_ROLE_ARN') === role.arn ? [] : say(`AWS_ROLE_ARN is ${env.get('AWS_ROLE_ARN') || 'not set'}, not ${role.arn}`);
    }),
  ];
  if (evidence.length === 0) return undefined;
  return problem('LOKI_CREDENTIALS_NOT_FROM_ROLE', { message: `Loki does not use only the credentials of role ${role.name} for S3`, evidence });
}

async function complaints(ctx: ProbeSession['ctx'], ready: readonly KubeObject[]): Promise<readonly string[]> {
  const said = await each(ready.slice(0, 3), 3, async ({ metadata: { name } }) => {
    const lines = await ctx.kubernetes.logs({ namespace: ctx.blueprint.loki.namespace, pod: name, container: 'ingester', tail: 200 }).catch(() => []);
    return lines
      .filter((line) => /flush/.test(line) && /level=(error|warn)/.test(line))
      .slice(-1)
      .map((line) => `${name}: ${line.slice(0, 400)}`);
  });
  return said.flat();
}
