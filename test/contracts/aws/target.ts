/** What the AWS contract is held against: the sandbox's door, or moto. Both are an endpoint, keys, and a few seeds. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { AwsAccount } from '../../../src/sandbox/aws/account.ts';
import { createAccount } from '../../../src/sandbox/aws/account.ts';
import { awsServer } from '../../../src/sandbox/aws/server.ts';
import type { Faults } from '../../../src/sandbox/call-faults.ts';
import { createFaults } from '../../../src/sandbox/call-faults.ts';
import type { Call, SandboxClock, SandboxCredentials } from '../../../src/sandbox/types.ts';

export const region = 'ap-northeast-2';
export const accountId = '123456789012';
export const clusterName = 'training-on-eks';

export interface Target {
  readonly endpoint: string;
  readonly credentials: SandboxCredentials;
  /** A token for `system:serviceaccount:<namespace>:<name>`; moto never looks at it. */
  readonly token: (of: { namespace: string; serviceAccount: string; audience: string }) => string;
  readonly issuer: string;
  readonly seedForeignBucket: (name: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface Sandbox extends Target {
  readonly account: AwsAccount;
  readonly faults: Faults;
  readonly calls: Call[];
}

export const realClock: SandboxClock = {
  now: () => new Date(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

interface SandboxOptions {
  readonly region?: string;
  readonly clock?: SandboxClock;
  readonly timings?: { readonly rolePropagationMs?: number; readonly deletedNameMs?: number };
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const account = createAccount({
    clock: options.clock ?? realClock,
    region: options.region ?? region,
    accountId,
    cluster: {
      name: clusterName,
      version: '1.33',
      endpoint: 'https://127.0.0.1:6443',
      certificateAuthority: 'Q0E=',
      vpc: 'vpc-0123456789abcdef0',
      addons: [{ name: 'aws-ebs-csi-driver', version: 'v1.40.0-eksbuild.1' }],
      tags: { team: 'ml' },
    },
    timings: options.timings ?? { rolePropagationMs: 0 },
  });
  const faults = createFaults();
  const calls: Call[] = [];
  const server = createServer(awsServer({ account, faults, onCall: (call) => calls.push(call) }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: account.admin,
    token: (of) => account.signServiceAccountToken({ ...of, seconds: 600 }),
    issuer: account.issuer,
    seedForeignBucket: (name) => Promise.resolve(account.seedForeignBucket(name)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    account,
    faults,
    calls,
  };
}

export async function startMoto(): Promise<Target> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS: 'true' },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const ended = new Promise<never>((_, reject) => {
    const missing = (what: unknown) => reject(new Error(`moto did not start (${String(what)}). Provision it with: pip install 'moto[server]'`));
    child.once('error', missing);
    child.once('exit', (code) => missing(`exit ${code}`));
  });
  await Promise.race([answers(endpoint), ended]);
  ended.catch(() => undefined);
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' };
  await clientsOf({ endpoint, credentials })
    .eks()
    .send(
      new CreateClusterCommand({
        name: clusterName,
        version: '1.33',
        roleArn: `arn:aws:iam::${accountId}:role/eks`,
        resourcesVpcConfig: {},
        tags: { team: 'ml' },
      }),
    );
  return {
    endpoint,
    credentials,
    issuer: `https://oidc.eks.${region}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF`,
    token: () => 'header.claims.signature',
    seedForeignBucket: async (name) => {
      const other = await clientsOf({ endpoint, credentials })
        .sts()
        .send(new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::999999999999:role/other', RoleSessionName: 'other' }));
      const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken: sessionToken } = other.Credentials ?? {};
      await clientsOf({ endpoint, credentials: { accessKeyId, secretAccessKey, sessionToken } })
        .s3()
        .send(new CreateBucketCommand({ Bucket: name }));
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

async function answers(endpoint: string): Promise<void> {
  for (;;) {
    const up = await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export type Clients = ReturnType<typeof clientsOf>;

/** SDK clients as the product makes them, but without retries, so that each answer is seen once. */
export function clientsOf(target: Pick<Target, 'endpoint' | 'credentials'>) {
  const shared = (where: string) => ({ endpoint: target.endpoint, region: where, credentials: target.credentials, maxAttempts: 1 });
  return {
    s3: (where = region) => new S3Client(shared(where)),
    iam: (where = region) => new IAMClient(shared(where)),
    sts: (where = region) => new STSClient(shared(where)),
    eks: (where = region) => new EKSClient(shared(where)),
  };
}
