/** The Kubernetes API server: authenticates, names, optionally faults, authorizes, answers and counts a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Call, PodRuntime, SandboxClock } from '../types.ts';
import { refusalOf, send, STREAMED } from './answer.ts';
import type { Answer, Outcome } from './answer.ts';
import { answerPath } from './paths.ts';
import { existing } from './objects.ts';
import { runInPod } from './exec.ts';
import { cut, LOST, underFault } from './faults.ts';
import type { FaultSource } from './faults.ts';
import { forwardPorts } from './port-forward.ts';
import { namePath, nameResource } from './named.ts';
import type { Named } from './named.ts';
import { createRbac } from './rbac.ts';
import type { Rbac } from './rbac.ts';
import { isResourcePath, targetOf } from './request.ts';
import type { Incoming, ResourceRequest, User } from './request.ts';
import { impersonated } from './impersonation.ts';
import type { Minted, TokenWish } from './reviews.ts';
import { answerResource, type KubeServerParts } from './routes.ts';
import { badRequest, failure, Refusal, unauthorized } from './status.ts';
import type { KubeStore } from './store.ts';
import { bodyOf } from './tunnel.ts';

/** Subject of a client certificate. */
export interface ClientCertificate {
  readonly user: string;
  readonly groups: readonly string[];
}

export interface KubeServerOptions {
  readonly store: KubeStore;
  readonly runtime: PodRuntime;
  readonly clock: SandboxClock;
  readonly authenticate: (bearer: string | undefined, clientCert?: ClientCertificate) => User | undefined;
  readonly mintToken: (wish: TokenWish) => Minted;
  /** Defaults to RBAC over the store. */
  readonly authorize?: Rbac['authorize'];
  readonly faults: FaultSource;
  readonly onCall: (call: Call) => void;
  /** `v1.33.4-eks-1234567`. */
  readonly version: string;
}

/**
 * Listeners for a `node:https` server. Give it a keepAliveTimeout of a minute or more: Go clients reuse connections, and do not retry a write on one
 * that the server has just closed.
 */
export interface KubeServer {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

function certificateOf(request: IncomingMessage): ClientCertificate | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] } | undefined;
  return subject?.CN ? { user: subject.CN, groups: [subject.O ?? []].flat() } : undefined;
}

/** A request without credentials; invalid credentials are rejected instead. */
const ANONYMOUS: User = { user: 'system:anonymous', groups: ['system:unauthenticated'] };

const bearerOf = (request: IncomingMessage): string | undefined => /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];

interface Job {
  readonly user: User;
  readonly named: Named;
  readonly work: () => Promise<Outcome>;
}

export function kubeServer(options: KubeServerOptions): KubeServer {
  const { store, clock, faults, onCall } = options;
  const rbac = createRbac(store);
  const authorize = options.authorize ?? rbac.authorize;
  const parts: KubeServerParts = {
    store,
    clock,
    runtime: options.runtime,
    version: options.version,
    rbac: { authorize, rulesFor: rbac.rulesFor },
    authenticate: (bearer) => options.authenticate(bearer),
    mintToken: options.mintToken,
  };

  const identify = (request: IncomingMessage): User => {
    const user = options.authenticate(bearerOf(request), certificateOf(request)) ?? (request.headers.authorization === undefined ? ANONYMOUS : undefined);
    if (!user) throw unauthorized();
    return impersonated(request.headers, user, authorize);
  };

  const resourceRequest = (incoming: Incoming, user: User): ResourceRequest => {
    const query = incoming.url.searchParams;
    return { ...incoming, ...targetOf(store.registry, incoming.method, incoming.url), query, dryRun: query.getAll('dryRun').includes('All'), user };
  };

  const carryOut = async ({ user, named, work }: Job): Promise<Outcome | typeof LOST> => {
    const guarded = async (): Promise<Outcome> => {
      if (!authorize(user, named.wish).allowed) named.deny();
      return work();
    };
    return underFault(faults.match(named.call), guarded, { clock, deny: named.deny });
  };

  const count = (named: Named | undefined, status: number): void => {
    if (named) onCall({ call: named.call, write: named.write, status, wish: { ...named.wish, user: named.user } });
  };

  const prepare = (request: IncomingMessage, response: ServerResponse, body: Buffer): Job => {
    const incoming: Incoming = { method: request.method ?? 'GET', url: new URL(request.url ?? '/', 'https://sandbox'), headers: request.headers, body };
    const path = incoming.url.pathname;
    const user = identify(request);
    if (!isResourcePath(path)) return { user, named: namePath(path, user), work: async () => answerPath(parts, incoming) };
    const about = resourceRequest(incoming, user);
    return { user, named: nameResource(about), work: async () => answerResource(parts, about, response) };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let named: Named | undefined;
    let answer: Answer;
    try {
      const job = prepare(request, response, await bodyOf(request));
      named = job.named;
      const outcome = await carryOut(job);
      if (outcome === LOST) {
        count(named, 0);
        cut(request);
        return;
      }
      if (outcome === STREAMED) {
        count(named, 200);
        return;
      }
      answer = outcome;
    } catch (error) {
      answer = refusalOf(error);
    }
    count(named, answer.status);
    send(request, response, answer);
  };

  const connect = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    let named: Named | undefined;
    try {
      const user = identify(request);
      const about = resourceRequest(
        { method: request.method ?? 'GET', url: new URL(request.url ?? '/', 'https://sandbox'), headers: request.headers, body: Buffer.alloc(0) },
        user,
      );
      named = nameResource(about);
      const work = async (): Promise<Outcome> => {
        if (about.subresource === 'attach') {
          throw new Refusal(failure(501, 'NotImplemented', `the sandbox runs no processes: there is no attach into pod ${about.name}`));
        }
        if (about.subresource !== 'portforward' && about.subresource !== 'exec') throw badRequest('this path cannot be upgraded');
        const pod = existing(parts, about);
        if (about.subresource === 'exec') {
          runInPod({ runtime: parts.runtime, pod, query: about.query }, { request, socket, head });
          return STREAMED;
        }
        forwardPorts(
          { runtime: parts.runtime, pod, ports: about.query.getAll('ports').flatMap((list) => list.split(',').map(Number)) },
          { request, socket, head },
        );
        return STREAMED;
      };
      const outcome = await carryOut({ user, named, work });
      count(named, outcome === LOST ? 0 : 101);
      if (outcome === LOST) socket.destroy();
    } catch (error) {
      const { status, body } = refusalOf(error);
      count(named, status);
      const text = JSON.stringify(body);
      socket.end(
        `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
      );
    }
  };

  return {
    request: (request, response) => void serve(request, response).catch(() => response.destroy()),
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      void connect(request, socket, head).catch(() => socket.destroy());
    },
  };
}
