/** The IAM server: routes a Query request, authorizes it by the caller's policies, and answers in IAM's XML. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { oidcActions } from './iam-oidc.ts';
import { policyActions } from './iam-policies.ts';
import { profileActions } from './iam-profiles.ts';
import { rolePolicyActions } from './iam-role-policies.ts';
import { roleActions } from './iam-roles.ts';
import { simulateActions } from './iam-simulate.ts';
import type { IamState } from './iam-state.ts';
import { missing } from './iam-rules.ts';
import { contextOf } from './policy.ts';
import type { Principal } from './principals.ts';
import { requireAccess } from './principals.ts';
import type { QueryParameters } from './query.ts';
import { queryAnswer, queryError, readParameters } from './query.ts';
import type { ServiceCodes, ServiceServer } from './service-server.ts';
import type { XmlValue } from './xml.ts';

const namespace = 'https://iam.amazonaws.com/doc/2010-05-08/';

const userActions: Readonly<Record<string, IamAction>> = {
  GetUser: getUser,
  ListAccountAliases: () => ({ AccountAliases: [], IsTruncated: false }),
};
const actions: Readonly<Record<string, IamAction>> = {
  ...roleActions,
  ...profileActions,
  ...rolePolicyActions,
  ...policyActions,
  ...oidcActions,
  ...simulateActions,
  ...userActions,
};

export const queryCodes: ServiceCodes = {
  unknownKey: [403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'],
  badSignature: [
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  ],
  expired: [403, 'ExpiredToken', 'The security token included in the request is expired'],
  badToken: [403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'],
  skewed: [403, 'SignatureDoesNotMatch', 'Signature expired: the request time is not within 15 minutes of the current time.'],
  unsigned: [403, 'MissingAuthenticationToken', 'Request is missing Authentication Token'],
  internal: [500, 'ServiceFailure', 'The request processing has failed because of an unknown error, exception or failure.'],
  throttled: [400, 'Throttling', 'Rate exceeded'],
  denied: 'AccessDenied',
};

export function isRead(action: string): boolean {
  return /^(Get|List|Describe|Simulate|Generate|Decode|AssumeRole)/.test(action);
}

export function iamServer(state: IamState): ServiceServer {
  return {
    codes: queryCodes,
    renderError: (fault) => queryError(fault, namespace),
    route: (request) => {
      const parameters = readParameters(request);
      const action = actions[parameters.action];
      return {
        call: `iam:${parameters.action}`,
        write: !isRead(parameters.action),
        run: (caller) => {
          if (action === undefined) throw new AwsFault(400, 'InvalidAction', `The sandbox does not simulate iam:${parameters.action}.`);
          const principal = caller.principal as Principal;
          requireAccess(
            { principal, account: state.accountId },
            { action: `iam:${parameters.action}`, resource: resourceOf(state, parameters), context: contextFor(state, parameters) },
          );
          return queryAnswer(parameters.action, namespace, action({ state, parameters, principal }));
        },
      };
    },
  };
}

/** For a call on an existing role, the boundary is the one that the role has. */
function contextFor(state: IamState, parameters: QueryParameters) {
  const boundary = parameters.get('PermissionsBoundary') ?? state.roles.get((parameters.get('RoleName') ?? '').toLowerCase())?.boundary;
  const tags = Object.entries(parameters.tags() ?? {}).map(([key, value]) => [`aws:RequestTag/${key}`, value] as const);
  return contextOf({
    'iam:PermissionsBoundary': boundary,
    'iam:PolicyARN': parameters.get('PolicyArn'),
    'aws:SecureTransport': 'true',
    ...Object.fromEntries(tags),
  });
}

/** The ARN a policy has to name; a resource to be created is named by its path and name. */
function resourceOf(state: IamState, parameters: QueryParameters): string {
  const root = `arn:${state.partition}:iam::${state.accountId}`;
  const roleName = parameters.get('RoleName');
  if (roleName !== undefined) return state.roles.get(roleName.toLowerCase())?.arn ?? `${root}:role${parameters.get('Path') ?? '/'}${roleName}`;
  const given = parameters.get('PolicyArn') ?? parameters.get('OpenIDConnectProviderArn') ?? parameters.get('PolicySourceArn');
  if (given !== undefined) return given;
  if (parameters.action === 'CreatePolicy') return `${root}:policy${parameters.get('Path') ?? '/'}${parameters.get('PolicyName') ?? ''}`;
  const url = parameters.get('Url');
  if (url !== undefined) return `${root}:oidc-provider/${url.replace(/^https:\/\//, '')}`;
  return '*';
}

function getUser(call: IamCall): XmlValue {
  const { principal, parameters, state } = call;
  const name = principal.arn.slice(principal.arn.lastIndexOf('/') + 1);
  const asked = parameters.get('UserName') ?? name;
  if (principal.roleArn !== undefined && parameters.get('UserName') === undefined) {
    throw new AwsFault(400, 'ValidationError', 'Must specify userName when calling with non-User credentials');
  }
  if (principal.roleArn !== undefined || asked !== name) throw missing(`The user with name ${asked} cannot be found.`);
  return { User: { Path: '/', UserName: name, UserId: principal.userId, Arn: principal.arn, CreateDate: state.clock.now().toISOString() } };
}
