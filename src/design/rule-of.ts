/** The rule of a setting. Separate from the settings' descriptions, which help and completion read without loading zod. */
import type * as z from 'zod';
import {
  bucket,
  bucketPrefix,
  certificate,
  choice,
  cidr,
  cluster,
  clusterLabel,
  duration,
  flag,
  gatewayUser,
  iamPath,
  kmsKey,
  list,
  namespace,
  permissionsBoundary,
  present,
  region,
  repository,
  retentionDays,
  roleName,
  storageClass,
  tags,
  tenant,
  url,
} from './setting-rules.ts';

const rules = {
  bucket,
  bucketPrefix,
  certificate,
  cidr,
  cluster,
  clusterLabel,
  duration,
  flag,
  gatewayUser,
  iamPath,
  kmsKey,
  namespace,
  permissionsBoundary,
  present,
  region,
  repository,
  retentionDays,
  roleName,
  storageClass,
  tags,
  tenant,
  url,
};

export type RuleName = keyof typeof rules;

interface Ruled {
  readonly key: string;
  readonly kind: string;
  readonly choices?: readonly string[];
  readonly rule?: RuleName;
}

/** Throws for a setting that has neither choices nor a rule: a bug in the list. */
export function ruleOf({ key, kind, choices, rule }: Ruled): z.ZodType {
  if (choices !== undefined) return choice(choices as readonly [string, ...string[]]);
  const found = rule && rules[rule];
  if (found === undefined) throw new Error(`the setting ${key} has no rule`);
  return kind === 'list' ? list(found) : found;
}
