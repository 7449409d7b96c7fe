/** The guide's installation, made with its own values: what keeps its lines away is named, one after the other, until they come. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../helpers/sandbox-cli.ts';
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

  it('once it is mounted, the data source without a login', async () => {
    await does(terminal, 'helm upgrade alloy grafana/alloy -n alloy -f alloy-values.yaml --set alloy.mounts.varlog=true --wait');
    const { result, codes } = await eventually(terminal, 'DATASOURCE_NO_LOGIN');
    expect(codes).toEqual(['DATASOURCE_NO_LOGIN']);
    expect(result.root?.problem.evidence).toEqual([
      'ConfigMap monitoring/loki-datasource, loki.yaml: basicAuth is not set',
      'ConfigMap loki/loki-gateway, nginx.conf: auth_basic is on',
      expect.stringMatching(/^GET \/loki\/api\/v1\/labels as the data source asks: HTTP 401 401 Authorization Required/),
    ]);
  });

  it('then the data source without a tenant', async () => {
    await datasource(terminal, [url, ...login, 'secureJsonData: {basicAuthPassword: loki}']);
    const { result, codes } = await diagnose(terminal);
    expect(codes).toEqual(['READER_TENANT_MISSING']);
    expect(result.root?.problem.evidence?.join()).toContain('HTTP 401 no org id');
    expect(result.root?.problem.fix).toContain('httpHeaderValue1: foo');
  });

  it('then another tenant, a wrong password, the push path', async () => {
    const header = 'jsonData: {httpHeaderName1: X-Scope-OrgID}';
    const secure = (tenant: string, password = 'loki') => `secureJsonData: {basicAuthPassword: ${password}, httpHeaderValue1: ${tenant}}`;
    const story = async (lines: readonly string[]) => {
      await datasource(terminal, lines);
      return (await diagnose(terminal)).codes;
    };
    expect((await story([url, ...login, header, secure('bar')]))[0]).toBe('READER_TENANT_OTHER');
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
      expect.arrayContaining(['VALUES_UNKNOWN_KEY', 'LOKI_PATTERNS_UNSERVED', 'LOKI_WAL_EPHEMERAL', 'GATEWAY_OPEN', 'ALLOY_NO_CRI', 'ALLOY_POSITIONS_LOST']),
    );
    expect(result.unseen).toEqual([]);
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
      'COLLECTOR_BARRED',
      'GATEWAY_OPEN',
      'LOKI_CACHE_LARGE',
      'LOKI_PATTERNS_UNSERVED',
      'LOKI_WAL_EPHEMERAL',
      'VALUES_SHADOWED',
    ]);
  });
});
