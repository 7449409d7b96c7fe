/** The rule of each kind of value a user can set, as zod types whose messages say what is allowed. */
import { BlockList, isIP } from 'node:net';
import * as z from 'zod';

const text = (pattern: RegExp, rule: string) => z.string({ error: rule }).regex(pattern, { error: rule });

export const clusterArn = /^arn:[a-z0-9-]+:eks:([a-z0-9-]+):(\d{12}):cluster\/([0-9A-Za-z][A-Za-z0-9_-]{0,99})$/;
export const cluster = z
  .string({ error: 'must be a cluster name or an EKS cluster ARN' })
  .refine((value) => /^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/.test(value) || clusterArn.test(value), {
    error: 'must be a cluster name (letters, digits, - and _, at most 100, not starting with - or _) or an EKS cluster ARN',
  });

export const region = text(/^[a-z]{2,6}(-[a-z]+){1,3}-\d{1,2}$/, 'must look like a region, for example ap-northeast-2');

export const namespace = text(
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  'must be a Kubernetes namespace: lower-case letters, digits and -, at most 63, starting and ending with a letter or digit',
);

/** Loki's own rule for tenant ids; `.` and `..` would become path segments. `|` joins tenants in a query, so one name can't hold it. */
export const tenant = text(/^[A-Za-z0-9!\-_.*'()]{1,150}$/, "may hold letters, digits and ! - _ . * ' ( ), at most 150").refine(
  (value) => value !== '.' && value !== '..',
  { error: "can't be . or .." },
);

/** It becomes a stream label's value and part of a Helm-templated document, hence no braces, quotes or line ends. */
export const clusterLabel = text(
  /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/,
  'may hold letters, digits and _ . : / -, at most 128, starting with a letter or digit',
);

export const retentionDays = whole(1, 3650, 'must be a whole number of days from 1 to 3650');

export const storageClass = text(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be the name of a StorageClass: lower-case letters, digits, . and -');

/** The format only; the maximum length depends on the region and is checked with the whole name (`names.ts`). */
export const bucketPrefix = text(
  /^[a-z0-9](?:[a-z0-9-]{0,45}[a-z0-9])?$/,
  'must be lower-case letters, digits and -, starting and ending with a letter or digit, at most 47 long',
).refine((value) => !value.startsWith('xn--') && !value.startsWith('sthree-') && !value.startsWith('amzn-s3-demo-'), {
  error: 'starts with a prefix that S3 reserves (xn--, sthree-, amzn-s3-demo-)',
});

export const bucket = text(
  /^[a-z0-9](?:[a-z0-9.-]{1,61}[a-z0-9])$/,
  'must be a bucket name: 3 to 63 lower-case letters, digits, - and ., starting and ending with a letter or digit',
);

/** Without path. */
export const roleName = text(/^[\w+=,.@-]{1,64}$/, 'must be the name of an IAM role: letters, digits and + = , . @ - _, at most 64, without its path');

export const kmsKey = text(
  /^arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]{1,128}$/,
  'must be the ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID (not an alias, not a bare id)',
);

export const iamPath = z.string({ error: 'must be an IAM path' }).refine((value) => /^\/(?:[\x21-\x2e\x30-\x7e]+\/)*$/.test(value) && value.length <= 512, {
  error: 'must begin and end with /, for example /platform/, without spaces, at most 512 long',
});

export const permissionsBoundary = text(
  /^arn:[a-z0-9-]+:iam::(?:\d{12}|aws):policy\/[\w+=,.@/-]{1,512}$/,
  'must be the ARN of an IAM policy: arn:aws:iam::ACCOUNT:policy/NAME',
);

export const certificate = text(
  /^arn:[a-z0-9-]+:acm:[a-z0-9-]+:\d{12}:certificate\/[A-Za-z0-9-]{1,128}$/,
  'must be the ARN of an ACM certificate: arn:aws:acm:REGION:ACCOUNT:certificate/ID',
);

/** AWS's own rules for tags, and the two prefixes that are reserved. */
export const tags = z
  .record(z.string(), z.string({ error: 'must be text: write key=value, in a file "key": "value"' }), { error: 'must be a map of tag to value' })
  .superRefine((value, context) => {
    const entries = Object.entries(value);
    if (entries.length > 40) context.addIssue({ code: 'custom', message: 'are more than 40; AWS allows 50, and loki-eks adds some' });
    for (const [key, of] of entries) {
      const why = tagFault(key, of);
      if (why !== undefined) context.addIssue({ code: 'custom', message: why, path: [key] });
    }
  });

function tagFault(key: string, value: string): string | undefined {
  if (/^aws:/i.test(key)) return 'starts with aws:, which AWS reserves';
  if (/^loki-eks\//i.test(key)) return 'starts with loki-eks/, which is reserved for ownership tags';
  if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(key)) return 'is not a tag key: 1 to 128 letters, digits, spaces and _ . : / = + - @';
  if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value))
    return 'has a value that is not a tag value: at most 256 letters, digits, spaces and _ . : / = + - @';
  return undefined;
}

