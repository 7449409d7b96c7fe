/** A container's probes, as the kubelet runs them: startup first, then readiness and liveness, each with its delay, period and thresholds. */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { Container } from '../cluster/shapes.ts';

interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string; readonly scheme?: string };
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: { readonly command?: readonly string[] };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

export interface ProbeOptions {
  readonly container: Container;
  readonly address: string;
  readonly dial: (address: string, port: number) => Promise<Socket>;
  readonly execute: (words: readonly string[], timeoutMs: number) => Promise<number>;
  readonly ready: (is: boolean, why?: string) => void;
  /** Startup or liveness probes have failed too often. */
  readonly unhealthy: (why: string) => void;
}

/** Until the returned function is called. */
export function startProbes(options: ProbeOptions): () => void {
  const { readinessProbe, livenessProbe, startupProbe } = options.container as {
    readonly [name in 'readinessProbe' | 'livenessProbe' | 'startupProbe']?: Probe;
  };
  const stops: (() => void)[] = [];
  const begin = (): void => {
    if (readinessProbe === undefined) options.ready(true);
    else stops.push(repeat(options, readinessProbe, { kind: 'Readiness', changed: options.ready }));
    if (livenessProbe !== undefined)
      stops.push(repeat(options, livenessProbe, { kind: 'Liveness', changed: (is, why) => void (is || options.unhealthy(why ?? 'Liveness probe failed')) }));
  };
  if (startupProbe === undefined) begin();
  else {
    let begun = false;
    const changed = (is: boolean, why?: string): void => {
      if (begun) return;
      begun = true;
      stopStartup();
      if (is) begin();
      else options.unhealthy(why ?? 'Startup probe failed');
    };
    const stopStartup = repeat(options, startupProbe, { kind: 'Startup', changed });
    stops.push(stopStartup);
  }
  return () => stops.forEach((stop) => stop());
}

/** Reports each change of the result; before the first success a probe reports only too many failures. */
function repeat(
  options: ProbeOptions,
  probe: Probe,
  { kind, changed }: { readonly kind: string; readonly changed: (is: boolean, why?: string) => void },
): () => void {
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1, successThreshold = 1, failureThreshold = 3 } = probe;
  let stopped = false;
  let [good, bad] = [0, 0];
  let verdict: boolean | undefined;
  let timer: NodeJS.Timeout;
  const look = async (): Promise<void> => {
    const failure = await ask(options, probe, timeoutSeconds * 1000);
    if (stopped) return;
    [good, bad] = failure === undefined ? [good + 1, 0] : [0, bad + 1];
    const next = good >= successThreshold ? true : bad >= failureThreshold ? false : undefined;
    if (next !== undefined && (next !== verdict || (kind === 'Liveness' && !next))) {
      verdict = next;
      changed(next, failure === undefined ? undefined : `${kind} probe failed: ${failure}`);
    }
    // A component that is starting is probed more often than the kubelet would, so that an installation takes no longer than its slowest one.
    const pause = verdict === undefined ? Math.min(periodSeconds, 1) : periodSeconds;
    if (!stopped) timer = setTimeout(() => void look(), pause * 1000);
  };
  timer = setTimeout(() => void look(), initialDelaySeconds * 1000);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** `undefined` is success. */
async function ask({ container, address, dial, execute }: ProbeOptions, probe: Probe, timeoutMs: number): Promise<string | undefined> {
  const numbered = (port: number | string): number => Number((container.ports ?? []).find(({ name }) => name === port)?.containerPort ?? port);
  try {
    if (probe.httpGet !== undefined) return await get({ path: probe.httpGet.path ?? '/', port: numbered(probe.httpGet.port) }, { address, dial, timeoutMs });
    if (probe.tcpSocket !== undefined) return void (await within(dial(address, numbered(probe.tcpSocket.port)), timeoutMs)).destroy();
    if (probe.exec === undefined) return undefined;
    const code = await execute(probe.exec.command ?? [], timeoutMs);
    return code === 0 ? undefined : `command ended with ${code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error('context deadline exceeded')), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

interface Way {
  readonly address: string;
  readonly dial: ProbeOptions['dial'];
  readonly timeoutMs: number;
}

async function get(to: { readonly path: string; readonly port: number }, { address, dial, timeoutMs }: Way): Promise<string | undefined> {
  const socket = await within(dial(address, to.port), timeoutMs);
  const status = new Promise<number>((resolve, reject) => {
    const asked = request(
      { host: address, port: to.port, path: to.path, headers: { 'user-agent': 'kube-probe/1.33', connection: 'close' }, createConnection: () => socket },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.on('error', reject).end();
  });
  try {
    const code = await within(status, timeoutMs);
    return code >= 200 && code < 400 ? undefined : `HTTP probe failed with statuscode: ${code}`;
  } finally {
    socket.destroy();
  }
}
