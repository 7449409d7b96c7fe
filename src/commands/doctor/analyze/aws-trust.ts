/** Analyzes a role's trust policy: who may assume it, and why this subject may not. */
import { getPath } from '../../../design/get-path.ts';
import type { Json } from '../../../engine/types.ts';
import type { Evidence } from './evidence.ts';

interface Distrust {
  readonly why: string;
  readonly field: string;
  readonly found: string;
  readonly wanted: string;
}

/** Why no statement admits the subject, based on the closest statement. */
export function distrust(trust: Json, { collected, subject }: { readonly collected: Evidence; readonly subject: string }): Distrust | undefined {
  const { issuer = '', providerArn = '' } = collected.cluster;
  const statements = list(getPath(trust, 'Statement')).filter(
    (one) =>
      getPath(one, 'Effect') === 'Allow' && list(getPath(one, 'Action')).some((action) => action === 'sts:AssumeRoleWithWebIdentity' || action === 'sts:*'),
  );
  const federated = statements.filter((one) => list(getPath(one, 'Principal.Federated')).includes(providerArn));
  if (federated.length === 0) {
    const found = statements.flatMap((one) => list(getPath(one, 'Principal.Federated'))).join(', ') || 'no AssumeRoleWithWebIdentity at all';
    return { why: 'it trusts another OIDC provider, not that of this cluster', field: 'Principal.Federated', found, wanted: providerArn };
  }
  const faults = federated.map((one): Distrust | undefined => {
    const conditions = Object.entries((getPath(one, 'Condition') ?? {}) as Readonly<Record<string, Json>>);
    for (const [claim, wanted] of [
      ['sub', subject],
      ['aud', 'sts.amazonaws.com'],
    ] as const) {
      for (const [operator, map] of conditions) {
        const values = list((map as Readonly<Record<string, Json>>)[`${issuer}:${claim}`]);
        const fits = values.some((value) => (operator.includes('Like') ? like(String(value), wanted) : value === wanted));
        if (values.length > 0 && !fits)
          return { why: `its condition on ${claim} names another`, field: `Condition.${operator}["…:${claim}"]`, found: values.join(', '), wanted };
      }
    }
    return undefined;
  });
  return faults.includes(undefined) ? undefined : faults[0];
}

const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : value === undefined ? [] : [value]);
const like = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(text);

/** Why EKS Pod Identity may not hand this role out. */
export function podDistrust(trust: Json): string | undefined {
  const statements = list(getPath(trust, 'Statement')).filter(
    (one) => getPath(one, 'Effect') === 'Allow' && list(getPath(one, 'Principal.Service')).includes('pods.eks.amazonaws.com'),
  );
  if (statements.length === 0) return 'it does not trust pods.eks.amazonaws.com';
  const actions = statements.flatMap((one) => list(getPath(one, 'Action')));
  const missing = ['sts:AssumeRole', 'sts:TagSession'].filter((wanted) => !actions.some((action) => action === wanted || action === 'sts:*' || action === '*'));
  return missing.length === 0 ? undefined : `it does not allow ${missing.join(' and ')}`;
}
