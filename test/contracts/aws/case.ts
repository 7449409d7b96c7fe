/** One line of the contract: what is done, and what AWS answers. */
import type { Clients, Target } from './target.ts';

export interface Bench extends Clients {
  readonly target: Target;
  /** A fresh name, good for a bucket, a role or a policy. */
  readonly name: (what?: string) => string;
}

export interface ContractCase {
  readonly name: string;
  /** What was seen, as plain data. */
  readonly observe: (api: Bench) => Promise<unknown>;
  /** What AWS answers. */
  readonly expected: unknown;
}

/** `'ok'`, or `'Code status'`; errors without a body are told by their status alone. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    if (status === undefined) throw error;
    return name === 'Unknown' || name === 'UnknownError' || /^\d+$/.test(name) ? String(status) : `${name} ${status}`;
  }
}

export async function messageOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: Error) => error.message,
  );
}

let made = 0;
export function freshName(what = 'loki'): string {
  return `${what}-${process.pid}-${(made += 1)}`;
}
