/** What others have put on a thing is theirs: adopting it, taking that back, and uninstalling afterwards change nothing of it. */
import { describe, expect, it } from 'vitest';
import { canonical } from '../../src/design/canonical.ts';
import { design } from '../../src/design/design.ts';
import { hashPassword } from '../../src/design/htpasswd.ts';
import { plan } from '../../src/engine/plan.ts';
import { removeAll } from '../../src/engine/remove.ts';
import { run } from '../../src/engine/run.ts';
import type { Json, Problem, Step } from '../../src/engine/types.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { problem } from '../../src/problems/problem.ts';
import type { Context } from '../../src/context.ts';
import { removals, steps } from '../../src/steps/index.ts';
import { orphanActions } from '../../src/steps/orphan.ts';
import { someFacts, someSettings } from '../support/facts.ts';
import { memoryContext, memoryJournal } from '../support/memory-run.ts';
import { MemoryWorld } from '../support/memory-world.ts';
import { templates } from '../support/templates.ts';

const toProblem = (error: unknown): Problem => (error as { problem?: Problem }).problem ?? problem('INTERNAL_ERROR', { message: String(error) });
const signal = new AbortController().signal;
type Identity = 'irsa' | 'pod-identity';

function contextOf(world: MemoryWorld, identity: Identity, adopting = false): Context {
  const facts = someFacts({ storageClasses: [] });
  const blueprint = design(someSettings({ identity, createOidcProvider: true, roleName: ROLE }), facts, { templates });
  return { ...memoryContext(world, { blueprint, facts }), said: new Set(['roleName']), ...(adopting && { adopting }) };
}

const ROLE = 'LokiServiceAccountRole';

async function act(ctx: Context, all: readonly Step<Context>[]) {
  const looked = await plan(all, ctx, toProblem);
  const result = await run(looked, ctx, { journal: memoryJournal(), emit: () => {}, signal, toProblem, afterFailure: () => 'undo' });
  return { ...result, blocked: looked.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem.code] : [])) };
}

/** An installation as others would have made it: nothing on it tells of loki-eks. */
async function theirs(identity: Identity): Promise<MemoryWorld> {
  const world = new MemoryWorld('ap-northeast-2');
  const ctx = contextOf(world, identity);
  expect(await act(ctx, steps(ctx.blueprint))).toMatchObject({ outcome: 'done' });
  const again = contextOf(world, identity);
  expect(await act(again, orphanActions(again.blueprint))).toMatchObject({ outcome: 'done' });
  for (const [key, object] of world.objects) {
    const { 'loki-eks.dev/orphaned': _, ...annotations } = object.metadata.annotations ?? {};
    world.objects.set(key, { ...object, metadata: { ...object.metadata, annotations } });
  }
  return world;
}

const adopt = (world: MemoryWorld, identity: Identity) => {
  const ctx = contextOf(world, identity, true);
  return act(ctx, steps(ctx.blueprint));
};
const uninstall = (world: MemoryWorld, identity: Identity) => {
  const ctx = contextOf(world, identity);
  const keep = async (step: Step<Context>) => (step.holds === 'data' ? { target: step.id, why: 'data', how: '' } : undefined);
  return removeAll(removals(ctx.blueprint), { ctx, emit: () => {}, signal, toProblem, keep });
};

interface Row {
  readonly thing: string;
  readonly part: string;
  readonly identity?: Identity;
  readonly put: (world: MemoryWorld) => void;
  /** What of the world is theirs. */
  readonly seen: (world: MemoryWorld) => unknown;
}

