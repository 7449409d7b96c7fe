/** The guide in us-east-1, the one region whose name CreateBucket does not take: no bucket, empty variables, no Loki. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuideTerminal, openGuide } from './guide-terminal.ts';

describe('the guide in us-east-1', () => {
  let guide: GuideTerminal;

  beforeAll(async () => {
    guide = await openGuide({ nodes: 4, region: 'us-east-1' });
    expect(await guide.follow('0-discover')).toMatchObject({ exit: 0, failed: [] });
  });
  afterAll(() => guide?.close());

  it('finds the region', async () => {
    expect(await guide.ask('echo $AWS_REGION')).toBe('us-east-1');
  });

  it('gets no bucket', async () => {
    const { stderr } = await guide.follow('1-buckets');
    expect(stderr.match(/\(InvalidLocationConstraint\) when calling the CreateBucket operation/g)).toHaveLength(2);
    expect(await guide.ask("aws s3api list-buckets --query 'Buckets[].Name' --output text")).toBe('');
    expect(await guide.ask('echo "[$CHUNK_BUCKET$RULER_BUCKET]"')).toBe('[]');
  });

  it('goes on until helm refuses values without a bucket', async () => {
    for (const section of ['2-identity', '3-namespace', '4-login', '5-loki-values'] as const) await guide.follow(section);
    const { failed, stderr } = await guide.follow('6-loki');
    expect(failed[0]).toMatch(/^helm install loki /);
    expect(stderr).toContain('Please define loki.storage.bucketNames.chunks');
    expect(await guide.ask('kubectl get secrets,pods -n loki -o name')).toBe('secret/loki-basic-auth');
  });
});
