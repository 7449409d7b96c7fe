/** The pod's end of a port-forward: a raw byte stream that speaks HTTP/1.1 to the listener in the pod. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { PodRuntime, SandboxRequest } from '../types.ts';

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function asSandboxRequest(request: IncomingMessage): Promise<SandboxRequest> {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]);
  return { method: request.method ?? 'GET', path: request.url ?? '/', headers: Object.fromEntries(headers), body: await bodyOf(request) };
}

interface Goal {
  readonly pod: KubeObject;
  readonly port: number;
}

function podServer(runtime: PodRuntime, { pod, port }: Goal): Server {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const { status, headers = {}, body } = await runtime.request(pod, port, await asSandboxRequest(request));
      const bytes = Buffer.from(body);
      response.writeHead(status, { ...headers, 'content-length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    } catch {
      // The partial answer of a process that dies while answering.
      response.destroy();
    }
  };
  return createServer((request, response) => void answer(request, response));
}

/** A new connection to the pod's port: bytes written to it reach the pod, bytes read from it are the pod's. */
export function openTunnel(runtime: PodRuntime, goal: Goal): Duplex {
  const [near, far] = duplexPair();
  podServer(runtime, goal).emit('connection', far);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  return near;
}
