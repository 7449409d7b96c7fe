/** The account called in process: its caller, tokens, additional clusters, and later changes to them. */
import { describe, expect, it } from 'vitest';
import type { SandboxClock } from '../types.ts';
import type { AccountOptions } from './account.ts';
import { createAccount } from './account.ts';

const clock: SandboxClock = { now: () => new Date('2026-01-02T03:04:05Z'), after: () => () => undefined };
const cluster = { name: 'one', version: '1.33', endpoint: 'https://127.0.0.1:1', certificateAuthority: 'Q0E=', vpc: 'vpc-1' };
const make = (more: Partial<AccountOptions> = {}) => createAccount({ clock, region: 'eu-west-1', accountId: '123456789012', cluster, ...more });

describe('account', () => {
  it('takes a role session as its caller: the role exists, and EKS lets the role in', () => {
    const account = make({ callerArn: 'arn:aws:sts::123456789012:assumed-role/Admin/me' });
    expect(account.admin.sessionToken).toBeTypeOf('string');
    expect(account.state.iam.roles.get('admin')?.arn).toBe('arn:aws:iam::123456789012:role/Admin');
    expect(account.accessOf(account.callerArn)).toHaveLength(1);
    expect([...(account.state.eks.clusters.get('one')?.accessEntries.keys() ?? [])]).toEqual(['arn:aws:iam::123456789012:role/Admin']);
  });

  it('gives each cluster an issuer of its own, 32 hex digits long', () => {
    const account = make();
    const second = account.addCluster({ ...cluster, name: 'two', oidcProvider: false });
    expect(account.issuer).toMatch(/^https:\/\/oidc\.eks\.eu-west-1\.amazonaws\.com\/id\/[0-9A-F]{32}$/);
    expect(second.issuer.url).not.toBe(account.issuer);
    expect([...account.state.iam.providers.keys()]).toHaveLength(1);
    expect(account.issuerKeys().keys).not.toEqual(account.issuerKeys('two').keys);
  });

  it('lets what AWS knows of a cluster be changed later', () => {
    const account = make();
    account.changeCluster({ endpoint: 'https://127.0.0.1:2', status: 'UPDATING', addons: [{ name: 'vpc-cni', version: 'v1' }] });
    const one = account.state.eks.clusters.get('one');
    expect([one?.seed.endpoint, one?.seed.vpc, one?.status, [...(one?.addons.keys() ?? [])]]).toEqual([
      'https://127.0.0.1:2',
      'vpc-1',
      'UPDATING',
      ['vpc-cni'],
    ]);
  });

  it('has a snapshot that two accounts of the same making share', () => {
    expect(JSON.stringify(make().snapshot())).toBe(JSON.stringify(make().snapshot()));
  });

  it('refuses keys it does not know', () => {
    expect(() => make().listObjects({ accessKeyId: 'AKIA', secretAccessKey: 'x' }, 'b', '')).toThrow('does not exist in our records');
  });
});
