/**
 * The guide's installation with the charts that it had, taken over with the charts of today: loki 6.49.0 and alloy 1.5.1, given by
 * LOKI_EKS_OLD_LOKI_CHART and LOKI_EKS_OLD_ALLOY_CHART, unpacked and without the dependencies that are off by default.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installGuide } from '../doctor/guide-installation.ts';
import { does } from '../doctor/patient.ts';
import { settled } from '../fault-injection/compare.ts';
import { gatewayForward } from '../support/gateway-forward.ts';
import { openTerminal, tool, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, killedAt, worldOf } from '../scenarios/story.ts';
import { needed } from './render.ts';

/** Fields are owned in other ways by a helm that merges on its own side. */
const helms = {
  'helm 4': ['LOKI_EKS_HELM', 'LOKI_EKS_HELM'],
  'helm 3': ['TOOLS_HELM3', 'TOOLS_HELM3'],
  'helm 3, and 4 later': ['TOOLS_HELM3', 'LOKI_EKS_HELM'],
} as const;

describe.each(Object.entries(helms))('with %s', (_, [theirs, ours]) => {
  let terminal: Terminal;
  let pristine: string;

  beforeAll(async () => {
    terminal = await openTerminal({ nodes: 4, speed: 20 });
    const charts = { loki: needed('LOKI_EKS_OLD_LOKI_CHART'), alloy: needed('LOKI_EKS_OLD_ALLOY_CHART') };
    await installGuide(terminal, { charts, helm: tool(theirs) });
    await loki(
      'push',
      `--header 'Content-Type: application/json' --data '${JSON.stringify({ streams: [{ stream: { job: 'test' }, values: [[`${Date.now()}000000`, 'fizzbuzz']] }] })}'`,
    );
    pristine = world();
  }, 300_000);
  afterAll(() => terminal?.close());

  // The newer helm notes more about a chart than the older one that had installed it.
  const world = () => settled(terminal.sandbox.world).replace(/\s*"schemamodtime": "[^"]*",?/g, '');
  const chunks = () => worldOf(terminal).account.s3[`loki-aws-dev-chunks-${terminal.sandbox.world.account.id}`]!;
  const loki = (path: string, words: string) =>
    does(
      terminal,
      `${gatewayForward} curl --silent --fail --user loki:loki --header 'X-Scope-OrgID: foo' ${words} "http://127.0.0.1:$port/loki/api/v1/${path}"`,
    );
  const found = async () => (await loki('query_range', `--get --data-urlencode 'query={job="test"}' --data since=1h`)).includes('fizzbuzz');
  const words = (text: string) => [...text.split(' '), ...(text.startsWith('adopt') ? ['--helm', tool(ours)] : []), '--output', 'json'];
  const cli = async (text: string, exit = 0): Promise<Ran> => {
    const ran = await terminal.cli(words(text));
    expect(ran.exit, `${text}\n${JSON.stringify(ran.events.filter(({ type }) => /failed$|^run.finished/.test(type)))}`).toBe(exit);
    return ran;
  };
  const standsAgain = async () => {
    for (const end = Date.now() + 15_000; world() !== pristine && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 200));
    expect(world()).toBe(pristine);
    expect(await found()).toBe(true);
  };

  it('is as it was when its adoption fails at the last release', async () => {
    terminal.sandbox.world.addFault({ call: 'kube:patch:daemonsets', how: 'deny', times: 1 });
    expect(codesOf(await cli('adopt --yes', 4))).toEqual(['KUBE_FORBIDDEN']);
    await standsAgain();
  });

  it('is as it was when the program dies in the middle of helm, and the next takes it back', async () => {
    const { session } = await killedAt(terminal, words('adopt --yes'), { call: /^kube:patch:statefulsets$/, nth: 3 });
    expect(session).toBe(true);
    await cli('adopt --yes --on-unfinished undo');
    await standsAgain();
  });

  it('says what ends', async () => {
    const told = (await cli('adopt --yes --dry-run')).events.filter(({ type }) => type === 'note.given').map(({ text }) => String(text));
    expect(told).toEqual(
      expect.arrayContaining([expect.stringContaining('distributor 3 to 2, querier 3 to 2'), expect.stringContaining("the gateway's load balancer")]),
    );
    expect(world()).toBe(pristine);
  });

  it('is adopted after the program has died on the way, and every line is still there', async () => {
    const before = chunks().objects;
    const { session } = await killedAt(terminal, words('adopt --yes'), { call: /^kube:patch:deployments$/, nth: 2 });
    expect(session).toBe(true);
    await cli('adopt --yes --on-unfinished continue');
    // Helm lives on when the program dies, and may have left nothing to do: only then is nothing proved by itself.
    await cli('verify');
    expect(chunks().objects).toMatchObject(before);
    expect(await found()).toBe(true);
    expect(terminal.sandbox.world.store.get('ServiceAccount', 'loki', 'loki')).toBeDefined();
  });

  it('is healthy then, and there is nothing to do', async () => {
    await cli('status');
    await cli('doctor');
    await cli('plan --detailed-exitcode');
    expect((await cli('adopt --yes')).events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
  });

  it('is let go, adopted again, and uninstalled without its lines', async () => {
    const pods = () => terminal.sandbox.world.store.list('Pod', { namespace: 'loki' }).map(({ metadata }) => metadata.uid);
    const before = pods();
    await cli('orphan --yes');
    await cli('adopt --yes --no-verify');
    expect(pods()).toEqual(before);
    const stored = chunks().objects;
    await cli('uninstall --yes');
    expect(chunks().objects).toMatchObject(stored);
    const left = await does(
      terminal,
      'kubectl get all,pvc,secret,sa,pdb -n loki -o name; kubectl get clusterrole,clusterrolebinding,storageclass -o name | grep -iE "loki|alloy" || true',
    );
    expect(left.trim()).toBe('serviceaccount/default');
  });
});
