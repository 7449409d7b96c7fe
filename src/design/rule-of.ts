/** The rule of a setting. Apart from the settings' descriptions, which help and completion read without loading zod. */
import type * as z from 'zod';
import * as rules from './setting-rules.ts';
import type { RuleName, SettingSpec } from './setting-specs.ts';

const byName: Readonly<Record<RuleName, z.ZodType>> = rules;

/** Throws for a setting that has neither choices nor a rule: a defect of the list. */
export function ruleOf({ key, kind, choices, rule }: SettingSpec): z.ZodType {
  if (choices !== undefined) return rules.choice(choices as readonly [string, ...string[]]);
  const found = rule && byName[rule];
  if (found === undefined) throw new Error(`the setting ${key} has no rule`);
  return kind === 'list' ? rules.list(found) : found;
}
