/** Verifies, without a pod, that a service account can assume its role and use the buckets. */
import type { S3 } from '@aws-sdk/client-s3';
import type { RoleCredentials, WebIdentity } from '../../ports/caller.ts';
import { ProblemError, stop, type ProblemCode } from '../../problems/problem.ts';
import type { Clients } from './clients.ts';
import { ask, readDenial, readError, slim, translated } from './failures.ts';

export function webIdentity(clients: Clients, account: () => Promise<string>): WebIdentity {
  return {
    async assume({ roleArn, token, session }) {
      const sts = await clients.sts();
      try {
        // The SDK sends this call unsigned, whatever credentials the client has.
        const { Credentials } = await sts.assumeRoleWithWebIdentity({
          RoleArn: roleArn,
          WebIdentityToken: token,
          RoleSessionName: session,
          DurationSeconds: 900,
        });
        return { accessKeyId: Credentials!.AccessKeyId!, secretAccessKey: Credentials!.SecretAccessKey!, sessionToken: Credentials!.SessionToken! };
      } catch (thrown) {
        throw refused(thrown, roleArn);
      }
    },

    async probe(bucket, { credentials, key }) {
      const owner = await account();
      const s3 = await clients.otherS3({ credentials: async () => credentials satisfies RoleCredentials });
      try {
        await probeAs(s3, { bucket, key, owner });
      } finally {
        s3.destroy();
      }
    },
  };
}

/** Each way in which STS rejects a token, told apart: they are fixed in different places. */
function refused(thrown: unknown, roleArn: string): unknown {
  const { name, message } = readError(thrown);
  const say = (code: ProblemCode, text: string) => stop(code, { message: text, evidence: [`${name}: ${message}`] }, { cause: slim(thrown) });
  switch (name) {
    case 'AccessDenied':
    case 'AccessDeniedException':
      return say('ROLE_TRUST_REFUSED', `The role ${roleArn} does not trust this service account`);
    case 'InvalidIdentityToken':
    case 'InvalidIdentityTokenException':
      if (/audience/i.test(message))
        return say('OIDC_AUDIENCE_WRONG', `The IAM OIDC provider of the cluster does not accept the token's audience for ${roleArn}`);
      if (/No OpenIDConnect provider/i.test(message))
        return say('OIDC_PROVIDER_MISSING', `The account has no IAM OIDC provider for the cluster's issuer, so no service account can assume ${roleArn}`);
      return say('ROLE_TOKEN_REFUSED', `STS rejects the service account's token for ${roleArn}`);
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      // The service account's token: our own credentials play no part in an unsigned call.
      return say('ROLE_TOKEN_REFUSED', `The service account's token for ${roleArn} has expired`);
    case 'IDPCommunicationError':
    case 'IDPCommunicationErrorException':
      return say('OIDC_ISSUER_UNREACHABLE', "STS can't reach the cluster's OIDC issuer");
    default:
      return translated(thrown, { action: 'sts:AssumeRoleWithWebIdentity', on: roleArn });
  }
}

interface Probe {
  readonly bucket: string;
  readonly key: string;
  readonly owner: string;
}

async function probeAs(s3: S3, { bucket, key, owner }: Probe): Promise<void> {
  const at = { Bucket: bucket, ExpectedBucketOwner: owner };
  const object = `s3://${bucket}/${key}`;
  const as = async <T>(action: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await ask({ action, on: object }, call);
    } catch (thrown) {
      throw notAllowed(thrown, { action, on: object });
    }
  };
  await as('s3:PutObject', () => s3.putObject({ ...at, Key: key, Body: 'loki-eks probe\n', ContentType: 'text/plain' }));
  try {
    await as('s3:GetObject', async () => (await s3.getObject({ ...at, Key: key })).Body?.transformToString());
    await as('s3:ListBucket', () => s3.listObjectsV2({ ...at, Prefix: key, MaxKeys: 1 }));
  } catch (thrown) {
    // Nothing may stay in a bucket because a read was denied; what matters is why it was.
    await s3.deleteObject({ ...at, Key: key }).catch(() => undefined);
    throw thrown;
  }
  await as('s3:DeleteObject', () => s3.deleteObject({ ...at, Key: key }));
}

function notAllowed(thrown: unknown, asked: { readonly action: string; readonly on: string }): unknown {
  if (!(thrown instanceof ProblemError)) return thrown;
  const { name, message } = readError(thrown.cause);
  const denied = readDenial(message);
  if (name.startsWith('KMS.') || (denied.action ?? '').startsWith('kms:') || (thrown.problem.code === 'AWS_ACCESS_DENIED' && /\bkms\b/i.test(message))) {
    const action = denied.action ?? (asked.action === 's3:PutObject' ? 'kms:GenerateDataKey' : 'kms:Decrypt');
    return stop(
      'ROLE_KMS_DENIED',
      { message: `The role is not allowed to use the KMS key of ${asked.on}: ${action} is denied`, evidence: thrown.problem.evidence },
      { cause: thrown.cause },
    );
  }
  if (thrown.problem.code !== 'AWS_ACCESS_DENIED') return thrown;
  return stop(
    'ROLE_S3_DENIED',
    { message: `The role is not allowed to ${asked.action} on ${asked.on}`, evidence: thrown.problem.evidence },
    { cause: thrown.cause },
  );
}
