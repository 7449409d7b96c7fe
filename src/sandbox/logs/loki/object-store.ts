/** Loki's S3 client: the identity a pod really has, and the AWS SDK's errors when it is denied. */
import { createHash } from 'node:crypto';
import type { ServiceAccountTokens } from '../identity.ts';
import { mountAt, type Process } from '../process.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { AwsFault, type SandboxCredentials } from '../../types.ts';
import type { LokiConfig } from './configuration.ts';

/** All throw an Error with the message of the AWS SDK for Go. */
export interface ObjectClient {
  put(key: string, body: Uint8Array): void;
  get(key: string): Uint8Array;
  delete(key: string): void;
  list(prefix: string): readonly string[];
}

const unanswered = 'exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: ,';
const TOKEN_FILE = 'AWS_WEB_IDENTITY_TOKEN_FILE';

export function objectClient(around: LogSurroundings, process: Process, of: { readonly config: LokiConfig; readonly bucket: string }): ObjectClient {
  const call = <T>(operation: string, act: (credentials: SandboxCredentials) => T): T => {
    const credentials = credentialsOf(around, process, { config: of.config, operation: `operation error S3: ${operation}` });
    const host = `${of.bucket}.s3.${of.config.region}.amazonaws.com`;
    const barred = around.network.outside(process.pod, host);
    if (barred !== undefined) throw new Error(`operation error S3: ${operation}, ${unanswered} request send failed, "https://${host}/": ${barred}`);
    try {
      return act(credentials);
    } catch (error) {
      throw refused(`operation error S3: ${operation}, https response error`, error);
    }
  };
  return {
    put: (key, body) => call('PutObject', (credentials) => around.account.putObject(credentials, of.bucket, key, body)),
    get: (key) => call('GetObject', (credentials) => around.account.getObject(credentials, of.bucket, key)),
    delete: (key) => call('DeleteObject', (credentials) => around.account.deleteObject(credentials, of.bucket, key)),
    list: (prefix) => call('ListObjectsV2', (credentials) => around.account.listObjects(credentials, of.bucket, prefix)),
  };
}

function refused(lead: string, error: unknown): unknown {
  if (!(error instanceof AwsFault)) return error;
  const id = createHash('sha1')
    .update(lead + error.message)
    .digest('hex')
    .slice(0, 16)
    .toUpperCase();
  return new Error(`${lead} StatusCode: ${error.status}, RequestID: ${id}, api error ${error.code}: ${error.message}`);
}

/** Credentials are cached until they expire, as in the SDK. */
const REUSE_MS = 900_000;
const given = new WeakMap<Process, { readonly credentials: SandboxCredentials; readonly until: number }>();

function credentialsOf(around: LogSurroundings, process: Process, of: { readonly config: LokiConfig; readonly operation: string }): SandboxCredentials {
  const now = around.clock.now().getTime();
  const known = given.get(process);
  if (known !== undefined && known.until > now) return known.credentials;
  const credentials = freshCredentials(around, process, of);
  given.set(process, { credentials, until: now + REUSE_MS });
  return credentials;
}

/** The default chain: static keys, web identity, the pod identity agent, then the instance, which pods cannot reach. */
function freshCredentials(around: LogSurroundings, process: Process, of: { readonly config: LokiConfig; readonly operation: string }): SandboxCredentials {
  const lead = `${of.operation}, get identity: get credentials: failed to refresh cached credentials`;
  const { env } = process;
  if (of.config.staticKeys !== undefined) return { accessKeyId: of.config.staticKeys.id, secretAccessKey: of.config.staticKeys.secret };
  const role = env['AWS_ROLE_ARN'];
  if (role !== undefined && env[TOKEN_FILE] !== undefined) {
    const token = webIdentityToken(around, process, env[TOKEN_FILE]);
    if (token === undefined)
      throw new Error(
        `${lead}, failed to retrieve jwt from provide source, unable to read file at ${env[TOKEN_FILE]}: open ${env[TOKEN_FILE]}: no such file or directory`,
      );
    const host = `sts.${of.config.region}.amazonaws.com`;
    const barred = around.network.outside(process.pod, host);
    if (barred !== undefined)
      throw new Error(
        `${lead}, failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity, ${unanswered} request send failed, Post "https://${host}/": ${barred}`,
      );
    try {
      return around.account.assumeRoleWithWebIdentity(role, token);
    } catch (error) {
      throw refused(`${lead}, failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity, https response error`, error);
    }
  }
  if (env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] !== undefined) {
    const granted = around.account.podIdentityRole(process.namespace, process.serviceAccount);
    if (granted === undefined)
      throw new Error(
        `${lead}, failed to load credentials, : [d2a4a0f1]: (ResourceNotFoundException): no association for service account ${process.namespace}/${process.serviceAccount}, fault: client`,
      );
    return around.account.credentialsOf(granted, process);
  }
  throw new Error(`${lead}, no EC2 IMDS role found, operation error ec2imds: GetMetadata, canceled, context deadline exceeded`);
}

/** Signed on request, for the audience of the projected volume at that path. */
function webIdentityToken(around: LogSurroundings, process: Process, path: string): string | undefined {
  const sources = (mountAt(process, path)?.volume.projected?.sources ?? []) as readonly {
    readonly serviceAccountToken?: { readonly audience?: string; readonly expirationSeconds?: number };
  }[];
  const wanted = sources.find((source) => source.serviceAccountToken !== undefined)?.serviceAccountToken;
  if (wanted === undefined) return undefined;
  const signer = around.account as typeof around.account & ServiceAccountTokens;
  return signer.signServiceAccountToken({
    namespace: process.namespace,
    serviceAccount: process.serviceAccount,
    audience: wanted.audience ?? 'sts.amazonaws.com',
    seconds: wanted.expirationSeconds ?? 86_400,
  });
}
