/** A role that loki-eks made and that others have come to use outlives the installation: unmarked, with all that is theirs, and said so. */
import { describe, expect, it } from 'vitest';
import { toProblem } from '../../src/commands/run-command.ts';
import { design } from '../../src/design/design.ts';
import { foreignStatements } from '../../src/design/statements.ts';
import { plan } from '../../src/engine/plan.ts';
import { removeAll } from '../../src/engine/remove.ts';
import { run } from '../../src/engine/run.ts';
import { undoAll } from '../../src/engine/undo.ts';
import type { Event, Json, Step } from '../../src/engine/types.ts';
import type { Context } from '../../src/context.ts';
import { removals, steps } from '../../src/steps/index.ts';
import { someFacts, someSettings } from '../support/facts.ts';
import { memoryContext, memoryJournal } from '../support/memory-run.ts';
import { MemoryWorld } from '../support/memory-world.ts';
import { templates } from '../support/templates.ts';

const { signal } = new AbortController();
type Identity = 'irsa' | 'pod-identity';

function contextOf(world: MemoryWorld, identity: Identity): Context {
  const facts = someFacts();
  return memoryContext(world, { blueprint: design(someSettings({ identity, createOidcProvider: true }), facts, { templates }), facts });
}

async function installed(identity: Identity) {
  const world = new MemoryWorld('ap-northeast-2');
  const ctx = contextOf(world, identity);
  const journal = memoryJournal();
  const looked = await plan(steps(ctx.blueprint), ctx, toProblem);
  const { outcome } = await run(looked, ctx, { journal, emit: () => {}, signal, toProblem, afterFailure: () => 'undo' });
  expect(outcome).toBe('done');
  const role = world.roles.get(ctx.blueprint.role.name)!;
  return { world, ctx, journal, role };
}
type Installed = Awaited<ReturnType<typeof installed>>;

const also = (document: Json, statement: object): Json => {
  const { Statement, ...rest } = document as { readonly Statement: readonly Json[] };
  return { ...rest, Statement: [...Statement, statement as Json] };
};
const ASSUME = { Effect: 'Allow', Action: 'sts:AssumeRole' };
const READ = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::theirs/*' };

const uses: readonly (readonly [string, (of: Installed) => void])[] = [
  ['a service may assume it', ({ role }) => void (role.trust = also(role.trust, { ...ASSUME, Principal: { Service: 'ec2.amazonaws.com' } }))],
  ['another account may assume it', ({ role }) => void (role.trust = also(role.trust, { ...ASSUME, Principal: { AWS: 'arn:aws:iam::999988887777:root' } }))],
  [
    'another service account may assume it',
    ({ role }) => {
      const Principal = { Federated: 'arn:aws:iam::111122223333:oidc-provider/other' };
      role.trust = also(role.trust, { Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity', Principal });
    },
  ],
  ['a managed policy is attached', ({ role }) => void (role.attached = ['arn:aws:iam::aws:policy/ReadOnlyAccess'])],
  ['it has another inline policy', ({ role }) => void (role.inline = { ...role.inline, theirs: { Version: '2012-10-17', Statement: [READ] } })],
  [
    'our inline policy allows more',
    ({ role }) => void (role.inline = Object.fromEntries(Object.entries(role.inline).map(([name, document]) => [name, also(document, READ)]))),
  ],
  ['it is in an instance profile', ({ world, role }) => void world.profiles.set(role.name, ['nodes'])],
];

const ends: readonly (readonly [string, (of: Installed, emit: (event: Event) => void) => Promise<unknown>])[] = [
  ['uninstall', ({ ctx }, emit) => removeAll(removals(ctx.blueprint), { ctx, emit, signal, toProblem, keep: async () => undefined })],
  ['a rollback', ({ ctx, journal }, emit) => undoAll({ steps: steps(ctx.blueprint), ctx, journal, emit, toProblem })],
];

describe.each(['irsa', 'pod-identity'] as const)('a role of %s', (identity) => {
  describe.each(ends)('%s', (_, end) => {
    it.each(uses)('where %s: it stays, without our marks', async (_use, use) => {
      const of = await installed(identity);
      use(of);
      const theirs = structuredClone({ trust: of.role.trust, attached: of.role.attached });
      const events: Event[] = [];
      await end(of, (event) => void events.push(event));
      const left = of.world.roles.get(of.role.name);
      expect(left?.attached).toEqual(theirs.attached);
      expect(left?.tags).toEqual({});
      if (foreignStatements(theirs.trust, of.ctx.blueprint.role.trust).length > 0)
        expect(left?.trust).toMatchObject({ Statement: foreignStatements(theirs.trust, of.ctx.blueprint.role.trust) });
      const kept = events.find((event) => event.type === 'step.kept' && event.step === 'role');
      expect(kept).toMatchObject({ target: of.role.arn, why: expect.stringContaining("can't be deleted"), how: expect.stringContaining('delete-role') });
      expect(events.filter(({ type }) => type === 'undo.failed' || type === 'step.failed')).toEqual([]);
    });

    it('where nobody uses it: it goes', async () => {
      const of = await installed(identity);
      await end(of, () => {});
      expect(of.world.roles.size).toBe(0);
    });
  });
});

it('no step can go around it', async () => {
  const of = await installed('irsa');
  uses[0]![1](of);
  const rogue: Step<Context> = {
    id: 'rogue',
    title: 'A new step',
    scope: 'cluster',
    permissions: [],
    inspect: async () => ({ is: 'matches' }),
    apply: async () => {},
    undo: async () => {},
    remove: async ({ roles }) => {
      await roles.delete(of.role.name, of.ctx.blueprint.role.policyName);
      return { is: 'removed' };
    },
  };
  const { left } = await removeAll([rogue], { ctx: of.ctx, emit: () => {}, signal, toProblem, keep: async () => undefined });
  expect(left.map(({ problem: { code } }) => code)).toEqual(['ROLE_IN_USE']);
  expect(of.world.roles.size).toBe(1);
});
