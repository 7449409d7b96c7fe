/** The one translation of AWS SDK errors into problems; what no use of the tool can cause stays a bug. */
import { ProblemError, stop, type ProblemCode } from '../../problems/problem.ts';

/** What was requested, for the message and for the fix. */
export interface Asked {
  /** IAM's name of the action: `s3:PutBucketPolicy`. */
  readonly action: string;
  /** The resource: `s3://name`, a role's name, a cluster's name. */
  readonly on?: string;
}

/** The parts of an SDK error that we read. All of them may be missing: a proxy's response is an error too. */
export interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly status?: number;
  readonly attempts?: number;
  readonly headers: Readonly<Record<string, string>>;
  /** From Node's own network errors: `ENOTFOUND`, `ECONNREFUSED`, `SELF_SIGNED_CERT_IN_CHAIN`, … */
  readonly system?: string;
  readonly host?: string;
}

export function readError(thrown: unknown): SdkError {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Record<string, any>;
  const inner = (error['cause'] ?? {}) as Record<string, any>;
  // Several addresses tried and refused are thrown as one AggregateError without a message.
  const first = (error['errors'] as Record<string, any>[] | undefined)?.[0];
  const network = [error, inner, first].find((e) => typeof e?.['code'] === 'string');
  return {
    name: String(error['Code'] ?? error['name'] ?? 'Error'),
    // Limits what patterns read; AWS's own messages are some hundred characters.
    message: String(error['message'] || first?.['message'] || thrown).slice(0, 4096),
    status: error['$metadata']?.httpStatusCode ?? error['$response']?.statusCode,
    attempts: error['$metadata']?.attempts,
    headers: error['$response']?.headers ?? {},
    system: network?.['code'],
    host: network?.['hostname'] ?? network?.['address'],
  };
}

type Rule = (error: SdkError, asked: Asked) => { readonly code: ProblemCode; readonly message: string; readonly fix?: string } | undefined;

const on = (asked: Asked): string => (asked.on === undefined ? '' : ` on ${asked.on}`);
const named = (...names: readonly string[]): ((error: SdkError) => boolean) => {
  const set = new Set(names);
  return (error) => set.has(error.name);
};

const isExpired = named('ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'TokenRefreshRequired');
const isInvalid = named(
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'AuthorizationHeaderMalformed',
  'InvalidToken',
  'AuthFailure',
  'MissingAuthenticationToken',
);
const isThrottled = named(
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'BandwidthLimitExceeded',
  'ThrottledException',
);
const isSkewed = named('RequestTimeTooSkewed', 'RequestInTheFuture');
const isDenied = named('AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'Forbidden', 'ForbiddenException', 'AllAccessDisabled');
const isLimit = named('LimitExceeded', 'LimitExceededException', 'TooManyBuckets', 'ResourceLimitExceededException', 'ServiceQuotaExceededException');
const isDocument = named('MalformedPolicyDocument', 'MalformedPolicyDocumentException', 'MalformedPolicy', 'PolicyNotAttachable');

/** A signature mismatch that mentions two times is a clock skew, not a wrong key. */
const skewInSignature = (error: SdkError): boolean => isInvalid(error) && /signature (not yet current|expired)/i.test(error.message);

/** `User: arn:… is not authorized to perform: iam:CreateRole on resource: … with an explicit deny in …` */
export function readDenial(whole: string): { readonly action?: string; readonly resource?: string; readonly why?: string } {
  const message = whole.slice(0, 4096);
  const action = /not authorized to perform: ([\w-]+:[\w*]+)/.exec(message)?.[1];
  const resource = /on resource: "?([^\s"]+)/.exec(message)?.[1]?.replace(/(?<![.,])[.,]+$/, '');
  const why = /(?:with an? (explicit deny[^.\n]*))|(?:because (no [^.\n]*))/i.exec(message);
  return { action, resource, why: (why?.[1] ?? why?.[2])?.trim() };
}

