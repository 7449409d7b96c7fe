/**
 * The guide's installation, made with its own values: what keeps its lines away is named, one after the other, and mended where that may be
 * done and somebody has agreed to it by name, until the lines come.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hops } from '../../src/commands/doctor/analyze/evidence.ts';
import { gatewayForward } from '../support/gateway-forward.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { installGuide } from './guide-installation.ts';
import { datasource, diagnose, does, eventually } from './patient.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal({ nodes: 4, speed: 10 });
  await installGuide(terminal);
}, 300_000);
afterAll(() => terminal?.close());

const url = 'url: http://loki-gateway.loki.svc.cluster.local';
const login = ['basicAuth: true', 'basicAuthUser: loki'];

const fix = (...words: readonly string[]): Promise<Ran> => terminal.cli(['doctor', '--fix', '--output', 'json', ...words]);
const resultOf = (events: Ran['events']) => events.findLast(({ type }) => type === 'doctor.finished')!['result'];
const notesOf = (events: Ran['events']): string =>
  events
    .filter(({ type }) => type === 'note.given')
    .map(({ text }) => text)
    .join('\n');

/** What Loki has of the pod that counts epochs, asked through a port-forward as a person would. */
async function lines(): Promise<readonly string[]> {
  const query =
    'curl --silent --fail --get --user loki:loki --header X-Scope-OrgID:foo --data-urlencode \'query={pod="train"}\' http://127.0.0.1:$port/loki/api/v1/query_range';
  const { data } = JSON.parse(await does(terminal, `${gatewayForward}${query}`));
  return data.result.flatMap(({ values }: any) => values.map(([, line]: readonly string[]) => line));
}

