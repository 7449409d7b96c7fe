/** The SDK clients: each package is loaded on first use, and all share the same retry and connection settings. */
import type { EKS } from '@aws-sdk/client-eks';
import type { IAM } from '@aws-sdk/client-iam';
import type { S3 } from '@aws-sdk/client-s3';
import type { STS } from '@aws-sdk/client-sts';
import type { Exchanges } from '../exchanges.ts';
import { bounded } from './bounds.ts';
import type { Credentials } from './credentials.ts';
import { handlerOptions } from './handler-options.ts';

export interface Clients {
  readonly region: string;
  readonly exchanges: Exchanges;
  readonly eks: () => Promise<EKS>;
  readonly iam: () => Promise<IAM>;
  readonly sts: () => Promise<STS>;
  readonly s3: () => Promise<S3>;
  /** A separate client: another region, or a service account's credentials. The caller destroys it. */
  readonly otherS3: (options: { readonly region?: string; readonly credentials?: Credentials }) => Promise<S3>;
}

export interface ClientOptions {
  readonly region: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly credentials: Credentials;
  readonly exchanges: Exchanges;
}

type Service = 'EKS' | 'IAM' | 'S3' | 'STS';

/** `AWS_ENDPOINT_URL_<SERVICE>`, then `AWS_ENDPOINT_URL`; the SDK itself reads them from the process only. */
export function endpointOf(service: Service, env: ClientOptions['env']): string | undefined {
  if (env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.toLowerCase() === 'true') return undefined;
  return env[`AWS_ENDPOINT_URL_${service}`] || env['AWS_ENDPOINT_URL'] || undefined;
}

/** The options of every client. */
export function clientConfig(service: Service, options: Omit<ClientOptions, 'exchanges'>) {
  const endpoint = endpointOf(service, options.env);
  return {
    region: options.region,
    credentials: options.credentials,
    ...(endpoint !== undefined && { endpoint }),
    // IAM and EKS have low rate limits: bursts of inspections need more than the SDK's three attempts.
    maxAttempts: 6,
    retryMode: 'standard',
    requestHandler: handlerOptions(options.env),
  };
}

export function clients(options: ClientOptions): Clients {
  const { exchanges } = options;
  const otherS3: Clients['otherS3'] = async (other) => {
    const { S3 } = await import('@aws-sdk/client-s3');
    const config = clientConfig('S3', { ...options, region: other.region ?? options.region, credentials: other.credentials ?? options.credentials });
    return bounded(new S3(config), { service: 's3', exchanges });
  };
  return {
    region: options.region,
    exchanges,
    eks: once(async () => bounded(new (await import('@aws-sdk/client-eks')).EKS(clientConfig('EKS', options)), { service: 'eks', exchanges })),
    iam: once(async () => bounded(new (await import('@aws-sdk/client-iam')).IAM(clientConfig('IAM', options)), { service: 'iam', exchanges })),
    sts: once(async () => bounded(new (await import('@aws-sdk/client-sts')).STS(clientConfig('STS', options)), { service: 'sts', exchanges })),
    s3: once(() => otherS3({})),
    otherS3,
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
