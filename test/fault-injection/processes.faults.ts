/** A sample of the same table through the wire: the built program, real helm, and a process that is really killed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { killedAt } from '../scenarios/story.ts';
import { faults, type Moment, type Planned } from './line.ts';
import { report } from './report.ts';
import { tally, timed } from './table.ts';

/** Every further one costs some seconds. */
const SAMPLE = Number(process.env['FAULTS_PROCESSES'] ?? 6);
const INSTALL = ['install', '--yes', '--no-verify'];
const HOW = { before: 'before', after: 'after', lost: 'lost', throttled: 'throttle', killed: 'slow' } as const;

describe('processes', () => {
  let terminal: Terminal;
  let pristine: string;
  let writes: readonly Moment[];

  beforeAll(async () => {
    terminal = await openTerminal({ speed: 100 });
    pristine = terminal.snapshot();
    const before = terminal.sandbox.world.calls.length;
    expect((await terminal.cli(INSTALL)).exit).toBe(0);
    writes = momentsIn(terminal.sandbox.world.calls.slice(before));
    await takeAway();
  });
  afterAll(() => terminal.close());

  it(`${SAMPLE} faults at writes of an install`, async (context) => {
    const sum = tally();
    for (const plan of sampleOf(writes)) {
      const said: string[] = [];
      const told = (what: string, { exit, stderr }: Pick<Ran, 'exit' | 'stderr'>) => (said.push(`${what}: exit ${exit}\n${stderr.slice(-1500)}`), exit);
      const must = async (what: string, holds: () => boolean) => {
        if (!(await comesTrue(holds))) throw new Error(`not ${what}\n${said.join('\n')}`);
      };
      try {
        sum.cases++;
        const exit = await tried(plan, told);
        if (exit !== 0) {
          if (exit !== 4 && exit !== 3) told('undo', await terminal.cli([...INSTALL, '--on-unfinished', 'undo']));
          await must('restored', () => terminal.snapshot() === pristine);
          sum.restored++;
          if (exit !== 4 && exit !== 3) await tried(plan, told);
          told('continue', await terminal.cli([...INSTALL, '--on-unfinished', 'continue']));
        }
        if (told('again', await terminal.cli(INSTALL)) !== 0) throw new Error(said.join('\n'));
        const { exit: healthy, stdout } = await terminal.cli(['plan', '--detailed-exitcode']);
        await must(`finished\n${stdout}`, () => healthy === 0);
        sum.finished++;
        await takeAway();
      } catch (error) {
        sum.failures.push(`${plan.call}#${plan.nth} ${plan.fault}: ${String(error)}`);
        await terminal.close();
        terminal = await openTerminal({ speed: 100 });
        pristine = terminal.snapshot();
      }
    }
    report(context, sum);
  });

  /** -1: killed. */
  async function tried({ call, nth, fault }: Planned, told: (what: string, ran: Pick<Ran, 'exit' | 'stderr'>) => number): Promise<number> {
    if (fault === 'killed') {
      const { session, said } = await killedAt(terminal, INSTALL, { call: new RegExp(`^${call}$`), nth });
      return told('killed', { exit: session ? -1 : 0, stderr: said });
    }
    terminal.sandbox.world.addFault({ call, how: HOW[fault], from: nth, times: fault === 'throttled' ? 5 : 1 });
    try {
      return told('run', await terminal.cli(INSTALL));
    } finally {
      terminal.sandbox.world.faults.clear();
    }
  }

  async function takeAway(): Promise<void> {
    const names = [...terminal.sandbox.world.account.state.s3.buckets.keys()].flatMap((name) => ['--confirm-delete-data', name]);
    const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...names]);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(await comesTrue(() => terminal.snapshot() === pristine)).toBe(true);
  }
});

/** Pods and volumes may still be on their way out. */
async function comesTrue(holds: () => boolean): Promise<boolean> {
  for (const until = Date.now() + 10_000; !holds() && Date.now() < until;) await new Promise((resolve) => setTimeout(resolve, 50));
  return holds();
}

function momentsIn(calls: readonly { readonly call: string; readonly write: boolean }[]): readonly Moment[] {
  const seen = new Map<string, number>();
  return calls.flatMap(({ call, write }) => {
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    return write && !call.startsWith('sts:') ? [{ call, nth }] : [];
  });
}

/** Spread over the whole run, each fault as often as the others. */
function sampleOf(writes: readonly Moment[]): readonly Planned[] {
  const steady = writes.filter((moment) => !timed(moment));
  return Array.from({ length: SAMPLE }, (_, index) => {
    const moment = steady[Math.floor((index * steady.length) / SAMPLE)] as Moment;
    return { ...moment, fault: faults[index % faults.length] as Planned['fault'] };
  });
}
