/** The guide's sections 1 and 2 run again: what it deletes is gone at once, and its name cannot be had back at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuideTerminal, openGuide } from './guide-terminal.ts';

describe('a second run of the guide', () => {
  /** How long S3 holds a deleted name back; minutes up to an hour in AWS. */
  const deletedNameMs = 20_000;
  let guide: GuideTerminal;
  let role: string;

  beforeAll(async () => {
    guide = await openGuide({ nodes: 4, account: { timings: { deletedNameMs } } });
    for (const section of ['0-discover', '1-buckets', '2-identity'] as const) await guide.follow(section);
    role = await roleId();
    await guide.ask('echo a line | aws s3 cp - s3://$CHUNK_BUCKET/foo/chunk');
  });
  afterAll(() => guide?.close());

  const roleId = (): Promise<string> => guide.ask('aws iam get-role --role-name LokiServiceAccountRole --query Role.RoleId --output text');
  const buckets = (): Promise<string> => guide.ask("aws s3api list-buckets --query 'Buckets[].Name' --output text");

  it('deletes the buckets with all logs, is refused their names, and goes on without', async () => {
    const { failed, stderr } = await guide.follow('1-buckets');
    expect(failed.filter((command) => command.startsWith('aws s3api create-bucket')).length).toBeGreaterThan(0);
    expect(stderr.match(/\(OperationAborted\) when calling the CreateBucket operation/g)).toHaveLength(2);
    expect(await buckets()).toBe('');
    expect(await guide.ask('echo "[$CHUNK_BUCKET$RULER_BUCKET]"')).toBe('[]');
  });

  it('has empty buckets after a while, under the same names', async () => {
    await new Promise((resolve) => setTimeout(resolve, deletedNameMs));
    expect(await guide.follow('1-buckets')).toMatchObject({ exit: 0, failed: [], stderr: '' });
    expect(await buckets()).toContain('loki-aws-dev-chunks-');
    expect(await guide.ask('aws s3 ls s3://$CHUNK_BUCKET --recursive')).toBe('');
  });

  it('replaces the role and the policy without a word', async () => {
    expect(await guide.follow('2-identity')).toMatchObject({ exit: 0, failed: [], stderr: '' });
    expect(await roleId()).toMatch(/^AROA/);
    expect(await roleId()).not.toBe(role);
    expect(await guide.ask('aws iam list-attached-role-policies --role-name LokiServiceAccountRole --query AttachedPolicies[].PolicyName --output text')).toBe(
      'LokiS3AccessPolicy',
    );
  });
});
