/** The EC2 server, as far as discovery needs it: regions and availability zones. */
import { AwsFault } from '../types.ts';
import { queryCodes } from './iam-server.ts';
import { regionsOf } from './partition.ts';
import { contextOf } from './policy.ts';
import type { Principal } from './principals.ts';
import { requireAccess } from './principals.ts';
import type { QueryParameters } from './query.ts';
import { readParameters, requestId, xml } from './query.ts';
import type { ServiceServer } from './service-server.ts';
import type { XmlValue } from './xml.ts';
import { writeXml } from './xml.ts';

interface Ec2Place {
  readonly accountId: string;
  readonly partition: string;
  readonly hostSuffix: string;
}

export function ec2Server(place: Ec2Place): ServiceServer {
  return {
    codes: {
      ...queryCodes,
      unknownKey: [401, 'AuthFailure', 'AWS was not able to validate the provided access credentials'],
      denied: 'UnauthorizedOperation',
      throttled: [503, 'RequestLimitExceeded', 'Request limit exceeded.'],
    },
    renderError: (fault) => {
      const error = { Errors: { Error: { Code: fault.code, Message: fault.message } }, RequestID: requestId };
      return xml(fault.status, writeXml('Response', error));
    },
    route: (request) => {
      const parameters = readParameters(request);
      return {
        call: `ec2:${parameters.action}`,
        write: !parameters.action.startsWith('Describe'),
        run: (caller) => {
          const authority = { principal: caller.principal as Principal, account: place.accountId };
          requireAccess(authority, { action: `ec2:${parameters.action}`, resource: '*', context: contextOf({}) }, 'UnauthorizedOperation');
          const fields = describe(place, parameters, caller.region);
          const body = writeXml(`${parameters.action}Response`, { requestId, ...fields }, 'item');
          return xml(200, body.replace('>', ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'));
        },
      };
    },
  };
}

function describe(place: Ec2Place, parameters: QueryParameters, region: string): Readonly<Record<string, XmlValue>> {
  if (parameters.action === 'DescribeAvailabilityZones') {
    const zones = ['a', 'b', 'c'].map((letter, at) => ({
      zoneName: region + letter,
      zoneId: `${shortRegion(region)}-az${at + 1}`,
      zoneState: 'available',
      regionName: region,
      messageSet: [],
      optInStatus: 'opt-in-not-required',
      groupName: `${region}-zg-1`,
      networkBorderGroup: region,
      zoneType: 'availability-zone',
    }));
    return { availabilityZoneInfo: zones };
  }
  if (parameters.action === 'DescribeRegions') {
    return {
      regionInfo: regionsOf(place.partition).map((name) => ({
        regionName: name,
        regionEndpoint: `ec2.${name}.${place.hostSuffix}`,
        optInStatus: 'opt-in-not-required',
      })),
    };
  }
  throw new AwsFault(400, 'InvalidAction', `The sandbox does not simulate ec2:${parameters.action}.`);
}

/** `ap-northeast-2` is `apne2` in zone ids. */
function shortRegion(region: string): string {
  return region.replace(/north|south|east|west|central|gov/g, (word) => word.slice(0, 1)).replaceAll('-', '');
}
