/** What every check of verify is given, and the frame around them: the login, the probe pods, and their cleanup. */
import type { Login } from '../../ports/logs.ts';
import { stop } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import type { RunContext } from '../../deps.ts';
import { closeProbes, openProbes, sweepProbes, type ProbeRun } from './probe-pods.ts';

export interface ProbeSession {
  readonly run: Pick<RunContext, 'emit' | 'signal' | 'deps' | 'settings'>;
  readonly ctx: Context;
  readonly probes: ProbeRun;
  readonly login: Login;
  readonly until: number;
}

/** The user gets the result only once the pods are deleted. */
export async function withProbes<T>(run: ProbeSession['run'], ctx: Context, body: (stage: ProbeSession) => Promise<T>): Promise<T> {
  const { emit, signal, deps, settings } = run;
  const [login, self] = await Promise.all([readLogin(ctx), deps.self()]);
  await sweepProbes(ctx, { self, all: false });
  const seconds = settings.timeoutSeconds;
  const until = ctx.clock.now().getTime() + seconds * 1000;
  signal.throwIfAborted();
  let probes: ProbeRun | undefined;
  emit({ type: 'probes.placed' });
  try {
    probes = await openProbes(ctx, { self, seconds: seconds + 120 });
    return await body({ run, ctx, probes, login, until });
  } finally {
    const left = probes ? await closeProbes(ctx, probes, { wait: !signal.aborted }) : 0;
    emit({ type: 'probes.removed', left });
  }
}

/** The reader's login, as Grafana would read it. */
async function readLogin({ kubernetes, blueprint }: Pick<Context, 'kubernetes' | 'blueprint'>): Promise<Login> {
  const place = blueprint.login.clients[0];
  const secret = place && (await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', ...place }));
  const data = (secret?.['data'] ?? {}) as Readonly<Record<string, string>>;
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  if (!place || !data['password']) {
    throw stop('LOGIN_MISSING', {
      message: `Secret ${place?.namespace}/${place?.name} with the gateway's credentials does not exist`,
      fix: 'Run `loki-eks install`',
    });
  }
  return { user: text('username'), password: text('password') };
}
