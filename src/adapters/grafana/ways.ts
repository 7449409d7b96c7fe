/** The two ways to Grafana's API: its address, or a port-forward to one of its pods. */
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Agent } from 'node:https';
import { stop } from '../../problems/problem.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { GrafanaAnswer, Send } from './api.ts';

const TIMEOUT_MS = 30_000;
const MOST_BYTES = 16 * 1024 * 1024;

/** `agent`: for HTTPS through a proxy. Redirects are not followed: a login must not be carried elsewhere. */
export function byAddress(base: string, agent?: Agent): Send {
  const root = base.replace(/\/+$/, '');
  return ({ method, path, headers, body }) =>
    new Promise<GrafanaAnswer>((resolve, reject) => {
      const url = new URL(`${root}${path}`);
      const fail = (cause: Error) => reject(stop('GRAFANA_UNREACHABLE', { message: `${base} does not answer`, evidence: [cause.message] }, { cause }));
      const send = url.protocol === 'https:' ? secureRequest : plainRequest;
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const request = send(url, { method, headers: { ...headers, ...length }, ...(url.protocol === 'https:' && agent && { agent }) }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MOST_BYTES) request.destroy(new Error(`the answer is larger than ${MOST_BYTES / 1024 / 1024} MiB`));
          else chunks.push(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
        response.on('error', fail);
      });
      request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
      request.on('error', fail);
      request.end(body);
    });
}

interface Pod extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** One that is ready; Grafana answers the same from each. */
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
        message: `None of the ${pods.length} pods of Grafana in namespace ${namespace} is ready`,
        fix: `kubectl get pods -n ${namespace} -l ${selector}`,
      });
    const request = { method, path, headers, timeoutMs: TIMEOUT_MS, ...(body !== undefined && { body }) };
    return kubernetes.forward({ namespace, pod: ready.metadata.name, port }, request);
  };
}
