/** A role that another team uses as well stays theirs: adoption makes one of its own beside it, and uninstall takes only that one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDocument } from '../../src/sandbox/aws/policy-document.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { quick, worldOf } from './story.ts';

const OTHERS = { Sid: 'OtherTeam', Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal(quick);
});
afterAll(() => terminal.close());

const roles = () =>
  worldOf(terminal).account.iam.roles as unknown as Readonly<Record<string, { readonly trust: unknown; readonly tags: Readonly<Record<string, string>> }>>;
const ours = () => Object.keys(roles()).filter((arn) => arn.includes('/loki-eks-'));

it('goes on as it was', async () => {
  expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
  expect((await terminal.cli(['orphan', '--yes'])).exit).toBe(0);
  const [arn] = ours();
  const role = [...terminal.sandbox.world.account.state.iam.roles.values()].find((one) => one.name === arn?.split('/').at(-1))!;
  const trust = JSON.parse(role.trust.text) as { Statement: object[] };
  const text = JSON.stringify({ ...trust, Statement: [...trust.Statement, OTHERS] });
  const read = readDocument(text, 'trust');
  if ('document' in read) role.trust = { text, document: read.document };
  const shared = JSON.stringify(roles()[arn!]);

  const shown = await terminal.cli(['adopt', '--yes', '--dry-run', '--output', 'json']);
  expect(shown.stdout).toContain('stays as it is, and Loki gets its own role: other principals may assume it');
  const adopted = await terminal.cli(['adopt', '--yes', '--output', 'json']);
  expect(adopted.exit, adopted.stdout).toBe(0);
  expect(JSON.stringify(roles()[arn!])).toBe(shared);
  expect(ours()).toEqual([arn, `${arn}-2`]);

  expect((await terminal.cli(['status'])).exit).toBe(0);
  expect((await terminal.cli(['plan', '--detailed-exitcode'])).exit).toBe(0);
  const gone = await terminal.cli(['uninstall', '--yes']);
  expect(gone.exit, gone.stderr).toBe(0);
  expect(ours()).toEqual([arn]);
  expect(JSON.stringify(roles()[arn!])).toBe(shared);
}, 120_000);
