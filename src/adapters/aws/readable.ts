/** Whether a response is from AWS: judged by its first bytes before the SDK reads it, and by required fields after. */

/** Thrown instead of whatever the SDK would make of it; not retried. */
export class Unreadable extends Error {
  readonly $metadata: { readonly httpStatusCode: number };
  constructor(what: string, status = 200) {
    super(what);
    this.name = 'AnswerUnreadable';
    this.$metadata = { httpStatusCode: status };
  }
}

export interface Came {
  readonly service: string;
  readonly method: string;
  /** From the request. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Throws Unreadable for what no AWS service returns. */
export function judged(came: Came): void {
  const { service, status, headers } = came;
  const start = came.body.trimStart();
  // S3 redirects to another region in words or headers of its own.
  const elsewhere = service === 's3' && (came.method === 'HEAD' || 'x-amz-bucket-region' in headers || start.includes('<Error>'));
  const redirected = status >= 300 && status < 400 && !elsewhere;
  const readable = !redirected && !isPage(came, start) && (status >= 300 || wellBegun(came, start));
  if (readable) return;
  const to = headers['location'] ? `, to ${headers['location']}` : '';
  const said = start.slice(0, 200).replace(/\s+/g, ' ').trim();
  throw new Unreadable(`HTTP ${status}, ${headers['content-type'] ?? 'no content type'}${to}: ${said === '' ? 'no body' : said}`, status);
}

/** Errors from an intermediate server may be HTML pages; they are read as errors. */
const isPage = ({ status, query }: Came, start: string): boolean => status < 400 && !isObject(query) && /^<(!doctype html|html)/i.test(start);

const isObject = (query: Came['query']): boolean => query['x-id'] === 'GetObject';

function wellBegun({ service, method, query, headers, body }: Came, start: string): boolean {
  switch (service) {
    case 'eks':
      return start.startsWith('{') && isMap(body);
    case 'sts':
    case 'iam':
      return /^(<\?xml[^>]*\?>\s*)?<\w+Response[\s>]/.test(start);
    case 's3':
      if (method === 'HEAD' || isObject(query)) return true;
      if (method === 'GET' && 'policy' in query) return start.startsWith('{');
      if (method === 'GET') return /^(<\?xml[^>]*\?>\s*)?<[A-Za-z]\w*[\s/>]/.test(start);
      // The response to a write is not parsed: it is enough that it comes from S3.
      return start === '' || start.startsWith('<') || Object.keys(headers).some((name) => /^x-amzn?-request-?id$/i.test(name));
    default:
      return true;
  }
}

function isMap(body: string): boolean {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

/** Required fields of a call's response: paths of strings, `[]` for lists. */
const needed: Readonly<Record<string, readonly string[]>> = {
  GetCallerIdentity: ['Account', 'Arn'],
  AssumeRoleWithWebIdentity: ['Credentials.AccessKeyId', 'Credentials.SecretAccessKey', 'Credentials.SessionToken'],
  ListClusters: ['clusters[]'],
  DescribeCluster: ['cluster.name', 'cluster.arn'],
  DescribeAddon: ['addon.addonName'],
  ListPodIdentityAssociations: ['associations[]'],
  DescribePodIdentityAssociation: ['association.associationId', 'association.roleArn'],
  CreatePodIdentityAssociation: ['association.associationId', 'association.roleArn'],
  GetRole: ['Role.Arn', 'Role.RoleName'],
};

/** Throws Unreadable for a response that lacks its subject. */
export function complete<T>(call: string, answer: T): T {
  for (const path of needed[call] ?? []) {
    const list = path.endsWith('[]');
    const value = path
      .replace('[]', '')
      .split('.')
      .reduce<any>((at, key) => at?.[key], answer);
    const fits = list ? Array.isArray(value) : typeof value === 'string' && value !== '' && (!/arn$/i.test(path) || /^arn:[^:]+:/.test(value));
    if (!fits) throw new Unreadable(`its ${path.replace('[]', '')} is ${value === undefined ? 'missing' : `${JSON.stringify(value)?.slice(0, 100)}`}`);
  }
  return answer;
}
