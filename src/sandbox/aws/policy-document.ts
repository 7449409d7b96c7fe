/** Parses policy documents as AWS does: what it accepts, and the messages of its refusals. */
import type { PolicyDocument } from './policy.ts';
import { isConditionOperator, type Statement, listed } from './policy-condition.ts';

export type DocumentKind = 'identity' | 'trust' | 'bucket';
export type ReadDocument = { readonly document: PolicyDocument } | { readonly refused: string };

/** `refused` is AWS's message; the caller adds its service's error code. */
export function readDocument(text: string, kind: DocumentKind): ReadDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { refused: kind === 'trust' ? 'This policy contains invalid Json' : 'Syntax errors in policy.' };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return { refused: 'Syntax errors in policy.' };
  const raw = json as { Version?: unknown; Id?: string; Statement?: unknown };
  const unknown = Object.keys(raw).find((key) => !['Version', 'Id', 'Statement'].includes(key));
  if (unknown) return { refused: `Syntax error: unknown field ${unknown}` };
  if (raw.Version !== undefined && raw.Version !== '2012-10-17' && raw.Version !== '2008-10-17') {
    return { refused: 'The policy must contain a valid version string' };
  }
  const statements = listed(raw.Statement as Statement | Statement[] | undefined);
  if (statements.length === 0) return { refused: kind === 'bucket' ? 'Missing required field Statement' : 'Syntax errors in policy.' };
  const refused = statements.map((statement) => refusal(statement, kind)).find((reason) => reason !== undefined);
  if (refused) return { refused };
  const sids = statements.map((statement) => statement.Sid).filter((sid) => sid !== undefined && sid !== '');
  if (new Set(sids).size < sids.length) return { refused: 'Statement IDs (SID) in a single policy must be unique.' };
  return { document: { ...(raw as object), Statement: statements } as PolicyDocument };
}

const fields = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];

function refusal(statement: Statement, kind: DocumentKind): string | undefined {
  if (typeof statement !== 'object' || statement === null) return 'Syntax errors in policy.';
  const unknown = Object.keys(statement).find((key) => !fields.includes(key));
  if (unknown) return `Syntax error: unknown field ${unknown}`;
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') {
    return statement.Effect === undefined ? 'Missing required field Effect' : `Invalid effect: ${String(statement.Effect)}`;
  }
  const badAction = actionRefusal(statement, kind);
  if (badAction) return badAction;
  const operator = Object.keys(statement.Condition ?? {}).find((name) => !isConditionOperator(name));
  if (operator) return `Invalid Condition type : ${operator}.`;
  return whoAndWhat(statement, kind);
}

function actionRefusal(statement: Statement, kind: DocumentKind): string | undefined {
  const actions = [...listed(statement.Action), ...listed(statement.NotAction)];
  if (actions.length === 0) return kind === 'identity' ? 'Policy statement must contain actions.' : 'Missing required field Action';
  const odd = actions.find((action) => typeof action !== 'string' || !(action === '*' || /^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/.test(action)));
  if (odd === undefined) return undefined;
  return kind === 'bucket' ? 'Policy has invalid action' : 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.';
}

function whoAndWhat(statement: Statement, kind: DocumentKind): string | undefined {
  const hasPrincipal = statement.Principal !== undefined || statement.NotPrincipal !== undefined;
  const resources = [...listed(statement.Resource), ...listed(statement.NotResource)];
  if (kind === 'identity') {
    if (hasPrincipal) return 'Policy document should not specify a principal.';
    if (resources.length === 0) return 'Policy statement must contain resources.';
    const odd = resources.find(
      (resource) => resource !== '*' && !/^arn:[^:]*:[^:]*:[^:]*:[^:]*:.+$/.test(String(resource)) && !String(resource).startsWith('*'),
    );
    return odd === undefined ? undefined : `Resource ${String(odd)} must be in ARN format or "*".`;
  }
  if (!hasPrincipal) return 'Missing required field Principal';
  if (kind === 'trust' && resources.length > 0) return 'Has prohibited field Resource';
  if (kind === 'trust' && listed(statement.Action).some((action) => !/^(sts:.*|\*)$/i.test(action))) {
    return 'AssumeRole policy may only specify STS AssumeRole actions.';
  }
  return kind === 'bucket' && resources.length === 0 ? 'Missing required field Resource' : undefined;
}
