/** Limits for endpoints that provide credentials (of a container, an instance): the SDK reads them with its own clients, without a limit. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { ATTEMPT_MS } from './bounds.ts';
import type { Env } from './profiles.ts';
import { Unreadable } from './readable.ts';

/** Credentials are some kilobytes. */
const MOST_BYTES = 1024 * 1024;
/** Node reports the head of each response here before anything has read its body. */
const ANSWERS = 'http.client.response.finish';

const LINK_LOCAL = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', '169.254.169.254', '[fd00:ec2::254]'];

/** Host and port as in the requests. */
export function credentialHosts(env: Env): ReadonlySet<string> {
  const named = [env['AWS_CONTAINER_CREDENTIALS_FULL_URI'], env['AWS_EC2_METADATA_SERVICE_ENDPOINT']];
  return new Set([...LINK_LOCAL, ...named.flatMap((url) => (url && URL.canParse(url) ? [new URL(url).host] : []))]);
}

export interface CredentialBounds {
  readonly hosts: ReadonlySet<string>;
  readonly most?: number;
  readonly ms?: number;
}

/** The result of `resolve`, unless one of these hosts responds endlessly or too slowly: then Unreadable, and its connection is closed. */
export async function withinBounds<T>({ hosts, most = MOST_BYTES, ms = ATTEMPT_MS }: CredentialBounds, resolve: () => Promise<T>): Promise<T> {
  const timers = new Set<NodeJS.Timeout>();
  let refuse!: (why: Unreadable) => void;
  const refused = new Promise<never>((_, reject) => (refuse = reject));
  refused.catch(() => undefined);
  const watch = (message: unknown) => {
    const { request, response } = message as { readonly request: ClientRequest; readonly response: IncomingMessage };
    const host = String(request.getHeader('host') ?? '');
    if (!hosts.has(host)) return;
    const end = (why: string) => {
      if (response.complete) return;
      refuse(new Unreadable(`http://${host}${request.path.split('?')[0]}: ${why}`, response.statusCode));
      request.destroy();
    };
    timers.add(setTimeout(() => end(`no whole answer within ${ms / 1000} s`), ms));
    let size = 0;
    const push = response.push.bind(response);
    response.push = (chunk: Buffer | null, encoding) => {
      size += chunk?.length ?? 0;
      if (size > most) end(`its answer is longer than ${most / 1024} KiB`);
      return size > most ? false : push(chunk, encoding);
    };
  };
  subscribe(ANSWERS, watch);
  try {
    return await Promise.race([resolve(), refused]);
  } finally {
    unsubscribe(ANSWERS, watch);
    timers.forEach(clearTimeout);
  }
}
