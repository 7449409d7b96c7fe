/** Commands that need no cluster: explain, completion, kube-token, sandbox. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { allFlags } from '../../src/cli/usage.ts';
import { settingSpecs } from '../../src/design/setting-specs.ts';
import { catalogue, doctorRow } from '../../src/problems/catalogue.ts';
import { failureClasses } from '../../src/problems/failure-classes.ts';
import { formerCodes } from '../../src/problems/former-codes.ts';
import { cli } from './fake-platform.ts';

describe('explain', () => {
  it('says why, what to do and more, for every code', async () => {
    for (const code of Object.keys(catalogue)) {
      const { exit, stdout, stderr } = await cli(`explain ${code}`);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^${code}: .+\\n\\n  why    .+[\\s\\S]+\\n  fix    .+[\\s\\S]+\\n  more   .+`));
    }
  });

  it('says of every finding of doctor whether --fix may mend it, and of nothing else', async () => {
    for (const code of Object.keys(catalogue)) {
      const said = /\n  --fix  (\w+): /.exec((await cli(`explain ${code}`)).stdout)?.[1];
      expect(said, code).toBe(doctorRow(code)?.autofix);
    }
    const both = (await cli('explain ALLOY_NO_VARLOG', { columns: 300 })).stdout;
    expect(both).toMatch(/--fix  yes: `loki-eks doctor --fix` fixes it in an installation made by loki-eks; in one made by\s+other means, once you confirm/);
  });

  it('takes a code as it is printed, in any case', async () => {
    const { stdout } = await cli('explain DECLINED');
    expect((await cli('explain [DECLINED]')).stdout).toBe(stdout);
    expect((await cli('explain declined')).stdout).toBe(stdout);
  });

  it('answers to every former code with its name of today', async () => {
    for (const [former, code] of Object.entries(formerCodes)) expect((await cli(`explain ${former}`)).stdout).toBe((await cli(`explain ${code}`)).stdout);
  });

  it('names the nearest code', async () => {
    const { exit, stderr } = await cli('explain LINE_NOT_FUND');
    expect(exit).toBe(2);
    expect(stderr).toContain('did you mean LINE_NOT_FOUND?');
  });

  it('lists every code without an argument', async () => {
    const { stdout } = await cli('explain', { columns: 120 });
    expect(stdout.split('\n').flatMap((line) => /^[A-Z]\w+/.exec(line)?.[0] ?? [])).toEqual(Object.keys(catalogue).toSorted());
  });
});

describe('declarations', () => {
  it('name only settings that exist', () => {
    const keys = settingSpecs.map(({ key }) => key);
    for (const { settings } of commands) if (settings !== 'all') expect(keys).toEqual(expect.arrayContaining([...settings]));
  });

  it('show examples that their command understands', async () => {
    const examples = commands.flatMap((command) => command.examples.map(({ run }) => ({ command, run })));
    const simple = examples.filter(({ run }) => /^loki-eks [\w ./-]+$/.test(run) && !run.includes('sandbox') && !run.includes('explain'));
    expect(simple.length).toBeGreaterThan(10);
    for (const { command, run } of simple) {
      const name = command.name as 'install';
      const { exit, stderr } = await cli(run.replace('loki-eks ', ''), {
        env: { LOKI_EKS_CLUSTER: 'c' },
        files: { 'loki-eks.yaml': 'size: small' },
        may: name,
        useCase: async () => 0,
      });
      expect({ run, exit, wrong: /\[[A-Z_]+\]/.exec(stderr)?.[0] }).toEqual({ run, exit: 0, wrong: undefined });
    }
  });

  it('give no flag twice', () => {
    for (const command of commands) {
      const flags = allFlags(command, settingSpecs);
      expect(flags.length).toBe(new Set(flags).size);
    }
  });
});

describe('completion', () => {
  const shells = ['bash', 'zsh', 'fish'] as const;
  const present = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  it.each(shells)('%s knows every command and every flag of install', async (shell) => {
    const { exit, stdout, stderr } = await cli(`completion ${shell}`);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const install = commands.find(({ name }) => name === 'install');
    if (!install) throw new Error('no install');
    for (const flag of allFlags(install, settingSpecs)) expect(stdout).toContain(shell === 'fish' ? `-l ${flag.slice(2)} ` : flag);
    expect(stdout).not.toContain('kube-token');
  });

  it.each(shells)('%s accepts the script', async (shell) => {
    if (!present(shell)) return;
    const { stdout } = await cli(`completion ${shell}`);
    const folder = mkdtempSync(join(tmpdir(), 'completion-'));
    try {
      const file = join(folder, 'script');
      writeFileSync(file, stdout);
      const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['loki-eks pl', 'plan'],
    ['loki-eks install --reten', '--retention-days'],
    ['loki-eks install --size ', 'small medium large'],
    ['loki-eks plan --cluster install --sh', '--show'],
    ['loki-eks sandbox ', 'run start inject --list-breaks --help'],
    ['loki-eks explain LINE_NOT_F', 'LINE_NOT_FOUND'],
  ])('bash completes "%s"', async (line, expected) => {
    const { stdout } = await cli('completion bash');
    const words = line.split(' ');
    const script = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _loki_eks; echo "\${COMPREPLY[*]}"`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim()).toBe(expected);
  });

  it('lets no shell expand anything it offers', async () => {
    // compgen -W expands its words, so none may hold what a shell would act on.
    const words = [
      ...Object.keys(catalogue),
      ...commands.flatMap((command) => [...allFlags(command, settingSpecs), ...(command.argument?.choices ?? [])]),
      ...settingSpecs.flatMap(({ choices }) => choices ?? []),
    ];
    expect(words.filter((word) => !/^[\w-]+$/.test(word))).toEqual([]);
    const { stdout } = await cli('completion fish');
    expect(stdout.split('\n').filter((line) => /^[^#]/.test(line) && !line.startsWith('complete -c loki-eks -n '))).toEqual([]);
  });
});

describe('kube-token', () => {
  const deps = { aws: async (of: unknown) => ({ kubeToken: async (cluster: string) => `token of ${cluster} ${JSON.stringify(of)}` }) as never };

  it('answers an exec plugin call in the version that was asked for', async () => {
    const env = { KUBERNETES_EXEC_INFO: '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false}}' };
    const { exit, stdout, stderr, disposed } = await cli('kube-token --cluster prod --region eu-west-1 --profile p', { env, deps });
    expect({ exit, stderr, disposed }).toEqual({ exit: 0, stderr: '', disposed: 1 });
    expect(JSON.parse(stdout)).toEqual({
      kind: 'ExecCredential',
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      spec: {},
      status: { token: 'token of prod {"region":"eu-west-1","profile":"p"}', expirationTimestamp: '2026-01-02T03:18:05Z' },
    });
  });

  it('speaks v1 when nothing is asked', async () => {
    expect(JSON.parse((await cli('kube-token --cluster prod', { deps })).stdout).apiVersion).toBe('client.authentication.k8s.io/v1');
  });
});

describe('sandbox', () => {
  const sandbox =
    (closed: string[] = []) =>
    async (of: { readonly region?: string }) => ({
      env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', REGION_GIVEN: of.region ?? 'none' },
      notes: ['charts: stand-ins'],
      break: async (names: readonly string[]) => void closed.push(...names),
      close: async () => void closed.push('closed'),
    });

  it('runs a command with the environment and with loki-eks on its PATH, and exits as it does', async () => {
    const closed: string[] = [];
    const code =
      'const {AWS_ENDPOINT_URL,LOKI_EKS_SANDBOX,REGION_GIVEN,HOME_SWEET}=process.env;process.exit(AWS_ENDPOINT_URL==="http://127.0.0.1:1"&&LOKI_EKS_SANDBOX==="1"&&REGION_GIVEN==="cn-north-1"&&HOME_SWEET==="kept"?43:1)';
    const result = await cli(['sandbox', 'run', '--region', 'cn-north-1', '--', process.execPath, '-e', code], {
      sandbox: sandbox(closed),
      env: { HOME_SWEET: 'kept' },
      platform: { cwd: process.cwd() },
    });
    expect(result.exit).toBe(43);
    expect(result.stdout).toBe('');
    expect(result.stderr.split('\n')).toEqual([
      'loki-eks sandbox: simulated, no AWS account is touched',
      'charts: stand-ins',
      'loki-eks sandbox: stopped; this was a simulation, no AWS account was touched',
      '',
    ]);
    expect(closed).toEqual(['closed']);
  });

  it('passes every word on as it is, also those that look like flags', async () => {
    const script = `test "$1" = --yes && test "$2" = '$HOME' && test -x "$(command -v loki-eks)"`;
    const result = await cli(['sandbox', 'run', 'sh', '-c', script, 'sh', '--yes', '$HOME'], {
      sandbox: sandbox(),
      env: { PATH: process.env['PATH'] },
      platform: { cwd: process.cwd() },
    });
    expect(result.exit).toBe(0);
  });

  it('closes when the command can not be started', async () => {
    const closed: string[] = [];
    const { exit, stderr } = await cli('sandbox run -- /no/such/program', { sandbox: sandbox(closed), platform: { cwd: process.cwd() } });
    expect(exit).toBe(2);
    expect(stderr).toContain('[SANDBOX_COMMAND_FAILED]');
    expect(closed).toEqual(['closed']);
  });

  it('breaks what --break names, each once, and complains of a name that does not exist before anything is started', async () => {
    const closed: string[] = [];
    const words = 'sandbox run --break rbac --break varlog-mount --break rbac -- true';
    const { exit, stderr } = await cli(words, { sandbox: sandbox(closed), env: { PATH: process.env['PATH'] }, platform: { cwd: process.cwd() } });
    expect({ exit, closed }).toEqual({ exit: 0, closed: ['rbac', 'varlog-mount', 'closed'] });
    expect(stderr).toContain('injected faults: rbac, varlog-mount');
    const wrong = await cli('sandbox start --break varlog-mont');
    expect(wrong.exit).toBe(2);
    expect(wrong.stderr).toContain('There is no break "varlog-mont"; did you mean varlog-mount?');
  });

  it('lists the breaks, one for each class of failure', async () => {
    const { exit, stdout } = await cli('sandbox --list-breaks');
    expect(exit).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual([...failureClasses].sort());
    expect(lines.every((line) => /^[a-z0-9-]+ +[a-z0-9-]+ +\S.*\.$/.test(line))).toBe(true);
  });

  it.each([
    ['sandbox', 'COMMAND_MISSING'],
    ['sandbox strat', 'COMMAND_UNKNOWN'],
    ['sandbox inject', 'ARGUMENT_MISSING'],
    ['sandbox inject evidence.json', 'SANDBOX_NOT_RUNNING'],
    ['sandbox inject --clear', 'SANDBOX_NOT_RUNNING'],
  ])('%s: %s', async (words, code) => {
    const { exit, stderr } = await cli(words, { files: { 'evidence.json': '{}' } });
    expect({ exit, told: stderr.includes(`[${code}]`) }, stderr).toEqual({ exit: 2, told: true });
  });

  it('inject tells every fault of a document by its path, and injects nothing', async () => {
    const faulty = { logs: [{ component: 'alloy', lines: [] }], metrics: [{ values: { a: 'x' } }], anwsers: [] };
    const { exit, stderr } = await cli('sandbox inject faulty.json', { files: { 'faulty.json': JSON.stringify(faulty) } });
    expect(exit).toBe(2);
    for (const path of ['logs[0].lines', 'metrics[0].values.a', 'anwsers']) expect(stderr).toContain(path);
    const broken = await cli('sandbox inject broken.json', { files: { 'broken.json': '{' } });
    expect(broken.stderr).toContain('[EVIDENCE_INVALID]');
    expect(JSON.parse((await cli('sandbox inject --schema')).stdout).properties).toHaveProperty('answers');
  });

  it('start prints lines that can be pasted into a shell, and runs until a signal', async () => {
    let signal = () => {};
    const odd = `a'b $(touch x) "c"`;
    const running = cli('sandbox start', {
      sandbox: async () => ({ env: { ODD: odd }, notes: [], break: async () => {}, close: async () => {} }),
      platform: { onSignal: (listener) => ((signal = () => listener('SIGINT')), () => {}) },
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    signal();
    const { exit, stdout } = await running;
    expect(exit).toBe(0);
    expect(execFileSync('sh', ['-c', `${stdout}\nprintf %s "$ODD"`], { encoding: 'utf8' })).toBe(odd);
  });
});
