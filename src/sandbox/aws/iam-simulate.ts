/** IAM's policy simulator: what the policies of a user or role would allow. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { missing, requireDocument } from './iam-rules.ts';
import { defaultDocument, documentsOf, roleByArn } from './iam-state.ts';
import type { PolicyContext } from './policy-condition.ts';
import type { PolicyDocument } from './policy.ts';
import { contextOf, decide } from './policy.ts';
import type { QueryParameters } from './query.ts';
import type { XmlValue } from './xml.ts';

export const simulateActions: Readonly<Record<string, IamAction>> = {
  SimulatePrincipalPolicy: simulatePrincipal,
  SimulateCustomPolicy: (call) =>
    evaluate(
      call,
      call.parameters.list('PolicyInputList').map((text) => requireDocument(text, 'identity').document),
      undefined,
    ),
};

function simulatePrincipal(call: IamCall): XmlValue {
  const arn = call.parameters.get('PolicySourceArn') ?? '';
  if (!/^arn:[^:]+:iam::\d{12}:(user|role|group)\/.+$/.test(arn)) {
    const detail = arn.includes(':assumed-role/') ? `Invalid Entity Arn: ${arn} does not clearly define entity type and name.` : `Invalid Entity Arn: ${arn}`;
    throw new AwsFault(400, 'InvalidInput', detail);
  }
  const role = roleByArn(call.state, arn);
  if (role) return evaluate(call, documentsOf(call.state, role), role.boundary === undefined ? undefined : defaultDocument(call.state, role.boundary));
  if (call.principal.arn === arn) return evaluate(call, call.principal.policies(), call.principal.boundary());
  throw missing(`The ${arn.includes(':user/') ? 'user' : 'role'} with name ${arn.slice(arn.lastIndexOf('/') + 1)} cannot be found.`);
}

function evaluate(call: IamCall, identity: readonly PolicyDocument[], boundary: PolicyDocument | undefined): XmlValue {
  const { parameters } = call;
  const context = readContext(parameters);
  const given = new Set(entriesOf(parameters).map(([key]) => key.toLowerCase()));
  const extra = parameters.list('PolicyInputList').map((text) => requireDocument(text, 'identity').document);
  const documents = parameters.action === 'SimulateCustomPolicy' ? identity : [...identity, ...extra];
  const resources = parameters.list('ResourceArns').length > 0 ? parameters.list('ResourceArns') : ['*'];
  const results = parameters.list('ActionNames').flatMap((action) =>
    resources.map((resource) => {
      const asked = { action, resource, context };
      const decision = decide(documents, asked);
      const bounded = boundary === undefined ? 'allowed' : decide([boundary], asked);
      const result = decision === 'allowed' ? bounded : decision;
      const boundaryDetail = boundary === undefined ? undefined : { AllowedByPermissionsBoundary: bounded === 'allowed' };
      return {
        EvalActionName: action,
        EvalResourceName: resource,
        EvalDecision: result,
        MatchedStatements: [],
        MissingContextValues: conditionKeys(documents).filter((key) => !given.has(key.toLowerCase())),
        PermissionsBoundaryDecisionDetail: boundaryDetail,
      };
    }),
  );
  return { EvaluationResults: results, IsTruncated: false };
}

/** The condition keys of a request. */
const conditionKeys = (documents: readonly PolicyDocument[]): readonly string[] => [
  ...new Set(
    documents.flatMap(({ Statement }) => [Statement].flat().flatMap(({ Condition = {} }) => Object.values(Condition).flatMap((keys) => Object.keys(keys)))),
  ),
];

const readContext = (parameters: QueryParameters): PolicyContext => contextOf(Object.fromEntries(entriesOf(parameters)));

function entriesOf(parameters: QueryParameters): readonly (readonly [string, string[]])[] {
  const entries: [string, string[]][] = [];
  for (let at = 1; ; at += 1) {
    const key = parameters.get(`ContextEntries.member.${at}.ContextKeyName`);
    if (key === undefined) return entries;
    entries.push([key, [...parameters.list(`ContextEntries.member.${at}.ContextKeyValues`)]]);
  }
}
