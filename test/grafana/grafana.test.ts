/** Grafana over a whole installation: what it is given, what it shows, what it does not, and what is left when we go. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGrafana } from '../../src/adapters/grafana/api.ts';
import type { Grafana, GrafanaLogin } from '../../src/ports/grafana.ts';
import { openHarness, type Harness, type Ran } from '../fault-injection/harness.ts';

const ADMIN = { user: 'admin', password: 'prom-operator' };
const OURS = 'loki-eks-3e552630';

let harness: Harness;
let installed: Ran;
beforeAll(async () => {
  harness = await openHarness(undefined, { speed: 10, grafana: true });
  installed = await harness.run({ command: 'install', flags: { verify: true, grafanaAdmin: true } });
}, 180_000);
afterAll(() => harness.close());

async function ask(method: string, path: string, of: { readonly login?: GrafanaLogin; readonly body?: unknown } = {}) {
  const login = of.login ?? ADMIN;
  const authorization = 'token' in login ? `Bearer ${login.token}` : `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  const [pod] = harness.world.store.list('Pod', { namespace: 'monitoring', selector: 'app.kubernetes.io/name=grafana' });
  if (!pod) throw new Error('there is no pod of Grafana');
  const body = Buffer.from(of.body === undefined ? '' : typeof of.body === 'string' ? of.body : JSON.stringify(of.body));
  const answer = await harness.world.runtime.request(pod, 3000, { method, path, headers: { authorization }, body });
  return { status: answer.status, body: Buffer.from(answer.body).toString() };
}

const grafana = (login: GrafanaLogin = ADMIN): Grafana =>
  openGrafana({ login, where: 'Grafana', send: ({ method, path, body }) => ask(method, path, { login, ...(body !== undefined && { body }) }) });

async function token(role: string): Promise<GrafanaLogin> {
  const { id } = JSON.parse((await ask('POST', '/api/serviceaccounts', { body: { name: role, role } })).body) as { id: number };
  const { key } = JSON.parse((await ask('POST', `/api/serviceaccounts/${id}/tokens`, { body: { name: 'test' } })).body) as { key: string };
  return { token: key };
}

const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'none',
    (error: { problem?: { code: string } }) => error.problem?.code ?? String(error),
  );

/** The same Grafana at an address, as an ingress would give it. */
let door: { readonly url: string; readonly close: () => void };
beforeAll(async () => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const login = { token: (request.headers.authorization ?? '').replace('Bearer ', '') };
      void ask(request.method ?? 'GET', request.url ?? '/', { login, body: Buffer.concat(chunks).toString() }).then(({ status, body }) =>
        response.writeHead(status).end(body),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  door = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
});
afterAll(() => door.close());

/** A ConfigMap of somebody else's, as the sidecar reads it. */
const foreign = (name: string, lines: readonly string[]): void => {
  const text = ['apiVersion: 1', 'datasources:', `  - name: ${name}`, `    uid: ${name}`, '    type: loki', ...lines.map((line) => `    ${line}`)].join('\n');
  const labels = { grafana_datasource: '1' };
  harness.world.store.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'monitoring', labels }, data: { [`${name}.yaml`]: text } });
};
const url = 'url: http://loki-gateway.loki.svc.cluster.local';
const known = (uid: string) => expect.poll(async () => (await grafana().datasources()).map((one) => one.uid), { timeout: 5000 }).toContain(uid);
const anything = { logql: '{namespace=~".+"}', sinceMs: 3_600_000, limit: 5 };

describe('after install', () => {
  it('the line that proves the way was found through Grafana', () => {
    expect(installed.events.at(-1)).toMatchObject({ exit: 0 });
    const shown = installed.events.find((event) => event.type === 'check.finished' && event.check === 'grafana.shows-line');
    expect(shown).toMatchObject({ verdict: { is: 'pass', detail: expect.stringContaining('Deployment monitoring/monitoring-grafana') } });
  });

  it('the data source leads to the gateway, without the push path; its password is in the Secret only', async () => {
    const found = (await grafana().datasources()).find(({ uid }) => uid === OURS);
    expect(found).toMatchObject({
      name: 'Loki (training-on-eks)',
      url: url.slice(5),
      basicAuth: true,
      basicAuthUser: 'loki',
      jsonData: { httpHeaderName1: 'X-Scope-OrgID' },
    });
    const secret = harness.world.store.get('Secret', 'loki', 'loki-gateway-login')?.['data'] as { password: string };
    const password = Buffer.from(secret.password, 'base64').toString();
    const open = ['ConfigMap', 'Deployment'].flatMap((kind) => harness.world.store.list(kind));
    expect(JSON.stringify(open)).not.toContain(password);
  });

  it('a token that may only read finds lines, and may change nothing', async () => {
    const viewer = grafana(await token('Viewer'));
    expect((await viewer.lines(OURS, anything)).length).toBe(5);
    expect(await codeOf(viewer.deleteDashboard(OURS))).toBe('GRAFANA_FORBIDDEN');
    expect(await codeOf(grafana({ token: 'glsa_of_yesterday' }).lines(OURS, anything))).toBe('GRAFANA_LOGIN_REFUSED');
    expect(await codeOf(viewer.lines('nobody', anything))).toBe('GRAFANA_DATASOURCE_UNKNOWN');
  });
});

