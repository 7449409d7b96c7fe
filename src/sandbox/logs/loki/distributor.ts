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
  readonly received: number;
  /** Why lines were discarded, as the metric names it. */
  readonly discarded: readonly string[];
}

interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** 204; or 400 with the last entry's fault, while the good ones are kept. */
export function push(of: Push): Pushed {
  const refused = (status: number, message: string): Pushed => ({ response: plain(status, message), received: 0, discarded: [] });
  const streams = decode(of.request);
  if (typeof streams === 'string') return refused(400, streams);
  const quorum = Math.floor(of.config.replicationFactor / 2) + 1;
  if (of.ring.length === 0) return refused(500, 'empty ring');
  if (of.ring.length < quorum) return refused(500, `at least ${quorum} live replicas required, could only find ${of.ring.length}`);
  const faults: Fault[] = [];
  const good = streams.flatMap((stream) => {
    const labels = withServiceName(stream.labels);
    const wrong = wrongLabels(labels, of.config);
    if (wrong !== undefined) faults.push(wrong);
    if (wrong !== undefined) return [];
    const values = stream.values.flatMap(([nanos, line]) => {
      const fault = wrongEntry({ nanos, line, labels }, of);
      if (fault === undefined) return [[nanos, line] as const];
      faults.push(fault);
      return [];
    });
    return values.length === 0 ? [] : [{ labels, values }];
  });
  if (good.length > 0) for (const ingester of of.ring.slice(0, of.config.replicationFactor)) ingester.add(of.tenant, good);
  const last = faults.at(-1);
  const response: SandboxResponse = last === undefined ? { status: 204, body: '' } : plain(400, last.message);
  return { response, received: streams.reduce((sum, stream) => sum + stream.values.length, 0), discarded: faults.map(({ reason }) => reason) };
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

/** Since 3.0 every stream gets this label, from the first of a list that is there. */
function withServiceName(labels: StreamLabels): StreamLabels {
  if (labels['service_name'] !== undefined || Object.keys(labels).length === 0) return labels;
  const from = SERVICE_LABELS.find((name) => (labels[name] ?? '') !== '');
  return { ...labels, service_name: from === undefined ? 'unknown_service' : (labels[from] as string) };
}

function wrongLabels(labels: StreamLabels, config: LokiConfig): Fault | undefined {
  const names = Object.keys(labels);
  if (names.length === 0) return { reason: 'missing_labels', message: 'error at least one label pair is required per stream' };
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