/** S3's response for a bucket in another region, besides a plain redirect. */
const isElsewhere = (error: SdkError): boolean =>
  named('PermanentRedirect', 'TemporaryRedirect', 'IllegalLocationConstraintException')(error) ||
  error.status === 301 ||
  (error.name === 'AuthorizationHeaderMalformed' && /region/i.test(error.message));

const rules: readonly Rule[] = [
  (error, asked) =>
    isElsewhere(error)
      ? { code: 'BUCKET_WRONG_REGION', message: `The bucket in ${asked.action}${on(asked)} is in ${error.headers['x-amz-bucket-region'] ?? 'another region'}` }
      : undefined,
  (error) =>
    isSkewed(error) || skewInSignature(error)
      ? { code: 'AWS_CLOCK_SKEW', message: `This machine's clock is wrong: AWS rejects its time (${new Date().toISOString()})` }
      : undefined,
  (error) => (isExpired(error) ? { code: 'AWS_CREDENTIALS_EXPIRED', message: `The AWS credentials have expired (${error.name})` } : undefined),
  (error, asked) =>
    isInvalid(error) ? { code: 'AWS_CREDENTIALS_INVALID', message: `AWS rejects the credentials for ${asked.action} (${error.name})` } : undefined,
  (error, asked) =>
    isThrottled(error)
      ? { code: 'AWS_THROTTLED', message: `AWS is throttling ${asked.action}${on(asked)}, even after ${error.attempts ?? 'several'} attempts` }
      : undefined,
  (error, asked) => {
    if (!isDenied(error) && !(error.status === 403 && /^(Unknown|UnknownError|SyntaxError|403)$/.test(error.name))) return undefined;
    const said = readDenial(error.message);
    const action = said.action ?? asked.action;
    const what = `${action} on ${said.resource ?? asked.on ?? '*'}`;
    return {
      code: 'AWS_ACCESS_DENIED',
      message: `AWS denies ${what}${said.why === undefined ? '' : `: ${said.why}`}`,
      fix: /explicit deny/i.test(said.why ?? '')
        ? `Ask the owner of the ${/in an? ([\w -]{1,100})$/.exec(said.why ?? '')?.[1] ?? 'policy'} to allow ${action}; no other policy can override an explicit deny`
        : `Allow ${action} on ${said.resource ?? asked.on ?? '*'} to this identity, or use another profile`,
    };
  },
  (error, asked) =>
    named('OptInRequired', 'RegionDisabledException')(error)
      ? { code: 'AWS_REGION_DISABLED', message: `The region is not enabled for ${asked.action}: ${error.message}` }
      : undefined,
  (error, asked) =>
    isLimit(error) ? { code: 'AWS_LIMIT_EXCEEDED', message: `AWS account quota exceeded in ${asked.action}${on(asked)}: ${error.message}` } : undefined,
  (error, asked) =>
    isDocument(error) ? { code: 'AWS_POLICY_REFUSED', message: `AWS rejects the policy document in ${asked.action}${on(asked)}: ${error.message}` } : undefined,
  (error, asked) => (named('NoSuchBucket')(error) ? { code: 'BUCKET_GONE', message: `The bucket in ${asked.action}${on(asked)} no longer exists` } : undefined),
  (error, asked) =>
    named('OperationAborted')(error) ? { code: 'BUCKET_BUSY', message: `Another operation is changing the bucket: ${asked.action}${on(asked)}` } : undefined,
  network,
  (error, asked) =>
    error.name === 'AnswerUnreadable'
      ? { code: 'AWS_ANSWER_UNREADABLE', message: `The response to ${asked.action}${on(asked)} does not come from AWS` }
      : undefined,
  (error, asked) =>
    error.name === 'SyntaxError' && error.status !== undefined
      ? { code: 'AWS_ANSWER_UNREADABLE', message: `The response to ${asked.action} does not come from AWS (HTTP ${error.status})` }
      : undefined,
  (error, asked) =>
    (error.status ?? 0) >= 500
      ? { code: 'AWS_UNAVAILABLE', message: `AWS is unavailable for ${asked.action}${on(asked)}: ${error.name} (HTTP ${error.status})` }
      : undefined,
  (error, asked) =>
    error.status === undefined ? undefined : { code: 'AWS_CALL_FAILED', message: `${asked.action}${on(asked)} failed: ${error.name}: ${error.message}` },
];

