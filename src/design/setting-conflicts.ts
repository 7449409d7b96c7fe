/** Conflicts between settings that are valid individually. */
import type { Problem } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import { openRanges } from './address-ranges.ts';
import { longestPrefix } from './names.ts';
import type { Settings } from './settings-type.ts';

export function conflicts(settings: Settings): readonly Problem[] {
  return [...exposure(settings), ...grafana(settings), ...prefix(settings), ...regions(settings)];
}

function exposure({ expose, allowCidr, certificate }: Settings): readonly Problem[] {
  const found: Problem[] = [];
  const say = (message: string, fix: string) => found.push(problem('SETTING_CONFLICT', { message, fix }));
  if (expose === 'none') {
    if (allowCidr.length > 0)
      say(`allowCidr ${allowCidr.join(', ')} has no effect with expose none`, 'Add `--expose internal` or `--expose public`, or remove allowCidr');
    if (certificate !== undefined)
      say(`certificate ${certificate} has no effect with expose none`, 'Add `--expose internal` or `--expose public`, or remove certificate');
    return found;
  }
  if (expose === 'internal') return found;
  if (allowCidr.length === 0)
    say('expose public requires allowCidr, the source ranges that can reach the load balancer', "Add `--allow-cidr CIDR`, for example your office's range");
  if (certificate === undefined)
    say(
      'expose public requires certificate: credentials would cross the internet in clear text',
      "Add `--certificate ARN` with an ACM certificate in the cluster's region",
    );
  for (const open of openRanges(allowCidr)) {
    say(
      `allowCidr ${open.join(', ')} with expose public opens the gateway to the internet`,
      "Set the source ranges that need access; this check can't be disabled",
    );
  }
  return found;
}

function grafana({ grafana: mode, grafanaUrl, grafanaTokenFile, gatewayUrl, passwordFile }: Settings): readonly Problem[] {
  const found: Problem[] = [];
  const say = (message: string, fix: string) => found.push(problem('SETTING_CONFLICT', { message, fix }));
  if (mode === 'none' && grafanaUrl !== undefined) say(`grafanaUrl ${grafanaUrl} has no effect with grafana none`, 'Remove one of the two');
  if (grafanaUrl !== undefined && isHosted(grafanaUrl) && gatewayUrl === undefined)
    say(
      `grafanaUrl ${grafanaUrl} is outside the cluster and can't reach the gateway inside it`,
      'Add `--expose internal` or `--expose public`, and set `--gateway-url` to the address that Grafana uses',
    );
  if (grafanaTokenFile === '-' && passwordFile === '-')
    say('grafanaTokenFile and passwordFile are both -, but standard input can be read only once', 'Put one of the two into a file');
  return found;
}

/** Hosts that certainly can't reach an address inside the cluster. */
const isHosted = (url: string): boolean => /\.grafana\.net$|\.grafana-workspace\.[a-z0-9-]+\.amazonaws\.com$/.test(new URL(url).hostname);

function prefix({ bucketPrefix, bucketNamespace, region }: Settings): readonly Problem[] {
  const most = longestPrefix({ bucketNamespace, region });
  if (bucketPrefix.length <= most) return [];
  return [
    problem('SETTING_INVALID', {
      message: `bucketPrefix ${JSON.stringify(bucketPrefix)} has ${bucketPrefix.length} characters; at most ${most} fit into a bucket name of 63${bucketNamespace === 'global' ? '' : ` in the account-regional namespace${region === undefined ? '' : ` of ${region}`}`}`,
      fix: 'Shorten `--bucket-prefix`',
    }),
  ];
}

function regions({ region, kmsKey, certificate }: Settings): readonly Problem[] {
  if (region === undefined) return [];
  return [regionFault('kmsKey', kmsKey, region), regionFault('certificate', certificate, region)].filter((found) => found !== undefined);
}

/** A key or certificate of another region can't be used; the ARN's fourth part is its region. */
export function regionFault(key: string, arn: string | undefined, region: string): Problem | undefined {
  const of = arn?.split(':')[3];
  if (of === undefined || of === region) return undefined;
  return problem('SETTING_INVALID', { message: `${key} ${arn} is in ${of}, but the cluster is in ${region}`, fix: `Set ${key} to an ARN in ${region}` });
}
