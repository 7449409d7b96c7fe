/** A push: decoded, validated against the limits, and sent to enough ingesters. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import type { LokiConfig } from './configuration.ts';
import type { Ingester } from './ingester.ts';
import { decodePush } from '../push-codec.ts';
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
  /** Discarded lines by the reason label of the metric. */
  readonly discarded: readonly Discarded[];
  /** As the distributor logs them, one by one. */
  readonly faults: readonly string[];
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

/** 204; or 400 with all errors, while the valid entries are kept. */
export function push(of: Push): Pushed {
  const refused = (status: number, message: string): Pushed => ({
    response: plain(status, message),
    lines: 0,
    bytes: 0,
    discarded: [],
    faults: status === 400 ? [`couldn't parse push request: ${message}`] : [],
  });
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
      // Any label error is also counted as invalid labels.
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
    faults: messages,
  };
  const told: SandboxResponse = messages.length === 0 ? { status: 204, body: '' } : plain(400, grouped(messages));
  if (good.length === 0) return { response: told, ...taken };
  const quorum = Math.floor(of.config.replicationFactor / 2) + 1;
  const short = of.ring.length === 0 ? 'empty ring' : `at least ${quorum} live replicas required, could only find ${of.ring.length}`;
  if (of.ring.length < quorum) return { response: plain(500, short), ...taken };
  for (const ingester of of.ring.slice(0, of.config.replicationFactor)) ingester.add(of.tenant, good);
  return { response: told, ...taken };
}

/** Equal errors are reported once; if there are several, each with its count. */
function grouped(messages: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const message of messages) counts.set(message, (counts.get(message) ?? 0) + 1);
  return messages.length === 1 ? (messages[0] as string) : [...counts].map(([message, count]) => `${count} errors like: ${message}`).join('; ');
}

/** Returns an error message when the body is not a push. */
function decode(request: SandboxRequest): readonly Stream[] | string {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim() === '') return 'mime: no media type';
  const body = Buffer.from(request.body);
  const streams = type.trim() === 'application/json' ? decodeJson(body) : decodePush(body);
  if (typeof streams === 'string') return streams;
  const wrong = streams.flatMap(({ labels }) => Object.keys(labels)).find((name) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name));
  if (wrong === undefined) return streams;
  const at = wrong.search(/[^a-zA-Z0-9_]/);
  return `couldn't parse labels: 1:${at + 2}: parse error: unexpected character inside braces: '${wrong.charAt(Math.max(0, at))}'`;
}

type Pair = readonly [unknown, unknown];

function decodeJson(body: Buffer): readonly Stream[] | string {
  const lead = 'loghttp.PushRequest.Streams: []loghttp.LogProtoStream:';
  try {
    const { streams = [] } = JSON.parse(body.toString('utf8')) as {
      readonly streams?: readonly { readonly stream?: StreamLabels; readonly values?: readonly Pair[] }[];
    };
    // A timestamp is a string in JSON: a number would lose its last digits.
    if (streams.some(({ values = [] }) => values.some(([nanos, line]) => typeof nanos !== 'string' || typeof line !== 'string')))
      return `${lead} unmarshalerDecoder: Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol, error found in #10 byte of ...|${body.subarray(-20).toString('utf8')}|...`;
    return streams.map(({ stream = {}, values = [] }) => ({
      labels: stream,
      values: values.map(([nanos, line]) => [BigInt(nanos as string).toString(), line as string]),
    }));
  } catch {
    return `${lead} decode slice: expect [ or n, but found \0, error found in #10 byte of ...|${body.subarray(0, 20).toString('utf8')}|...`;
  }
}

export const SERVICE_LABELS = [
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

/** Since 3.0 every stream gets this label, from the first present one of a list; so no stream is without labels. */
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
  const stream = streamText(labels);
  const longName = names.find((name) => name.length > config.limits.labelNameBytes);
  if (longName !== undefined) return { reason: 'label_name_too_long', message: `stream '${stream}' has label name too long: '${longName}'` };
  const longValue = Object.values(labels).find((value) => Buffer.byteLength(value) > config.limits.labelValueBytes);
  return longValue === undefined ? undefined : { reason: 'label_value_too_long', message: `stream '${stream}' has label value too long: '${longValue}'` };
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
