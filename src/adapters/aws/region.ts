/** The region to use, and what its partition implies. */
import { stop } from '../../problems/problem.ts';
import type { Env, Profile } from './profiles.ts';

/**
 * Explicit, then AWS_REGION, then AWS_DEFAULT_REGION (the CLI's; the JavaScript SDK does not read it), then
 * the profile's. Throws AWS_REGION_MISSING or AWS_REGION_INVALID.
 */
export function resolveRegion(given: string | undefined, options: { readonly env: Env; readonly profile: Profile }): string {
  const { env, profile } = options;
  const sources: readonly (readonly [string | undefined, string])[] = [
    [given, '--region'],
    [env['AWS_REGION'], 'AWS_REGION'],
    [env['AWS_DEFAULT_REGION'], 'AWS_DEFAULT_REGION'],
    [profile.keys['region'], `profile ${JSON.stringify(profile.name)}`],
  ];
  const [region, from] = sources.find(([value]) => value !== undefined && value.trim() !== '') ?? [];
  if (region === undefined) {
    throw stop('AWS_REGION_MISSING', {
      message: 'No AWS region is set',
      evidence: [`not set by --region, AWS_REGION, AWS_DEFAULT_REGION or profile ${JSON.stringify(profile.name)}`],
    });
  }
  return checkedRegion(region.trim(), from!);
}

function checkedRegion(region: string, from: string): string {
  if (/^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/.test(region)) return region;
  const zone = /^([a-z]{2,4}(?:-[a-z]+){1,3}-\d)[a-z]$/.exec(region)?.[1];
  throw stop('AWS_REGION_INVALID', {
    message: `${JSON.stringify(region)} (from ${from}) is ${zone === undefined ? 'not an AWS region' : 'an availability zone, not a region'}`,
    fix: zone === undefined ? 'Set a region, for example `--region ap-northeast-2`' : `Use \`--region ${zone}\``,
  });
}

const suffixes: readonly (readonly [RegExp, string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^us-isob-/, 'sc2s.sgov.gov'],
  [/^us-isof-/, 'csp.hci.ic.gov'],
  [/^eu-isoe-/, 'cloud.adc-e.uk'],
  [/^us-iso-/, 'c2s.ic.gov'],
  [/^eusc-/, 'amazonaws.eu'],
];

/** The regional STS host, by the DNS suffix of the region's partition: EKS accepts tokens signed for this one. */
export function stsHost(region: string): string {
  const suffix = suffixes.find(([regions]) => regions.test(region))?.[1] ?? 'amazonaws.com';
  return `sts.${region}.${suffix}`;
}
