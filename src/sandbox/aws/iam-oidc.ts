/** IAM actions on OpenID Connect providers. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import type { IamState, OidcProvider } from './iam-state.ts';
import { exists, invalid, missing, requireTags } from './iam-rules.ts';
import { tagsXml } from './query.ts';
import type { XmlValue } from './xml.ts';

export const oidcActions: Readonly<Record<string, IamAction>> = {
  CreateOpenIDConnectProvider: create,
  GetOpenIDConnectProvider: (call) => {
    const found = provider(call);
    return {
      Url: found.url,
      ClientIDList: found.audiences,
      ThumbprintList: found.thumbprints,
      CreateDate: found.created.toISOString(),
      Tags: tagsXml(found.tags),
    };
  },
  ListOpenIDConnectProviders: (call) => ({ OpenIDConnectProviderList: [...call.state.providers.keys()].sort().map((Arn) => ({ Arn })) }),
  // Deleting a provider that does not exist succeeds.
  DeleteOpenIDConnectProvider: (call) => {
    call.state.providers.delete(arnOf(call));
    return undefined;
  },
  AddClientIDToOpenIDConnectProvider: (call) => {
    const found = provider(call);
    found.audiences = [...new Set([...found.audiences, call.parameters.get('ClientID') ?? ''])];
    return undefined;
  },
  RemoveClientIDFromOpenIDConnectProvider: (call) => {
    const found = provider(call);
    found.audiences = found.audiences.filter((audience) => audience !== call.parameters.get('ClientID'));
    return undefined;
  },
  UpdateOpenIDConnectProviderThumbprint: (call) => {
    provider(call).thumbprints = call.parameters.list('ThumbprintList');
    return undefined;
  },
  TagOpenIDConnectProvider: (call) => {
    const found = provider(call);
    found.tags = requireTags({ ...found.tags, ...requireTags(call.parameters.tags()) });
    return undefined;
  },
  UntagOpenIDConnectProvider: (call) => {
    const drop = call.parameters.list('TagKeys');
    const found = provider(call);
    found.tags = Object.fromEntries(Object.entries(found.tags).filter(([key]) => !drop.includes(key)));
    return undefined;
  },
  ListOpenIDConnectProviderTags: (call) => ({ Tags: tagsXml(provider(call).tags), IsTruncated: false }),
};

/** `url` with or without `https://`. */
export function providerArn(state: Pick<IamState, 'partition' | 'accountId'>, url: string): string {
  return `arn:${state.partition}:iam::${state.accountId}:oidc-provider/${url.replace(/^https:\/\//, '')}`;
}

type NewProvider = Pick<OidcProvider, 'url' | 'audiences'> & Partial<Pick<OidcProvider, 'tags' | 'thumbprints'>>;

export function addProvider(state: IamState, provider: NewProvider): OidcProvider {
  const url = provider.url.replace(/^https:\/\//, '');
  const arn = providerArn(state, url);
  const added = {
    arn,
    url,
    created: state.clock.now(),
    audiences: provider.audiences,
    thumbprints: provider.thumbprints ?? ['0'.repeat(40)],
    tags: provider.tags ?? {},
  };
  state.providers.set(arn, added);
  return added;
}

function create(call: IamCall): XmlValue {
  const { state, parameters } = call;
  const url = parameters.get('Url') ?? '';
  if (!/^https:\/\/[^\s/]+/.test(url)) throw invalid('Invalid Open ID Connect Provider URL');
  const audiences = parameters.list('ClientIDList');
  const thumbprints = parameters.list('ThumbprintList');
  if (thumbprints.some((one) => one.length !== 40)) throw invalid('Thumbprint must be 40 characters long');
  if (state.providers.has(providerArn(state, url))) throw exists(`Provider with url ${url} already exists.`);
  if (state.providers.size >= 100) throw new AwsFault(409, 'LimitExceeded', 'Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100');
  const added = addProvider(state, { url, audiences, tags: requireTags(parameters.tags()), thumbprints: thumbprints.length > 0 ? thumbprints : undefined });
  return { OpenIDConnectProviderArn: added.arn, Tags: tagsXml(added.tags) };
}

function arnOf(call: IamCall): string {
  return call.parameters.get('OpenIDConnectProviderArn') ?? '';
}

function provider(call: IamCall): OidcProvider {
  const found = call.state.providers.get(arnOf(call));
  if (found === undefined) throw missing(`OpenIDConnect Provider not found for arn ${arnOf(call)}`);
  return found;
}
