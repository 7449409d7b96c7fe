/**
 * A new password for the gateway without a gap in collection. nginx uses the first line of a user name, so no user can have two
 * passwords at once: the collectors move to a second user while the first one gets its new password, and then back. Alloy drops what a
 * gateway refuses with 401, so no collector moves before every gateway pod knows the new login.
 */
import { rule } from '../design/permissions.ts';
import { linesOf, loginLine } from '../design/htpasswd.ts';
import type { Change, StepIO, UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { moveDatasource } from './grafana.ts';
import { isOwnedByLabels } from './ownership.ts';
import { applyRelease } from './release.ts';

type Needs = Pick<Context, 'kubernetes' | 'releases' | 'blueprint' | 'random' | 'clock' | 'timeoutMs' | 'rotateLogin' | 'grafana'>;
type Slot = 'first' | 'second';

const PASSWORD_BYTES = 24;
const SALT_BYTES = 9;
/** In the clients' Secrets, beside `password`. */
const NEXT = 'rotating';
const FORMER = 'rotating-former';

/** The user of the collectors while the first user changes its password. */
export const secondUser = (user: string): string => `${user}-rotating`;

export const rotation: Step<Needs, UndoRecord> = {
  id: 'rotation',
  title: 'Password rotation',
  scope: 'cluster',
  needs: ['login', 'release.loki', 'release.alloy', 'grafana.datasource'],
  permissions: [rule('cluster', 'get', 'nodes', { to: 'learn how late a node sees a changed Secret', for: ['install'] })],

  async inspect(ctx) {
    const seen = await look(ctx);
    if (!seen || !(ctx.rotateLogin || seen.next)) return { is: 'matches' };
    const { htpasswd, clients, user } = ctx.blueprint.login;
    // Thrown here, it blocks the step before anything is changed.
    if (ctx.rotateLogin) secondValues(ctx.blueprint.alloy.values, user);
    const detail = ctx.rotateLogin ? 'new password' : 'finish an interrupted rotation';
    const source = ctx.blueprint.grafana?.datasource;
    const read = source?.way.is === 'object' ? [source.way] : [];
    const changes: Change[] = [htpasswd, ...clients, ...read].map((place) => ({ action: 'update', target: `Secret ${place.namespace}/${place.name}`, detail }));
    if (source?.way.is === 'api') changes.push({ action: 'update', target: `data source "${source.name}" in ${ctx.blueprint.grafana?.where}`, detail });
    return { is: 'differs', changes };
  },

  async apply(ctx, { record, ...io }) {
    const seen = await look(ctx);
    if (!seen) return;
    // The collectors are back on the first user by now, whichever password that one has.
    if (seen.next) await close(ctx);
    if (!ctx.rotateLogin) return;
    const { user } = ctx.blueprint.login;
    const fresh = Buffer.from(ctx.random.bytes(PASSWORD_BYTES)).toString('base64url');
    const second = { user: secondUser(user), password: fresh };
    await record({ did: 'open-second-login' });
    await patchClients(ctx, { [NEXT]: fresh, [FORMER]: seen.password });
    await patchFile(ctx, [{ user, password: seen.password }, second]);
    await accepted(ctx, second, io);
    await record({ did: 'move-collectors', to: 'second' });
    await move(ctx, 'second', io);
    await record({ did: 'change-password' });
    await patchFile(ctx, [{ user, password: fresh }, second]);
    await patchClients(ctx, { password: fresh });
    await accepted(ctx, { user, password: fresh }, io);
    await record({ did: 'move-collectors', to: 'first' });
    await move(ctx, 'first', io);
    // Everything works with the new password: leftovers are no reason to roll it back, and the next run removes them.
    await close(ctx).catch(() => io.say('the second user could not be removed; the next install removes it'));
  },

  async undo(ctx, receipt, io) {
    const seen = await look(ctx);
    if (!seen?.next) return;
    const { user } = ctx.blueprint.login;
    switch (receipt.did) {
      case 'move-collectors':
        return move(ctx, receipt['to'] === 'second' ? 'first' : 'second', io);
      case 'change-password': {
        await only(ctx, 'second');
        const former = { user, password: seen.former ?? seen.password };
        await patchFile(ctx, [former, { user: secondUser(user), password: seen.next }]);
        await patchClients(ctx, { password: former.password });
        return accepted(ctx, former, io);
      }
      default:
        await only(ctx, 'first');
        return close(ctx);
    }
  },

  // All rotation state lives in the Secrets of the login.
  remove: async () => ({ is: 'absent' }),
};

interface Seen {
  readonly password: string;
  /** Present while a rotation is in progress. */
  readonly next: string | undefined;
  readonly former: string | undefined;
}

/** `undefined` when we have no login yet: a new one needs no rotation. */
async function look({ kubernetes, blueprint }: Needs): Promise<Seen | undefined> {
  const { clients, htpasswd } = blueprint.login;
  const secrets = await Promise.all([...clients, htpasswd].map((place) => kubernetes.get(reference(place))));
  if (secrets.some((secret) => !secret || !isOwnedByLabels(secret, blueprint.ownership))) return undefined;
  const text = (key: string) => secrets.map((secret) => textOf(secret, key)).find(Boolean);
  const password = text('password');
  return password === undefined ? undefined : { password, next: text(NEXT), former: text(FORMER) };
}

const textOf = (secret: KubeObject | undefined, key: string): string | undefined => {
  const value = (secret?.['data'] as Readonly<Record<string, string>> | undefined)?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
};

const reference = (place: { readonly namespace: string; readonly name: string }) => ({ apiVersion: 'v1', kind: 'Secret', ...place });
const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Login {
  readonly user: string;
  readonly password: string;
}

async function patchFile({ kubernetes, blueprint, random }: Needs, logins: readonly Login[]): Promise<void> {
  const { others = [] } = blueprint.login;
  const before = others.length > 0 ? (textOf(await kubernetes.get(reference(blueprint.login.htpasswd)), '.htpasswd') ?? '') : '';
  const { rounds } = blueprint.login;
  const ours = logins.map((login) => loginLine(login, { salt: random.bytes(SALT_BYTES), rounds, chosen: false }));
  const lines = [...ours, ...linesOf(before, others)].map((line) => `${line}\n`);
  await kubernetes.patch(reference(blueprint.login.htpasswd), { data: { '.htpasswd': base64(lines.join('')) } });
}

async function patchClients({ kubernetes, blueprint }: Needs, data: Readonly<Record<string, string | null>>): Promise<void> {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, text === null ? null : base64(text)]));
  for (const place of blueprint.login.clients) await kubernetes.patch(reference(place), { data: encoded });
}

