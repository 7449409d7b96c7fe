/** The guide followed with Node, helm and kubectl alone: its own values; account, buckets and role as its aws commands make them. */
import { fileURLToPath } from 'node:url';
import { connectAws } from '../../src/adapters/aws/connect.ts';
import type { Terminal } from '../support/sandbox-cli.ts';
import { does } from './patient.ts';

const here = (path: string): string => fileURLToPath(new URL(`../guide/${path}`, import.meta.url));
const follow = (section: string): string => `. '${here(`commands/${section}.sh`)}'`;

export const GUIDE_ROLE = 'LokiServiceAccountRole';

export interface GuideTools {
  /** Folders of charts in the place of those that the sandbox's repository has. */
  readonly charts?: { readonly loki: string; readonly alloy: string };
  /** A helm in the place of the one on PATH. */
  readonly helm?: string;
}

export async function installGuide(terminal: Terminal, { charts, helm = 'command helm' }: GuideTools = {}): Promise<void> {
  const { account } = terminal.sandbox.world;
  const region = 'ap-northeast-2';
  const buckets = ['chunks', 'ruler'].map((use) => `loki-aws-dev-${use}-${account.id}`);
  const aws = await accountOf(terminal);
  const issuer = account.issuer.replace('https://', '');
  for (const name of buckets) await aws.buckets(account.id).create(name, { namespace: 'global', tags: {} });
  await aws.roles.create({ name: GUIDE_ROLE, path: '/', description: '', tags: {}, trust: trustIn(account.id, issuer) });
  await aws.roles.setInline(GUIDE_ROLE, 'LokiS3AccessPolicy', policyOn(buckets));
  // By hand, minutes go by here; a role can't be assumed in its first seconds.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const variables = `export AWS_REGION=${region} ACCOUNT_ID=${account.id} CHUNK_BUCKET=${buckets[0]} RULER_BUCKET=${buckets[1]} GUIDE_PASSWORD=loki; PATH='${here('shims')}':$PATH`;
  const sections = ['3-namespace', '4-login', '5-loki-values', '6-loki', '7-alloy-values', '8-alloy'].map(follow).join('\n');
  const named = (name: 'loki' | 'alloy') => charts?.[name] ?? `grafana/${name}`;
  const asked = `helm() { local words=("\${@/#grafana\\/loki/${named('loki')}}"); ${helm} "\${words[@]/#grafana\\/alloy/${named('alloy')}}"; }`;
  await does(terminal, `${asked}\n${variables}\n${sections}`);
  await does(
    terminal,
    'for set in $(kubectl get deployments,statefulsets -n loki -o name); do kubectl rollout status $set -n loki --timeout=90s || exit 1; done',
  );
  await does(terminal, 'kubectl rollout status daemonset/alloy -n alloy --timeout=90s');
}

export async function accountOf({ sandbox }: Terminal) {
  return connectAws({ region: 'ap-northeast-2', env: sandbox.env, lookUp: async () => ({ address: '127.0.0.1', family: 4 }) });
}

export function trustIn(account: string, issuer: string, subject = 'system:serviceaccount:loki:loki') {
  const Condition = { StringEquals: { [`${issuer}:sub`]: subject, [`${issuer}:aud`]: 'sts.amazonaws.com' } };
  const Principal = { Federated: `arn:aws:iam::${account}:oidc-provider/${issuer}` };
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRoleWithWebIdentity', Condition }] };
}

export function policyOn(buckets: readonly string[], actions: readonly string[] = ['s3:ListBucket', 's3:PutObject', 's3:GetObject', 's3:DeleteObject']) {
  const Resource = buckets.flatMap((name) => [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`]);
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource }] };
}
