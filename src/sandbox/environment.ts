/** The environment variables that point every client at the sandbox, and the private files they name. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { stop } from '../problems/problem.ts';
import type { SandboxCredentials } from './types.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface EnvironmentParts {
  readonly region: string;
  readonly clusterName: string;
  readonly clusterArn: string;
  readonly awsUrl: string;
  readonly kubeUrl: string;
  /** PEM of the sandbox's certificate authority. */
  readonly ca: string;
  readonly token: string;
  readonly credentials: SandboxCredentials;
  readonly proxyUrl: string;
  readonly charts: { readonly loki: string; readonly alloy: string };
  /** The user's own environment, to find what has to be overridden. */
  readonly env: Env;
}

export interface Environment {
  readonly env: Readonly<Record<string, string>>;
  /** Removes the files. */
  close(): Promise<void>;
}

export async function createEnvironment(parts: EnvironmentParts): Promise<Environment> {
  // mkdtemp creates the folder with mode 0700.
  const full = (cause: NodeJS.ErrnoException) => {
    throw stop('TEMP_DIR_UNUSABLE', { message: `The sandbox can't write its files to ${tmpdir()} (${cause.code})` }, { cause });
  };
  const folder = await mkdtemp(join(tmpdir(), 'loki-eks-sandbox-')).catch(full);
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 }).catch(full);
    return path;
  };
  const [kubeconfig, certificates, awsConfig, awsCredentials] = await Promise.all([
    file('kubeconfig', kubeconfigOf(parts)),
    file('certificates.pem', `${[...rootCertificates, parts.ca.trim()].join('\n')}\n`),
    file('aws-config', awsConfigOf(parts)),
    file('aws-credentials', ''),
  ]);
  const homes = { HELM_CACHE_HOME: 'helm/cache', HELM_CONFIG_HOME: 'helm/config', HELM_DATA_HOME: 'helm/data', XDG_STATE_HOME: 'state' };
  const folders = Object.entries(homes).map(([name, path]) => [name, join(folder, path)] as const);
  await Promise.all(folders.map(([, path]) => mkdir(path, { recursive: true, mode: 0o700 })));
  const { credentials, region } = parts;
  return {
    env: {
      ...uncovered(parts.env, parts.awsUrl),
      AWS_ENDPOINT_URL: parts.awsUrl,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_CONFIG_FILE: awsConfig,
      AWS_SHARED_CREDENTIALS_FILE: awsCredentials,
      AWS_EC2_METADATA_DISABLED: 'true',
      KUBECONFIG: kubeconfig,
      HTTPS_PROXY: parts.proxyUrl,
      https_proxy: parts.proxyUrl,
      NO_PROXY: '127.0.0.1,localhost',
      no_proxy: '127.0.0.1,localhost',
      SSL_CERT_FILE: certificates,
      CURL_CA_BUNDLE: certificates,
      LOKI_EKS_SANDBOX: '1',
      LOKI_EKS_CLUSTER: parts.clusterName,
      LOKI_EKS_LOKI_CHART: parts.charts.loki,
      LOKI_EKS_ALLOY_CHART: parts.charts.alloy,
      ...Object.fromEntries(folders),
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Endpoints of single services would win over `AWS_ENDPOINT_URL`, so those a user has set are overridden too. */
function uncovered(env: Env, awsUrl: string): Readonly<Record<string, string>> {
  const names = Object.keys(env).filter((name) => name.startsWith('AWS_ENDPOINT_URL_') && env[name]);
  return Object.fromEntries(names.map((name) => [name, awsUrl]));
}

/** The user's profile name stays valid, without any of the user's credentials. */
function awsConfigOf({ env, region }: EnvironmentParts): string {
  const profile = env['AWS_PROFILE'];
  const sections = ['[default]', ...(profile && profile !== 'default' ? [`[profile ${profile}]`] : [])];
  return sections.map((section) => `${section}\nregion = ${region}\n`).join('\n');
}

/** Named as `aws eks update-kubeconfig` does. */
function kubeconfigOf(parts: EnvironmentParts): string {
  const name = parts.clusterArn;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: parts.kubeUrl, 'certificate-authority-data': Buffer.from(parts.ca).toString('base64') } }],
    users: [{ name, user: { token: parts.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