describe('data sources that are made by hand', () => {
  it('without a login: the gateway refuses', async () => {
    foreign('no-login', [url, 'jsonData: {httpHeaderName1: X-Scope-OrgID}', 'secureJsonData: {httpHeaderValue1: training-on-eks}']);
    await known('no-login');
    expect(await codeOf(grafana().lines('no-login', anything))).toBe('DATASOURCE_LOGIN_REFUSED');
  });

  it('without a tenant, or with that of others, where no gateway sets it', async () => {
    const direct = 'url: http://loki-query-frontend.loki.svc.cluster.local:3100';
    foreign('no-tenant', [direct]);
    foreign('other-tenant', [direct, 'jsonData: {httpHeaderName1: X-Scope-OrgID}', 'secureJsonData: {httpHeaderValue1: somebody}']);
    await known('other-tenant');
    expect(await codeOf(grafana().lines('no-tenant', anything))).toBe('READER_TENANT_MISSING');
    expect(await grafana().lines('other-tenant', anything)).toEqual([]);
    // Which is why this proves nothing.
    expect(await ask('GET', '/api/datasources/uid/other-tenant/health')).toMatchObject({ status: 200 });
  });

  it('with an address that leads nowhere from where Grafana is', async () => {
    foreign('elsewhere', ['url: http://loki-gateway']);
    await known('elsewhere');
    expect(await codeOf(grafana().lines('elsewhere', anything))).toBe('GRAFANA_CANNOT_REACH_GATEWAY');
  });
});

describe('through the API', () => {
  it('makes, changes and takes away what is ours, and nothing that a file has made', async () => {
    const admin = grafana(await token('Admin'));
    const ours = (await admin.datasources()).find(({ uid }) => uid === OURS);
    if (!ours) throw new Error('our data source is not there');
    const secret = harness.world.store.get('Secret', 'loki', 'loki-gateway-login')?.['data'] as { password: string };
    const password = Buffer.from(secret.password, 'base64').toString();
    const wanted = { ...ours, uid: 'by-api', name: 'By API', jsonData: { ...ours.jsonData, lokiEks: { tenant: 'training-on-eks' } } };
    await admin.createDatasource(wanted, { basicAuthPassword: password, httpHeaderValue1: 'training-on-eks' });
    expect((await admin.datasources()).find(({ uid }) => uid === 'by-api')).toEqual(wanted);
    await admin.updateDatasource({ ...wanted, name: 'Renamed' }, {});
    expect((await admin.lines('by-api', anything)).length).toBe(5);
    expect(await codeOf(admin.createDatasource(wanted, {}))).toBe('GRAFANA_FAILED');
    expect(await codeOf(admin.updateDatasource(ours, {}))).toBe('GRAFANA_FORBIDDEN');
    await admin.deleteDatasource('by-api');
    await admin.deleteDatasource('by-api');
    const board = { uid: 'by-api', title: 'By API', tags: ['x'] };
    await admin.saveDashboard(board);
    await admin.saveDashboard({ ...board, title: 'Renamed' });
    expect(await admin.dashboard('by-api')).toMatchObject({ title: 'Renamed', tags: ['x'] });
    await admin.deleteDashboard('by-api');
    expect(await admin.dashboard('by-api')).toBeUndefined();
  });
});

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly panels?: readonly Panel[];
  readonly targets?: readonly { readonly expr: string; readonly queryType: string; readonly datasource: object }[];
}

