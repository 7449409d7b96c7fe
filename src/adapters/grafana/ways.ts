/** The two transports to Grafana's API: its URL, or a port-forward to one of its pods. */
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Agent } from 'node:https';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { Exchanges } from '../exchanges.ts';
import type { GrafanaAnswer } from './answers.ts';
import type { GrafanaRequest, Send } from './api.ts';

const TIMEOUT_MS = 30_000;
const MOST_BYTES = 16 * 1024 * 1024;

export interface ByAddress {
  readonly exchanges: Exchanges;
  /** For HTTPS through a proxy. */
  readonly agent?: Agent;
}

/** Redirects are not followed: a login must not be sent elsewhere. */
export function byAddress(base: string, { exchanges, agent }: ByAddress): Send {
  const root = base.replace(/(?<!\/)\/+$/, '');
  return async (asked) => {
    const name = `${asked.method} ${asked.path.split('?')[0]} of ${base}`;
    try {
      return await exchanges.run({ name, of: base, ms: TIMEOUT_MS }, (signal) => exchange(new URL(`${root}${asked.path}`), { ...asked, signal, agent }));
    } catch (cause) {
      if (cause instanceof ProblemError) throw cause;
      throw stop('GRAFANA_UNREACHABLE', { message: `${base} does not answer`, evidence: [(cause as Error).message] }, { cause });
    }
  };
}

type Exchanged = GrafanaRequest & { readonly signal: AbortSignal; readonly agent: Agent | undefined };

function exchange(url: URL, { method, headers, body, signal, agent }: Exchanged): Promise<GrafanaAnswer> {
  const secure = url.protocol === 'https:';
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = { method, signal, headers: { ...headers, ...length }, ...(secure && agent && { agent }) };
    const request = (secure ? secureRequest : plainRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MOST_BYTES) request.destroy(new Error(`the response is larger than ${MOST_BYTES / 1024 / 1024} MiB`));
        else chunks.push(chunk);
      });
      const type = response.headers['content-type'];
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), ...(type && { type }) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

interface Pod extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** A ready one; each of them gives the same response. */
export function byPod(kubernetes: Kubernetes, of: { readonly namespace: string; readonly selector: string; readonly port: number }): Send {
  const { namespace, selector, port } = of;
  return async ({ method, path, headers, body }) => {
    const pods = (await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: selector })) as readonly Pod[];
    const ready = pods.find(
      ({ metadata, status }) =>
        !metadata.deletionTimestamp && status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
    if (!ready)
      throw stop('GRAFANA_UNREACHABLE', {
        message: `None of the ${pods.length} Grafana pods in namespace ${namespace} is ready`,
        fix: `Run \`kubectl get pods -n ${namespace} -l ${selector}\``,
      });
    const request = { method, path, headers, timeoutMs: TIMEOUT_MS, ...(body !== undefined && { body }) };
    return kubernetes.forward({ namespace, pod: ready.metadata.name, port }, request);
  };
}
