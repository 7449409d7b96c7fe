/** `loki-eks sandbox`: a simulated AWS account and EKS cluster, for one command or for another terminal, healthy or with faults. */
import type { Command, ParsedArgs } from '../command.ts';
import { nearest } from '../../design/nearest.ts';
import { stop } from '../../problems/problem.ts';
import { SANDBOX_MARK, type Platform, type Sandbox, type SandboxOptions, type SandboxSeed } from '../platform.ts';

const seeds: readonly SandboxSeed[] = ['default', 'small', 'auto', 'no-storage-class', 'empty'];
const MOST_NODES = 1000;

const flags = [
  { flag: '--region', placeholder: 'REGION', description: 'region of the simulated account' },
  { flag: '--seed', placeholder: seeds.join('|'), choices: seeds, description: 'initial cluster' },
  { flag: '--nodes', placeholder: 'N', description: 'number of m5.xlarge nodes (overrides the seed)' },
  { flag: '--gpu-nodes', placeholder: 'N', description: 'how many of those nodes are tainted GPU nodes' },
  { flag: '--grafana', description: 'include a Grafana, as kube-prometheus-stack installs it' },
  { flag: '--real', placeholder: 'DIR', description: 'run real loki, alloy, nginx and memcached binaries from this directory (Linux, root)' },
  { flag: '--break', placeholder: 'NAME', repeatable: true, description: 'inject a fault listed by --list-breaks; repeatable' },
] as const;

export const sandbox: Command = {
  name: 'sandbox',
  summary: 'try it on a simulated AWS account and EKS cluster',
  about: 'Runs a simulated AWS account and EKS cluster on loopback. No AWS account is touched.',
  examples: [
    { run: 'loki-eks sandbox run -- loki-eks install', why: 'see a complete installation in seconds' },
    { run: 'loki-eks sandbox --list-breaks', why: 'list faults to inject, to see how doctor diagnoses them' },
  ],
  settings: [],
  flags: [{ flag: '--list-breaks', description: 'list the faults that --break can inject: name, hop and effect' }],
  run: async ({ flags: given }, platform) => {
    if (given['listBreaks'] !== true) throw stop('COMMAND_MISSING', { message: 'loki-eks sandbox requires a subcommand', fix: 'loki-eks sandbox --help' });
    platform.stdout.write(await listOfBreaks());
    return 0;
  },
};

/** One line each: every fault is named after the failure class that it simulates. */
async function listOfBreaks(): Promise<string> {
  const { clusterFaults } = await import('../../sandbox/faults/index.ts');
  const [name, hop] = [Math.max(...clusterFaults.map((one) => one.name.length)), Math.max(...clusterFaults.map((one) => one.hop.length))];
  return clusterFaults.map((one) => `${one.name.padEnd(name)}  ${one.hop.padEnd(hop)}  ${one.does}\n`).join('');
}

export const sandboxRun: Command = {
  name: 'sandbox run',
  summary: 'run a command against a simulated account and cluster',
  about:
    "Starts a simulated AWS account and EKS cluster on loopback, runs the command with an environment that points to them, then shuts them down. No AWS account is touched. loki-eks, aws, kubectl and helm work unchanged inside it. Exits with the command's exit code.",
  examples: [
    { run: 'loki-eks sandbox run -- loki-eks install', why: 'see a complete installation in seconds' },
    { run: "loki-eks sandbox run -- sh -c 'loki-eks install --yes && kubectl get pods -A'", why: 'run several commands' },
    { run: 'loki-eks sandbox run --installed --break varlog-mount -- loki-eks doctor', why: 'see how doctor diagnoses a broken installation' },
  ],
  settings: [],
  flags: [...flags, { flag: '--installed', description: 'install first, then inject the faults; otherwise they are there from the start' }],
  argument: { name: 'COMMAND', description: 'command and arguments, after --', required: true, rest: true },
  run: async (given, platform) => {
    const { installInside, runInside } = await import('../sandbox-run.ts');
    return inSandbox(given, platform, async (sandbox) => {
      const env = environment(sandbox);
      const failed = given.flags['installed'] === true ? await installInside({ platform, env }) : 0;
      if (failed !== 0) return failed;
      await breakIt(given, { platform, sandbox });
      return runInside(given.args, { platform, env });
    });
  },
};

