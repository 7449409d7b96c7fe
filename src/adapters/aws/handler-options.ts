/** How every SDK client makes its HTTP requests. */
import type { Agent } from 'node:https';
import { ATTEMPT_MS } from './bounds.ts';
import { proxyAgent } from './proxy.ts';

/** Options of the SDK's own HTTP handler, with the proxy from the environment if there is one. Times are in milliseconds. */
export function handlerOptions(env: Readonly<Record<string, string | undefined>>): {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly throwOnRequestTimeout: true;
  readonly httpsAgent?: Agent;
} {
  const agent = proxyAgent(env);
  return { connectionTimeout: 5_000, requestTimeout: ATTEMPT_MS, throwOnRequestTimeout: true, ...(agent && { httpsAgent: agent }) };
}
