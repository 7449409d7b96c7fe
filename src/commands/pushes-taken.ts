/** Loki accepts what collectors push: by the gateway's log, or if that is silent by the counters of some collectors. */
import type { Check, Problem, Verdict } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { problem, ProblemError } from '../problems/problem.ts';
import type { CheckContext } from '../checks/context.ts';
import { accessOf } from './doctor/analyze/access.ts';
import { countersIn } from './doctor/analyze/counters.ts';
import type { PushingEvidence } from './doctor/analyze/collectors-evidence.ts';
import type { PushAccess } from './doctor/analyze/objects-evidence.ts';
import { counted, pushed } from './doctor/analyze/pushes.ts';

type Needs = Pick<CheckContext, 'kubernetes' | 'blueprint' | 'clock'>;

const PODS = 3;
const SECONDS = 60;
const LINES = 2000;
/** Momentary refusals are over by then. */
const SURE_MS = 10_000;
/** A collector without a response gives up after 10 s, and retries within 15. */
const PAUSE_MS = 2000;
const READINGS = 14;
/** How long a status page may wait for this. */
const PATIENCE_MS = 3000;

export const pushesTaken: Check<Needs> = {
  id: 'pushes.taken',
  title: 'Loki accepts pushes from collectors',
  at: ['status'],
  async run(ctx, signal): Promise<Verdict> {
    try {
      const seen = await Promise.race([gatewayLogs(ctx), ctx.clock.sleep(PATIENCE_MS, signal).then(() => undefined)]);
      if (!seen) return { is: 'skip', why: "the gateway's log could not be read in time" };
      const wrong = refusedIn(seen) ?? (seen.every(({ access: { taken } }) => taken === 0) ? await silentlyRefused(ctx, signal) : undefined);
      return wrong ? { is: 'fail', problem: wrong } : { is: 'pass' };
    } catch (error) {
      if (!(error instanceof ProblemError) || signal.aborted) throw error;
      return { is: 'skip', why: error.problem.message };
    }
  },
};

interface Logged {
  readonly pod: string;
  readonly access: PushAccess;
}

const isReady = ({ status }: KubeObject): boolean =>
  ((status as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } | undefined)?.conditions ?? []).some(
    ({ type, status: is }) => type === 'Ready' && is === 'True',
  );

const refused = (message: string, evidence: readonly string[]): Problem => problem('ALLOY_PUSH_REFUSED', { message, fix: 'loki-eks doctor', evidence });

async function gatewayLogs({ kubernetes, blueprint }: Needs): Promise<readonly Logged[]> {
  const { namespace, selector } = blueprint.gateway;
  const pods = (await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: selector, limit: 20 })).filter(isReady).slice(0, PODS);
  const options = new URLSearchParams({ container: 'nginx', sinceSeconds: String(SECONDS), tailLines: String(LINES) });
  return Promise.all(
    pods.map(async ({ metadata: { name } }) => {
      const { status, body } = await kubernetes.raw(`/api/v1/namespaces/${namespace}/pods/${name}/log?${options}`);
      return { pod: name, access: accessOf(status === 200 ? body.split('\n') : []).access };
    }),
  );
}

function refusedIn(logs: readonly Logged[]): Problem | undefined {
  const bad = logs.flatMap(
    ({
      pod,
      access: {
        refused: [first],
        takenLast,
      },
    }) => (first && first.count > 1 && first.last.getTime() > (takenLast?.getTime() ?? 0) + SURE_MS ? [{ pod, first }] : []),
  );
  const [one] = bad;
  if (!one) return undefined;
  return refused(
    `The gateway answers pushes with HTTP ${one.first.status}`,
    bad.map(({ pod, first }) => `pod ${pod}: ${first.count} in the last minute, the last: ${first.line.slice(0, 160)}`),
  );
}

/** No push has reached the gateway for a while: either there is nothing to push, or collectors do not get that far. */
async function silentlyRefused(ctx: Needs, signal: AbortSignal): Promise<Problem | undefined> {
  const { kubernetes, blueprint, clock } = ctx;
  const { name, namespace } = blueprint.alloy;
  const listed = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: `app.kubernetes.io/instance=${name}`, limit: 20 });
  const pods = listed.filter(isReady).slice(0, PODS);
  const read = () =>
    Promise.all(
      pods.map(async ({ metadata: { name: pod } }) => {
        const { status, body } = await kubernetes.raw(`/api/v1/namespaces/${namespace}/pods/${pod}:12345/proxy/metrics`);
        return countersIn(status === 200 ? body : '', { name: pod });
      }),
    );
  const before = await read();
  for (let reading = 0; reading < READINGS; reading++) {
    const after = reading === 0 ? before : await read();
    const seen = before.map((one, at): PushingEvidence => ({ pod: one.pod, before: one, after: after[at]!, seconds: (reading * PAUSE_MS) / 1000 }));
    const states = seen.map((one) => ({ seen: one, ...pushed(one) }));
    const failing = states.filter(({ state }) => state === 'failing');
    if (failing.length > 0)
      return refused(
        `${failing.length} of ${seen.length} collectors that were asked push, and ${failing[0]!.status === '-1' ? 'get no answer' : `are refused with HTTP ${failing[0]!.status}`}`,
        failing.map((one) => `pod ${one.seen.pod}: ${counted(one)}`),
      );
    // A collector that has nothing left to send, or is sending, is fine.
    if (!states.some(({ state }) => state === 'waiting')) return undefined;
    await clock.sleep(PAUSE_MS, signal);
  }
  return undefined;
}