describe('doctor, in the cluster that the guide has made', () => {
  it('names /var/log first, with the keys that the chart ignored, and no noise', async () => {
    await datasource(terminal, [url]);
    const { exit, result, codes, stdout } = await eventually(terminal, 'ALLOY_NO_VARLOG');
    expect(exit).toBe(6);
    expect(result.root).toMatchObject({
      hop: 'alloy-read',
      problem: {
        code: 'ALLOY_NO_VARLOG',
        message: "DaemonSet alloy/alloy reads /var/log/pods, but the node's /var/log is not mounted into it",
        fix: expect.stringContaining('alloy.extraVolumes'),
        evidence: expect.arrayContaining([expect.stringMatching(/^pod alloy-\w+: loki_source_file_files_active_total 0$/)]),
      },
    });
    const roles = Object.fromEntries(result.findings.map(({ problem, role }) => [problem.code, role]));
    expect(roles).toMatchObject({ ALLOY_NO_FILES: 'consequence', NOTHING_ARRIVES: 'consequence', DATASOURCE_NO_LOGIN: 'also' });
    expect(codes).not.toContain('ALLOY_PUSH_REFUSED');
    expect(stdout).not.toContain('noop client');
  });

  it('mends nothing of somebody else unasked: it says what it would do, and how to agree to it', async () => {
    await does(terminal, `kubectl run train --image=busybox --restart=Never -- sh -c 'n=1; while true; do echo epoch $n; n=$((n+1)); sleep 1; done'`);
    expect(await lines()).toEqual([]);
    terminal.writes();
    const { exit, events } = await fix();
    expect([exit, terminal.writes()]).toEqual([6, []]);
    expect(notesOf(events)).toContain('loki-eks doctor --fix --confirm-fix ALLOY_NO_VARLOG:alloy/alloy');
    const other = await fix('--confirm-fix', 'ALLOY_NO_VARLOG');
    expect([other.exit, terminal.writes()]).toEqual([6, []]);
  });

  it('agreed to by name, it puts the one value into their release, and the lines come', async () => {
    const before = JSON.parse(await does(terminal, 'helm get values alloy -n alloy -o json'));
    const { exit, events } = await fix('--confirm-fix', 'ALLOY_NO_VARLOG:alloy/alloy');
    expect(exit).toBe(6);
    const { changes } = events.find(({ type }) => type === 'plan.finished')!['steps'][0].finding;
    expect(changes).toMatchObject([{ action: 'update', target: 'DaemonSet alloy/alloy' }]);
    expect(changes[0].diff.every((line: string) => line.startsWith('+ ') && line.includes('varlog'))).toBe(true);
    const after = JSON.parse(await does(terminal, 'helm get values alloy -n alloy -o json'));
    expect(after).toEqual({ ...before, alloy: { ...before.alloy, mounts: { varlog: true } } });
    expect(
      JSON.parse(await does(terminal, 'helm history alloy -n alloy -o json')).map(({ revision, status, description }: any) => [revision, status, description]),
    ).toEqual([
      [1, 'superseded', 'Install complete'],
      [2, 'deployed', 'loki-eks doctor --fix ALLOY_NO_VARLOG'],
    ]);
    expect((await lines()).length).toBeGreaterThan(0);
    expect(resultOf(events).root.problem.code).toBe('DATASOURCE_NO_LOGIN');
  });

  it('once it is mounted, the data source without a login', async () => {
    const { result, codes } = await diagnose(terminal);
    expect(codes).toEqual(['DATASOURCE_NO_LOGIN']);
    expect(result.root?.problem.evidence).toEqual([
      'ConfigMap monitoring/loki-datasource, loki.yaml: basicAuth is not set',
      'ConfigMap loki/loki-gateway, nginx.conf: auth_basic is on',
      expect.stringMatching(/^GET \/loki\/api\/v1\/labels as the data source asks: HTTP 401 Authorization Required/),
    ]);
    // A password in a ConfigMap is nothing that a program should write.
    terminal.writes();
    expect((await fix('--confirm-fix', 'DATASOURCE_NO_LOGIN')).exit).toBe(6);
    expect(terminal.writes()).toEqual([]);
  });

  it('then the data source without a tenant, which is mended once it was named', async () => {
    await datasource(terminal, [url, ...login, 'secureJsonData: {basicAuthPassword: loki}']);
    const { result, codes } = await diagnose(terminal);
    expect(codes).toEqual(['READER_TENANT_MISSING']);
    expect(result.root?.problem.evidence?.join()).toContain('HTTP 401 no org id');
    expect(result.root?.problem.fix).toContain('httpHeaderValue1: foo');
    const { exit, events } = await fix('--confirm-fix', 'READER_TENANT_MISSING:monitoring/loki-datasource');
    expect([exit, resultOf(events).healthy]).toEqual([0, true]);
    const file = await does(terminal, "kubectl get configmap loki-datasource -n monitoring -o jsonpath='{.data.loki\\.yaml}'");
    expect(parse(file).datasources).toMatchObject([
      { basicAuthUser: 'loki', jsonData: { httpHeaderName1: 'X-Scope-OrgID' }, secureJsonData: { basicAuthPassword: 'loki', httpHeaderValue1: 'foo' } },
    ]);
    expect(await does(terminal, 'kubectl get secrets,leases -A -o name')).not.toContain('loki-eks');
  });

  it('and draws all of it on one page', async () => {
    const page = join(terminal.folder, 'report.html');
    expect((await terminal.cli(['doctor', '--html', 'report.html'])).exit).toBe(0);
    const html = await readFile(page, 'utf8');
    expect(html).toContain('<h1>Logs flow end to end</h1>');
    expect(html.match(/class="hop (good|careful|bad|unknown)/g)?.length).toBe(2 * hops.length);
    expect(html).not.toMatch(/<script|basicAuthPassword: loki/);
  });

  it('then another tenant, a wrong password, the push path', async () => {
    const header = 'jsonData: {httpHeaderName1: X-Scope-OrgID}';
    const secure = (tenant: string, password = 'loki') => `secureJsonData: {basicAuthPassword: ${password}, httpHeaderValue1: ${tenant}}`;
    const story = async (lines: readonly string[]) => {
      await datasource(terminal, lines);
      return (await diagnose(terminal)).codes;
    };
    expect((await story([url, ...login, header, secure('bar')]))[0]).toBe('READER_TENANT_MISMATCH');
    expect(await story([url, ...login, header, secure('foo', 'wrong')])).toEqual(['DATASOURCE_LOGIN_REFUSED']);
    expect(await story([`${url}/loki/api/v1/push`, ...login, header, secure('foo')])).toEqual(['DATASOURCE_URL']);
    expect(await story([url.replace('gateway', 'distributor'), ...login, header, secure('foo')])).toEqual(['DATASOURCE_URL']);
    expect(await story([url, ...login, header, secure('foo')])).toEqual([]);
  });

  it('and in the end nothing, but what is worth a look', async () => {
    const { exit, result } = await diagnose(terminal);
    expect(exit).toBe(0);
    expect(result.healthy).toBe(true);
    const codes = result.findings.map(({ problem }) => problem.code);
    expect(codes).toEqual(
      expect.arrayContaining([
        'VALUES_UNKNOWN_KEY',
        'LOKI_PATTERN_INGESTER_MISSING',
        'LOKI_WAL_EPHEMERAL',
        'GATEWAY_EXPOSED',
        'ALLOY_NO_CRI',
        'ALLOY_POSITIONS_LOST',
      ]),
    );
    expect(result.notCollected).toEqual([]);
  });
});

describe("the guide's two values files", () => {
  it('yield all their faults without a cluster', async () => {
    const { exit, result } = await diagnose(terminal, ['--values', 'loki-values.yaml', '--values', 'alloy-values.yaml']);
    expect(exit).toBe(6);
    const said = result.findings.map(({ problem: { code, message } }) => `${code} ${message}`);
    for (const path of ['loki.ruler', 'gateway.service.loadBalancerSourceRanges', 'alloy.controller', 'alloy.extraVolumeMounts', 'alloy.extraVolumes'])
      expect(said.filter((one) => one.startsWith('VALUES_UNKNOWN_KEY') && one.includes(`"${path}"`))).toHaveLength(1);
    const codes = result.findings.map(({ problem }) => problem.code).filter((code) => code !== 'VALUES_UNKNOWN_KEY');
    expect(codes.toSorted()).toEqual([
      'ALLOY_JOB_LABEL',
      'ALLOY_NO_CRI',
      'ALLOY_NO_VARLOG',
      'ALLOY_POSITIONS_LOST',
      'ALLOY_PRIVILEGED',
      'ALLOY_SECRET_IN_CONFIG',
      'COLLECTOR_EXCLUDED_FROM_NODES',
      'GATEWAY_EXPOSED',
      'LOKI_CACHE_LARGE',
      'LOKI_PATTERN_INGESTER_MISSING',
      'LOKI_WAL_EPHEMERAL',
      'VALUES_SHADOWED',
    ]);
  });
});
