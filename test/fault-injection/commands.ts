/** The commands that the fault table is filled for: from which world they start, and how each world is left and reached again. */
import { settled } from './compare.ts';
import { guideHouse } from './guide-harness.ts';
import { openHarness, type Flags, type Harness, type Ran } from './harness.ts';
import type { Moment, Planned } from './line.ts';
import { fill, plansOf, tally, type Bench, type Tally } from './table.ts';

/** Every n-th case only, for a quick look; the table is whole when nothing is said. Five divides none of it well: there are five faults. */
const EACH = Number(process.env['FAULTS_EACH'] ?? 1);
/** Only calls whose names contain this. */
const ONLY = process.env['FAULTS_ONLY'] ?? '';

const kmsKey = 'arn:aws:kms:ap-northeast-2:111122223333:key/1b2c3d4e-1111-2222-3333-444455556666';
const secondFlags: Flags = { retentionDays: 60, tags: { team: 'data' }, passwordFile: 'password-2' };
/** Touches the settings of both buckets, the role's policy and tags, the login, the record and both releases. */
const thirdFlags: Flags = { retentionDays: 90, tags: { team: 'ml', cost: '7' }, passwordFile: 'password-3', kmsKey };

const clean = (harness: Harness, command: 'install' | 'uninstall', flags: Flags = {}) => harness.run({ command, flags, deleteData: command === 'uninstall' });
const withFaults = (flags: Flags) => (harness: Harness, faults: readonly Planned[]) => harness.run({ command: 'install', flags, faults });

/** A cluster without storage classes, so that one has to be made as well. */
const bare = () => openHarness(({ store }) => ['gp2', 'gp3'].forEach((name) => store.delete('StorageClass', undefined, name)));

async function must(ran: Promise<Ran>): Promise<Ran> {
  const done = await ran;
  if (done.exit !== 0) throw new Error(`a run without faults ended with ${done.exit}: ${JSON.stringify(done.events.at(-1))}`);
  return done;
}

async function inHouse<T>(open: () => Promise<Harness>, act: (harness: Harness) => Promise<T>): Promise<T> {
  const harness = await open();
  try {
    return await act(harness);
  } finally {
    harness.close();
  }
}

interface Enumerated {
  readonly api: Bench;
  /** Of a run without faults. */
  readonly writes: readonly Moment[];
}

export async function installBench(): Promise<Enumerated> {
  return inHouse(bare, async (harness) => {
    const { writes } = await must(clean(harness, 'install'));
    const api: Bench = {
      open: bare,
      tried: withFaults({}),
      finish: (at) => clean(at, 'install', { onUnfinished: 'continue' }),
      restore: (at) => clean(at, 'install', { onUnfinished: 'undo' }),
      walkEach: 20,
      initial: undefined,
      finished: settled(harness.world),
    };
    return { api, writes };
  });
}

/** The other kind of identity: what differs from an install with IRSA are its calls of EKS. */
export async function podIdentityBench(): Promise<Enumerated> {
  const flags: Flags = { identity: 'pod-identity' };
  return inHouse(bare, async (harness) => {
    const { writes } = await must(clean(harness, 'install', flags));
    const api: Bench = {
      open: bare,
      tried: withFaults(flags),
      finish: (at) => clean(at, 'install', { ...flags, onUnfinished: 'continue' }),
      restore: (at) => clean(at, 'install', { ...flags, onUnfinished: 'undo' }),
      walkEach: 1,
      initial: undefined,
      finished: settled(harness.world),
    };
    return { api, writes: writes.filter(({ call }) => call.startsWith('eks:')) };
  });
}

/** Installed, and upgraded once already: what that upgrade has kept of former values must not be taken for this one's. */
const upgradedOnce = async () => {
  const harness = await bare();
  await must(clean(harness, 'install'));
  await must(clean(harness, 'install', secondFlags));
  return harness;
};

export async function upgradeBench(): Promise<Enumerated> {
  return inHouse(upgradedOnce, async (harness) => {
    const initial = settled(harness.world);
    const { writes } = await must(clean(harness, 'install', thirdFlags));
    const api: Bench = {
      open: upgradedOnce,
      tried: withFaults(thirdFlags),
      finish: (at) => clean(at, 'install', { ...thirdFlags, onUnfinished: 'continue' }),
      restore: (at) => clean(at, 'install', { ...thirdFlags, onUnfinished: 'undo' }),
      walkEach: 10,
      initial,
      finished: settled(harness.world),
    };
    return { api, writes };
  });
}

/** Installed, with logs in a bucket. */
const inUse = async () => {
  const harness = await bare();
  await must(clean(harness, 'install'));
  const { account } = harness.world;
  const [bucket = ''] = [...account.state.s3.buckets.keys()].filter((name) => name.includes('chunks'));
  for (let key = 0; key < 3; key++) account.putObject(account.admin, bucket, `fake/${key}`, Buffer.from('chunk'));
  return harness;
};

