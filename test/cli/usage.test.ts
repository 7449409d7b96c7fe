/** Wrong words: one clear message, exit 2, nothing called, nothing else printed. */
import { describe, expect, it } from 'vitest';
import { cli } from './fake-platform.ts';

/** Message, fix and more: everything that is said when the words are wrong. */
const said = (stderr: string) => stderr.trim().split('\n');

describe('wrong usage', () => {
  it.each([
    ['instal', 'COMMAND_UNKNOWN', 'Unknown command "instal"; did you mean install?', 'loki-eks install'],
    ['frobnicate', 'COMMAND_UNKNOWN', 'Unknown command "frobnicate"', 'loki-eks --help'],
    ['nonsense --help', 'COMMAND_UNKNOWN', 'Unknown command "nonsense"', 'loki-eks --help'],
    ['-h statsu', 'COMMAND_UNKNOWN', 'Unknown command "statsu"; did you mean status?', 'loki-eks status'],
    ['sandbox strat -h', 'COMMAND_UNKNOWN', 'Unknown command "strat"; did you mean start?', 'loki-eks sandbox start'],
    ['', 'COMMAND_MISSING', 'A command is required', 'Run `loki-eks install`, or `loki-eks --help` to list all commands'],
    [
      'install --retention-day 3',
      'FLAG_UNKNOWN',
      'loki-eks install has no flag --retention-day; did you mean --retention-days?',
      'Write --retention-days, or see loki-eks install --help',
    ],
    [
      'install --retention-day=3',
      'FLAG_UNKNOWN',
      'loki-eks install has no flag --retention-day; did you mean --retention-days?',
      'Write --retention-days, or see loki-eks install --help',
    ],
    ['install --yes=1', 'FLAG_UNKNOWN', '--yes takes no value', 'Write --yes alone, or see loki-eks install --help'],
    ['status --dry-run', 'FLAG_UNKNOWN', 'loki-eks status has no flag --dry-run', 'loki-eks status --help'],
    ['--verison', 'FLAG_UNKNOWN', 'loki-eks has no flag --verison; did you mean --version?', 'Write --version, or see loki-eks --help'],
    ['install --region', 'FLAG_VALUE_MISSING', '--region has no value', 'Write --region REGION'],
    ['plan --cluster x --show vlaues', 'FLAG_VALUE_INVALID', '--show can\'t be "vlaues"', 'Use one of values, policies, alloy, grafana, manifests'],
    ['install prod', 'ARGUMENT_UNEXPECTED', 'loki-eks install does not accept "prod"', 'loki-eks install --help'],
    ['explain A B', 'ARGUMENT_UNEXPECTED', 'loki-eks explain does not accept "B"', 'loki-eks explain --help'],
    ['completion', 'ARGUMENT_MISSING', 'loki-eks completion requires SHELL', 'source <(loki-eks completion bash)'],
    ['completion tcsh', 'FLAG_VALUE_INVALID', '"tcsh" is not one of bash, zsh, fish', 'loki-eks completion bash'],
    ['sandbox', 'COMMAND_MISSING', 'loki-eks sandbox requires a subcommand', 'loki-eks sandbox --help'],
    ['sandbox rnu', 'COMMAND_UNKNOWN', 'Unknown command "rnu"; did you mean run?', 'loki-eks sandbox run'],
    ['sandbox run', 'ARGUMENT_MISSING', 'loki-eks sandbox run requires COMMAND', 'loki-eks sandbox run -- loki-eks install'],
    ['kube-token', 'ARGUMENT_MISSING', 'loki-eks kube-token requires --cluster', 'loki-eks kube-token --cluster NAME'],
    ['explain ALOY', 'CODE_UNKNOWN', 'There is no problem code ALOY', 'loki-eks explain    (lists all codes)'],
  ])('%s', async (line, code, message, fix) => {
    const { exit, stdout, stderr } = await cli(line, { columns: 200 });
    expect(exit).toBe(2);
    expect(stdout).toBe('');
    const [first = '', ...rest] = said(stderr);
    expect(first.replace(/\s+/g, ' ')).toBe(`✖ ${message} [${code}]`);
    expect(rest).toEqual([`  fix    ${fix}`, `  more   loki-eks explain ${code}`, '', '✖ Not started; nothing changed.']);
  });

  it('is one event on stdout and nothing on stderr with --output json', async () => {
    const { exit, stderr, events } = await cli('install --output json --clutser prod');
    expect(exit).toBe(2);
    expect(stderr).toBe('');
    expect(events()).toEqual([
      expect.objectContaining({
        v: 1,
        seq: 0,
        type: 'run.finished',
        outcome: 'refused',
        exit: 2,
        problems: [expect.objectContaining({ code: 'FLAG_UNKNOWN' })],
      }),
    ]);
  });

  it('never lets a word from the command line steer the terminal', async () => {
    const { stderr } = await cli(['install', '--\u001b[31mred\u0007']);
    expect(stderr).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});

describe('help and version', () => {
  it('says the version and nothing else', async () => {
    expect(await cli('--version')).toMatchObject({ exit: 0, stdout: '9.8.7\n', stderr: '' });
  });

  it.each([
    '--help',
    'install --help',
    'plan -h',
    'status --help',
    'verify --help',
    'uninstall --help',
    'sandbox --help',
    'sandbox run --help',
    'sandbox start --help',
    'explain --help',
    'completion --help',
  ])('%s fits 80 columns', async (line) => {
    const { exit, stdout, stderr } = await cli(line);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain('Usage: loki-eks');
    expect(stdout.split('\n').filter((text) => text.length > 80 && !text.trimStart().startsWith('loki-eks'))).toEqual([]);
  });

  it('groups the flags of install and hides what is internal', async () => {
    const { stdout } = await cli('install --help');
    const headings = stdout.split('\n').filter((line) => /^\w.*:$/.test(line));
    expect(headings).toEqual(['Options:', 'Target:', 'Names:', 'Logs:', 'AWS:', 'Exposure:', 'Grafana:', 'Charts:', 'Run:', 'Examples:']);
    expect((await cli('--help')).stdout).not.toContain('kube-token');
  });
});
