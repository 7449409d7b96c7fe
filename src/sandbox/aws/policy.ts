/** IAM policy language: who may do what, on what, under which conditions. Pure. */
import type { Json } from '../../engine/types.ts';
import { globPattern } from '../call-faults.ts';
import { conditionHolds, type Statement, type PolicyContext, listed } from './policy-condition.ts';

export interface PolicyDocument {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: readonly Statement[];
}

export interface AccessRequest {
  /** `s3:PutObject` */
  readonly action: string;
  readonly resource: string;
  readonly context: PolicyContext;
  /** The caller, for statements with a Principal. */
  readonly principal?: PolicyPrincipal;
}
export type PolicyPrincipal =
  | { readonly is: 'AWS'; readonly arn: string; readonly roleArn?: string; readonly account: string }
  | { readonly is: 'Federated' | 'Service'; readonly id: string };

export type Decision = 'allowed' | 'explicitDeny' | 'implicitDeny';

/** A set of policies evaluated together (all identity policies, or one resource policy): an explicit Deny wins, then any Allow. */
export function decide(documents: readonly PolicyDocument[], request: AccessRequest): Decision {
  const hits = documents.flatMap((document) => document.Statement).filter((statement) => applies(statement, request));
  if (hits.some((statement) => statement.Effect === 'Deny')) return 'explicitDeny';
  return hits.length > 0 ? 'allowed' : 'implicitDeny';
}

export function contextOf(entries: Readonly<Record<string, string | readonly string[] | undefined>>): PolicyContext {
  const context = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(entries)) {
    if (value !== undefined) context.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  return context;
}

function applies(statement: Statement, request: AccessRequest): boolean {
  const { context } = request;
  const action = (pattern: string) => globPattern(pattern, 'i').test(request.action);
  const resource = (pattern: string) => globPattern(withVariables(pattern, context)).test(request.resource);
  if (statement.Action !== undefined && !listed(statement.Action).some(action)) return false;
  if (statement.NotAction !== undefined && listed(statement.NotAction).some(action)) return false;
  if (statement.Resource !== undefined && !listed(statement.Resource).some(resource)) return false;
  if (statement.NotResource !== undefined && listed(statement.NotResource).some(resource)) return false;
  if (statement.Principal !== undefined && !names(statement.Principal, request.principal)) return false;
  if (statement.NotPrincipal !== undefined && names(statement.NotPrincipal, request.principal)) return false;
  return conditionHolds(statement.Condition, context);
}

function withVariables(pattern: string, context: PolicyContext): string {
  return pattern.replace(/\$\{([^}]+)\}/g, (whole, key: string) => context.get(key.toLowerCase())?.[0] ?? whole);
}

function names(principal: Json, asking: PolicyPrincipal | undefined): boolean {
  if (principal === '*') return true;
  if (asking === undefined || typeof principal !== 'object' || principal === null) return false;
  const values = listed((principal as Record<string, string | string[]>)[asking.is]);
  if (asking.is !== 'AWS') return values.includes(asking.id) || values.includes('*');
  const accountRoot = new RegExp(`^(${asking.account}|arn:[^:]+:iam::${asking.account}:root)$`);
  return values.some((value) => value === '*' || value === asking.arn || value === asking.roleArn || accountRoot.test(value));
}
