/** The contract on IAM and STS. */
import * as iam from '@aws-sdk/client-iam';
import * as sts from '@aws-sdk/client-sts';
import type { Bench, ContractCase } from './case.ts';
import { messageOf, outcome } from './case.ts';
import { accountId } from './target.ts';

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const allow = (action: string) => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });

async function role(api: Bench, more: Partial<iam.CreateRoleCommandInput> = {}): Promise<{ readonly RoleName: string; readonly send: iam.IAMClient['send'] }> {
  const client = api.iam();
  const RoleName = more.RoleName ?? api.name('role');
  await client.send(new iam.CreateRoleCommand({ AssumeRolePolicyDocument: trust, ...more, RoleName }));
  return { RoleName, send: client.send.bind(client) as iam.IAMClient['send'] };
}

async function policy(api: Bench, name = api.name('policy')): Promise<{ readonly PolicyArn: string; readonly send: iam.IAMClient['send'] }> {
  const client = api.iam();
  const made = await client.send(new iam.CreatePolicyCommand({ PolicyName: name, PolicyDocument: allow('s3:GetObject') }));
  return { PolicyArn: made.Policy?.Arn ?? '', send: client.send.bind(client) as iam.IAMClient['send'] };
}

export const iamCases: readonly ContractCase[] = [
  {
    name: 'A role is given back with its path, tags and encoded trust',
    observe: async (api) => {
      const { RoleName, send } = await role(api, { Path: '/loki/', Description: 'd', Tags: [{ Key: 'a', Value: 'b' }] });
      const got = (await send(new iam.GetRoleCommand({ RoleName }))).Role;
      return [
        got?.Arn?.replace(RoleName, 'NAME'),
        got?.Description,
        got?.Tags,
        decodeURIComponent(got?.AssumeRolePolicyDocument ?? '') === trust,
        got?.AssumeRolePolicyDocument?.startsWith('%7B'),
      ];
    },
    expected: [`arn:aws:iam::${accountId}:role/loki/NAME`, 'd', [{ Key: 'a', Value: 'b' }], true, true],
  },
  {
    name: 'A role name is taken once, whatever its case and path',
    observe: async (api) => {
      const { RoleName } = await role(api);
      return [await outcome(role(api, { RoleName })), await outcome(role(api, { RoleName: RoleName.toUpperCase(), Path: '/x/' }))];
    },
    expected: ['EntityAlreadyExistsException 409', 'EntityAlreadyExistsException 409'],
  },
  { name: 'A role name of 65 letters', observe: (api) => outcome(role(api, { RoleName: 'r'.repeat(65) })), expected: 'ValidationError 400' },
  {
    name: 'A trust policy that is no JSON',
    observe: (api) => outcome(role(api, { AssumeRolePolicyDocument: '{not json' })),
    expected: 'MalformedPolicyDocumentException 400',
  },
  {
    name: 'A boundary that is not there',
    observe: (api) => outcome(role(api, { PermissionsBoundary: `arn:aws:iam::${accountId}:policy/none` })),
    expected: 'NoSuchEntityException 404',
  },
  {
    name: 'A role that is not there is named',
    observe: (api) => messageOf(api.iam().send(new iam.GetRoleCommand({ RoleName: 'none' }))),
    expected: 'The role with name none cannot be found.',
  },
  {
    name: 'What is not there is no such entity',
    observe: async (api) => [
      await outcome(api.iam().send(new iam.GetRoleCommand({ RoleName: 'none' }))),
      await outcome(api.iam().send(new iam.DeleteRoleCommand({ RoleName: 'none' }))),
      await outcome(api.iam().send(new iam.GetPolicyCommand({ PolicyArn: `arn:aws:iam::${accountId}:policy/none` }))),
    ],
    expected: ['NoSuchEntityException 404', 'NoSuchEntityException 404', 'NoSuchEntityException 404'],
  },
  {
    name: 'Trust and tags are changed in place',
    observe: async (api) => {
      const { RoleName, send } = await role(api, { Tags: [{ Key: 'a', Value: '1' }] });
      const other = trust.replace('ec2', 'pods.eks');
      await send(new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: other }));
      await send(new iam.TagRoleCommand({ RoleName, Tags: [{ Key: 'b', Value: '2' }] }));
      await send(new iam.UntagRoleCommand({ RoleName, TagKeys: ['a'] }));
      const got = (await send(new iam.GetRoleCommand({ RoleName }))).Role;
      return [decodeURIComponent(got?.AssumeRolePolicyDocument ?? '') === other, got?.Tags];
    },
    expected: [true, [{ Key: 'b', Value: '2' }]],
  },
  {
    name: 'Inline policies are overwritten, listed, encoded, deleted',
    observe: async (api) => {
      const { RoleName, send } = await role(api);
      const put = (PolicyDocument: string) => send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 's3', PolicyDocument }));
      await put(allow('s3:GetObject'));
      await put(allow('s3:PutObject'));
      const got = await send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 's3' }));
      const names = (await send(new iam.ListRolePoliciesCommand({ RoleName }))).PolicyNames;
      await send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 's3' }));
      return [
        decodeURIComponent(got.PolicyDocument ?? ''),
        got.PolicyDocument?.startsWith('%7B'),
        names,
        await outcome(send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 's3' }))),
      ];
    },
    expected: [allow('s3:PutObject'), true, ['s3'], 'NoSuchEntityException 404'],
  },
  {
    name: 'A malformed inline policy',
    observe: async (api) => {
      const { RoleName, send } = await role(api);
      const bad = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject' }] });
      return outcome(send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument: bad })));
    },
    expected: 'MalformedPolicyDocumentException 400',
  },
  {
    name: 'A role is deleted only when nothing hangs on it',
    observe: async (api) => {
      const { RoleName, send } = await role(api);
      const { PolicyArn } = await policy(api);
      const remove = () => outcome(send(new iam.DeleteRoleCommand({ RoleName })));
      await send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }));
      await send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument: allow('s3:GetObject') }));
      const seen = [await remove()];
      await send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn }));
      seen.push(await remove());
      await send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'p' }));
      return [...seen, await remove(), await outcome(send(new iam.DetachRolePolicyCommand({ RoleName, PolicyArn })))];
    },
    expected: ['DeleteConflictException 409', 'DeleteConflictException 409', 'ok', 'NoSuchEntityException 404'],
  },
  {
    name: 'A managed policy keeps five versions',
    observe: async (api) => {
      const { PolicyArn, send } = await policy(api);
      const add = () => outcome(send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('s3:PutObject'), SetAsDefault: true })));
      const adds = [await add(), await add(), await add(), await add(), await add()];
      const remove = (VersionId: string) => outcome(send(new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId })));
      return [adds, await remove('v5'), await remove('v1'), await add(), (await send(new iam.GetPolicyCommand({ PolicyArn }))).Policy?.DefaultVersionId];
    },
    expected: [['ok', 'ok', 'ok', 'ok', 'LimitExceededException 409'], 'DeleteConflictException 409', 'ok', 'ok', 'v6'],
  },
  {
    name: "A managed policy's document is encoded",
    observe: async (api) => {
      const { PolicyArn, send } = await policy(api);
      return (await send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }))).PolicyVersion?.Document?.startsWith('%7B');
    },
    expected: true,
  },
  {
    name: 'A managed policy that is attached, or has versions, stays',
    observe: async (api) => {
      const { RoleName, send } = await role(api);
      const { PolicyArn } = await policy(api);
      await send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const attached = await outcome(send(new iam.DeletePolicyCommand({ PolicyArn })));
      const other = await policy(api);
      await send(new iam.CreatePolicyVersionCommand({ PolicyArn: other.PolicyArn, PolicyDocument: allow('s3:PutObject') }));
      return [attached, await outcome(send(new iam.DeletePolicyCommand({ PolicyArn: other.PolicyArn })))];
    },
    expected: ['DeleteConflictException 409', 'DeleteConflictException 409'],
  },
  {
    name: "A managed policy's name is taken once",
    observe: async (api) => {
      const name = api.name('policy');
      await policy(api, name);
      return outcome(policy(api, name));
    },
    expected: 'EntityAlreadyExistsException 409',
  },
  {
    name: 'An OIDC provider without thumbprint, taken once, deleted twice',
    observe: async (api) => {
      const Url = `https://oidc.example.com/id/${api.name()}`;
      const client = api.iam();
      const create = () =>
        client.send(new iam.CreateOpenIDConnectProviderCommand({ Url, ClientIDList: ['sts.amazonaws.com'], Tags: [{ Key: 'a', Value: 'b' }] }));
      const OpenIDConnectProviderArn = (await create()).OpenIDConnectProviderArn ?? '';
      const got = await client.send(new iam.GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
      const again = await outcome(create());
      const remove = () => outcome(client.send(new iam.DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })));
      const removed = [await remove(), await remove()];
      const after = await outcome(client.send(new iam.GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })));
      return [got.Url === Url.slice('https://'.length), got.ClientIDList, got.Tags, again, removed, after];
    },
    expected: [true, ['sts.amazonaws.com'], [{ Key: 'a', Value: 'b' }], 'EntityAlreadyExistsException 409', ['ok', 'ok'], 'NoSuchEntityException 404'],
  },
  {
    name: 'An audience is added to an OIDC provider',
    observe: async (api) => {
      const client = api.iam();
      const made = await client.send(new iam.CreateOpenIDConnectProviderCommand({ Url: `https://oidc.example.com/id/${api.name()}`, ClientIDList: ['other'] }));
      const OpenIDConnectProviderArn = made.OpenIDConnectProviderArn ?? '';
      return outcome(client.send(new iam.AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID: 'sts.amazonaws.com' })));
    },
    expected: 'ok',
  },
  {
    name: "Simulating a role's policies",
    observe: async (api) => {
      const { RoleName, send } = await role(api);
      await send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument: allow('s3:Get*') }));
      const simulate = (PolicySourceArn: string) =>
        send(new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames: ['s3:GetObject', 's3:PutObject'] }));
      const result = await simulate(`arn:aws:iam::${accountId}:role/${RoleName}`);
      return [result.EvaluationResults?.map((one) => one.EvalDecision), await outcome(simulate(`arn:aws:sts::${accountId}:assumed-role/${RoleName}/x`))];
    },
    expected: [['allowed', 'implicitDeny'], 'InvalidInputException 400'],
  },
  {
    name: 'Who am I',
    observe: async (api) => (await api.sts().send(new sts.GetCallerIdentityCommand({}))).Account,
    expected: accountId,
  },
  {
    name: 'A service account takes on the role that trusts it',
    observe: async (api) => {
      const { RoleName, send } = await role(api);
      const provider = api.target.issuer.replace('https://', '');
      const Condition = { StringEquals: { [`${provider}:sub`]: 'system:serviceaccount:loki:loki', [`${provider}:aud`]: 'sts.amazonaws.com' } };
      const Principal = { Federated: `arn:aws:iam::${accountId}:oidc-provider/${provider}` };
      const PolicyDocument = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRoleWithWebIdentity', Condition }],
      });
      await send(new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
      const assume = (serviceAccount: string, audience: string) =>
        outcome(
          api.sts().send(
            new sts.AssumeRoleWithWebIdentityCommand({
              RoleArn: `arn:aws:iam::${accountId}:role/${RoleName}`,
              RoleSessionName: 'probe',
              WebIdentityToken: api.target.token({ namespace: 'loki', serviceAccount, audience }),
            }),
          ),
        );
      return [await assume('loki', 'sts.amazonaws.com'), await assume('other', 'sts.amazonaws.com'), await assume('loki', 'vault')];
    },
    expected: ['ok', 'AccessDenied 403', 'InvalidIdentityTokenException 400'],
  },
];
