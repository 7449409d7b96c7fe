/** What a fault does to a call at this server. */
import type { IncomingMessage } from 'node:http';
import type { Fault, SandboxClock } from '../types.ts';
import { STREAMED } from './answer.ts';
import type { Outcome } from './answer.ts';
import { internal, tooManyRequests } from './status.ts';

export interface FaultSource {
  match(call: string): Fault | undefined;
}

export const LOST = 'lost';

const wait = (clock: SandboxClock, ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));

export interface FaultParts {
  readonly clock: SandboxClock;
  /** Throws the 403 that an unauthorized caller gets. */
  readonly deny: () => never;
}

/** Runs the call as the fault allows. `LOST`: it took effect, and the caller must never get an answer. */
export async function underFault(fault: Fault | undefined, work: () => Promise<Outcome>, { clock, deny }: FaultParts): Promise<Outcome | typeof LOST> {
  if (!fault) return work();
  if (fault.how === 'throttle') throw tooManyRequests();
  if (fault.how === 'deny') deny();
  if (fault.how === 'before') throw internal('the sandbox was told to fail this call before it did anything');
  if (fault.how === 'slow') await wait(clock, fault.ms ?? 1000);
  const outcome = await work();
  if (fault.how === 'lost') return LOST;
  if (fault.how === 'after' && outcome !== STREAMED) throw internal('the sandbox was told to fail this call after it was done');
  return outcome;
}

/** The connection is closed without an answer. */
export const cut = (request: IncomingMessage): void => void request.socket.destroy();
