/** The login of our data source: the gateway's, from the Secret that clients read. */
import type { Context } from '../context.ts';

export type GrafanaNeeds = Pick<Context, 'kubernetes' | 'blueprint' | 'grafana' | 'givenPassword' | 'clock'>;

/** The client Secret with the gateway's login: holds every password that our data source may use. */
export async function passwordIn({ kubernetes, blueprint }: GrafanaNeeds, slot: string): Promise<string | undefined> {
  const place = blueprint.login.clients[0];
  const secret = place && (await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', ...place }));
  const value = (secret?.['data'] as Readonly<Record<string, string>> | undefined)?.[slot];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}

/** The Secret's keys: current, before this run, and those of a rotation. */
const SLOTS = ['password', 'former.password', 'rotating', 'rotating-former'];

/** Where to find a password that must not be written to a journal. */
export async function slotOf(ctx: GrafanaNeeds, password: string): Promise<string | undefined> {
  for (const slot of SLOTS) if ((await passwordIn(ctx, slot)) === password) return slot;
  return undefined;
}

/** `undefined` until the login exists. */
export async function wantedLogin(ctx: GrafanaNeeds): Promise<{ readonly user: string; readonly password: string } | undefined> {
  const password = ctx.givenPassword ?? (await passwordIn(ctx, 'password'));
  return password === undefined ? undefined : { user: ctx.blueprint.login.user, password };
}
