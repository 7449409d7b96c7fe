/** `pods/NAME/proxy` and `services/NAME/proxy`: HTTP through the API server to a port of a pod. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { SandboxRequest } from '../types.ts';
import type { Answer } from './answer.ts';
import { docOf } from './document.ts';
import type { Doc } from './document.ts';
import type { LogParts } from './logs.ts';
import type { ResourceRequest } from './request.ts';
import { failure, notFound, Refusal } from './status.ts';

/** `[scheme:]name[:port]`. */
function addressOf(text: string): { readonly name: string; readonly port: string } {
  const parts = text.split(':');
  if (parts.length === 3) return { name: parts[1] ?? '', port: parts[2] ?? '' };
  return { name: parts[0] ?? '', port: parts[1] ?? '' };
}

const unavailable = (message: string): Refusal => new Refusal(failure(503, 'ServiceUnavailable', message));

const portsOf = (pod: Doc): readonly Doc[] => (pod.spec?.containers ?? []).flatMap((container: Doc) => container.ports ?? []);

/** A number, a port's name, or nothing for the pod's first port. */
function podPort(pod: Doc, wanted: string | number | undefined): number {
  if (wanted === undefined || wanted === '') return portsOf(pod)[0]?.containerPort ?? 80;
  const number = Number(wanted);
  if (Number.isInteger(number)) return number;
  const named = portsOf(pod).find((port) => port.name === wanted);
  if (!named) throw unavailable(`pod ${pod.metadata.name} has no port called "${wanted}"`);
  return named.containerPort;
}

const isReady = (pod: Doc): boolean =>
  !pod.metadata.deletionTimestamp && (pod.status?.conditions ?? []).some((condition: Doc) => condition.type === 'Ready' && condition.status === 'True');

interface Goal {
  readonly pod: KubeObject;
  readonly port: number;
}

function behindService(parts: LogParts, request: ResourceRequest): Goal {
  const { name, port } = addressOf(request.name);
  const service = parts.store.get('Service', request.namespace, name);
  if (!service) throw notFound(request.resource, name);
  const { ports = [], selector = {} } = docOf(service).spec ?? {};
  const entry: Doc | undefined =
    port === '' && ports.length === 1 ? ports[0] : ports.find((candidate: Doc) => candidate.name === port || String(candidate.port) === port);
  if (!entry) throw unavailable(`no service port "${port}" found for service "${name}"`);
  const wanted = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  const pods = wanted.length === 0 ? [] : parts.store.list('Pod', { namespace: request.namespace, selector: wanted.join(',') });
  const pod = pods.find((candidate) => isReady(docOf(candidate)));
  if (!pod) throw unavailable(`no endpoints available for service "${name}"`);
  return { pod, port: podPort(docOf(pod), entry.targetPort) };
}

function pod(parts: LogParts, request: ResourceRequest): Goal {
  const { name, port } = addressOf(request.name);
  const found = parts.store.get('Pod', request.namespace, name);
  if (!found) throw notFound(request.resource, name);
  return { pod: found, port: podPort(docOf(found), port) };
}

/** The caller's credentials are for the API server, and are not forwarded. */
const KEPT_BACK = new Set(['authorization', 'connection', 'host', 'transfer-encoding', 'upgrade', 'content-length']);

function forwarded(request: ResourceRequest): SandboxRequest {
  const headers = Object.entries(request.headers).filter(([name, value]) => value !== undefined && !KEPT_BACK.has(name));
  return {
    method: request.method,
    path: `${request.rest}${request.url.search}`,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)])),
    body: request.body,
  };
}

export async function answerProxy(parts: LogParts, request: ResourceRequest): Promise<Answer> {
  if (request.resource.kind === 'Node') throw new Refusal(failure(501, 'NotImplemented', 'the sandbox has no kubelet behind nodes/proxy'));
  const goal = request.resource.kind === 'Service' ? behindService(parts, request) : pod(parts, request);
  try {
    const { status, headers = {}, body } = await parts.runtime.request(goal.pod, goal.port, forwarded(request));
    const {
      'content-type': type = 'text/plain; charset=utf-8',
      'content-length': _length,
      ...rest
    } = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return { status, body, type, headers: rest };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw unavailable(`error trying to reach service: ${why}`);
  }
}