const FOREIGN = { Sid: 'OtherTeam', Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
const UNNAMED = { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'sts:AssumeRole' };
const READ = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::theirs/*' };

type Document = { readonly Statement: readonly Json[] };
const withStatement = (document: Json, statement: Json): Json => ({ ...(document as object), Statement: [...(document as Document).Statement, statement] });
const has = (document: Json | undefined, statement: Json): boolean =>
  ((document ?? { Statement: [] }) as Document).Statement.some((one) => canonical(one) === canonical(statement));
const role = (world: MemoryWorld) => world.roles.get(ROLE)!;
const inlineName = (world: MemoryWorld) => Object.keys(role(world).inline)[0] ?? 'loki-s3';

const objectRow = (
  kind: string,
  name: string,
  rows: Readonly<Record<string, { readonly put: (object: KubeObject) => KubeObject; readonly seen: (object: KubeObject | undefined) => unknown }>>,
): readonly Row[] =>
  Object.entries(rows).map(([part, { put, seen }]) => {
    const find = (world: MemoryWorld) => [...world.objects].find(([, object]) => object.kind === kind && object.metadata.name === name);
    return {
      thing: `${kind} ${name}`,
      part,
      put: (world) => {
        const [key, object] = find(world)!;
        world.objects.set(key, put(object));
      },
      seen: (world) => seen(find(world)?.[1]),
    };
  });

const label = {
  put: (object: KubeObject) => ({
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, team: 'theirs', 'app.kubernetes.io/managed-by': 'terraform' } },
  }),
  seen: (object: KubeObject | undefined) => object?.metadata.labels?.['team'],
};
const annotation = {
  put: (object: KubeObject) => ({ ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, owner: 'theirs' } } }),
  seen: (object: KubeObject | undefined) => object?.metadata.annotations?.['owner'],
};
const field = (key: string, value: unknown) => ({
  put: (object: KubeObject) => ({ ...object, [key]: value }),
  seen: (object: KubeObject | undefined) => object?.[key],
});
const dataKey = {
  put: (object: KubeObject) => ({ ...object, data: { ...(object['data'] as object), theirs: 'eA==' } }),
  seen: (object: KubeObject | undefined) => (object?.['data'] as Readonly<Record<string, string>> | undefined)?.['theirs'],
};

const OTHER = hashPassword('other', 'a-password-of-others', Buffer.from('012345678'));
const otherUser = {
  put: (object: KubeObject) => {
    const data = object['data'] as Readonly<Record<string, string>>;
    const file = Buffer.from(data['.htpasswd'] ?? '', 'base64').toString();
    return { ...object, data: { ...data, '.htpasswd': Buffer.from(`${file}${OTHER}\n`).toString('base64') } };
  },
  seen: (object: KubeObject | undefined) =>
    Buffer.from((object?.['data'] as Readonly<Record<string, string>> | undefined)?.['.htpasswd'] ?? '', 'base64')
      .toString()
      .includes(OTHER),
};

const rows: readonly Row[] = [
  ...(['irsa', 'pod-identity'] as const).flatMap((identity): readonly Row[] => [
    {
      thing: 'role',
      part: 'statement of the trust policy',
      identity,
      put: (world) => void (role(world).trust = withStatement(role(world).trust, FOREIGN)),
      seen: (world) => has(role(world)?.trust, FOREIGN),
    },
    {
      thing: 'role',
      part: 'statement without a name',
      identity,
      put: (world) => void (role(world).trust = withStatement(role(world).trust, UNNAMED)),
      seen: (world) => has(role(world)?.trust, UNNAMED),
    },
  ]),
  {
    thing: 'role',
    part: 'inline policy',
    put: (world) => void (role(world).inline = { ...role(world).inline, theirs: { Version: '2012-10-17', Statement: [READ] } }),
    seen: (world) => role(world)?.inline['theirs'],
  },
  {
    thing: 'role',
    part: 'statement of our inline policy',
    put: (world) => void (role(world).inline = { [inlineName(world)]: withStatement(role(world).inline[inlineName(world)]!, READ) }),
    seen: (world) => has(role(world)?.inline[inlineName(world)], READ),
  },
  {
    thing: 'role',
    part: 'attached policy',
    put: (world) => void (role(world).attached = ['arn:aws:iam::aws:policy/ReadOnlyAccess']),
    seen: (world) => role(world)?.attached,
  },
  {
    thing: 'role',
    part: 'instance profile',
    put: (world) => void world.profiles.set(ROLE, ['nodes']),
    seen: (world) => [world.profiles.get(ROLE), role(world)?.name],
  },
  {
    thing: 'role',
    part: 'boundary',
    put: (world) => void (role(world).permissionsBoundary = 'arn:aws:iam::aws:policy/PowerUserAccess'),
    seen: (world) => role(world)?.permissionsBoundary,
  },
  { thing: 'role', part: 'tag', put: (world) => void (role(world).tags = { team: 'theirs' }), seen: (world) => role(world)?.tags['team'] },
  { thing: 'role', part: 'the role itself', put: () => undefined, seen: (world) => role(world)?.arn },
  {
    thing: 'provider',
    part: 'audience',
    put: (world) => void world.providers.forEach((one) => (one.audiences = [...one.audiences, 'theirs'])),
    seen: (world) => [...world.providers.values()].map(({ audiences }) => audiences),
  },
  {
    thing: 'provider',
    part: 'tag',
    put: (world) => void world.providers.forEach((one) => (one.tags = { team: 'theirs' })),
    seen: (world) => [...world.providers.values()].map(({ tags }) => tags['team']),
  },
  {
    thing: 'bucket',
    part: 'tag',
    put: (world) => void world.buckets.forEach((one) => (one.tags = { team: 'theirs' })),
    seen: (world) => [...world.buckets.values()].map(({ tags }) => tags['team']),
  },
  {
    thing: 'bucket',
    part: 'statement of its policy',
    put: (world) =>
      void world.buckets.forEach(
        (one) => (one.policy = withStatement(one.policy ?? { Version: '2012-10-17', Statement: [] }, { ...READ, Sid: 'Theirs', Principal: '*' })),
      ),
    seen: (world) => [...world.buckets.values()].map(({ policy }) => has(policy, { ...READ, Sid: 'Theirs', Principal: '*' })),
  },
  {
    thing: 'bucket',
    part: 'lifecycle rule',
    put: (world) =>
      void world.buckets.forEach(
        (one) =>
          (one.lifecycle = [
            ...one.lifecycle,
            { ID: 'theirs', Status: 'Disabled', Filter: { Prefix: 'x/' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 } },
          ]),
      ),
    seen: (world) => [...world.buckets.values()].map(({ lifecycle }) => lifecycle.some(({ ID }) => ID === 'theirs')),
  },
  {
    thing: 'association',
    part: 'tag',
    identity: 'pod-identity',
    put: (world) => void world.associations.forEach((one) => (one.tags = { team: 'theirs' })),
    seen: (world) => [...world.associations.values()].map(({ tags }) => tags['team']),
  },
  {
    thing: 'association',
    part: 'of another role',
    identity: 'pod-identity',
    put: (world) => void world.associations.forEach((one) => (one.roleArn = 'arn:aws:iam::1:role/theirs')),
    seen: (world) => [...world.associations.values()].map(({ id }) => id),
  },
  ...objectRow('ServiceAccount', 'loki', {
    label,
    annotation,
    'pull secret': field('imagePullSecrets', [{ name: 'registry' }]),
    'the account itself': field('secrets', []),
  }),
  ...objectRow('Secret', 'loki-gateway-htpasswd', { label, annotation, key: dataKey, 'user of the file': otherUser }),
  ...objectRow('Secret', 'loki-gateway-login', { label, annotation, key: dataKey }),
  ...objectRow('Namespace', 'loki', { label, annotation }),
  ...objectRow('Namespace', 'alloy', { label, annotation }),
  ...objectRow('StorageClass', 'loki-eks-gp3', { label, annotation, parameter: field('parameters', { type: 'gp3', iops: '4000' }) }),
];

/** The order of keys says nothing, and maps that something was in once are what an API server leaves out. */
const shown = (world: MemoryWorld) => canonical(JSON.parse(world.snapshot(), (_, value: Json) => (canonical(value) === '{}' ? undefined : value)) as Json);

describe.each(rows)('$thing: $part', ({ identity = 'irsa', put, seen }) => {
  const prepared = async () => {
    const world = await theirs(identity);
    put(world);
    return world;
  };

  it('stays through adoption, a second install, and uninstall', async () => {
    const world = await prepared();
    const before = JSON.stringify(seen(world));
    expect(await adopt(world, identity)).toMatchObject({ outcome: 'done', blocked: [], problems: [] });
    expect(JSON.stringify(seen(world)), 'adopted').toBe(before);
    const ctx = contextOf(world, identity);
    expect(await act(ctx, steps(ctx.blueprint)), 'installed again').toMatchObject({ outcome: 'done', writes: 0 });
    expect(await uninstall(world, identity)).toMatchObject({ outcome: 'done', left: [] });
    expect(JSON.stringify(seen(world)), 'uninstalled').toBe(before);
    expect(await uninstall(world, identity), 'again').toMatchObject({ outcome: 'done', left: [], removed: 0 });
  });

  it('stays when the adoption is taken back, wherever it fails', async () => {
    const dry = await prepared();
    const first = dry.writes;
    await adopt(dry, identity);
    for (let n = 1; n <= dry.writes - first; n += 3) {
      const world = await prepared();
      const before = shown(world);
      world.failAt(n, n % 2 === 0 ? 'before' : 'after');
      expect(await adopt(world, identity), `write ${n}`).toMatchObject({ outcome: 'undone', left: [] });
      expect(shown(world), `write ${n}`).toBe(before);
    }
  });
});

it('nothing that was there before carries a mark of ours after uninstall, but for buckets that keep their logs', async () => {
  const world = await theirs('irsa');
  const ids = () =>
    [...world.objects.values()].map(({ kind, metadata }) => `${kind} ${metadata.name}`).filter((one) => !/^Secret (loki-eks|sh\.helm)/.test(one));
  const before = ids();
  await adopt(world, 'irsa');
  await uninstall(world, 'irsa');
  expect(ids().toSorted()).toEqual(before.toSorted());
  expect(JSON.stringify([...world.objects.values(), ...world.roles.values(), ...world.providers.values()])).not.toMatch(
    /install-id|cluster-arn|managed-by":"loki-eks|adopted|former/,
  );
});

describe('a role that others use', () => {
  const unsaid = (world: MemoryWorld) => {
    const { said: _, ...ctx } = contextOf(world, 'irsa', true);
    return act(ctx, steps(ctx.blueprint));
  };
  it.each(
    rows.filter(({ thing, part, identity = 'irsa' }) => thing === 'role' && identity === 'irsa' && !['boundary', 'tag', 'the role itself'].includes(part)),
  )('is taken over only by name: $part', async ({ put }) => {
    const world = await theirs('irsa');
    put(world);
    const before = shown(world);
    expect((await unsaid(world)).blocked).toEqual(['ROLE_SHARED']);
    expect(shown(world)).toBe(before);
  });

  it.each(
    rows.filter(({ thing, part, identity = 'irsa' }) => thing === 'role' && identity === 'irsa' && !['boundary', 'tag', 'the role itself'].includes(part)),
  )('is left standing also where we made it: $part', async ({ put, seen }) => {
    const world = new MemoryWorld('ap-northeast-2');
    const ctx = contextOf(world, 'irsa');
    await act(ctx, steps(ctx.blueprint));
    put(world);
    const before = JSON.stringify(seen(world));
    expect(await uninstall(world, 'irsa')).toMatchObject({ outcome: 'done', left: [] });
    expect(JSON.stringify(seen(world))).toBe(before);
    expect(JSON.stringify(role(world).tags)).not.toContain('loki-eks');
  });
});