describe('the dashboard', () => {
  const panelsOf = async (): Promise<readonly Panel[]> => {
    const board = (await grafana().dashboard(OURS)) as unknown as { panels: readonly Panel[] };
    return board.panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]));
  };
  /** What Grafana's page puts in for "All" and an empty search. */
  const filled = (expr: string) => expr.replaceAll('$cluster', '.+').replaceAll('$namespace', '.+').replaceAll('$pod', '.+').replaceAll('$search', '');

  it('asks what Loki understands, with labels that our lines have', async () => {
    const panels = await panelsOf();
    expect(panels.length).toBe(12);
    const labels = ['namespace', 'pod', 'container', 'node', 'app', 'job', 'cluster', 'stream'];
    for (const { title, targets = [] } of panels) {
      for (const target of targets) {
        const query = { ...target, refId: 'A', expr: filled(target.expr) };
        const answer = await ask('POST', '/api/ds/query', { body: { queries: [query], from: 'now-30m', to: 'now' } });
        expect(answer, `${title}: ${query.expr}`).toMatchObject({ status: 200 });
        const { results } = JSON.parse(answer.body) as { results: { A: { frames: readonly object[] } } };
        // Nothing is silent here, nothing complains, and nothing has failed.
        if (!/Silent|complain|Errors/.test(title)) expect(results.A.frames.length, title).toBeGreaterThan(0);
        const used = [...query.expr.matchAll(/[{,]\s*(\w+)\s*=~?/g), ...query.expr.matchAll(/by \((\w+)\)/g)].map(([, label]) => label);
        expect(
          used.filter((label) => !labels.includes(label ?? '')),
          query.expr,
        ).toEqual([]);
      }
    }
  });

  it('knows how old the newest line of each node is', async () => {
    const target = (await panelsOf()).find(({ title }) => /last line, by node/.test(title))?.targets?.[0];
    const query = { ...target, refId: 'A', expr: filled(target?.expr ?? '') };
    const { body } = await ask('POST', '/api/ds/query', { body: { queries: [query], from: 'now-30m', to: 'now' } });
    const frames = (JSON.parse(body) as { results: { A: { frames: { schema: { fields: { labels?: { node: string } }[] }; data: { values: number[][] } }[] } } })
      .results.A.frames;
    expect(frames.map(({ schema }) => schema.fields[1]?.labels?.node).filter(Boolean).length).toBe(3);
    for (const { data } of frames) expect(data.values[1]?.[0]).toBeLessThan(600);
  });
});

describe('from the sidecars to the API', () => {
  it('moves what is ours, once, and finds the line through it', async () => {
    const admin = await token('Admin');
    const moved = await harness.run({
      command: 'install',
      flags: { verify: true, grafanaUrl: door.url, grafanaTokenFile: 'token' in admin ? admin.token : '' },
    });
    expect(moved.events.at(-1)).toMatchObject({ exit: 0 });
    const shown = moved.events.find((event) => event.type === 'check.finished' && event.check === 'grafana.shows-line');
    expect(shown).toMatchObject({ verdict: { is: 'pass' } });
    const found = (await grafana().datasources()).filter(({ uid, name }) => uid === OURS || name === 'Loki (training-on-eks)');
    expect(found.map(({ jsonData }) => jsonData['lokiEks'])).toEqual([expect.objectContaining({ tenant: 'training-on-eks' })]);
    expect(JSON.parse((await ask('GET', `/api/dashboards/uid/${OURS}`)).body)).toMatchObject({ meta: { provisioned: false } });
    expect(harness.world.store.list('Secret').filter(({ metadata }) => metadata.name.startsWith('loki-eks-datasource'))).toEqual([]);
  });
});

describe('after uninstall', () => {
  it('without its address, it is told what stays there and how to remove it', async () => {
    const gone = await harness.run({ command: 'uninstall', flags: {} });
    expect(gone.exit).toBe(0);
    const notes = gone.events.flatMap((event) => (event.type === 'note.given' && event.text.includes('Grafana') ? [event.text] : []));
    expect(notes).toEqual([expect.stringContaining(`--grafana-url '${door.url}' --grafana-token-file FILE`)]);
    expect(notes[0]).toContain(OURS);
    expect((await grafana().datasources()).map(({ uid }) => uid)).toContain(OURS);
  });

  it('Grafana has lost ours, and nothing else', async () => {
    const admin = await token('Admin');
    const gone = await harness.run({ command: 'uninstall', flags: { grafanaUrl: door.url, grafanaTokenFile: 'token' in admin ? admin.token : '' } });
    expect(gone.exit).toBe(0);
    await expect
      .poll(async () => (await grafana().datasources()).map(({ uid }) => uid).sort(), { timeout: 5000 })
      .toEqual(['elsewhere', 'no-login', 'no-tenant', 'other-tenant']);
    await expect.poll(() => grafana().dashboard(OURS), { timeout: 5000 }).toBeUndefined();
    const left = ['Secret', 'ConfigMap'].flatMap((kind) => harness.world.store.list(kind, { namespace: 'monitoring' })).map(({ metadata }) => metadata.name);
    expect(left.filter((name) => name.includes('loki-eks'))).toEqual([]);
  });
});
