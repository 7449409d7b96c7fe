/** S3's validation of bucket settings, and the form in which it returns them. */
import { AwsFault } from '../types.ts';
import { sha256 } from './sigv4.ts';
import { malformedXml } from './s3-operation.ts';
import type { Bucket } from './s3-state.ts';
import type { XmlNode } from './xml.ts';
import { childOf, childrenOf, innerMarkup, textOf } from './xml.ts';

const switches = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'];

export function checkPublicAccessBlock(node: XmlNode): string {
  return switches.map((name) => `<${name}>${(textOf(node, name) ?? 'false').toLowerCase() === 'true'}</${name}>`).join('');
}

export function checkEncryption(node: XmlNode): string {
  const rule = childOf(node, 'Rule');
  const byDefault = childOf(rule, 'ApplyServerSideEncryptionByDefault');
  const algorithm = textOf(byDefault, 'SSEAlgorithm');
  if (rule === undefined || childrenOf(node, 'Rule').length > 1) throw malformedXml();
  if (algorithm === undefined || !['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm)) throw malformedXml();
  if (algorithm === 'AES256' && textOf(byDefault, 'KMSMasterKeyID') !== undefined) {
    throw new AwsFault(400, 'InvalidArgument', 'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse');
  }
  const bucketKey = textOf(rule, 'BucketKeyEnabled') === undefined ? '<BucketKeyEnabled>false</BucketKeyEnabled>' : '';
  return `<Rule>${innerMarkup(rule)}${bucketKey}</Rule>`;
}

export function checkOwnership(node: XmlNode): string {
  const ownership = textOf(childOf(node, 'Rule'), 'ObjectOwnership') ?? '';
  if (!['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'].includes(ownership)) throw malformedXml();
  return innerMarkup(node);
}

export function checkObjectLock(node: XmlNode, bucket: Bucket): string {
  if (bucket.versioning !== 'Enabled') {
    throw new AwsFault(409, 'InvalidBucketState', "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
  }
  if (textOf(node, 'ObjectLockEnabled') !== 'Enabled') throw malformedXml();
  bucket.objectLock = true;
  return innerMarkup(node);
}

const lifecycleActions = ['Expiration', 'Transition', 'NoncurrentVersionExpiration', 'NoncurrentVersionTransition', 'AbortIncompleteMultipartUpload'];

/** Rules without an ID get one, as in S3. */
export function checkLifecycle(node: XmlNode): string {
  const rules = childrenOf(node, 'Rule');
  if (rules.length === 0 || rules.length > 1000) throw malformedXml();
  const ids = rules.map((rule) => textOf(rule, 'ID')).filter((id) => id !== undefined && id !== '');
  if (new Set(ids).size < ids.length) throw new AwsFault(400, 'InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  return rules.map(lifecycleRule).join('');
}

function lifecycleRule(rule: XmlNode): string {
  const status = textOf(rule, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') throw malformedXml();
  if (childOf(rule, 'Filter') === undefined && childOf(rule, 'Prefix') === undefined) throw malformedXml();
  const actions = rule.children.filter((child) => lifecycleActions.includes(child.name));
  if (actions.length === 0) throw new AwsFault(400, 'InvalidRequest', 'At least one action needs to be specified in a rule');
  const days = actions.flatMap((action) => childrenOf(action, 'Days')).find((day) => !/^[1-9]\d*$/.test(day.text));
  if (days) throw new AwsFault(400, 'InvalidArgument', "'Days' for Expiration action must be a positive integer");
  const expiration = childOf(rule, 'Expiration');
  if (expiration && childOf(expiration, 'ExpiredObjectDeleteMarker') && (childOf(expiration, 'Days') || childOf(expiration, 'Date'))) throw malformedXml();
  const id = textOf(rule, 'ID') ? '' : `<ID>${Buffer.from(sha256(innerMarkup(rule)).slice(0, 36), 'hex').toString('base64url')}</ID>`;
  return `<Rule>${id}${innerMarkup(rule)}</Rule>`;
}
