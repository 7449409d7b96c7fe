/** IAM OIDC providers: one per issuer, shared by all roles of a cluster. */
import type { OidcProviders } from '../../ports/roles.ts';
import { stop } from '../../problems/problem.ts';
import type { Clients } from './clients.ts';
import { ask, askFor, isCode, readError, slim } from './failures.ts';
import { fromTags, toTags } from './roles.ts';

const gone = ['NoSuchEntity', 'NoSuchEntityException'];

export function oidcProviders({ iam }: Clients): OidcProviders {
  return {
    async find(arn) {
      const client = await iam();
      const found = await askFor({ action: 'iam:GetOpenIDConnectProvider', on: arn, absent: gone }, () =>
        client.getOpenIDConnectProvider({ OpenIDConnectProviderArn: arn }),
      );
      return found && { arn, audiences: found.ClientIDList ?? [], tags: fromTags(found.Tags) };
    },

    async create({ url, audience, tags }) {
      const client = await iam();
      try {
        // No thumbprint: IAM verifies the issuer's certificate with its own CA library, and a private network can't be reached from here.
        await client.createOpenIDConnectProvider({ Url: url, ClientIDList: [audience], Tags: toTags(tags) });
      } catch (thrown) {
        // It was created meanwhile, or the response to our own first attempt was lost: it exists either way.
        if (isCode(thrown, 'EntityAlreadyExists', 'EntityAlreadyExistsException')) return;
        if (isCode(thrown, 'OpenIdIdpCommunicationError', 'OpenIdIdpCommunicationErrorException')) {
          throw stop(
            'OIDC_ISSUER_UNREACHABLE',
            { message: `IAM can't reach the OIDC issuer ${url}`, evidence: [readError(thrown).message] },
            { cause: slim(thrown) },
          );
        }
        await ask({ action: 'iam:CreateOpenIDConnectProvider', on: url }, () => Promise.reject(thrown));
      }
    },

    async addAudience(arn, audience) {
      const client = await iam();
      await ask({ action: 'iam:AddClientIDToOpenIDConnectProvider', on: arn }, () =>
        client.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn: arn, ClientID: audience }),
      );
    },

    async removeAudience(arn, audience) {
      const client = await iam();
      await askFor({ action: 'iam:RemoveClientIDFromOpenIDConnectProvider', on: arn, absent: gone }, () =>
        client.removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn: arn, ClientID: audience }),
      );
    },

    async tag(arn, tags) {
      const client = await iam();
      await ask({ action: 'iam:TagOpenIDConnectProvider', on: arn }, () =>
        client.tagOpenIDConnectProvider({ OpenIDConnectProviderArn: arn, Tags: toTags(tags) }),
      );
    },

    async untag(arn, keys) {
      const client = await iam();
      await ask({ action: 'iam:UntagOpenIDConnectProvider', on: arn }, () =>
        client.untagOpenIDConnectProvider({ OpenIDConnectProviderArn: arn, TagKeys: [...keys] }),
      );
    },

    async delete(arn) {
      const client = await iam();
      await askFor({ action: 'iam:DeleteOpenIDConnectProvider', on: arn, absent: gone }, () =>
        client.deleteOpenIDConnectProvider({ OpenIDConnectProviderArn: arn }),
      );
    },
  };
}
