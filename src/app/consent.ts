/** Consents that a plan lacks: asked for where somebody can answer, refused with the right flag where nobody can. */
import type { Settings } from '../design/settings-type.ts';
import type { Plan } from '../engine/types.ts';
import type { Context } from '../steps/context.ts';
import type { Run } from './outside.ts';

/** The settings with the consents in them, or `undefined` when nothing was asked or nothing was granted. */
export async function consent({ settings, outside, settled }: Run, plan: Plan<Context>): Promise<Settings | undefined> {
  const { questions } = outside;
  if (!questions) return undefined;
  for (const { finding } of plan) {
    if (finding.is !== 'blocked') continue;
    const { code, message } = finding.problem;
    if ((code === 'OIDC_PROVIDER_MISSING' || code === 'OIDC_AUDIENCE_MISSING') && !settings.createOidcProvider) {
      await settled();
      const granted = await questions.confirm(`${message}. Every IRSA role of this cluster shares it. Make it so?`, true);
      return granted ? { ...settings, createOidcProvider: true } : undefined;
    }
    if (code === 'RECREATE_UNCONFIRMED') {
      const name = /s3:\/\/([^ ]+)/.exec(message)?.[1] ?? '';
      await settled();
      const typed = await questions.text(`${message}. Type the bucket's name to delete all of it`, {});
      return typed === name ? { ...settings, confirmRecreate: [...settings.confirmRecreate, name] } : undefined;
    }
  }
  return undefined;
}
