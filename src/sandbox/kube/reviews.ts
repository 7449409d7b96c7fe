/** Resources that are created and answered, never stored: access reviews, SelfSubjectReview, token requests and token reviews. */
import { ok } from './answer.ts';
import type { Answer } from './answer.ts';
import { documentOf } from './body.ts';
import type { Doc } from './document.ts';
import { existing } from './objects.ts';
import type { Api } from './objects.ts';
import type { Rbac, Wish } from './rbac.ts';
import type { ResourceRequest, User } from './request.ts';
import { invalid, noSuchPath } from './status.ts';

export interface TokenWish {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audiences: readonly string[];
  readonly seconds: number;
  /** The pod whose deletion invalidates the token. */
  readonly pod?: { readonly name: string; readonly uid: string };
}
export interface Minted {
  readonly token: string;
  readonly expires: Date;
}

export interface ReviewParts extends Api {
  readonly rbac: Pick<Rbac, 'authorize' | 'rulesFor'>;
  readonly authenticate: (bearer: string | undefined) => User | undefined;
  readonly mintToken: (wish: TokenWish) => Minted;
}

function wishOf(spec: Doc): Wish {
  const { resourceAttributes: about, nonResourceAttributes: path } = spec;
  if (path) return { verb: path.verb, path: path.path };
  return {
    verb: about?.verb ?? '',
    group: about?.group ?? '',
    resource: about?.resource ?? '',
    subresource: about?.subresource ?? '',
    namespace: about?.namespace ?? '',
    name: about?.name ?? '',
  };
}

const userInfo = ({ user, groups }: User): Doc => ({ username: user, groups });

function answerTo(parts: ReviewParts, request: ResourceRequest, spec: Doc): Doc {
  const { kind } = request.resource;
  if (kind === 'SelfSubjectReview') return { userInfo: userInfo(request.user) };
  if (kind === 'SelfSubjectRulesReview') {
    const rules = parts.rbac.rulesFor(request.user, spec.namespace ?? 'default');
    return { resourceRules: rules.filter((rule) => !rule.nonResourceURLs), nonResourceRules: rules.filter((rule) => rule.nonResourceURLs), incomplete: false };
  }
  if (kind === 'TokenReview') {
    const known = parts.authenticate(spec.token);
    return known ? { authenticated: true, user: userInfo(known), audiences: spec.audiences ?? [] } : { user: {}, error: 'invalid bearer token' };
  }
  if (!kind.endsWith('SubjectAccessReview')) throw noSuchPath();
  const who = kind === 'SelfSubjectAccessReview' ? request.user : { user: spec.user ?? '', groups: spec.groups ?? [] };
  const { allowed, reason } = parts.rbac.authorize(who, wishOf(spec));
  return { allowed, ...(reason && { reason }) };
}

export function review(parts: ReviewParts, request: ResourceRequest): Answer {
  const { apiVersion, kind } = request.resource;
  const spec: Doc = documentOf(request).spec ?? {};
  return ok(
    { kind, apiVersion, metadata: { creationTimestamp: null }, ...(kind !== 'SelfSubjectReview' && { spec }), status: answerTo(parts, request, spec) },
    201,
  );
}

const TOKEN_REQUEST = { group: 'authentication.k8s.io', kind: 'TokenRequest', plural: 'tokenrequests' };
const SHORTEST_S = 600;

/** `serviceaccounts/NAME/token`. */
export function requestToken(parts: ReviewParts, request: ResourceRequest): Answer {
  existing(parts, request);
  const { namespace, name } = request;
  const spec: Doc = documentOf(request).spec ?? {};
  const seconds: number = spec.expirationSeconds ?? 3600;
  if (seconds < SHORTEST_S) {
    const message = `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`;
    throw invalid(TOKEN_REQUEST, '', [{ field: 'spec.expirationSeconds', reason: 'FieldValueInvalid', message }]);
  }
  const bound = spec.boundObjectRef?.kind === 'Pod' ? { pod: { name: spec.boundObjectRef.name, uid: spec.boundObjectRef.uid } } : {};
  const minted = parts.mintToken({ namespace, serviceAccount: name, audiences: spec.audiences ?? [], seconds, ...bound });
  const status = { token: minted.token, expirationTimestamp: minted.expires.toISOString().replace(/\.\d+Z$/, 'Z') };
  return ok(
    {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: null },
      spec: { ...spec, expirationSeconds: seconds },
      status,
    },
    201,
  );
}
