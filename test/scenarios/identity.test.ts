/** How Loki gets its AWS role when the account or the cluster is not as most are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, quick, takeAway, worldOf } from './story.ts';

describe('an account without the OIDC provider of the cluster', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal({ ...quick, cluster: { oidcProvider: false } });
    pristine = terminal.snapshot();
    expect(providers(terminal)).toEqual([]);
  });
  afterAll(() => terminal.close());

  it('is refused as long as nobody has asked to make it', async () => {
    const ran = await terminal.cli(['install', '--yes', '--output', 'json']);
    expect(ran.exit).toBe(3);
    expect(codesOf(ran)).toEqual(['OIDC_PROVIDER_MISSING']);
    expect(ran.stdout).toContain('--create-oidc-provider');
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('gets it with --create-oidc-provider, and Loki uses it', async () => {
    const ran = await terminal.cli(['install', '--yes', '--create-oidc-provider', '--output', 'json']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(ran.events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
    expect(providers(terminal)).toEqual([expect.stringContaining(':oidc-provider/oidc.eks.ap-northeast-2.amazonaws.com/id/')]);
  });

  it('loses it again when the installation that made it fails', async () => {
    await takeAway(terminal);
    const [provider = ''] = providers(terminal);
    terminal.sandbox.world.account.state.iam.providers.delete(provider);
    expect(terminal.snapshot()).toBe(pristine);
    terminal.sandbox.world.addFault({ call: 'iam:PutRolePolicy', how: 'deny', times: 1 });
    const ran = await terminal.cli(['install', '--yes', '--create-oidc-provider']);
    expect(ran.exit).toBe(4);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('keeps it after uninstall, which says so', async () => {
    expect((await terminal.cli(['install', '--yes', '--create-oidc-provider', '--no-verify'])).exit).toBe(0);
    const { stdout, stderr } = await takeAway(terminal);
    const [provider = ''] = providers(terminal);
    expect(provider).not.toBe('');
    expect(stdout + stderr).toMatch(/other IRSA roles of this cluster depend on it/);
    expect(stdout + stderr).toContain(`aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ${provider}`);
    terminal.sandbox.world.account.state.iam.providers.delete(provider);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

describe('Pod Identity', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    // Nothing proves this identity before Loki starts, and simulated restarts come twenty times as fast as the role gets known.
    terminal = await openTerminal({ ...quick, account: { timings: { rolePropagationMs: 50 } } });
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());

  // Two are skipped while the simulated Pod Identity agent asks for credentials without naming the pod, which the role's trust demands.
  it('serves a whole life, without the OIDC provider and without an annotation on the service account', async () => {
    const ran = await terminal.cli(['install', '--yes', '--identity', 'pod-identity', '--output', 'json']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(ran.events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
    const account = terminal.sandbox.world.store.get('ServiceAccount', 'loki', 'loki');
    expect(Object.keys(account?.metadata.annotations ?? {})).not.toContain('eks.amazonaws.com/role-arn');
    const [role] = Object.values(worldOf(terminal).account.iam.roles).filter(({ tags }) => tags['loki-eks/install-id']);
    expect(JSON.stringify(role)).toContain('pods.eks.amazonaws.com');
    expect(JSON.stringify(role)).not.toContain('sts:AssumeRoleWithWebIdentity');
    const again = await terminal.cli(['install', '--yes', '--identity', 'pod-identity', '--output', 'json']);
    expect(again.events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    expect((await terminal.cli(['status'])).exit).toBe(0);
  });

  it('takes over from IRSA and hands back, with Loki running on the new credentials', async () => {
    const back = await terminal.cli(['install', '--yes', '--output', 'json']);
    expect(back.exit, back.stderr).toBe(0);
    expect(environment(terminal)).toContain('AWS_WEB_IDENTITY_TOKEN_FILE');
    const over = await terminal.cli(['install', '--yes', '--identity', 'pod-identity', '--output', 'json']);
    expect(over.exit, over.stderr).toBe(0);
    expect(environment(terminal)).toContain('AWS_CONTAINER_CREDENTIALS_FULL_URI');
    expect(environment(terminal)).not.toContain('AWS_WEB_IDENTITY_TOKEN_FILE');
    expect((await terminal.cli(['verify'])).exit).toBe(0);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('is refused where its agent does not run', async () => {
    const bare = await openTerminal({ ...quick, cluster: { addons: [] } });
    try {
      const before = bare.snapshot();
      const ran = await bare.cli(['install', '--yes', '--identity', 'pod-identity', '--output', 'json']);
      expect(ran.exit).toBe(3);
      expect(codesOf(ran)).toEqual(['POD_IDENTITY_AGENT_MISSING']);
      expect(bare.snapshot()).toBe(before);
    } finally {
      await bare.close();
    }
  });
});

const providers = (terminal: Terminal) => Object.keys(worldOf(terminal).account.iam.providers);

/** Names of all variables in the pods of Loki's ingester, as admission has left them. */
function environment(terminal: Terminal): readonly string[] {
  const pods = terminal.sandbox.world.store.list('Pod', { namespace: 'loki', selector: 'app.kubernetes.io/component=ingester' });
  expect(pods.length).toBeGreaterThan(0);
  const specs = pods.map(({ spec }) => spec as { containers: readonly { env?: readonly { name: string }[] }[] });
  return specs.flatMap(({ containers }) => containers.flatMap(({ env = [] }) => env.map(({ name }) => name)));
}
