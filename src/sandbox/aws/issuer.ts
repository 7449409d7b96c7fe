/** A cluster's OIDC issuer: signs service account tokens (RS256) and verifies them. */
import type { KeyObject } from 'node:crypto';
import { createSign, createVerify, generateKeyPairSync, randomUUID } from 'node:crypto';

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience: string | readonly string[];
  readonly seconds: number;
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly serviceAccountUid?: string;
}

export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
  readonly nbf?: number;
}

export interface Issuer {
  /** `https://oidc.eks.<region>.amazonaws.com/id/<32 hex>` */
  readonly url: string;
  sign(request: TokenRequest, now: Date): string;
  verifies(token: string): boolean;
  /** The public key as a JSON web key set. */
  keys(): { readonly keys: readonly object[] };
}

export interface IssuerKeys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** `keys` are those of an API server that issues tokens itself; generated on first use by default. */
export function createIssuer(url: string, keys?: IssuerKeys): Issuer {
  let made = keys;
  const pair = () => (made ??= generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const kid = Buffer.from(url).toString('base64url').slice(-40);
  return {
    url,
    sign: (request, now) => {
      const input = `${part({ alg: 'RS256', kid })}.${part(claimsOf(request, { url, now }))}`;
      return `${input}.${createSign('RSA-SHA256').update(input).sign(pair().privateKey, 'base64url')}`;
    },
    verifies: (token) => {
      const [header, claims, signature] = token.split('.');
      if (!header || !claims || !signature || read(header)?.['alg'] !== 'RS256') return false;
      return createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(pair().publicKey, signature, 'base64url');
    },
    keys: () => ({ keys: [{ ...pair().publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid }] }),
  };
}

/** `undefined` when it is not a token with the claims STS needs. */
export function readClaims(token: string): TokenClaims | undefined {
  const parts = token.split('.');
  const claims = parts.length === 3 ? read(parts[1] as string) : undefined;
  if (typeof claims?.['iss'] !== 'string' || typeof claims['sub'] !== 'string' || typeof claims['exp'] !== 'number') return undefined;
  const aud = [claims['aud'] ?? []].flat().map(String);
  return { iss: claims['iss'], sub: claims['sub'], aud, exp: claims['exp'], nbf: typeof claims['nbf'] === 'number' ? claims['nbf'] : undefined };
}

function claimsOf(request: TokenRequest, by: { readonly url: string; readonly now: Date }): object {
  const issued = Math.floor(by.now.getTime() / 1000);
  const account = { name: request.serviceAccount, uid: request.serviceAccountUid ?? randomUUID() };
  return {
    aud: [request.audience].flat(),
    exp: issued + request.seconds,
    iat: issued,
    iss: by.url,
    jti: randomUUID(),
    nbf: issued,
    'kubernetes.io': { namespace: request.namespace, ...(request.pod ? { pod: request.pod } : {}), serviceaccount: account },
    sub: `system:serviceaccount:${request.namespace}:${request.serviceAccount}`,
  };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function read(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
