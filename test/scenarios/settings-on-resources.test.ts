/** What is set ends up on the resources; what is changed later is an upgrade that touches nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { quick, takeAway, worldOf } from './story.ts';

const KEY = 'arn:aws:kms:ap-northeast-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const BOUNDARY = 'arn:aws:iam::aws:policy/AdministratorAccess';
const settings = ['--kms-key', KEY, '--permissions-boundary', BOUNDARY, '--iam-path', '/platform/logs/', '--tags', 'team=platform', '--tags', 'cost-center=42'];

describe('settings of the account', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
    const { exit, stderr } = await terminal.cli(['install', '--yes', ...settings]);
    expect(exit, stderr).toBe(0);
  });
  afterAll(() => terminal.close());

  it('are on both buckets: key, tags, TLS-only policy, no way to the public', () => {
    const buckets = Object.values(worldOf(terminal).account.s3);
    expect(buckets).toHaveLength(2);
    for (const { tags, settings: set, policy } of buckets) {
      expect(set['encryption']).toContain('aws:kms');
      expect(set['encryption']).toContain(KEY);
      expect(set['encryption']).toContain('<BucketKeyEnabled>true</BucketKeyEnabled>');
      expect(tags).toMatchObject({ team: 'platform', 'cost-center': '42', 'loki-eks/install-id': expect.any(String) });
      expect(JSON.stringify(policy)).toContain('aws:SecureTransport');
      expect(set['publicAccessBlock']?.match(/true/g)).toHaveLength(4);
    }
  });

  it('are on the role: path, boundary, tags, and the key in its policy', () => {
    const [[arn, role]] = rolesOf(terminal) as [[string, ReturnType<typeof rolesOf>[number][1]]];
    expect(arn).toContain(':role/platform/logs/loki-eks-');
    expect(role.boundary).toBe(BOUNDARY);
    expect(role.tags).toMatchObject({ team: 'platform', 'cost-center': '42' });
    expect(JSON.stringify(role.inline)).toContain(KEY);
    const account = terminal.sandbox.world.store.get('ServiceAccount', 'loki', 'loki');
    expect(account?.metadata.annotations?.['eks.amazonaws.com/role-arn']).toBe(arn);
  });

  it('a new retention is planned as a difference of values, remembered on the bucket, and nothing else', async () => {
    const ran = await terminal.cli(['plan', '--detailed-exitcode', ...settings, '--retention-days', '90', '--output', 'json']);
    expect(ran.exit).toBe(7);
    const plan = ran.events.find(({ type }) => type === 'plan.finished') as
      | { steps: { step: string; finding: { is: string; changes: { diff?: string[] }[] } }[] }
      | undefined;
    const differing = plan?.steps.filter(({ finding }) => finding.is === 'differs') ?? [];
    expect(differing.map(({ step }) => step)).toEqual(['bucket.chunks', 'record', 'release.loki']);
    const diff = differing.at(-1)?.finding.changes.flatMap(({ diff: lines = [] }) => lines) ?? [];
    // What is kept longer can be asked for in one query, too.
    expect(diff.filter((line) => line.startsWith('-'))).toEqual([
      expect.stringMatching(/max_query_length.*721h/),
      expect.stringMatching(/retention_period.*672h/),
    ]);
    expect(diff.filter((line) => line.startsWith('+'))).toEqual([
      expect.stringMatching(/max_query_length.*2161h/),
      expect.stringMatching(/retention_period.*2160h/),
    ]);
  });

  it('a new retention is a second revision; in the account the bucket alone hears of it', async () => {
    const account = accountBut(terminal);
    terminal.writes();
    const ran = await terminal.cli(['install', '--yes', ...settings, '--retention-days', '90']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.writes().filter((call) => /^(s3|iam|eks):/.test(call))).toEqual(['s3:PutBucketTagging']);
    expect(accountBut(terminal)).toBe(account.replace('"loki-eks/retention-days":"28"', '"loki-eks/retention-days":"90"'));
    const { stdout } = await terminal.shell('helm list -n loki -o json; helm list -n alloy -o json');
    const releases = stdout
      .trim()
      .split('\n')
      .flatMap((line) => JSON.parse(line) as { name: string; revision: string; status: string }[]);
    expect(releases.map(({ name, revision, status }) => `${name} ${revision} ${status}`)).toEqual(['loki 2 deployed', 'alloy 1 deployed']);
    expect((await terminal.shell('kubectl -n loki get configmap loki -o yaml')).stdout).toContain('2160h');
  });

  it('tags that are given later are added, and what others have tagged stays', async () => {
    const [, role] = rolesOf(terminal)[0] ?? [];
    expect(role).toBeDefined();
    for (const bucket of terminal.sandbox.world.account.state.s3.buckets.values()) bucket.tags = { ...bucket.tags, theirs: 'yes' };
    const ran = await terminal.cli(['install', '--yes', ...settings, '--retention-days', '90', '--tags', 'stage=prod', '--no-verify']);
    expect(ran.exit, ran.stderr).toBe(0);
    for (const { tags } of Object.values(worldOf(terminal).account.s3)) expect(tags).toMatchObject({ team: 'platform', stage: 'prod', theirs: 'yes' });
    expect(rolesOf(terminal)[0]?.[1].tags).toMatchObject({ team: 'platform', stage: 'prod' });
  });

  it('uninstall finds all of it without being told the settings again', async () => {
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

const rolesOf = (terminal: Terminal) => Object.entries(worldOf(terminal).account.iam.roles).filter(([, { tags }]) => tags['loki-eks/install-id']);

/** The account without the objects that the running Loki goes on writing. */
function accountBut(terminal: Terminal): string {
  const { account } = worldOf(terminal);
  return JSON.stringify({ ...account, s3: Object.entries(account.s3).map(([name, bucket]) => [name, { ...bucket, objects: {} }]) });
}
