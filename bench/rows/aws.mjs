/** The AWS part: how long it takes beside the guide's own commands, and how many rounds of calls wait for one another. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openGate } from '../gate.mjs';
import { inTurn, wall } from '../measure.mjs';
import { inSandbox, root, script } from '../sandbox.mjs';

const guide = ['0-discover', '1-buckets', '2-identity'].map((name) => `. '${join(root, 'test', 'guide', 'commands', `${name}.sh`)}'`).join('; ');
/** The last calls of the set-up: bucket settings and the role's policy. Later ones prove that the role can be assumed. */
const setsUp = (what) => /^PUT \/[^/?]+(?:\/?\?|\/?\s|$)|CreateRole|PutRolePolicy|CreateBucket/.test(what);
/** `GET /?tagging`, or the action of a query. */
const named = (what) => what.trim().split(' ').at(2) ?? what.replace(/^(\w+) \/[^/?]*\/?/, '$1 /').trim();
const proves = (what) => /AssumeRoleWithWebIdentity|loki-eks-probe/i.test(what);

/** For counting: longer than a busy machine takes to send all calls of a round. */
const QUIET_MS = 1500;

export async function awsRows({ add, peers }) {
  for (const [delayMs, target] of [
    [0, 1 / 30],
    [100, 1 / 12],
  ])
    await add(`AWS part against the guide's bash, ${delayMs} ms a call`, target, async () => {
      peers.aws();
      return inTurn(
        () => inSandbox([], (sandbox) => ownSetUp(sandbox, { delayMs }).then(({ seconds }) => seconds)),
        () => inSandbox([], (sandbox) => gated(sandbox, { delayMs }, ({ env }) => wall('bash', ['-c', guide], { env, cwd: sandbox.folder }))),
        { runs: 3, warm: false },
      );
    });
  const counted = (calls) => {
    const rounds = new Map();
    for (const call of calls) rounds.set(call.round, [...(rounds.get(call.round) ?? []), call]);
    const told = [...rounds.values()].map((round) => [...new Set(round.map(({ what }) => named(what)))].join(' + '));
    return { ratio: rounds.size, note: `${calls.length} calls in all: ${told.join('; ')}` };
  };
  await add('sequential AWS calls to set up (a count)', 4, async () =>
    inSandbox([], async (sandbox) => {
      const { calls } = await ownSetUp(sandbox, { quietMs: QUIET_MS });
      return counted(calls);
    }),
  );
  await add('sequential AWS calls of an install with nothing to do (a count)', 3, async () =>
    inSandbox([], async (sandbox) => {
      await wall(process.execPath, [script, 'install', '--yes', '--output', 'json'], { env: sandbox.env });
      return gated(sandbox, { quietMs: QUIET_MS }, async ({ env, gate }) => {
        await wall(process.execPath, [script, 'install', '--yes', '--no-verify', '--output', 'json'], { env });
        const calls = gate.take().filter(({ what }) => !proves(what));
        return counted(calls);
      });
    }),
  );
}

async function gated(sandbox, options, act) {
  const gate = await openGate(sandbox.endpoint, options);
  try {
    return await act({ gate, env: { ...sandbox.env, AWS_ENDPOINT_URL: gate.url } });
  } finally {
    await gate.close();
  }
}

/** From the start of the process to the end of its last call that sets something up; the rest of the install is not waited for. */
const ownSetUp = (sandbox, options) =>
  gated(sandbox, options, async ({ gate, env }) => {
    const from = performance.now();
    await new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, 'install', '--yes', '--no-verify', '--output', 'json'], { env, stdio: 'ignore' });
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`install ended with ${code}`))));
    });
    const calls = gate.take();
    const last = Math.max(...calls.filter(({ what }) => setsUp(what)).map(({ ended }) => ended));
    if (!Number.isFinite(last)) throw new Error('the install set nothing up');
    return { seconds: (last - from) / 1000, calls: calls.filter(({ ended }) => ended <= last) };
  });