/** The file first: while a client's Secret still says so, the next run knows that something is left over. */
async function close(ctx: Needs): Promise<void> {
  const seen = await look(ctx);
  if (!seen) return;
  await patchFile(ctx, [{ user: ctx.blueprint.login.user, password: seen.password }]);
  await patchClients(ctx, { [NEXT]: null, [FORMER]: null });
}

/** The data source in Grafana first: it switches at once, and its old login works until the last collector has moved. */
async function move(ctx: Needs, slot: Slot, io: StepIO): Promise<void> {
  const seen = await look(ctx);
  const { user } = ctx.blueprint.login;
  if (seen) await moveDatasource(ctx, slot === 'second' ? { user: secondUser(user), password: seen.next ?? seen.password } : { user, password: seen.password });
  await moveCollectors(ctx, slot, io);
}

/** A rollout: each pod starts with the pipeline and the Secret as they are then, so it never has one without the other. */
async function moveCollectors(ctx: Needs, slot: Slot, io: StepIO): Promise<void> {
  const { alloy, login } = ctx.blueprint;
  io.say(slot === 'second' ? 'switching collectors to the second user' : 'switching collectors back with the new password');
  const values = slot === 'first' ? alloy.values : secondValues(alloy.values, login.user);
  await applyRelease({ ...ctx, blueprint: { ...ctx.blueprint, alloy: { ...alloy, values } } }, 'alloy', io);
}

