/** The STS server: GetCallerIdentity and the two ways to assume a role, as Query requests. */
import { AwsFault } from '../types.ts';
import { queryCodes } from './iam-server.ts';
import type { Principal } from './principals.ts';
import type { QueryParameters } from './query.ts';
import { queryAnswer, queryError, readParameters } from './query.ts';
import type { Caller, ServiceServer } from './service-server.ts';
import type { Session, Sts } from './sts.ts';
import { assumeRole, assumeWithToken } from './sts.ts';
import type { XmlValue } from './xml.ts';

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** The one STS action without a signature: the token is the proof. */
export const unsignedAction = 'AssumeRoleWithWebIdentity';

export function stsServer(sts: Sts): ServiceServer {
  return {
    codes: queryCodes,
    renderError: (fault) => queryError(fault, namespace),
    route: (request) => {
      const parameters = readParameters(request);
      return { call: `sts:${parameters.action}`, write: false, run: (caller) => queryAnswer(parameters.action, namespace, run(sts, parameters, caller)) };
    },
  };
}

function run(sts: Sts, parameters: QueryParameters, caller: Caller): XmlValue {
  const session = parameters.get('RoleSessionName');
  const seconds = parameters.get('DurationSeconds') === undefined ? undefined : Number(parameters.get('DurationSeconds'));
  const roleArn = parameters.get('RoleArn') ?? '';
  if (parameters.action === unsignedAction) {
    const opened = assumeWithToken(sts, roleArn, { session, seconds, token: parameters.get('WebIdentityToken') ?? '' });
    return { ...sessionXml(opened), SubjectFromWebIdentityToken: opened.claims.sub, Audience: opened.claims.aud[0], Provider: opened.provider };
  }
  const principal = caller.principal as Principal;
  if (parameters.action === 'GetCallerIdentity') return { Arn: principal.arn, UserId: principal.userId, Account: sts.iam.accountId };
  if (parameters.action === 'AssumeRole') return sessionXml(assumeRole(sts, roleArn, { session, seconds, caller: principal }));
  throw new AwsFault(400, 'InvalidAction', `The sandbox does not simulate sts:${parameters.action}.`);
}

function sessionXml(session: Session): Readonly<Record<string, XmlValue>> {
  const { accessKeyId, secretAccessKey, sessionToken } = session.credentials;
  return {
    Credentials: { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: session.expires.toISOString() },
    AssumedRoleUser: { AssumedRoleId: session.roleId, Arn: session.arn },
  };
}
