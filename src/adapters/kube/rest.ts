/** One JSON request to the Kubernetes API over node:https, retried only if that can't do harm. */
import type { ClientRequest } from 'node:http';
import { stop } from '../../problems/problem.ts';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Late, openExchanges, type Exchanges } from '../exchanges.ts';
import type { Connection } from './connection.ts';
import { networkFailure, statusOf } from './failures.ts';
import { KUBELET_MS, kubeletFailure, KubeletLate } from './kubelets.ts';

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With query. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** The POST changes nothing (reviews): it may be retried like a GET. */
  readonly harmless?: boolean;
  /** The server forwards it to a kubelet: throws KubeletLate and KubeletFailure, and is not retried for either. */
  readonly kubelet?: boolean;
}
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
/** Resolves with any HTTP response; throws KUBE_UNREACHABLE if there was none, and the errors of the login. */
export type Rest = (ask: Ask) => Promise<Reply>;

export interface RestOptions {
  /** Before the first retry; doubled for each further one. */
  readonly backoffMs?: number;
  /** Until the response is complete. */
  readonly timeoutMs?: number;
  /** Until the connection is established: a private endpoint swallows packets, and no user should wait long for that. */
  readonly connectMs?: number;
  /** Those of the run; without them each request still has its timeout. */
  readonly exchanges?: Exchanges;
}

/** Including all attempts and the pauses between them. */
const TOTAL_MS = 60_000;
/** Five hundred of the largest objects that are read in full (pods, nodes with their images) are a quarter of it. */
const MOST_BYTES = 128 * 1024 * 1024;
const ATTEMPTS = 4;
const LONGEST_WAIT_MS = 10_000;

export function openRest(connection: Connection, options: RestOptions = {}): Rest {
  const { backoffMs = 250, timeoutMs = 30_000, connectMs = 10_000, exchanges = openExchanges() } = options;
  const { server } = connection;
  return async (ask) => {
    const { pathname } = new URL(server + ask.path);
    try {
      return await exchanges.run({ name: `${ask.method} ${pathname} of the Kubernetes API`, of: server, ms: TOTAL_MS }, (signal) =>
        repeating((one) => once(connection, one, { timeoutMs, connectMs, signal }), { server, backoffMs })(ask),
      );
    } catch (error) {
      if (error instanceof AnswerTooLong)
        throw stop(
          'KUBE_ANSWER_UNREADABLE',
          { message: `The response of ${server} to ${ask.method} ${pathname} does not come from the Kubernetes API: ${error.message}` },
          { cause: error },
        );
      throw error instanceof Late ? networkFailure(error, server) : error;
    }
  };
}

/** Wraps the sending of one request: rejections with a `code` came from the network. */
export function repeating(send: Rest, { server, backoffMs }: { readonly server: string; readonly backoffMs: number }): Rest {
  return async (ask) => {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === ATTEMPTS;
      const pause = backoffMs * 2 ** (attempt - 1);
      try {
        const reply = await send(ask);
        const failure = ask.kubelet && kubeletFailure(reply);
        if (failure) throw failure;
        if (last || !repeatableAnswer(ask, reply.status)) return reply;
        await sleep(Math.min(retryAfterMs(reply) ?? pause, LONGEST_WAIT_MS));
      } catch (error) {
        // Without a code it did not come from the network: a problem of the login, or a bug.
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        if (last || !repeatableError(ask, error)) throw networkFailure(error, server);
        await sleep(pause);
      }
    }
  };
}

const reads = (ask: Ask) => ask.method === 'GET' || ask.harmless === true;

/** 429 means that nothing was done, whatever the verb. */
const repeatableAnswer = (ask: Ask, status: number): boolean => status === 429 || (reads(ask) && status >= 500 && status !== 501);

function repeatableError(ask: Ask, error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return true;
  return reads(ask) && (code === 'ECONNRESET' || code === 'EPIPE' || code === 'EAI_AGAIN');
}

function retryAfterMs(reply: Reply): number | undefined {
  const seconds = Number(reply.headers['retry-after'] ?? statusOf(reply.body)?.details?.retryAfterSeconds);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

interface Once {
  readonly timeoutMs: number;
  readonly connectMs: number;
  readonly signal: AbortSignal;
}

async function once(connection: Connection, ask: Ask, { timeoutMs, connectMs, signal }: Once): Promise<Reply> {
  const options = await connection.options();
  // Not retried: the caller has its answer already.
  signal.throwIfAborted();
  const body = ask.body === undefined ? undefined : Buffer.from(JSON.stringify(ask.body));
  return new Promise((done, fail) => {
    const sent = request(connection.server + ask.path, {
      ...options,
      signal,
      method: ask.method,
      headers: {
        accept: ask.accept ?? 'application/json',
        'user-agent': 'loki-eks',
        ...(body && { 'content-type': ask.contentType ?? 'application/json', 'content-length': body.length }),
        ...(options.headers as Record<string, string> | undefined),
      },
    });
    const late = (ms: number) => sent.destroy(Object.assign(new Error(`no response within ${ms / 1000} s`), { code: 'ETIMEDOUT' }));
    if (ask.kubelet) {
      const ms = Math.min(KUBELET_MS, timeoutMs);
      const answering = setTimeout(() => sent.destroy(new KubeletLate(ms)), ms);
      for (const end of ['response', 'close']) sent.once(end, () => clearTimeout(answering));
    }
    const timer = setTimeout(() => late(timeoutMs), timeoutMs);
    sent.on('socket', (socket) => {
      if (!socket.connecting) return;
      const connecting = setTimeout(() => late(connectMs), connectMs);
      socket.once('secureConnect', () => clearTimeout(connecting));
      sent.once('close', () => clearTimeout(connecting));
    });
    whenAnswered(sent, { timer, most: MOST_BYTES, done, fail });
    sent.end(body);
  });
}

export class AnswerTooLong extends Error {
  constructor(most: number) {
    super(`the response is larger than ${most / 1024 / 1024} MiB`);
  }
}

interface Answering {
  readonly timer: NodeJS.Timeout;
  /** The size of a body in bytes. */
  readonly most: number;
  readonly done: (reply: Reply) => void;
  readonly fail: (error: Error) => void;
}

/** Settles once, with the complete response or with the first failure, and clears the timer either way. */
export function whenAnswered(sent: ClientRequest, { timer, most, done, fail }: Answering): void {
  const failed = (error: Error) => {
    clearTimeout(timer);
    fail(error);
  };
  sent.on('error', failed);
  sent.on('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= most) chunks.push(chunk);
      else sent.destroy(new AnswerTooLong(most));
    });
    response.on('error', failed);
    response.on('end', () => {
      clearTimeout(timer);
      done({ status: response.statusCode!, headers: flat(response.headers), body: Buffer.concat(chunks).toString() });
    });
  });
}

const flat = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
