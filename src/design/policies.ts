/** The policy documents for AWS: who may assume the role, what the role may do, and how the buckets may be accessed. */
import type { Json } from '../engine/types.ts';
import type { TemplateName } from './template-files.ts';
import { renderDocument, type Templates, type TemplateValues } from './template.ts';

/** The audience that EKS puts into service account tokens, in every partition (including China). */
export const audience = 'sts.amazonaws.com';

/** The issuer as IAM writes it: verbatim, without the scheme. Its host can't be derived from the region. */
export const issuerPath = (issuer: string) => issuer.replace(/^https:\/\//, '');

export const oidcProviderArn = (of: { readonly partition: string; readonly account: string; readonly issuer: string }) =>
  `arn:${of.partition}:iam::${of.account}:oidc-provider/${issuerPath(of.issuer)}`;

export const bucketArn = (partition: string, bucket: string) => `arn:${partition}:s3:::${bucket}`;

/** IAM role ARNs include the path, which begins and ends with a slash. */
export const roleArn = (of: { readonly partition: string; readonly account: string; readonly path: string; readonly name: string }) =>
  `arn:${of.partition}:iam::${of.account}:role${of.path}${of.name}`;

const fill = (templates: Templates, name: TemplateName, values: TemplateValues) => renderDocument(JSON.parse(templates(name)), values) as Json;

export interface Subject {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** IRSA: exactly this service account, with exactly this audience. */
export function webIdentityTrust(templates: Templates, of: Subject & { readonly providerArn: string; readonly issuer: string }): Json {
  return fill(templates, 'iam/web-identity-trust.json', { ...of, issuer: issuerPath(of.issuer), audience });
}

/** Pod Identity: the agent tags every session with the pod it is for. */
export function podIdentityTrust(templates: Templates, of: Subject & { readonly clusterArn: string }): Json {
  return fill(templates, 'iam/pod-identity-trust.json', { ...of });
}

/** The calls of Loki's S3 client, on these two buckets, and only while the account owns them. */
export function s3Access(
  templates: Templates,
  of: { readonly account: string; readonly chunksArn: string; readonly rulerArn: string; readonly kmsKey?: string },
): Json {
  const { kmsKey, ...rest } = of;
  const keyStatement = kmsKey === undefined ? undefined : fill(templates, 'iam/kms-access.json', { kmsKey });
  return fill(templates, 'iam/s3-access.json', { ...rest, keyStatement });
}

export function tlsOnly(templates: Templates, arn: string): Json {
  return fill(templates, 's3/tls-only.json', { bucketArn: arn });
}