/** There is no way back but installing again: restored means that it leads to the world before the uninstall, but for the logs. */
export async function uninstallBench(): Promise<Enumerated> {
  return inHouse(inUse, async (harness) => {
    const initial = settled(harness.world);
    const { writes } = await must(clean(harness, 'uninstall'));
    const api: Bench = {
      open: inUse,
      tried: (at, faults) => at.run({ command: 'uninstall', flags: {}, faults, deleteData: true }),
      finish: (at) => clean(at, 'uninstall'),
      restore: (at) => clean(at, 'install', { onUnfinished: 'continue' }),
      walkEach: 1,
      initial,
      finished: settled(harness.world),
    };
    return { api, writes };
  });
}

/** The default: the buckets stay, with what is in them. */
export async function keepingUninstallBench(): Promise<Enumerated> {
  return inHouse(inUse, async (harness) => {
    const initial = settled(harness.world);
    const uninstalling = (at: Harness, faults: readonly Planned[] = []) => at.run({ command: 'uninstall', flags: {}, faults });
    const { writes } = await must(uninstalling(harness));
    const api: Bench = {
      open: inUse,
      tried: uninstalling,
      finish: (at) => uninstalling(at),
      restore: (at) => clean(at, 'install', { onUnfinished: 'continue' }),
      walkEach: 1,
      initial,
      finished: settled(harness.world),
      kept: stored,
    };
    return { api, writes };
  });
}

const ROOMY = { cpu: '64', memory: '512Gi', pods: '200' };

/** Six ingesters become three, after an upgrade that had made six of them: the way back is a scale-down as well. */
export async function scaleDownBench(): Promise<Enumerated> {
  const large = async () => {
    const harness = await openHarness(({ store }) => {
      for (const node of store.list('Node')) store.setStatus('Node', undefined, node.metadata.name, { ...(node['status'] as object), allocatable: ROOMY });
    });
    await must(clean(harness, 'install', { size: 'large' }));
    return harness;
  };
  return inHouse(large, async (harness) => {
    const initial = settled(harness.world);
    const { writes } = await must(clean(harness, 'install', { size: 'small' }));
    const api: Bench = {
      open: large,
      tried: withFaults({ size: 'small' }),
      finish: (at) => clean(at, 'install', { size: 'small', onUnfinished: 'continue' }),
      restore: (at) => clean(at, 'install', { size: 'small', onUnfinished: 'undo' }),
      walkEach: 10,
      initial,
      finished: settled(harness.world),
    };
    return { api, writes };
  });
}

/** Keys and contents of everything that is in a bucket. */
const stored = ({ world }: Harness) =>
  JSON.stringify(
    Object.entries((world.snapshot() as unknown as Snapshot).account.s3).map(([name, { objects }]) => [name, objects]),
    null,
    1,
  );

interface Snapshot {
  readonly account: { readonly s3: Readonly<Record<string, { readonly objects: object }>> };
}

export async function adoptBench(): Promise<Enumerated> {
  return inHouse(guideHouse, async (harness) => {
    const initial = settled(harness.world);
    const { writes } = await must(harness.run({ command: 'adopt', flags: {} }));
    const towards = (onUnfinished: 'continue' | 'undo') => (at: Harness) => at.run({ command: 'adopt', flags: { onUnfinished } });
    const api: Bench = {
      open: guideHouse,
      tried: (at, faults) => at.run({ command: 'adopt', flags: {}, faults }),
      finish: towards('continue'),
      restore: towards('undo'),
      walkEach: 20,
      initial,
      finished: settled(harness.world),
      // Collectors that are ours already no longer tell with which login theirs wrote: they get one of their own.
      endsApart: true,
      kept: stored,
    };
    return { api, writes };
  });
}

const adopted = async () => {
  const harness = await guideHouse();
  await must(harness.run({ command: 'adopt', flags: {} }));
  return harness;
};

export async function orphanBench(): Promise<Enumerated> {
  return inHouse(adopted, async (harness) => {
    const initial = settled(harness.world);
    const { writes } = await must(harness.run({ command: 'orphan', flags: {} }));
    const towards = (onUnfinished: 'continue' | 'undo') => (at: Harness) => at.run({ command: 'orphan', flags: { onUnfinished } });
    const api: Bench = {
      open: adopted,
      tried: (at, faults) => at.run({ command: 'orphan', flags: {}, faults }),
      // The record, which goes last.
      last: { call: 'kube:delete:secrets', nth: 1 },
      finish: towards('continue'),
      restore: towards('undo'),
      walkEach: 1,
      initial,
      finished: settled(harness.world),
      kept: stored,
    };
    return { api, writes };
  });
}

export async function table({ api, writes }: Enumerated): Promise<Tally> {
  return fill(api, sampled(plansOf(writes)));
}

/** The same run with one fault that makes it fail late; what is tried are the writes with which it takes itself back. */
export async function undoTable({ api, writes }: Enumerated): Promise<Tally> {
  const late = writes.findLast(({ call }) => call.startsWith('kube:patch:'));
  if (!late) return tally();
  const first: readonly Planned[] = [{ ...late, fault: 'before' }];
  const taken = await inHouse(api.open, async (harness) => {
    const { writes: all } = await api.tried(harness, first);
    return all.slice(all.findLastIndex(({ call, nth }) => call === late.call && nth === late.nth) + 1);
  });
  return fill({ ...api, first }, sampled(plansOf(taken)));
}

const sampled = (plans: readonly Planned[]) => plans.filter(({ call }) => call.includes(ONLY)).filter((_, index) => index % EACH === 0);