export const sandboxStart: Command = {
  name: 'sandbox start',
  summary: 'start a simulated account and cluster for another terminal',
  about:
    'Starts a simulated AWS account and EKS cluster on loopback, prints the environment that points to them, and runs until Ctrl-C. No AWS account is touched.',
  examples: [{ run: 'loki-eks sandbox start', why: 'then paste the printed lines into another terminal' }],
  settings: [],
  flags,
  run: (given, platform) =>
    inSandbox(given, platform, async (sandbox) => {
      await breakIt(given, { platform, sandbox });
      platform.stdout.write(
        `${Object.entries(environment(sandbox))
          .map(([name, value]) => `export ${name}=${quoted(value)}`)
          .join('\n')}\n`,
      );
      platform.stderr.write('\nThe sandbox runs until Ctrl-C. Paste the lines above into another terminal and run `loki-eks install` there\n');
      await signalled(platform);
      return 0;
    }),
};

async function breakIt(given: ParsedArgs, { platform, sandbox }: { readonly platform: Platform; readonly sandbox: Sandbox }): Promise<void> {
  const names = breaksIn(given);
  if (names.length === 0) return;
  await sandbox.break(names);
  platform.stderr.write(`loki-eks sandbox: injected ${names.length === 1 ? 'fault' : 'faults'}: ${names.join(', ')}\n`);
}

const breaksIn = ({ flags: given }: ParsedArgs): readonly string[] => [...new Set((given['break'] ?? []) as readonly string[])];

/** Validated before anything is started. */
async function checkBreaks(given: ParsedArgs): Promise<void> {
  const names = breaksIn(given);
  if (names.length === 0) return;
  const { clusterFaults } = await import('../../sandbox/faults/index.ts');
  const known: readonly string[] = clusterFaults.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw stop('BREAK_UNKNOWN', {
    message: `There is no break "${unknown}"${near ? `; did you mean ${near}?` : ''}`,
    fix: near ? `--break ${near}` : 'loki-eks sandbox --list-breaks',
  });
}

async function inSandbox(given: ParsedArgs, platform: Platform, act: (sandbox: Sandbox) => Promise<number>): Promise<number> {
  const options = optionsOf(given);
  await checkBreaks(given);
  const sandbox = await platform.sandbox(options);
  try {
    platform.stderr.write(`${['loki-eks sandbox: simulated, no AWS account is touched', ...sandbox.notes].join('\n')}\n`);
    return await act(sandbox);
  } finally {
    await sandbox.close();
    platform.stderr.write('loki-eks sandbox: stopped; this was a simulation, no AWS account was touched\n');
  }
}

function optionsOf({ flags: { region, seed, nodes, gpuNodes, grafana, real } }: ParsedArgs): SandboxOptions {
  const count = nodes === undefined ? undefined : Number(nodes);
  const gpu = gpuNodes === undefined ? undefined : Number(gpuNodes);
  const wrong = (message: string, fix: string) => stop('SETTING_INVALID', { message, fix });
  if (region !== undefined && !/^[a-z]{2,6}(-[a-z]+){1,3}-\d{1,2}$/.test(String(region)))
    throw wrong(`--region "${region}" does not look like a region`, '--region ap-northeast-2');
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= MOST_NODES))
    throw wrong(`--nodes "${nodes}" is no number from 1 to ${MOST_NODES}`, '--nodes 20');
  if (gpu !== undefined && !(Number.isInteger(gpu) && gpu >= 0 && gpu <= (count ?? 0)))
    throw wrong(`--gpu-nodes "${gpuNodes}" is no number from 0 to that of --nodes`, '--nodes 200 --gpu-nodes 20');
  return {
    ...(region !== undefined && { region: String(region) }),
    ...(seed !== undefined && { seed: seed as SandboxSeed }),
    ...(count !== undefined && { nodes: count }),
    ...(gpu !== undefined && { gpuNodes: gpu }),
    ...(grafana === true && { grafana }),
    ...(real !== undefined && { real: String(real) }),
  };
}

const environment = (sandbox: Sandbox): Readonly<Record<string, string>> => ({ ...sandbox.env, [SANDBOX_MARK]: '1' });

/** Safe to paste into sh, bash and zsh whatever the value holds. */
export const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

function signalled(platform: Platform): Promise<void> {
  return new Promise((resolve) => {
    const end = platform.onSignal(() => {
      end();
      resolve();
    });
  });
}
