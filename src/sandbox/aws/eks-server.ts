/** The EKS server: routes a REST request, authorizes it by the caller's policies, and answers in JSON. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import type { EksRoute } from './eks-call.ts';
import { eksRoutes } from './eks-routes.ts';
import { associationArn, type EksState } from './eks-state.ts';
import type { IamState } from './iam-state.ts';
import { contextOf } from './policy.ts';
import type { Principal } from './principals.ts';
import { requireAccess } from './principals.ts';
import { requestId } from './query.ts';
import type { Caller, ServiceCodes, ServiceServer } from './service-server.ts';
import type { WireAnswer, WireRequest } from './wire.ts';

const codes: ServiceCodes = {
  unknownKey: [403, 'UnrecognizedClientException', 'The security token included in the request is invalid.'],
  badSignature: [
    403,
    'InvalidSignatureException',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  ],
  expired: [403, 'ExpiredTokenException', 'The security token included in the request is expired'],
  badToken: [403, 'UnrecognizedClientException', 'The security token included in the request is invalid.'],
  skewed: [403, 'InvalidSignatureException', 'Signature expired: the request time is not within 15 minutes of the current time.'],
  unsigned: [403, 'MissingAuthenticationTokenException', 'Missing Authentication Token'],
  internal: [500, 'ServerException', 'Server error'],
  throttled: [429, 'ThrottlingException', 'Rate exceeded'],
  denied: 'AccessDeniedException',
};

export function eksServer(state: EksState, iam: IamState): ServiceServer {
  return {
    codes,
    renderError: (fault) => json(fault.status, { message: fault.message }, { 'x-amzn-errortype': fault.code }),
    route: (request) => {
      const segments = request.path
        .split('/')
        .filter((part) => part !== '')
        .map(decodeURIComponent);
      const route = eksRoutes.find((one) => one.method === request.method && matches(one, segments));
      const write = request.method !== 'GET';
      if (route === undefined) {
        const run = (): never => {
          throw new AwsFault(400, 'InvalidRequestException', `The sandbox does not simulate ${request.method} ${request.path} of EKS.`);
        };
        return { call: `eks:${request.method} ${request.path}`, write, run };
      }
      return { call: `eks:${route.name}`, write, run: (caller) => run({ state, iam, route, request, segments }, caller) };
    },
  };
}

function matches(route: EksRoute, segments: readonly string[]): boolean {
  const pattern = route.path.split('/').filter((part) => part !== '');
  return pattern.length === segments.length && pattern.every((part, at) => part === ':' || part === segments[at]);
}

interface Routed {
  readonly state: EksState;
  readonly iam: IamState;
  readonly route: EksRoute;
  readonly request: WireRequest;
  readonly segments: readonly string[];
}

function run(routed: Routed, caller: Caller): WireAnswer {
  const { state, iam, route, request, segments } = routed;
  const authority = { principal: caller.principal as Principal, account: state.accountId };
  const resource = resourceOf(state, segments);
  const requestTags = Object.entries((bodyOf(request)['tags'] ?? {}) as Readonly<Record<string, string>>);
  const context = contextOf({
    'aws:SecureTransport': 'true',
    'aws:RequestedRegion': caller.region,
    ...Object.fromEntries(requestTags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...Object.fromEntries(Object.entries(tagsOn(state, resource)).map(([key, value]) => [`aws:ResourceTag/${key}`, value])),
  });
  requireAccess(authority, { action: `eks:${route.name}`, resource, context }, 'AccessDeniedException');
  const pattern = route.path.split('/').filter((part) => part !== '');
  const path = segments.filter((_, at) => pattern[at] === ':');
  const requirePassRole = (roleArn: string) => {
    const passed = contextOf({ 'iam:PassedToService': 'pods.eks.amazonaws.com' });
    requireAccess(authority, { action: 'iam:PassRole', resource: roleArn, context: passed }, 'AccessDeniedException');
  };
  // A client bound to another region sees that region's clusters: none.
  const visible = caller.region === state.region ? state : { ...state, clusters: new Map() };
  return json(200, route.run({ state: visible, iam, path, query: request.query, body: bodyOf(request), requirePassRole }));
}

/** The ARN a policy has to name: for an add-on or an association its own, not the cluster's. */
function resourceOf(state: EksState, [kind, name = '', part, id]: readonly string[]): string {
  const root = `arn:${state.partition}:eks:${state.region}:${state.accountId}`;
  if (kind === 'tags') return name;
  if (kind !== 'clusters' || name === '') return '*';
  if (id === undefined) return `${root}:cluster/${name}`;
  if (part === 'addons') return `${root}:addon/${name}/${id}/0`;
  return part === 'pod-identity-associations' ? `${root}:podidentityassociation/${name}/${id}` : `${root}:cluster/${name}`;
}

function tagsOn(state: EksState, arn: string): Readonly<Record<string, string>> {
  for (const one of state.clusters.values()) {
    if (one.arn === arn) return one.tags;
    const found = [...one.associations.values()].find((candidate) => associationArn(one, candidate) === arn);
    if (found) return found.tags;
  }
  return {};
}

function bodyOf(request: WireRequest): Readonly<Record<string, unknown>> {
  if (request.body.length === 0) return {};
  try {
    return JSON.parse(request.body.toString('utf8')) as Record<string, unknown>;
  } catch {
    throw new AwsFault(400, 'InvalidParameterException', 'The request body is not valid JSON');
  }
}

function json(status: number, value: Json, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  return { status, headers: { 'content-type': 'application/json', 'x-amzn-requestid': requestId, ...headers }, body: JSON.stringify(value) };
}
