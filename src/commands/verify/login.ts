/** The gateway rejects requests without a login, or with a wrong one. */
import type { GatewayAnswer, Login } from '../../ports/logs.ts';
import { problem } from '../../problems/problem.ts';
import { verifyChecks } from './verify-checks.ts';
import type { VerifyRow } from './result.ts';
import type { ProbeSession } from './probe-session.ts';

const PATHS = ['/loki/api/v1/labels', '/loki/api/v1/push'] as const;

export async function refusesStrangers({ ctx, login }: ProbeSession): Promise<VerifyRow> {
  const known = { proof: 'login' as const, title: verifyChecks.login.title };
  const guess = Buffer.from(ctx.random.bytes(12)).toString('base64url');
  const tries: readonly { readonly who: string; readonly as?: Login }[] = [
    { who: 'without credentials' },
    { who: 'with a wrong password', as: { ...login, password: guess } },
    { who: 'with a wrong user name', as: { ...login, user: `nobody-${guess}` } },
  ];
  const answers = await Promise.all(
    PATHS.flatMap((path) => tries.map(async ({ who, as }) => ({ path, who, answer: await ctx.logs.get(path, as ? { login: as } : {}) }))),
  );
  const open = answers.filter(({ answer }) => !refuses(answer));
  const [first] = open;
  if (!first) return { ...known, state: 'proved', detail: `HTTP 401 on query and push ${tries.map(({ who }) => who).join(', ')}` };
  return {
    ...known,
    state: 'failed',
    problem: problem('GATEWAY_OPEN', {
      message: `The gateway answers HTTP ${first.answer.status} to a request ${first.who}`,
      evidence: open.map(({ path, who, answer }) => `GET ${path} ${who}: HTTP ${answer.status} ${answer.body.trim().slice(0, 100)}`),
    }),
  };
}

/** Loki responds with 401 too, if the tenant is missing: then the gateway has let the request through. */
const refuses = ({ status, body }: GatewayAnswer): boolean => status === 401 && !/no org id/i.test(body);