function network(error: SdkError, asked: Asked): ReturnType<Rule> {
  const where = error.host === undefined ? '' : ` (${error.host})`;
  switch (error.system) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'AWS_HOST_UNKNOWN', message: `The name of the endpoint for ${asked.action} can't be resolved${where}` };
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EPIPE':
      return { code: 'AWS_UNREACHABLE', message: `${asked.action} can't reach AWS${where}: ${error.system}` };
    case 'ETIMEDOUT':
      return { code: 'AWS_UNREACHABLE', message: `${asked.action} can't reach AWS${where}: ${error.name === 'TimeoutError' ? error.message : error.system}` };
    case 'PROXY_REFUSED':
      return { code: 'AWS_PROXY_REFUSED', message: `The proxy rejects the connection for ${asked.action}: ${error.message}` };
    case undefined:
      return error.name === 'TimeoutError' ? { code: 'AWS_UNREACHABLE', message: `${asked.action} can't reach AWS${where}: timed out` } : undefined;
    default:
      return /CERT|SIGNATURE|ERR_TLS|ERR_SSL|EPROTO/.test(error.system)
        ? { code: 'AWS_TLS_UNTRUSTED', message: `The certificate of the endpoint for ${asked.action} is not trusted: ${error.system}` }
        : undefined;
  }
}

/** A thrown value as a ProblemError, or itself if it is a bug or already translated. */
export function translated(thrown: unknown, asked: Asked): unknown {
  if (thrown instanceof ProblemError) return thrown;
  // An error of the credential chain that another client met is wrapped, with the problem inside.
  const inner = (thrown as { cause?: unknown } | undefined)?.cause;
  if (inner instanceof ProblemError) return inner;
  const error = readError(thrown);
  for (const rule of rules) {
    const found = rule(error, asked);
    if (found === undefined) continue;
    const { code, message, fix } = found;
    return stop(code, { message, fix, evidence: evidenceOf(error) }, { cause: slim(thrown) });
  }
  return thrown;
}

/**
 * The error as a cause that is safe to print: the SDK's own contains the request, and with it the session token, and
 * AWS echoes that in its message about a wrong signature.
 */
export function slim(thrown: unknown): Error {
  const { name, message, status, attempts, system } = readError(thrown);
  const cause = Object.assign(new Error(isInvalid({ name } as SdkError) ? name : message), {
    name,
    ...(system !== undefined && { code: system }),
    ...(status !== undefined && { $metadata: { httpStatusCode: status, attempts } }),
  });
  const frames = (thrown as Error | undefined)?.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  cause.stack = [`${name}: ${cause.message}`, ...frames].join('\n');
  return cause;
}

/** One line, without anything that could be a credential (AWS echoes key ids and canonical requests in signature errors). */
function evidenceOf(error: SdkError): readonly string[] {
  if (isInvalid(error)) return [error.name];
  const id = error.headers['x-amzn-requestid'] ?? error.headers['x-amz-request-id'];
  return [`${error.name}: ${error.message.replaceAll(/\s+/g, ' ').slice(0, 500)}${id === undefined ? '' : ` (request ${id})`}`];
}

/** Runs one SDK call; what it throws is translated. */
export async function ask<T>(asked: Asked, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw translated(thrown, asked);
  }
}

/** Like `ask`, but these error codes mean "absent" and return `undefined`. */
export async function askFor<T>(asked: Asked & { readonly absent: readonly string[] }, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (thrown) {
    if (asked.absent.includes(readError(thrown).name)) return undefined;
    throw translated(thrown, asked);
  }
}

/** Is this an SDK error with that code? For the few places where an error code is an expected branch. */
export function isCode(thrown: unknown, ...codes: readonly string[]): boolean {
  const raw = thrown instanceof ProblemError ? thrown.cause : thrown;
  return codes.includes(readError(raw).name);
}
