/** EKS bearer tokens: a presigned GetCallerIdentity URL, and the caller it identifies. */
import type { KeyRing, Principal } from './principals.ts';
import { readSignature, signatureMatches, signedAt } from './sigv4.ts';
import { wireRequest } from './wire.ts';

const allowedQuery = new Set([
  'action',
  'version',
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signature',
  'x-amz-signedheaders',
  'x-amz-security-token',
  'x-amz-user-agent',
]);
const longestAge = 15 * 60_000;

/**
 * `undefined` when the URL is not a GetCallerIdentity one, is older than 15 minutes, was signed for another cluster, or was not signed by a key of
 * this account. Like the real authenticator it counts age from X-Amz-Date and ignores X-Amz-Expires.
 */
export function callerOfToken(url: string, by: { readonly keys: KeyRing; readonly cluster: string; readonly now: Date }): Principal | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  const headers = { host: parsed.host, 'x-k8s-aws-id': by.cluster };
  const request = wireRequest({ method: 'GET', url, headers, body: Buffer.alloc(0) });
  const known = [...request.query.keys()].every((name) => allowedQuery.has(name.toLowerCase()));
  if (!known || request.query.get('Action') !== 'GetCallerIdentity' || parsed.pathname !== '/') return undefined;
  const signature = readSignature({ ...request, path: '/' });
  const at = signature && signedAt(signature);
  if (!signature || !at || signature.service !== 'sts' || !signature.signedHeaders.includes('x-k8s-aws-id')) return undefined;
  const age = by.now.getTime() - at.getTime();
  if (age > longestAge || age < -longestAge) return undefined;
  const found = by.keys.find(signature.accessKeyId, signature.sessionToken);
  if ('problem' in found || !signatureMatches({ ...request, path: '/' }, signature, found.key.secretAccessKey)) return undefined;
  return found.principal;
}
