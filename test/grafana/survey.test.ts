/** What doctor learns when Grafana lets it in: each data source for this Loki is asked as a panel would ask. */
import { describe, expect, it } from 'vitest';
import type { RunContext } from '../../src/deps.ts';
import type { Session } from '../../src/commands/connect.ts';
import { collectErrors } from '../../src/commands/doctor/collect/objects.ts';
import { askThroughGrafana, sourceNames, surveyDatasources, surveyGrafana } from '../../src/commands/doctor/collect/grafana.ts';
import { grafanaAsks } from '../../src/commands/doctor/analyze/through-grafana.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import { withLogin } from '../../src/design/grafana.ts';
import type { Grafana } from '../../src/ports/grafana.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { problem, ProblemError, type ProblemCode } from '../../src/problems/problem.ts';
import { grafanaObjects } from '../../src/sandbox/grafana/seed.ts';
import { someSettings } from '../support/facts.ts';

const url = 'http://loki-gateway.loki.svc.cluster.local';
/** By uid: lines that are shown, or what Grafana meets. */
const sources: Readonly<Record<string, number | ProblemCode>> = {
  fine: 3,
  empty: 0,
  'no-login': 'DATASOURCE_LOGIN_REFUSED',
  'no-tenant': 'READER_TENANT_MISSING',
  'no-way': 'GRAFANA_CANNOT_REACH_GATEWAY',
};

function grafanaWith(uids: readonly string[]): Grafana {
  const shown = uids.map((uid) => ({ uid, name: uid, type: 'loki', access: 'proxy', url, basicAuth: true, basicAuthUser: 'loki', jsonData: {} }));
  return {
    datasources: async () => [...shown, { ...shown[0], uid: 'prometheus', type: 'prometheus' }, { ...shown[0], uid: 'other', url: 'http://other' }],
    lines: async (uid: string) => {
      const of = sources[uid];
      if (typeof of === 'string') throw new ProblemError(problem(of));
      return Array.from({ length: of ?? 0 }, () => 'a line');
    },
  } as unknown as Grafana;
}

async function verdictWith(uids: readonly string[], flags: Readonly<Record<string, unknown>> = { grafanaAdmin: true }) {
  const objects: readonly KubeObject[] = grafanaObjects();
  const kubernetes = {
    list: async ({ kind }: { kind: string }) => objects.filter((object) => object.kind === kind),
    get: async ({ kind, name }: { kind: string; name: string }) => objects.find((object) => object.kind === kind && object.metadata.name === name),
    denied: async () => [],
  };
  const hidden: string[] = [];
  const deps = { grafana: async () => grafanaWith(uids), hide: (secret: string) => void hidden.push(secret) };
  const looking = {
    run: { settings: someSettings(flags), deps } as unknown as RunContext,
    session: { kubernetes } as unknown as Session,
    miss: collectErrors([]),
  };
  const found = await surveyGrafana(looking);
  const throughGrafana = found && (await askThroughGrafana(found, (address) => address === url));
  const verdict = await grafanaAsks.run({ ...(throughGrafana && { throughGrafana }) } as Evidence, new AbortController().signal);
  return { verdict, hidden };
}

describe('doctor, let into Grafana', () => {
  it('passes where Loki answers, with or without lines', async () => {
    const { verdict, hidden } = await verdictWith(['fine', 'empty']);
    expect(verdict).toEqual({ is: 'pass', detail: '"fine" returns log lines, "empty" returns no log lines for the last hour' });
    expect(hidden).toEqual(['prom-operator']);
  });

  it.each([
    ['no-login', 'DATASOURCE_LOGIN_REFUSED'],
    ['no-tenant', 'READER_TENANT_MISSING'],
    ['no-way', 'DATASOURCE_URL'],
  ])('%s is %s', async (uid, code) => {
    const { verdict } = await verdictWith(['fine', uid]);
    expect(verdict).toMatchObject({ is: 'fail', problem: { code, evidence: [`Deployment monitoring/monitoring-grafana, data source ${uid}: url: ${url}`] } });
  });

  it('asks nothing without a login', async () => {
    expect((await verdictWith(['fine'], {})).verdict).toMatchObject({ is: 'skip' });
  });
});

it('reads a password with dollars from the file as Grafana does', async () => {
  const file = withLogin('apiVersion: 1\ndatasources:\n  - {name: a, type: loki, basicAuth: true}\n', { user: 'loki', password: 'a$b$$c' });
  const data = { 'a.yaml': Buffer.from(file).toString('base64') };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'monitoring' }, data };
  const kubernetes = { list: async ({ kind }: { kind: string }) => (kind === 'Secret' ? [secret] : []) };
  const run = { deps: { hide: () => {} } } as unknown as RunContext;
  const { datasources, whole } = await surveyDatasources({ run, session: { kubernetes } as unknown as Session, miss: collectErrors([]) });
  expect(whole).toBe(true);
  expect(datasources[0]?.login).toEqual({ user: 'loki', password: 'a$b$$c' });
});

describe('what a dashboard may name', () => {
  const provisioning = (sources: string) => `apiVersion: 1\ndatasources:\n${sources}`;
  async function namesIn(texts: readonly string[], uids?: readonly string[]) {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'monitoring' },
      data: Object.fromEntries(texts.map((text, at) => [`${at}.yaml`, text])),
    };
    const kubernetes = { list: async ({ kind }: { kind: string }) => (kind === 'ConfigMap' ? [object] : []) };
    const run = { deps: { hide: () => {} } } as unknown as RunContext;
    const provisioned = await surveyDatasources({ run, session: { kubernetes } as unknown as Session, miss: collectErrors([]) });
    const inGrafana = uids && { grafana: grafanaWith([]), sources: uids.map((uid) => ({ uid, name: uid, from: '', url })) };
    return sourceNames(provisioned, inGrafana) && [...sourceNames(provisioned, inGrafana)!].toSorted();
  }
  const loki = '  - {name: Loki, type: loki, url: "http://a"}\n';

  it('is a uid that was given, or the one that Grafana makes of a name, and the name itself', async () => {
    const other = '  - {name: Metrics, type: prometheus, uid: prom}\n  - {name: Mine, type: loki, uid: mine}\n';
    expect(await namesIn([provisioning(loki + other)])).toEqual(['Loki', 'Mine', 'P8E80F9AEF21F6940', 'mine']);
  });

  it.each([
    ['nothing is provisioned', []],
    ['a uid is a variable', [provisioning('  - {name: Loki, type: loki, uid: $LOKI_UID}\n')]],
    ['a file is no YAML', [provisioning(loki), 'datasources: [{{ nothing }']],
  ])('is not known where %s, but for what Grafana itself tells', async (_, texts) => {
    expect(await namesIn(texts)).toBeUndefined();
    expect(await namesIn(texts, ['by-hand'])).toContain('by-hand');
  });
});
