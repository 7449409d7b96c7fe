/** Other namespaces, and no record of an installation: found by the labels of the charts, without a word from the user. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { editText, restart } from './edits.ts';
import { diagnose, does, eventually } from './patient.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal({ nodes: 4, speed: 10 });
  const { exit, stderr } = await terminal.cli(['install', '--yes', '--size', 'small', '--namespace', 'logging', '--collector-namespace', 'agents']);
  expect(exit, stderr).toBe(0);
}, 300_000);
afterAll(() => terminal?.close());

describe('an installation in namespaces of its own', () => {
  it('is found without being told where, and without the record of the installation', async () => {
    await does(terminal, 'kubectl delete secret loki-eks -n logging');
    const { exit, result } = await eventually(terminal, undefined);
    expect(result.findings).toEqual([]);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ subject: { loki: 'logging, loki 18.11.0, release loki', collectors: ['DaemonSet agents/alloy, alloy 1.11.1'] } });
  });

  it('lines that Loki discards are counted by reason', async () => {
    const config = { key: 'config.yaml', change: (text: string) => text.replace('limits_config:', 'limits_config:\n  max_label_names_per_series: 1') };
    const back = await editText(terminal, 'configmap/loki -n logging', config);
    await restart(terminal, 'deploy/loki-distributor -n logging');
    const { result } = await eventually(terminal, 'LOKI_LABELS_LIMITED');
    await back();
    await restart(terminal, 'deploy/loki-distributor -n logging');
    const found = result.findings.find(({ problem }) => problem.code === 'LOKI_LABELS_LIMITED');
    expect(found).toMatchObject({ hop: 'limits', severity: 'fail', problem: { message: expect.stringContaining('max_label_names_per_series') } });
  });

  it('without a Loki, says so', async () => {
    await does(terminal, 'kubectl delete deploy,sts -n logging -l app.kubernetes.io/name=loki');
    const { exit, result } = await diagnose(terminal);
    expect(exit).toBe(6);
    expect(result.root?.problem.code).toBe('LOKI_NOT_FOUND');
  });
});
