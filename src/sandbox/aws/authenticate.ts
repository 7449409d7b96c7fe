/** Authenticates a request: checks its signature against the keys the account knows. */
import { AwsFault } from '../types.ts';
import type { AwsAccount } from './account.ts';
import type { KeyProblem } from './principals.ts';
import type { Caller, ServiceCodes } from './service-server.ts';
import { readSignature, sha256, signatureMatches, signedAt } from './sigv4.ts';
import type { Signature } from './sigv4.ts';
import type { WireRequest } from './wire.ts';

const quarterHour = 15 * 60_000;

type Known = Pick<AwsAccount, 'keys' | 'region' | 'wallClock'>;

/** Throws the service's error for an unknown key, a wrong signature, an expired session, or a skewed clock. */
export function authenticate(account: Known, request: WireRequest, as: { readonly codes: ServiceCodes; readonly unsigned: boolean }): Caller {
  const signature = readSignature(request);
  if (signature === undefined) {
    if (as.unsigned) return { principal: undefined, region: account.region };
    throw new AwsFault(...as.codes.unsigned);
  }
  const found = account.keys.find(signature.accessKeyId, signature.sessionToken);
  if ('problem' in found) throw new AwsFault(...as.codes[codeOf[found.problem]]);
  if (!isFresh(signature, account.wallClock())) throw new AwsFault(...as.codes.skewed);
  if (!signatureMatches(request, signature, found.key.secretAccessKey)) throw new AwsFault(...as.codes.badSignature);
  requirePayload(request);
  return { principal: found.principal, region: signature.region };
}

const codeOf: Readonly<Record<KeyProblem, 'unknownKey' | 'badSignature' | 'expired' | 'badToken'>> = {
  unknown: 'unknownKey',
  signature: 'badSignature',
  expired: 'expired',
  token: 'badToken',
};

/** Callers sign by the real clock, regardless of the simulated one. */
function isFresh(signature: Signature, now: Date): boolean {
  const at = signedAt(signature);
  if (at === undefined) return false;
  const age = now.getTime() - at.getTime();
  const longest = signature.presigned ? Math.max((signature.expires ?? 0) * 1000, 0) : quarterHour;
  return age <= longest && age >= -quarterHour;
}

function requirePayload(request: WireRequest): void {
  const promised = request.headers['x-amz-content-sha256'];
  if (promised === undefined || !/^[0-9a-f]{64}$/.test(promised) || promised === sha256(request.body)) return;
  throw new AwsFault(400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.");
}
