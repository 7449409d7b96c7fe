/** A push: decoded, validated against the limits, and handed to enough ingesters. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import type { LokiConfig } from './configuration.ts';
import type { Ingester } from './ingester.ts';
import { type Stream, type StreamLabels, streamText } from './streams.ts';

export interface Push {
  readonly tenant: string;
  readonly request: SandboxRequest;
  readonly config: LokiConfig;
  readonly now: Date;
  /** The ingesters of the ring that are active. */
  readonly ring: readonly Ingester[];
}

const plain = (status: number, body: string): SandboxResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${body}\n` });

export interface Pushed {
  readonly response: SandboxResponse;
  readonly lines: number;
  readonly bytes: number;
  /** As the metric names it. */
  readonly discarded: readonly Discarded[];
}

interface Discarded {
  readonly reason: string;
  readonly lines: number;
  readonly bytes: number;
}

interface Fault {
  readonly reason: string;
  readonly message: string;
}

const sizeOf = (values: Stream['values']): number => values.reduce((sum, [, line]) => sum + Buffer.byteLength(line), 0);

/** 204; or 400 with all faults, while the good entries are kept. */
export function push(of: Push): Pushed {
  const refused = (status: number, message: string): Pushed => ({ response: plain(status, message), lines: 0, bytes: 0, discarded: [] });
  const streams = decode(of.request);
  if (typeof streams === 'string') return refused(400, streams);
  if (streams.length === 0) return refused(422, 'error at least one valid stream is required for ingestion');
  const messages: string[] = [];
  const discarded: Discarded[] = [];
  const good = streams.flatMap((stream) => {
    if (stream.values.length === 0) return [];
    const labels = withServiceName(stream.labels);
    const wrong = wrongLabels(labels, of.config);
    if (wrong !== undefined) {
      messages.push(wrong.message);
      // Whatever is wrong with labels is counted again as labels that are wrong.
      for (const reason of new Set([wrong.reason, 'invalid_labels'])) discarded.push({ reason, lines: stream.values.length, bytes: sizeOf(stream.values) });
      return [];
    }
    const values = stream.values.flatMap(([nanos, line]) => {
      const fault = wrongEntry({ nanos, line, labels }, of);
      if (fault === undefined) return [[nanos, line] as const];
      messages.push(fault.message);
      discarded.push({ reason: fault.reason, lines: 1, bytes: Buffer.byteLength(line) });
      return [];
    });
    return values.length === 0 ? [] : [{ labels, values }];
  });
  const taken = {
    lines: streams.reduce((sum, { values }) => sum + values.length, 0),
    bytes: streams.reduce((sum, { values }) => sum + sizeOf(values), 0),
    discarded,
  };
  const told: SandboxResponse = messages.length === 0 ? { status: 204, body: '' } : plain(400, grouped(messages));
  if (good.length === 0) return { response: told, ...taken };
  const quorum = Math.floor(of.config.replicationFactor / 2) + 1;
  const short = of.ring.length === 0 ? 'empty ring' : `at least ${quorum} live replicas required, could only find ${of.ring.length}`;
  if (of.ring.length < quorum) return { response: plain(500, short), ...taken };
  for (const ingester of of.ring.slice(0, of.config.replicationFactor)) ingester.add(of.tenant, good);
  return { response: told, ...taken };
}

/** Equal faults are told once; where there are several, each with how many there are. */
function grouped(messages: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const message of messages) counts.set(message, (counts.get(message) ?? 0) + 1);
  return messages.length === 1 ? (messages[0] as string) : [...counts].map(([message, count]) => `${count} errors like: ${message}`).join('; ');
}

/** A sentence when the body is no push. */
function decode(request: SandboxRequest): readonly Stream[] | string {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('application/json'))
    return `the sandbox's Loki takes pushes as application/json, not as ${type === '' ? 'a body without a content type' : type}`;
  try {
    const body = JSON.parse(Buffer.from(request.body).toString('utf8')) as {
      readonly streams?: readonly { readonly stream: StreamLabels; readonly values: readonly (readonly [string, string])[] }[];
    };
    return (body.streams ?? []).map(({ stream, values }) => ({
      labels: stream,
      values: values.map(([nanos, line]) => [BigInt(nanos).toString(), String(line)] as const),
    }));
  } catch (error) {
    return `couldn't parse push request: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const SERVICE_LABELS = [
  'service',
  'app',
  'application',
  'app_name',
  'name',
  'app_kubernetes_io_name',
  'container',
  'container_name',
  'k8s_container_name',
  'component',
  'workload',
  'job',
  'k8s_job_name',
];

/** Since 3.0 every stream gets this label, from the first of a list that is there; so none is without labels. */
function withServiceName(labels: StreamLabels): StreamLabels {
  if (labels['service_name'] !== undefined) return labels;
  const from = SERVICE_LABELS.find((name) => (labels[name] ?? '') !== '');
  return { ...labels, service_name: from === undefined ? 'unknown_service' : (labels[from] as string) };
}

function wrongLabels(labels: StreamLabels, config: LokiConfig): Fault | undefined {
  const names = Object.keys(labels);
  const count = names.filter((name) => name !== 'service_name').length;
  if (count > config.limits.labelNames)
    return {
      reason: 'max_label_names_per_series',
      message: `entry for stream '${streamText(labels)}' has ${count} label names; limit ${config.limits.labelNames}`,
    };
  const bad = names.find((name) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name));
  return bad === undefined ? undefined : { reason: 'invalid_labels', message: `error parsing labels: invalid label name: ${bad}` };
}

const second = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

function wrongEntry(entry: { readonly nanos: string; readonly line: string; readonly labels: StreamLabels }, of: Push): Fault | undefined {
  const { limits } = of.config;
  const time = Number(BigInt(entry.nanos) / 1_000_000n);
  const now = of.now.getTime();
  const stream = streamText(entry.labels);
  if (limits.rejectOldSamples && time < now - limits.oldestMs)
    return {
      reason: 'greater_than_max_sample_age',
      message: `entry for stream '${stream}' has timestamp too old: ${second(new Date(time))}, oldest acceptable timestamp is: ${second(new Date(now - limits.oldestMs))}`,
    };
  if (time > now + limits.newestMs)
    return { reason: 'too_far_in_future', message: `entry for stream '${stream}' has timestamp too new: ${second(new Date(time))}` };
  const length = Buffer.byteLength(entry.line);
  if (limits.lineBytes > 0 && length > limits.lineBytes && !limits.truncateLines)
    return {
      reason: 'line_too_long',
      message: `max entry size '${limits.lineBytes}' bytes exceeded for stream '${stream}' while adding an entry with length '${length}' bytes`,
    };
  return undefined;
}
