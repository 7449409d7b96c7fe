/** The gateway's login: one password, kept only in the cluster, as a hash for nginx and in plain for the clients. */
import { BY_STEPS, rule } from '../design/permissions.ts';
import { isDearEnough, linesOf, loginLine, verifyHash } from '../design/htpasswd.ts';
import type { Change, Inspection, Problem, UndoRecord, Removal, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';
import { adoptionMarks, giveBack, isAdopted, MADE_BY_HELM, mark, markChange, MARKED, foreignMark, unmark } from './ownership-marks.ts';
import { isOwnedByLabels } from './ownership.ts';
import { secondUser } from './rotation.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'random' | 'givenPassword' | 'adopting'>;
type Place = { readonly namespace: string; readonly name: string };

/** 24 bytes are 192 bits: 32 characters of base64url. */
const PASSWORD_BYTES = 24;
const SALT_BYTES = 9;
/** Previous contents stay inside the Secret while a run may still be rolled back: never in a journal. */
const FORMER = 'former.';

export const login: Step<Needs, UndoRecord> = {
  id: 'login',
  title: 'Gateway credentials',
  scope: 'cluster',
  needs: ['namespace.loki', 'namespace.collector'],
  permissions: (['loki', 'collector'] as const).flatMap((where) => [
    rule(where, 'get', 'secrets', { to: "read the gateway's login", for: BY_STEPS }),
    rule(where, 'create patch delete', 'secrets', { to: 'write the login, and roll that back', for: ['install', 'adopt'] }),
    rule(where, 'patch', 'secrets', { to: 'release the login', for: ['orphan'] }),
    rule(where, 'patch delete', 'secrets', { to: 'delete the login, or give it back', for: ['uninstall'] }),
  ]),

  async inspect(ctx): Promise<Inspection> {
    const found = await look(ctx);
    const bar = found.map((one) => blockers(ctx, one, found)).find((one) => one !== undefined);
    if (bar) return { is: 'blocked', problem: bar };
    const marks = unmarked(ctx, found).map((secret) => markChange(secret, adoptionOf(ctx, secret)));
    const contents = gaps(ctx, found).map(({ place, secret }): Change => ({
      action: secret ? 'update' : 'create',
      target: `Secret ${place.namespace}/${place.name}`,
      ...(secret && { detail: 'login' }),
    }));
    const changes = [...marks, ...contents];
    return changes.length > 0 ? { is: 'differs', changes } : { is: 'matches' };
  },

  async apply(ctx, { record }) {
    for (const secret of unmarked(ctx, await look(ctx))) await mark(ctx.kubernetes, secret, { marking: adoptionOf(ctx, secret), record });
    const found = await look(ctx);
    const password = passwordOf(ctx, found) ?? Buffer.from(ctx.random.bytes(PASSWORD_BYTES)).toString('base64url');
    for (const { place, secret } of gaps(ctx, found)) {
      const data = encoded(contents(ctx, { place, secret }, password));
      if (secret) {
        await record({ did: 'update-secret', ...place, version: secret.metadata.resourceVersion ?? null });
        await ctx.kubernetes.patch(reference(place), { data: { ...data, ...formerOf(secret) } });
      } else {
        await record({ did: 'create-secret', ...place });
        await ctx.kubernetes.create(secretObject(ctx, place, data));
      }
    }
  },

  async undo({ kubernetes, blueprint }, receipt) {
    if (receipt.did === MARKED) return unmark(kubernetes, receipt);
    const place = { namespace: String(receipt['namespace']), name: String(receipt['name']) };
    const secret = await kubernetes.get(reference(place));
    if (!secret || !isOwnedByLabels(secret, blueprint.ownership)) return;
    if (receipt.did === 'create-secret') return kubernetes.delete(reference(place));
    // Still the version from before: the update never happened, and the previous contents are from an earlier run.
    if (secret.metadata.resourceVersion === receipt['version']) return;
    const before: Record<string, string | null> = {};
    for (const [key, value] of Object.entries(dataOf(secret))) {
      if (!key.startsWith(FORMER)) continue;
      before[key] = null;
      before[key.slice(FORMER.length)] = value;
    }
    if (Object.keys(before).length > 0) await kubernetes.patch(reference(place), { data: before });
  },

  async remove({ kubernetes, blueprint }) {
    const places = placesOf(blueprint);
    const secrets = await Promise.all(places.map((place) => kubernetes.get(reference(place))));
    const ours = secrets.filter((secret) => secret !== undefined && isOwnedByLabels(secret, blueprint.ownership)) as readonly KubeObject[];
    const kept: Removal[] = [];
    for (const secret of ours) {
      const { namespace = '', name } = secret.metadata;
      if (isAdopted(secret)) kept.push(await giveBack(kubernetes, secret, { ...blueprint, data: withoutFormer(secret) }));
      else await kubernetes.delete(reference({ namespace, name }));
    }
    return kept[0] ?? (ours.length > 0 ? { is: 'removed' } : { is: 'absent' });
  },
};

interface Found {
  readonly place: Place;
  readonly secret: KubeObject | undefined;
}

const placesOf = ({ login }: Needs['blueprint']): readonly Place[] => [...login.clients, login.htpasswd];

const look = ({ kubernetes, blueprint }: Needs): Promise<readonly Found[]> =>
  Promise.all(placesOf(blueprint).map(async (place) => ({ place, secret: await kubernetes.get(reference(place)) })));

const adoptionOf = ({ blueprint: { ownership } }: Needs, secret: KubeObject) =>
  adoptionMarks(secret, { ownership, made: secret.metadata.annotations?.[MADE_BY_HELM] !== undefined });

/** What only one of our runs needed. */
const withoutFormer = (secret: KubeObject) => Object.fromEntries(Object.keys(dataOf(secret)).flatMap((key) => (key.startsWith(FORMER) ? [[key, null]] : [])));

const unmarked = ({ blueprint }: Needs, found: readonly Found[]): readonly KubeObject[] =>
  found.flatMap(({ secret }) => (secret && !isOwnedByLabels(secret, blueprint.ownership) ? [secret] : []));

/** An adoption takes over the gateway's own file, and of other Secrets only one with a login that the file accepts. */
function blockers({ blueprint, adopting }: Needs, { place, secret }: Found, all: readonly Found[]): Problem | undefined {
  if (!secret || isOwnedByLabels(secret, blueprint.ownership)) return undefined;
  const { login: plan } = blueprint;
  const { username, password } = decoded(secret);
  const file = all.find((one) => one.place === plan.htpasswd)?.secret;
  const fits = place === plan.htpasswd || verifyHash((file && decoded(file)['.htpasswd']) ?? '', username ?? '', password ?? '');
  return foreignMark(secret, { ownership: blueprint.ownership, adopting: adopting === true && fits });
}

/** The current password: the user's own, else the one in the first client Secret that has one. */
function passwordOf({ givenPassword }: Needs, found: readonly Found[]): string | undefined {
  return givenPassword ?? found.map(({ secret }) => secret && decoded(secret)['password']).find((password) => password);
}

/** Secrets that are missing or have other contents. A salted hash is verified, never compared. */
function gaps(ctx: Needs, found: readonly Found[]): readonly Found[] {
  const password = passwordOf(ctx, found);
  const { login: plan } = ctx.blueprint;
  return found.filter(({ place, secret }) => {
    if (!secret || password === undefined) return true;
    const data = decoded(secret);
    if (place === plan.htpasswd) {
      const file = data['.htpasswd'] ?? '';
      if (!verifyHash(file, plan.user, password)) return true;
      // An adopted hash stays unchanged.
      return (
        ctx.adopting !== true &&
        plan.keepsHash !== true &&
        !isDearEnough(file, { user: plan.user, password }, { rounds: plan.rounds, chosen: ctx.givenPassword !== undefined })
      );
    }
    return data['username'] !== plan.user || data['password'] !== password;
  });
}

function contents({ blueprint, random, givenPassword }: Needs, { place, secret }: Found, password: string): Readonly<Record<string, string>> {
  const { login: plan } = blueprint;
  if (place !== plan.htpasswd) return { username: plan.user, password };
  // Collectors may still use the second user of an interrupted rotation.
  const stay = linesOf(secret ? (decoded(secret)['.htpasswd'] ?? '') : '', [secondUser(plan.user), ...(plan.others ?? [])]);
  const line = loginLine({ user: plan.user, password }, { salt: random.bytes(SALT_BYTES), rounds: plan.rounds, chosen: givenPassword !== undefined });
  return { '.htpasswd': [line, ...stay].map((one) => `${one}\n`).join('') };
}

const secretObject = ({ blueprint }: Needs, place: Place, data: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { ...place, labels: blueprint.ownership.labels, annotations: blueprint.ownership.annotations },
  type: 'Opaque',
  data,
});

const reference = (place: Place) => ({ apiVersion: 'v1', kind: 'Secret', ...place });

const dataOf = (secret: KubeObject) => (secret['data'] ?? {}) as Readonly<Record<string, string>>;

const mapValues = (record: Readonly<Record<string, string>>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

const encoded = (data: Readonly<Record<string, string>>) => mapValues(data, (text) => Buffer.from(text).toString('base64'));
const decoded = (secret: KubeObject) => mapValues(dataOf(secret), (text) => Buffer.from(text, 'base64').toString());

const formerOf = (secret: KubeObject) =>
  Object.fromEntries(
    Object.entries(dataOf(secret))
      .filter(([key]) => !key.startsWith(FORMER))
      .map(([key, value]) => [`${FORMER}${key}`, value]),
  );
