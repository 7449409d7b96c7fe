/** A certificate authority and a server certificate for loopback: P-256, encoded as DER here since Node can read X.509 but not write it. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { bitString, boolean, context, integer, objectId, octets, sequence, set, text, time } from './der.ts';

export interface ServerCertificate {
  /** PEM of the authority: what a kubeconfig's certificate-authority-data holds, base64-encoded once more. */
  readonly ca: string;
  /** PEM of the server's certificate. */
  readonly cert: string;
  /** PEM (PKCS #8) of the server's key. */
  readonly key: string;
}

export interface CertificateOptions {
  /** Besides `localhost` and `127.0.0.1`: DNS names or IP addresses. */
  readonly names?: readonly string[];
  /** Valid from a day before this until ten years after. */
  readonly now: Date;
}

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const DAY_MS = 86_400_000;

interface Profile {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly now: Date;
}

const SERVER_AUTH = objectId('1.3.6.1.5.5.7.3.1');
const CLIENT_AUTH = objectId('1.3.6.1.5.5.7.3.2');

const attribute = (id: string, value: string): Buffer => set(sequence(objectId(id), text(value)));
const subjectOf = ({ commonName, organizations = [] }: Identity): Buffer =>
  sequence(...organizations.map((organization) => attribute('2.5.4.10', organization)), attribute('2.5.4.3', commonName));
const keyInfo = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
/** RFC 5280 method 1: over the key's bits alone, which are the end of the structure. */
const keyId = (key: KeyObject): Buffer => createHash('sha1').update(keyInfo(key).subarray(-65)).digest();

const extension = (id: string, value: Buffer, critical = false): Buffer => sequence(objectId(id), ...(critical ? [boolean(true)] : []), octets(value));

/** Positive and without leading zeros, as DER requires. */
function serial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return integer(bytes);
}

function certificate({ subject, issuer, key, signer, extensions, now }: Profile): string {
  const validity = sequence(time(new Date(now.getTime() - DAY_MS)), time(new Date(now.getTime() + 3650 * DAY_MS)));
  const body = sequence(
    context(0, integer(Buffer.from([2]))),
    serial(),
    ECDSA_SHA256,
    issuer,
    validity,
    subject,
    keyInfo(key),
    context(3, sequence(...extensions)),
  );
  const der = sequence(body, ECDSA_SHA256, bitString(sign('sha256', body, signer)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function alternativeName(name: string): Buffer {
  if (isIP(name) === 4) return context(7, Buffer.from(name.split('.').map(Number)), 'primitive');
  return context(2, Buffer.from(name, 'ascii'), 'primitive');
}

const pair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

export interface Identity {
  readonly commonName: string;
  /** The groups of a client. */
  readonly organizations?: readonly string[];
  /** DNS names or IPv4 addresses of a server. */
  readonly names?: readonly string[];
}

export interface KeyedCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM (PKCS #8). */
  readonly key: string;
}

export interface Authority {
  /** PEM. */
  readonly ca: string;
  /** For a server when it has names, otherwise for a client. */
  issue(identity: Identity): KeyedCertificate;
}

/** Everything is valid from a day before `now` until ten years after. */
export function createAuthority({ name, now }: { readonly name: string; readonly now: Date }): Authority {
  const authority = pair();
  const issuer = subjectOf({ commonName: name });
  const signed = { issuer, signer: authority.privateKey, now };
  const ca = certificate({
    ...signed,
    subject: issuer,
    key: authority.publicKey,
    extensions: [
      extension('2.5.29.19', sequence(boolean(true)), true),
      // keyCertSign and cRLSign.
      extension('2.5.29.15', bitString(Buffer.from([0b0000_0110]), 1), true),
      extension('2.5.29.14', octets(keyId(authority.publicKey))),
    ],
  });
  return {
    ca,
    issue(identity) {
      const { publicKey, privateKey } = pair();
      const { names = [] } = identity;
      const cert = certificate({
        ...signed,
        subject: subjectOf(identity),
        key: publicKey,
        extensions: [
          extension('2.5.29.19', sequence(), true),
          // digitalSignature.
          extension('2.5.29.15', bitString(Buffer.from([0b1000_0000]), 7), true),
          extension('2.5.29.37', sequence(names.length > 0 ? SERVER_AUTH : CLIENT_AUTH)),
          ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names.map(alternativeName)))] : []),
          extension('2.5.29.35', sequence(context(0, keyId(authority.publicKey), 'primitive'))),
        ],
      });
      return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

/** IPv6 names are not supported: nothing here listens on IPv6. */
export function makeCertificate({ names = [], now }: CertificateOptions): ServerCertificate {
  const authority = createAuthority({ name: 'sandbox-ca', now });
  const server = authority.issue({ commonName: 'kube-apiserver', names: [...new Set(['localhost', '127.0.0.1', ...names])] });
  return { ca: authority.ca, ...server };
}
