/** The gateway's login: one password, kept only in the cluster, as a hash for nginx and in plain for the clients. */
import { hashPassword, verifyHash } from '../design/htpasswd.ts';
import type { Change, Finding, Receipt, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from './context.ts';
import { named, oursByLabels } from './marks.ts';
import { secondUser } from './rotation.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'random' | 'givenPassword'>;
type Place = { readonly namespace: string; readonly name: string };

/** 24 bytes are 192 bits: 32 characters of base64url. */
const PASSWORD_BYTES = 24;
const SALT_BYTES = 9;
/** Former contents stay inside the Secret while a run may still have to be taken back: never in a journal. */
const FORMER = 'former.';

export const login: Step<Needs, Receipt> = {
  id: 'login',
  title: 'Login of the gateway',
  needs: ['namespace.loki', 'namespace.collector'],

  async inspect(ctx): Promise<Finding> {
    const found = await look(ctx);
    const foreign = found.find(({ secret }) => secret && !oursByLabels(secret, ctx.blueprint.ownership));
    if (foreign?.secret) {
      return { is: 'blocked', problem: problem('OBJECT_NOT_OURS', { message: `${named(foreign.secret)} exists but was not made by loki-eks` }) };
    }
    const changes: Change[] = gaps(ctx, found).map(({ place, secret }) => ({
      action: secret ? 'update' : 'create',
      target: `Secret ${place.namespace}/${place.name}`,
    }));
    return changes.length > 0 ? { is: 'differs', changes } : { is: 'matches' };
  },

  async apply(ctx, { record }) {
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
    const place = { namespace: String(receipt['namespace']), name: String(receipt['name']) };
    const secret = await kubernetes.get(reference(place));
    if (!secret || !oursByLabels(secret, blueprint.ownership)) return;
    if (receipt.did === 'create-secret') return kubernetes.delete(reference(place));
    // Still that version: the update never happened, and what is former is of an earlier run.
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
    const ours = secrets.filter((secret) => secret !== undefined && oursByLabels(secret, blueprint.ownership)) as readonly KubeObject[];
    for (const { metadata } of ours) await kubernetes.delete(reference({ namespace: metadata.namespace ?? '', name: metadata.name }));
    return ours.length > 0 ? { is: 'removed' } : { is: 'absent' };
  },
};

interface Found {
  readonly place: Place;
  readonly secret: KubeObject | undefined;
}

const placesOf = ({ login }: Needs['blueprint']): readonly Place[] => [...login.clients, login.htpasswd];

const look = ({ kubernetes, blueprint }: Needs): Promise<readonly Found[]> =>
  Promise.all(placesOf(blueprint).map(async (place) => ({ place, secret: await kubernetes.get(reference(place)) })));

/** The password in force: the user's own, else the one in the first client Secret that has one. */
function passwordOf({ givenPassword }: Needs, found: readonly Found[]): string | undefined {
  return givenPassword ?? found.map(({ secret }) => secret && decoded(secret)['password']).find((password) => password);
}

/** Secrets that are missing or say something else. A salted hash is verified, never compared. */
function gaps(ctx: Needs, found: readonly Found[]): readonly Found[] {
  const password = passwordOf(ctx, found);
  const { login: plan } = ctx.blueprint;
  return found.filter(({ place, secret }) => {
    if (!secret || password === undefined) return true;
    const data = decoded(secret);
    if (place === plan.htpasswd) return !verifyHash(data['.htpasswd'] ?? '', plan.user, password);
    return data['username'] !== plan.user || data['password'] !== password;
  });
}

function contents({ blueprint, random }: Needs, { place, secret }: Found, password: string): Readonly<Record<string, string>> {
  const { login: plan } = blueprint;
  if (place !== plan.htpasswd) return { username: plan.user, password };
  // Collectors may still be at the second user of a rotation that died.
  const lines = secret ? (decoded(secret)['.htpasswd'] ?? '').split('\n') : [];
  const second = lines.filter((line) => line.startsWith(`${secondUser(plan.user)}:`));
  return { '.htpasswd': [hashPassword(plan.user, password, random.bytes(SALT_BYTES)), ...second].map((line) => `${line}\n`).join('') };
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
