/** The document of `sandbox inject`: evidence as a user has it, one list for each kind. Strict, so that a misspelled key is reported. */
import { z } from 'zod';

const glob = z.string().min(1);
const ago = z.string().regex(/^-\d+(\.\d+)?(ms|s|m|h|d)$/, 'a time before now, such as "-90s", "-5m" or "-2h"');
const when = z.union([ago, z.iso.datetime({ offset: true })]);

/** Selects pods: all that match every given field. */
const pods = {
  namespace: glob.optional().describe('namespace, * for any text'),
  component: z.string().min(1).optional().describe('alloy, grafana, gateway, loki, or a part of Loki such as ingester'),
  pod: glob.optional().describe('name of the pod, * for any text'),
  selector: z.string().min(1).optional().describe('label selector'),
  node: glob.optional().describe('name of its node, * for any text'),
};

const line = z.union([z.string(), z.strictObject({ time: when.describe('when it was written'), line: z.string() })]);

const logs = z.strictObject({
  ...pods,
  container: z.string().min(1).optional().describe('of all containers unless said'),
  lines: z.array(line).min(1).describe('{time}, {pod} and {node} in a line are filled in'),
  previous: z.boolean().optional().describe('lines of the run before, as kubectl logs --previous shows them'),
  every: z
    .string()
    .regex(/^\d+(\.\d+)?(s|m|h)$/, 'a duration, such as "15s"')
    .optional()
    .describe('said again and again, the last time less than so long ago'),
  alone: z.boolean().optional().describe('nothing else is in the log'),
});

/** Selects objects. */
const objects = {
  kind: z.string().min(1),
  namespace: glob.optional(),
  name: glob.optional(),
  selector: z.string().min(1).optional(),
};
const body = z.record(z.string(), z.unknown());

const event = z.strictObject({
  about: z.strictObject(objects),
  type: z.enum(['Normal', 'Warning']).optional(),
  reason: z.string().min(1),
  message: z.string().min(1),
  count: z.int().positive().optional(),
  time: when.optional(),
});

const status = z.strictObject({ ...objects, patch: body.describe('JSON merge patch of the status, kept whatever controllers write') });

const object = z.union([
  z.strictObject({ create: body.describe('a whole object') }),
  z.strictObject({ ...objects, patch: body.describe('JSON merge patch; null takes a field away') }),
  z.strictObject({ ...objects, delete: z.literal(true) }),
]);

const metrics = z.union([
  z.strictObject({ ...pods, text: z.string().min(1).describe('Prometheus text') }),
  z.strictObject({ ...pods, values: z.record(z.string(), z.number()).describe('name, or name{label="value"}, and its value') }),
]);

const answer = z.strictObject({
  ...pods,
  method: z.string().min(1).optional(),
  path: glob.describe('path without the query, * for any text'),
  status: z.int().min(100).max(599),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.union([z.string(), body]).optional().describe('text, or an object that is sent as JSON'),
  delay: z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m)$/, 'a duration, such as "3s"')
    .optional(),
});

const aws = z.strictObject({
  call: glob.describe('s3:PutObject, sts:*'),
  code: z.string().min(1).optional(),
  message: z.string().optional(),
  status: z.int().min(100).max(599).optional(),
  body: z.string().optional().describe('the whole answer instead, with status'),
  times: z.int().positive().optional().describe('so many times, for ever unless said'),
});

const network = z.strictObject({
  ...pods,
  to: glob.describe('host name, * for any text'),
  error: z.string().min(1).describe("the dialer's words"),
});

export const evidenceShape = z.strictObject({
  about: z.string().optional().describe('for the reader'),
  breaks: z.array(z.string().min(1)).optional().describe('names of breaks, as sandbox --list-breaks prints them'),
  logs: z.array(logs).optional(),
  events: z.array(event).optional(),
  status: z.array(status).optional(),
  objects: z.array(object).optional(),
  metrics: z.array(metrics).optional(),
  answers: z.array(answer).optional(),
  aws: z.array(aws).optional(),
  network: z.array(network).optional(),
});

export type Evidence = z.input<typeof evidenceShape>;
export type LogEvidence = z.infer<typeof logs>;
export type ObjectWish = z.infer<typeof status> | z.infer<typeof event>['about'];
export type ObjectEvidence = z.infer<typeof object>;
export type EventEvidence = z.infer<typeof event>;
export type StatusEvidence = z.infer<typeof status>;
export type MetricsEvidence = z.infer<typeof metrics>;
export type AnswerEvidence = z.infer<typeof answer>;
export type AwsEvidence = z.infer<typeof aws>;
export type NetworkEvidence = z.infer<typeof network>;

export const evidenceSchema = (): object => z.toJSONSchema(evidenceShape, { io: 'input' });

/** Every error of a document as `logs[0].lines: …`; none when it can be injected. */
export function evidenceFaults(document: unknown): readonly string[] {
  const read = evidenceShape.safeParse(document);
  return read.success ? [] : read.error.issues.flatMap((issue) => told(issue));
}

type Issue = z.core.$ZodIssue;

/** For a union without a matching form, the errors of the form that comes closest. */
function told(issue: Issue, above: readonly PropertyKey[] = []): readonly string[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The intended form is the one whose errors are deepest.
    const depth = (form: readonly Issue[]): number => Math.max(0, ...form.map((one) => one.path.length));
    const [nearest = []] = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length);
    return nearest.flatMap((one) => told(one, path));
  }
  const where = path.map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at > 0 ? '.' : ''}${String(key)}`)).join('');
  return [`${where || 'the document'}: ${issue.message}`];
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1.5h` in milliseconds; the sign is kept. */
export function durationMs(text: string): number {
  const [, number = '0', unit = 's'] = /^(-?[\d.]+)([a-z]+)$/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? 1000);
}

/** `-5m` relative to `now`, or an absolute time. */
export const timeOf = (text: string, now: Date): Date => (text.startsWith('-') ? new Date(now.getTime() + durationMs(text)) : new Date(text));
