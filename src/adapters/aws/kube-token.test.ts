import { describe, expect, test } from 'vitest';
import { kubeTokens, signToken } from './kube-token.ts';

const identity = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY' };
const urlOf = (token: string): string => Buffer.from(token.replace(/^k8s-aws-v1\./, ''), 'base64url').toString();

// Output of `aws eks get-token --cluster-name demo` (AWS CLI 1.45) for these credentials at these times.
const printed = [
  {
    region: 'ap-northeast-2',
    sessionToken: 'AQoEXAMPLE/+=token==',
    now: '2026-11-22T08:39:38Z',
    url:
      'https://sts.ap-northeast-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256' +
      '&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fap-northeast-2%2Fsts%2Faws4_request&X-Amz-Date=20261122T083938Z&X-Amz-Expires=60' +
      '&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Security-Token=AQoEXAMPLE%2F%2B%3Dtoken%3D%3D' +
      '&X-Amz-Signature=35a1843f7cc5db3902ac98d244700524897327c16256917854170649ecc48a76',
  },
  {
    region: 'cn-north-1',
    now: '2026-11-22T08:39:39Z',
    url:
      'https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256' +
      '&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fcn-north-1%2Fsts%2Faws4_request&X-Amz-Date=20261122T083939Z&X-Amz-Expires=60' +
      '&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=111d66547d01e65b0cc71042e1672e713e3833cfae236507bdd9102074e1b04a',
  },
];

describe('a token', () => {
  test.each(printed)('is to the byte what the AWS CLI prints ($region)', async ({ region, sessionToken, now, url }) => {
    const token = await signToken('demo', { region, identity: { ...identity, ...(sessionToken && { sessionToken }) }, now: new Date(now) });
    expect(urlOf(token)).toBe(url);
    expect(token).not.toMatch(/=$/);
  });
});

describe('tokens', () => {
  const start = Date.parse('2026-11-22T08:00:00Z');
  const made = (expiration?: Date) => {
    let now = start;
    let resolved = 0;
    const token = kubeTokens({
      region: 'ap-northeast-2',
      now: () => new Date(now),
      credentials: async () => {
        resolved += 1;
        return { ...identity, ...(expiration && { expiration }) };
      },
    });
    return { token, pass: (minutes: number) => (now += minutes * 60_000), resolved: () => resolved };
  };

  test('are kept for ten minutes, by cluster', async () => {
    const { token, pass, resolved } = made();
    const first = await token('a');
    pass(9);
    expect(await token('a')).toBe(first);
    expect(await token('b')).not.toBe(first);
    expect(resolved()).toBe(2);
    pass(2);
    expect(await token('a')).not.toBe(first);
  });

  test('are signed once for concurrent callers', async () => {
    const { token, resolved } = made();
    await Promise.all([token('a'), token('a'), token('a')]);
    expect(resolved()).toBe(1);
  });

  test('do not outlive the credentials that signed them', async () => {
    const { token, pass, resolved } = made(new Date(start + 3 * 60_000));
    await token('a');
    pass(4);
    await token('a');
    expect(resolved()).toBe(2);
  });

  test('a failure is not kept', async () => {
    let fails = true;
    const token = kubeTokens({
      region: 'ap-northeast-2',
      credentials: async () => {
        if (fails) throw new Error('no credentials');
        return identity;
      },
    });
    await expect(token('a')).rejects.toThrow('no credentials');
    fails = false;
    expect(await token('a')).toMatch(/^k8s-aws-v1\./);
  });
});