interface AlloyValues {
  readonly alloy?: { readonly configMap?: { readonly content?: string } };
  readonly controller?: { readonly volumes?: { readonly extra?: readonly { readonly name?: string; readonly secret?: object }[] } };
}

/** The second user in the pipeline, with the new password mounted as the file that the pipeline reads. */
function secondValues<T extends object>(values: T, user: string): T {
  const { alloy, controller } = values as AlloyValues;
  const content = alloy?.configMap?.content ?? '';
  const moved = content.replace(/(username\s*=\s*)"[^"]*"/, (_, name: string) => `${name}${JSON.stringify(secondUser(user))}`);
  const volumes = controller?.volumes?.extra ?? [];
  const login = volumes.find(({ name }) => name === 'gateway-login');
  if (moved === content || !content.includes('"/etc/loki-eks/password"') || !login?.secret) {
    throw stop('ROTATION_IMPOSSIBLE', { message: "The collector's pipeline does not use the password file /etc/loki-eks/password" });
  }
  const secret = { ...login.secret, items: [{ key: NEXT, path: 'password' }] };
  const extra = volumes.map((volume) => (volume === login ? { ...volume, secret } : volume));
  return {
    ...values,
    alloy: { ...alloy, configMap: { ...alloy?.configMap, content: moved } },
    controller: { ...controller, volumes: { ...controller?.volumes, extra } },
  };
}

/** The user that the collectors were moved to last. */
async function slotOf({ releases, blueprint }: Needs): Promise<Slot> {
  const { name, namespace } = blueprint.alloy;
  const found = await releases.find(name, namespace);
  return JSON.stringify(found?.values ?? {}).includes(secondUser(blueprint.login.user)) ? 'second' : 'first';
}

/** Undo continues past failures, but a login that collectors use is never touched. */
async function only(ctx: Needs, wanted: Slot): Promise<void> {
  if ((await slotOf(ctx)) !== wanted) throw stop('ROTATION_UNFINISHED');
}

const PATIENCE_MS = 240_000;
const LOOK_MS = 2000;

type Pod = { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } };

/** The kubelet propagates a changed Secret to each pod at its own pace, a minute or more: every gateway pod is queried directly. */
async function accepted({ kubernetes, clock, blueprint }: Needs, { user, password }: Login, { signal, say }: StepIO): Promise<void> {
  const { namespace, selector, podPort: port } = blueprint.gateway;
  const headers = { authorization: `Basic ${base64(`${user}:${password}`)}` };
  for (const until = clock.now().getTime() + PATIENCE_MS; ; await clock.sleep(LOOK_MS, signal)) {
    const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: selector });
    const alive = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
    const ready = alive.filter((pod) => (pod as Pod).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'));
    const ask = (pod: string) => kubernetes.forward({ namespace, pod, port }, { method: 'GET', path: '/loki/api/v1/labels', headers, timeoutMs: 10_000 });
    const answers = await Promise.all(ready.map(({ metadata }) => ask(metadata.name).catch(() => ({ status: 0 }))));
    const waiting = alive.length - answers.filter(({ status }) => status !== 0 && status !== 401 && status !== 403).length;
    if (alive.length > 0 && waiting === 0) return;
    if (clock.now().getTime() > until) {
      throw stop('LOGIN_NOT_PROPAGATED', {
        message: `${waiting} of ${alive.length} gateway pods have not loaded the new credentials after ${PATIENCE_MS / 60_000} minutes`,
      });
    }
    say(`waiting for ${waiting} of ${alive.length} gateway pods to load the new credentials`);
  }
}
