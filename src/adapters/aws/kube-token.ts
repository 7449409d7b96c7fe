/** Bearer tokens for EKS: a presigned GetCallerIdentity that names the cluster, signed in process. */
import type { Credentials, Identity } from './credentials.ts';
import { stsHost } from './region.ts';

/** How long one is used; EKS accepts it for 15 minutes from its signing time. */
const keepMs = 10 * 60_000;

export interface TokenOptions {
  readonly region: string;
  readonly credentials: Credentials;
  readonly now?: () => Date;
}

/** Tokens by cluster, each created once and renewed before it, or the credentials that signed it, expire. */
export function kubeTokens(options: TokenOptions): (cluster: string) => Promise<string> {
  const now = options.now ?? (() => new Date());
  const held = new Map<string, { readonly until: number; readonly token: Promise<string> }>();
  return (cluster) => {
    const known = held.get(cluster);
    if (known !== undefined && now().getTime() < known.until) return known.token;
    const signed = now();
    const token = options.credentials().then((identity) => {
      const ends = identity.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
      if (held.get(cluster)?.token === token) held.set(cluster, { token, until: Math.min(signed.getTime() + keepMs, ends) });
      return signToken(cluster, { region: options.region, identity, now: signed });
    });
    held.set(cluster, { token, until: signed.getTime() + keepMs });
    token.catch(() => held.delete(cluster));
    return token;
  };
}

/** `k8s-aws-v1.` and the URL in base64url, byte for byte what `aws eks get-token` prints. */
export async function signToken(cluster: string, options: { readonly region: string; readonly identity: Identity; readonly now: Date }): Promise<string> {
  const [{ SignatureV4 }, { Sha256Node }] = await Promise.all([import('@smithy/signature-v4'), import('@smithy/core/checksum')]);
  const host = stsHost(options.region);
  const signer = new SignatureV4({ service: 'sts', region: options.region, credentials: options.identity, sha256: Sha256Node });
  const signed = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname: host,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host, 'x-k8s-aws-id': cluster },
    },
    { expiresIn: 60, signingDate: options.now },
  );
  const order = [
    'Action',
    'Version',
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Expires',
    'X-Amz-SignedHeaders',
    'X-Amz-Security-Token',
    'X-Amz-Signature',
  ];
  const query = order.flatMap((key) => {
    const value = signed.query?.[key];
    return value === undefined || value === null ? [] : [`${key}=${encodeURIComponent(String(value))}`];
  });
  return `k8s-aws-v1.${Buffer.from(`https://${host}/?${query.join('&')}`).toString('base64url')}`;
}
