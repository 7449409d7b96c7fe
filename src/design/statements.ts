/** AWS policy documents as lists of statements: ours are recognized by their Sid, and all others are foreign. */
import type { Json } from '../engine/types.ts';
import { canonical } from './canonical.ts';
import { isMap, type Values } from './merge.ts';

/** The Sids in the documents under templates/iam, for any settings. */
const OURS: ReadonlySet<unknown> = new Set(['LokiServiceAccount', 'ListBuckets', 'UseObjects', 'UseKey']);

type Document = { readonly Statement?: Json } & { readonly [key: string]: Json };

/** A single statement may appear without an enclosing list. */
export function statementsOf(document: Json | undefined): readonly Json[] {
  const { Statement } = isMap(document) ? (document as Document) : {};
  if (Statement === undefined) return [];
  return Array.isArray(Statement) ? (Statement as readonly Json[]) : [Statement];
}

/** The content of a statement, regardless of its Sid. */
function meaning(statement: Json): string {
  const { Sid: _, ...rest } = (isMap(statement) ? statement : { statement }) as Values;
  return canonical(rest as Json);
}

/** Statements that neither have one of our Sids nor the content of one in `wanted`. */
export function foreignStatements(found: Json | undefined, wanted: Json): readonly Json[] {
  const own = new Set(statementsOf(wanted).map(meaning));
  return statementsOf(found).filter((one) => !OURS.has(isMap(one) ? one['Sid'] : undefined) && !own.has(meaning(one)));
}

/** `wanted` merged with foreign statements; the found document itself if it already contains everything. */
export function mergedStatements(found: Json | undefined, wanted: Json): Json {
  const others = foreignStatements(found, wanted);
  if (found === undefined || others.length === 0) return canonical(found ?? null) === canonical(wanted) ? (found as Json) : wanted;
  const all = [...others, ...statementsOf(wanted)];
  const same = new Set(all.map(canonical));
  const before = statementsOf(found);
  if (before.length === all.length && before.every((one) => same.has(canonical(one)))) return found;
  return { ...(found as Document), Statement: all };
}

/** `found` without our statements, and with those that `before` had; `undefined` if nothing would be left. */
export function withoutOurs(found: Json, of: { readonly wanted: Json; readonly before?: Json }): Json | undefined {
  const former = statementsOf(of.before);
  const has = new Set(former.map(canonical));
  const others = foreignStatements(found, of.wanted).filter((one) => !has.has(canonical(one)));
  const all = [...former, ...others];
  return all.length === 0 ? undefined : { ...((of.before ?? found) as Document), Statement: all };
}

/** Whether these trust policies admit only one service account of one cluster. */
export function trustsOnly(trust: Json, of: { readonly wanted: Json; readonly provider?: string; readonly subject: string }): boolean {
  const own = new Set(statementsOf(of.wanted).map(meaning));
  return statementsOf(trust).every((one) => own.has(meaning(one)) || isNarrow(one, of));
}

/** A web identity of this provider, and this subject by its whole name. */
function isNarrow(statement: Json, { provider, subject }: { readonly provider?: string; readonly subject: string }): boolean {
  if (!isMap(statement) || statement['Effect'] !== 'Allow' || provider === undefined) return false;
  const principal = statement['Principal'];
  if (!isMap(principal) || Object.keys(principal).length !== 1 || principal['Federated'] !== provider) return false;
  const condition = statement['Condition'];
  if (!isMap(condition)) return false;
  const issuer = provider.split(':oidc-provider/')[1];
  return ['StringEquals', 'StringLike'].some((operator) => {
    const keys = condition[operator];
    return isMap(keys) && keys[`${issuer}:sub`] === subject;
  });
}
