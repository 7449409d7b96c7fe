/** IAM as plain JSON without times and generated ids, to compare the account before and after. */
import type { Json } from '../../engine/types.ts';
import type { IamState } from './iam-state.ts';
import { isAwsManaged } from './iam-state.ts';

export function iamSnapshot(state: IamState): Json {
  const roles = [...state.roles.values()].map(
    (role) =>
      [
        role.arn,
        {
          trust: role.trust.document as unknown as Json,
          description: role.description ?? null,
          boundary: role.boundary ?? null,
          maxSession: role.maxSession,
          tags: role.tags,
          inline: Object.fromEntries([...role.inline].map(([name, one]) => [name, one.document as unknown as Json])),
          attached: [...role.attached].sort(),
        },
      ] as const,
  );
  const policies = [...state.policies.values()]
    .filter((policy) => !isAwsManaged(policy))
    .map(
      (policy) =>
        [
          policy.arn,
          {
            tags: policy.tags,
            document: (policy.versions.get(policy.defaultVersion)?.document ?? null) as unknown as Json,
            versions: policy.versions.size,
          },
        ] as const,
    );
  const providers = [...state.providers.values()].map(
    (provider) => [provider.arn, { audiences: [...provider.audiences].sort(), tags: provider.tags }] as const,
  );
  const profiles = [...state.profiles].map(([name, members]) => [name, [...members].sort()] as const);
  return {
    roles: Object.fromEntries(roles),
    policies: Object.fromEntries(policies),
    providers: Object.fromEntries(providers),
    profiles: Object.fromEntries(profiles),
  };
}
