/** Acts once, when so many further calls have reached the sandbox; what it returns calls that off. */
import type { Call } from '../../src/sandbox/types.ts';
import type { Terminal } from './sandbox-cli.ts';

export function onCall({ sandbox }: Pick<Terminal, 'sandbox'>, after: number, act: () => void): () => void {
  const calls = sandbox.world.calls as Call[];
  let seen = 0;
  calls.push = (...fresh: Call[]) => {
    for (const _ of fresh) if (seen++ === after) act();
    return Array.prototype.push.apply(calls, fresh);
  };
  return () => void delete (calls as { push?: unknown }).push;
}
