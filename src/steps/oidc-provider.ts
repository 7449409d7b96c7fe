/** The account's IAM OIDC provider for the cluster's issuer: shared by every IRSA role, so created only with consent and never deleted. */
import { EVERY, providerArn } from '../design/permissions.ts';
import type { UndoRecord, Step } from '../engine/types.ts';
import { problem, stop } from '../problems/problem.ts';
import { willCreate } from './will-create.ts';
import type { Context } from '../context.ts';
import { isOwnedByTags } from './ownership.ts';

type Needs = Pick<Context, 'oidcProviders' | 'blueprint'>;

type ProviderReceipt =
  | { readonly did: 'create-oidc-provider'; readonly arn: string }
  | { readonly did: 'untag-provider'; readonly arn: string; readonly before: Readonly<Record<string, string>> }
  | { readonly did: 'add-audience'; readonly arn: string; readonly audience: string };

export const oidcProvider: Step<Needs, UndoRecord> = {
  id: 'oidc-provider',
  title: 'IAM OIDC provider',
  scope: 'aws',
  needs: [],
  permissions: [
    { to: "find the cluster's OIDC provider", for: EVERY, actions: ['iam:GetOpenIDConnectProvider'], on: [providerArn] },
    {
      to: "create the cluster's OIDC provider, which every IRSA role of the cluster shares; and roll that back",
      for: ['--create-oidc-provider'],
      actions: [
        'iam:AddClientIDToOpenIDConnectProvider',
        'iam:CreateOpenIDConnectProvider',
        'iam:DeleteOpenIDConnectProvider',
        'iam:RemoveClientIDFromOpenIDConnectProvider',
        'iam:TagOpenIDConnectProvider',
      ],
      on: [providerArn],
    },
    {
      to: 'remove the tags from an OIDC provider that loki-eks created, and roll that back',
      for: ['orphan'],
      actions: ['iam:TagOpenIDConnectProvider', 'iam:UntagOpenIDConnectProvider'],
      on: [providerArn],
    },
  ],

  async inspect({ oidcProviders, blueprint }) {
    const plan = planned(blueprint);
    const found = await oidcProviders.find(plan.arn);
    if (found?.audiences.includes(plan.audience)) return { is: 'matches' };
    if (!plan.mayCreate) {
      return {
        is: 'blocked',
        problem: found
          ? problem('OIDC_AUDIENCE_MISSING', { message: `The OIDC provider ${plan.arn} does not accept the audience ${plan.audience}` })
          : problem('OIDC_PROVIDER_MISSING', { message: `The account has no IAM OIDC provider for ${plan.url}` }),
      };
    }
    return found
      ? { is: 'differs', changes: [{ action: 'update', target: plan.arn, detail: `accept audience ${plan.audience}` }] }
      : { is: 'differs', changes: [{ action: 'create', target: plan.arn, detail: 'shared by every IRSA role of this cluster' }] };
  },

  async apply({ oidcProviders, blueprint }, { found, record }) {
    const { arn, url, audience, tags } = planned(blueprint);
    if (!willCreate(found) && (await oidcProviders.find(arn))) {
      await record({ did: 'add-audience', arn, audience });
      return oidcProviders.addAudience(arn, audience);
    }
    await record({ did: 'create-oidc-provider', arn });
    return oidcProviders.create({ url, audience, tags });
  },

  async undo({ oidcProviders, blueprint }, receipt) {
    const did = receipt as ProviderReceipt;
    const found = await oidcProviders.find(did.arn);
    if (!found) return;
    if (did.did === 'untag-provider') return oidcProviders.tag(did.arn, did.before);
    if (did.did === 'add-audience') return oidcProviders.removeAudience(did.arn, did.audience);
    if (isOwnedByTags(found.tags, blueprint.ownership)) await oidcProviders.delete(did.arn);
  },

  async remove({ oidcProviders, blueprint }) {
    const arn = blueprint.oidcProvider?.arn;
    const found = arn ? await oidcProviders.find(arn) : undefined;
    if (!arn || !found || !isOwnedByTags(found.tags, blueprint.ownership)) return { is: 'absent' };
    return {
      is: 'kept',
      target: arn,
      why: 'other IRSA roles of this cluster depend on it',
      how: `aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ${arn}`,
    };
  },
};

function planned(blueprint: Needs['blueprint']) {
  if (!blueprint.oidcProvider) throw stop('OIDC_PROVIDER_MISSING', { message: `Cluster ${blueprint.cluster.name} has no OIDC issuer` });
  return blueprint.oidcProvider;
}
