/** The line between a run and the simulated world: every request crosses it, so this is where things go wrong and where a run dies. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Call, Fault } from '../../src/sandbox/types.ts';

/**
 * What happens at one call. `before`: refused, nothing happened. `after`: happened, then an error. `lost`: happened, the connection
 * dies. `throttled`: slowed down five times in a row. `killed`: happened, and the process dies before it hears of it.
 */
export const faults = ['before', 'after', 'lost', 'throttled', 'killed'] as const;
export type FaultKind = (typeof faults)[number];

/** The `nth` call of that name from the start of the run. */
export interface Moment {
  readonly call: string;
  readonly nth: number;
}

export interface Planned extends Moment {
  readonly fault: FaultKind;
}

export interface Line {
  /** For the doors of the sandbox. */
  readonly faults: { match(call: string): Fault | undefined };
  readonly onCall: (call: Call) => void;
  /** Writes that took effect or were tried, in order. */
  readonly writes: readonly Moment[];
  /** How many of the planned faults have come. */
  readonly fired: () => number;
  /** Resolves when the run has been killed. */
  readonly death: Promise<void>;
  readonly dead: () => boolean;
  /** The same promise for whoever lives, one that never ends for the dead. */
  readonly crossing: <T>(work: Promise<T>) => Promise<T>;
}

const THROTTLES = 5;

/** Reviews and tokens are asked with POST, and STS keeps nothing. */
const keeps = ({ call, write }: Call) => write && !call.startsWith('sts:');

export function line(planned: readonly Planned[]): Line {
  const seen = new Map<string, number>();
  const answered = new Map<string, number>();
  const fired = new Map<Planned, number>();
  const writes: Moment[] = [];
  let died = false;
  let tell: () => void = () => undefined;
  const death = new Promise<void>((resolve) => (tell = resolve));
  const never = new Promise<never>(() => undefined);
  const doomed = new Set<string>();
  return {
    faults: {
      match: (call) => {
        const count = (seen.get(call) ?? 0) + 1;
        seen.set(call, count);
        for (const plan of planned) {
          const times = fired.get(plan) ?? 0;
          const due = plan.fault === 'throttled' ? count >= plan.nth && times < THROTTLES : count === plan.nth;
          if (plan.call !== call || !due) continue;
          fired.set(plan, times + 1);
          if (plan.fault === 'throttled') return { call, how: 'throttle' };
          if (plan.fault === 'killed') doomed.add(call);
          else return { call, how: plan.fault };
        }
        return undefined;
      },
    },
    onCall: (call) => {
      // Calls of one name that are made at once are all under way before the first is answered.
      const nth = (answered.get(call.call) ?? 0) + 1;
      answered.set(call.call, nth);
      if (keeps(call)) writes.push({ call: call.call, nth });
      if (!doomed.has(call.call)) return;
      died = true;
      tell();
    },
    writes,
    fired: () => fired.size,
    death,
    dead: () => died,
    crossing: async (work) => {
      const result = await work.then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      );
      return died ? never : result();
    },
  };
}

export interface Asked {
  readonly method: string;
  /** With query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
type Door = (request: IncomingMessage, response: ServerResponse) => void;

/** One exchange with a door of the sandbox, without a socket: the door is handed what it reads of a request and of a response. */
export function exchange(door: Door, { method, url, headers, body }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const cut = () => reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    const socket = { destroy: cut };
    let status = 0;
    let sent: Record<string, string> = {};
    const request = {
      method,
      url,
      headers,
      socket,
      async *[Symbol.asyncIterator]() {
        if (body.length > 0) yield body;
      },
    };
    const response = {
      headersSent: false,
      socket,
      destroy: cut,
      writeHead(code: number, given: Readonly<Record<string, string | number>>) {
        status = code;
        sent = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), String(value)]));
        response.headersSent = true;
        return response;
      },
      end: (bytes?: string | Uint8Array) => resolve({ status, headers: sent, body: Buffer.from(bytes ?? '') }),
    };
    door(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
}
