import { describe, expect, test } from 'vitest';
import { ProblemError } from '../../problems/problem.ts';
import { resolveRegion, stsHost } from './region.ts';

const profile = (region?: string) => ({ name: 'default', named: false, keys: { region } });
const problemOf = (work: () => unknown) => {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof ProblemError) return thrown.problem;
  }
  return undefined;
};

describe('the region', () => {
  const env = { AWS_REGION: 'us-west-1', AWS_DEFAULT_REGION: 'us-west-2' };
  test.each([
    ['the setting', 'eu-west-1', env, 'eu-central-1', 'eu-west-1'],
    ['AWS_REGION', undefined, env, 'eu-central-1', 'us-west-1'],
    ['AWS_DEFAULT_REGION', undefined, { AWS_REGION: '', AWS_DEFAULT_REGION: 'us-west-2' }, 'eu-central-1', 'us-west-2'],
    ['the profile', undefined, {}, 'eu-central-1', 'eu-central-1'],
  ])('comes from %s', (_, given, environment, own, expected) => {
    expect(resolveRegion(given, { env: environment, profile: profile(own) })).toBe(expected);
  });

  test('missing names the ways to give it', () => {
    const found = problemOf(() => resolveRegion(undefined, { env: {}, profile: profile() }));
    expect(found?.code).toBe('AWS_REGION_MISSING');
    expect(found?.fix).toMatch(/--region.*AWS_REGION/);
  });

  test.each(['us-gov-west-1', 'us-iso-east-1', 'ap-southeast-2', 'cn-north-1', 'eusc-de-east-1', 'mx-central-1'])('%s has the form of one', (region) => {
    expect(resolveRegion(region, { env: {}, profile: profile() })).toBe(region);
  });

  test.each(['Seoul', 'ap-northeast', 'ap_northeast_2', 'https://x', 'us-east-1.evil.example'])('%s has not', (region) => {
    const found = problemOf(() => resolveRegion(region, { env: {}, profile: profile() }));
    expect(found?.code).toBe('AWS_REGION_INVALID');
    expect(found?.message).toContain(region);
  });

  test('a zone is met with its region', () => {
    expect(problemOf(() => resolveRegion('ap-northeast-2a', { env: {}, profile: profile() }))?.fix).toBe('Use `--region ap-northeast-2`');
  });
});

test.each([
  ['ap-northeast-2', 'sts.ap-northeast-2.amazonaws.com'],
  ['us-gov-west-1', 'sts.us-gov-west-1.amazonaws.com'],
  ['cn-northwest-1', 'sts.cn-northwest-1.amazonaws.com.cn'],
  ['us-isob-east-1', 'sts.us-isob-east-1.sc2s.sgov.gov'],
  ['eusc-de-east-1', 'sts.eusc-de-east-1.amazonaws.eu'],
])('STS of %s is %s', (region, host) => {
  expect(stsHost(region)).toBe(host);
});
