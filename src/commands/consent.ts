/** Consents that a plan lacks: requested in an interactive run, refused with the right flag otherwise. */
import type { Plan } from '../engine/types.ts';
import type { Context } from '../context.ts';
import type { Consent } from '../steps/consent.ts';
import type { RunContext } from '../deps.ts';

/** The run with the granted consents, or `undefined` if nothing was asked or granted. */
export async function consent(run: RunContext, { plan }: { readonly plan: Plan<Context> }): Promise<RunContext | undefined> {
  const { settings, deps, settled } = run;
  const { questions } = deps;
  if (!questions) return undefined;
  for (const { finding } of plan) {
    if (finding.is !== 'blocked') continue;
    const { code, message, data } = finding.problem;
    if ((code === 'OIDC_PROVIDER_MISSING' || code === 'OIDC_AUDIENCE_MISSING') && !settings.createOidcProvider) {
      await settled();
      const granted = await questions.confirm(`${message}. It is shared by every IRSA role in this cluster. Create it?`, true);
      return granted ? { ...run, settings: { ...settings, createOidcProvider: true } } : undefined;
    }
    if (code === 'RECREATE_UNCONFIRMED' && data?.['bucket']) {
      await settled();
      const typed = await questions.text(`${message}. Type the bucket name to delete all its data`, {});
      return typed === data['bucket'] ? { ...run, consent: emptying(run.consent, [typed]) } : undefined;
    }
  }
  return undefined;
}

/** With these buckets added to those that may be emptied. */
export function emptying(given: Consent | undefined, names: readonly string[]): Consent {
  return { ...given, buckets: new Map([...(given?.buckets ?? []), ...names.map((name) => [name, { how: 'empty' } as const] as const)]) };
}