export const cidr = z.string({ error: 'must be a CIDR block' }).superRefine((value, context) => {
  const why = cidrFault(value);
  if (why !== undefined) context.addIssue({ code: 'custom', message: why });
});

function cidrFault(value: string): string | undefined {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return 'is not a CIDR block like 203.0.113.0/24 or 2001:db8::/32';
  if (bits === undefined) return `has no prefix length; for this one address write ${address}/${family === 4 ? 32 : 128}`;
  const most = family === 4 ? 32 : 128;
  if (!/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > most) return `has prefix length ${bits}; it must be 0 to ${most}`;
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return undefined;
}

export const gatewayUser = text(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'may contain letters, digits and . _ @ -, at most 64, and no colon');

export const url = z.string({ error: 'must be a URL' }).superRefine((value, context) => {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    context.addIssue({ code: 'custom', message: 'must be a URL that starts with http:// or https://' });
  else if (parsed.username !== '' || parsed.password !== '')
    context.addIssue({ code: 'custom', message: 'contains a user name or password, which would be stored in plain text' });
});

/** A chart repository: HTTP, or an OCI registry. */
export const repository = text(/^(https?|oci):\/\/[^\s@]+$/, 'must start with https://, http:// or oci://, without credentials in it');

export const present = z
  .string({ error: 'must be text' })
  .min(1, { error: 'is empty' })
  .refine((value) => !/[\0\r\n]/.test(value), { error: 'contains a line break' });

/** `10m`, `90s`, `1h30m`, or a bare number of seconds; the result is in seconds. */
export const duration = z.union([z.string(), z.number()], { error: durationRule() }).transform((value, context) => {
  const seconds = typeof value === 'number' ? value : parseDuration(value);
  if (seconds === undefined || !Number.isInteger(seconds) || seconds < 30 || seconds > 14_400) {
    context.addIssue({ code: 'custom', message: durationRule() });
    return z.NEVER;
  }
  return seconds;
});

function durationRule(): string {
  return 'must be a time from 30s to 4h, like 10m, 90s, 1h30m or a number of seconds';
}

function parseDuration(value: string): number | undefined {
  if (/^\d{1,6}$/.test(value)) return Number(value);
  const parts = /^(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?$/.exec(value);
  if (parts === null || value === '') return undefined;
  return Number(parts[1] ?? 0) * 3600 + Number(parts[2] ?? 0) * 60 + Number(parts[3] ?? 0);
}

/** Accepts a number or its digits (flags and environment variables are strings). */
export function whole(least: number, most: number, rule: string) {
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,9}$/, { error: rule })
          .transform(Number),
      ],
      { error: rule },
    )
    .pipe(z.number({ error: rule }).int({ error: rule }).min(least, { error: rule }).max(most, { error: rule }));
}

const words: Readonly<Record<string, boolean>> = { true: true, yes: true, on: true, '1': true, false: false, no: false, off: false, '0': false };
export const flag = z.union([z.boolean(), z.string()], { error: 'must be true or false' }).transform((value, context) => {
  const read = typeof value === 'boolean' ? value : words[value.toLowerCase()];
  if (read !== undefined) return read;
  context.addIssue({ code: 'custom', message: 'must be true or false' });
  return z.NEVER;
});

export const choice = <const T extends readonly [string, ...string[]]>(choices: T) => z.enum(choices, { error: `must be one of ${choices.join(', ')}` });

export const list = <T extends z.ZodType>(item: T) => z.array(item, { error: 'must be a list' });
