/** The logs port: requests to a ready gateway pod through a port-forward, parsed responses, and refusals told apart. */
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { Entry, GatewayAnswer, Login, Logs } from '../../ports/logs.ts';

export interface LogsOptions {
  readonly kubernetes: Kubernetes;
  readonly namespace: string;
  /** Label selector of the gateway's pods. */
  readonly selector: string;
  /** The port nginx listens on in the pod, not that of the Service. */
  readonly port: number;
  readonly now?: () => Date;
}

/** Loki's own query timeout is a minute; its error message is better than ours. */
const TIMEOUT_MS = 65_000;

export function openLogs(options: LogsOptions): Logs {
  const { now = () => new Date() } = options;
  const get: Logs['get'] = (path, { login, tenant } = {}) => ask(options, path, { ...(login && basic(login)), ...(tenant && { 'x-scope-orgid': tenant }) });
  return {
    get,
    query: async (logql, { sinceMs, limit, login, tenant }) => {
      const end = now().getTime();
      // A minute ahead: the clocks of nodes differ from ours.
      const range = { start: nanoseconds(end - sinceMs), end: nanoseconds(end + 60_000) };
      const search = new URLSearchParams({ query: logql, limit: String(limit), direction: 'backward', ...range });
      const answer = await get(`/loki/api/v1/query_range?${search}`, { login, tenant });
      if (answer.status !== 200) throw refusal(answer, { logql, user: login.user, namespace: options.namespace });
      return entries(answer, logql).slice(0, limit);
    },
  };
}

const nanoseconds = (ms: number) => `${Math.round(ms)}000000`;
const basic = ({ user, password }: Login) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

/** Failures of one pod or its node. */
const ANOTHER_MAY_DO: ReadonlySet<string> = new Set(['KUBE_FORWARD_FAILED', 'KUBE_KUBELET_UNREACHABLE']);

/** Tries the ready pods one after the other: one may be about to terminate. */
async function ask({ kubernetes, namespace, selector, port }: LogsOptions, path: string, headers: Readonly<Record<string, string>>): Promise<GatewayAnswer> {
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: selector });
  const ready = pods.filter(isReady);
  if (ready.length === 0)
    throw stop('GATEWAY_NOT_READY', {
      message:
        pods.length === 0
          ? `No gateway pod (${selector}) in namespace ${namespace}`
          : `None of the ${pods.length} gateway pods in namespace ${namespace} is ready`,
      evidence: pods.map(
        (pod) =>
          `Pod ${namespace}/${pod.metadata.name} is ${pod.metadata.deletionTimestamp ? 'terminating' : ((pod as Pod).status?.phase ?? 'unknown')}, not ready`,
      ),
    });
  let last: unknown;
  for (const { metadata } of ready) {
    try {
      return await kubernetes.forward({ namespace, pod: metadata.name, port }, { method: 'GET', path, headers, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof ProblemError) || !ANOTHER_MAY_DO.has(error.problem.code)) throw error;
      last = error;
    }
  }
  throw last;
}

interface Pod extends KubeObject {
  readonly status?: { readonly phase?: string; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
const isReady = (pod: KubeObject): boolean =>
  !pod.metadata.deletionTimestamp && ((pod as Pod).status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

/** The meaning of a query response other than 200: nginx's 401 and Loki's 401 have different causes. */
export function refusal(answer: GatewayAnswer, of: { readonly logql: string; readonly user: string; readonly namespace: string }): ProblemError {
  const said = answer.body
    .slice(0, 4096)
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
  const evidence = [`HTTP ${answer.status}${said ? ` ${said}` : ''}`];
  if (answer.status === 401 && /no org id/i.test(answer.body)) return stop('LOKI_TENANT_MISSING', { evidence });
  if (answer.status === 401 || answer.status === 403)
    return stop('GATEWAY_LOGIN_REFUSED', {
      message: `The gateway in namespace ${of.namespace} rejects the credentials of ${JSON.stringify(of.user)}`,
      evidence,
    });
  if (answer.status === 400) return stop('LOKI_QUERY_INVALID', { message: `Loki can't parse ${of.logql}: ${said}`, evidence });
  if ([502, 503, 504].includes(answer.status))
    return stop('GATEWAY_UPSTREAM_DOWN', { message: `The gateway in namespace ${of.namespace} can't reach Loki: it answers HTTP ${answer.status}`, evidence });
  return stop('LOKI_QUERY_FAILED', { message: `Loki answers HTTP ${answer.status} to ${of.logql}`, evidence });
}

type Loose = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';

/** Newest first over all streams: Loki sorts only within each. */
function entries(answer: GatewayAnswer, logql: string): readonly Entry[] {
  const evidence = [`HTTP ${answer.status}: ${answer.body.slice(0, 300).trim() || 'no body'}`];
  const data = dataOf(answer);
  if (!data || !isText(data['resultType'])) throw stop('LOKI_ANSWER_UNREADABLE', { evidence });
  if (data['resultType'] !== 'streams') throw stop('LOKI_QUERY_FAILED', { message: `${logql} returns ${data['resultType']}, not log lines`, evidence });
  const all = ((data['result'] ?? []) as readonly unknown[]).flatMap?.(entriesOf);
  if (!all?.every((entry) => entry !== undefined)) throw stop('LOKI_ANSWER_UNREADABLE', { evidence });
  return all.sort((a, b) => (BigInt(a.timestamp) < BigInt(b.timestamp) ? 1 : BigInt(a.timestamp) > BigInt(b.timestamp) ? -1 : 0));
}

function dataOf({ body }: GatewayAnswer): Loose | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const data = isMap(parsed) ? parsed['data'] : undefined;
    return isMap(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** `undefined` in place of an invalid one. */
function entriesOf(found: unknown): readonly (Entry | undefined)[] {
  if (!isMap(found) || !Array.isArray(found['values'])) return [undefined];
  const labels = found['stream'] ?? {};
  if (!isMap(labels) || !Object.values(labels).every(isText)) return [undefined];
  return (found['values'] as readonly unknown[]).map((value) => {
    const [timestamp, line] = Array.isArray(value) ? (value as readonly unknown[]) : [];
    return isText(timestamp) && /^-?\d{1,20}$/.test(timestamp) && isText(line) ? { timestamp, line, labels: labels as Entry['labels'] } : undefined;
  });
}
