/** Bucket policies: which ones S3 accepts, and which it considers public. */
import { AwsFault } from '../types.ts';
import type { PolicyDocument } from './policy.ts';
import { readDocument } from './policy-document.ts';
import { type Statement, listed } from './policy-condition.ts';

/** Throws MalformedPolicy with S3's message. */
export function requireBucketPolicy(text: string, bucketArn: string): PolicyDocument {
  if (!text.trimStart().startsWith('{')) throw malformed("Policies must be valid JSON and the first byte must be '{'");
  if (Buffer.byteLength(text) > 20_480) throw new AwsFault(400, 'PolicyTooLarge', 'The policy document exceeds 20480 bytes');
  const read = readDocument(text, 'bucket');
  if ('refused' in read) throw malformed(read.refused === 'Syntax errors in policy.' ? 'This policy contains invalid Json' : read.refused);
  const belongs = (resource: string) => resource === bucketArn || resource.startsWith(`${bucketArn}/`) || resource === '*' || resource === `${bucketArn}*`;
  for (const statement of read.document.Statement) {
    if (![...listed(statement.Resource), ...listed(statement.NotResource)].every(belongs)) throw malformed('Policy has invalid resource');
    const actions = [...listed(statement.Action), ...listed(statement.NotAction)];
    if (!actions.every((action) => action === '*' || /^s3:/i.test(action))) throw malformed('Policy has invalid action');
  }
  return read.document;
}

/** An Allow for everyone without a narrowing condition. */
export function isPublic(document: PolicyDocument): boolean {
  return document.Statement.some((statement) => statement.Effect === 'Allow' && isForAll(statement) && Object.keys(statement.Condition ?? {}).length === 0);
}

function isForAll(statement: Statement): boolean {
  const principal = statement.Principal;
  if (principal === '*' || statement.NotPrincipal !== undefined) return true;
  return typeof principal === 'object' && principal !== null && listed((principal as Record<string, string | string[]>)['AWS']).includes('*');
}

function malformed(message: string): AwsFault {
  return new AwsFault(400, 'MalformedPolicy', message);
}
