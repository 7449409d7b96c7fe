/** Sandboxes for tests that need their own, and the role Loki would have in them. */
import * as iam from '@aws-sdk/client-iam';
import type { SandboxClock } from '../../../src/sandbox/types.ts';
import type { Sandbox } from './target.ts';
import { accountId, clientsOf, startSandbox } from './target.ts';

let open: Sandbox[] = [];
/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const sandbox of open) await sandbox.close();
  open = [];
}

/** A sandbox that `closeAll` ends. */
export async function start(options: Parameters<typeof startSandbox>[0] = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ timings: { rolePropagationMs: 0 }, ...options });
  open.push(sandbox);
  return sandbox;
}

export function stoppedClock(): SandboxClock & { advance: (ms: number) => void } {
  let now = Date.now();
  return { now: () => new Date(now), after: () => () => undefined, advance: (ms) => void (now += ms) };
}

export const irsaTrust = (sandbox: Sandbox) => {
  const host = sandbox.issuer.replace('https://', '');
  const Condition = { StringEquals: { [`${host}:sub`]: 'system:serviceaccount:loki:loki', [`${host}:aud`]: 'sts.amazonaws.com' } };
  const Principal = { Federated: `arn:aws:iam::${accountId}:oidc-provider/${host}` };
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRoleWithWebIdentity', Condition }] });
};
export const roleArn = `arn:aws:iam::${accountId}:role/loki`;

export async function lokiRole(sandbox: Sandbox, bucket: string): Promise<void> {
  const client = clientsOf(sandbox).iam();
  await client.send(new iam.CreateRoleCommand({ RoleName: 'loki', AssumeRolePolicyDocument: irsaTrust(sandbox) }));
  const Statement = [
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${bucket}` },
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: `arn:aws:s3:::${bucket}/*` },
  ];
  await client.send(new iam.PutRolePolicyCommand({ RoleName: 'loki', PolicyName: 's3', PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }) }));
}

export const lokiToken = (sandbox: Sandbox, seconds = 600) =>
  sandbox.account.signServiceAccountToken({ namespace: 'loki', serviceAccount: 'loki', audience: 'sts.amazonaws.com', seconds });
