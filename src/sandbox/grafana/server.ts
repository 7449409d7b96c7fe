/** Grafana's HTTP API, as far as data sources, dashboards, service accounts and queries are concerned. */
import type { LogSurroundings } from '../logs/surroundings.ts';
import type { SandboxResponse } from '../types.ts';
import type { DataSource } from './provisioning.ts';
import { answerQueries, passOn } from './query.ts';
import { type Role, type Asked, type GrafanaCall, json, type GrafanaPod } from './grafana-pod.ts';

const RANKS: readonly Role[] = ['Viewer', 'Editor', 'Admin', 'Server admin'];
const message = (status: number, text: string): SandboxResponse => json(status, { message: text });
const NOT_FOUND = message(404, 'Not found');

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly role: Role | undefined;
  readonly answer: (inside: GrafanaCall) => SandboxResponse;
}

const route = (text: string, role: Role | undefined, answer: Route['answer']): Route => {
  const [method = '', path = ''] = text.split(' ');
  const pattern = path.replaceAll(/:\w+/g, '([^/]+)').replace(/\*$/, '(.*)');
  return { method, path: new RegExp(`^${pattern}$`), role, answer };
};

/** Secrets are write-only: answers only say which ones are set. */
function shown(source: DataSource) {
  const { secureJsonData, prunable: _, ...one } = source;
  return { id: 1, orgId: 1, ...one, secureJsonFields: Object.fromEntries(Object.keys(secureJsonData).map((key) => [key, true])) };
}

const ROUTES: readonly Route[] = [
  route('GET /api/health', undefined, () => json(200, { database: 'ok', version: '12.1.1', commit: 'sandbox' })),
  route('POST /api/admin/provisioning/:what/reload', 'Server admin', ({ reload, at }) => reload(at[0] ?? '')),
  route('GET /api/datasources', 'Viewer', ({ grafana }) => json(200, [...grafana.datasources.values()].map(shown))),
  route('GET /api/datasources/uid/:uid', 'Viewer', ({ grafana, at }) => {
    const found = grafana.datasources.get(at[0] ?? '');
    return found ? json(200, shown(found)) : message(404, 'Data source not found');
  }),
  route('POST /api/datasources', 'Admin', create),
  route('PUT /api/datasources/uid/:uid', 'Admin', update),
  route('DELETE /api/datasources/uid/:uid', 'Admin', ({ grafana, at }) => {
    const found = grafana.datasources.get(at[0] ?? '');
    if (!found) return message(404, 'Data source not found');
    if (found.readOnly) return message(403, 'Cannot delete read-only data source');
    grafana.datasources.delete(found.uid);
    return message(200, 'Data source deleted');
  }),
  route('GET /api/datasources/uid/:uid/health', 'Viewer', (inside) => {
    const found = inside.grafana.datasources.get(inside.at[0] ?? '');
    if (!found) return message(404, 'Data source not found');
    // This queries no logs: it passes on an empty Loki and with a wrong tenant.
    const { status, body } = passOn(inside, found, '/loki/api/v1/query?query=vector(1)%2Bvector(1)');
    return status === 200 ? json(200, { status: 'OK', message: 'Data source successfully connected.' }) : json(400, { status: 'ERROR', message: String(body) });
  }),
  route('GET /api/datasources/proxy/uid/:uid/*', 'Viewer', (inside) => {
    const found = inside.grafana.datasources.get(inside.at[0] ?? '');
    const query = inside.request.path.includes('?') ? inside.request.path.slice(inside.request.path.indexOf('?')) : '';
    return found ? passOn(inside, found, `/${inside.at[1]}${query}`) : message(404, 'Unable to find datasource');
  }),
  route('POST /api/ds/query', 'Viewer', answerQueries),
  route('GET /api/dashboards/uid/:uid', 'Viewer', ({ grafana, at }) => {
    const found = grafana.dashboards.get(at[0] ?? '');
    return found ? json(200, { meta: { provisioned: found.provisioned }, dashboard: found.board }) : message(404, 'Dashboard not found');
  }),
  route('POST /api/dashboards/db', 'Editor', saveDashboard),
  route('DELETE /api/dashboards/uid/:uid', 'Editor', ({ grafana, at }) => {
    const found = grafana.dashboards.get(at[0] ?? '');
    if (!found) return message(404, 'Dashboard not found');
    if (found.provisioned) return message(400, 'provisioned dashboard cannot be deleted');
    grafana.dashboards.delete(at[0] ?? '');
    return json(200, { title: found.board['title'], message: 'Dashboard deleted' });
  }),
  route('POST /api/serviceaccounts', 'Admin', ({ grafana, body }) => {
    const id = grafana.accounts.size + 1;
    const role = RANKS.find((one) => one === body['role']) ?? 'Viewer';
    grafana.accounts.set(String(id), { id, name: String(body['name']), role, tokens: new Set() });
    return json(201, { id, name: body['name'], role });
  }),
  route('POST /api/serviceaccounts/:id/tokens', 'Admin', ({ grafana, at, body }) => {
    const account = grafana.accounts.get(at[0] ?? '');
    if (!account) return NOT_FOUND;
    const key = `glsa_sandbox${account.id}x${account.tokens.size + 1}`;
    account.tokens.add(key);
    return json(200, { id: account.tokens.size, name: body['name'], key });
  }),
];

export function serveGrafana(around: LogSurroundings, grafana: GrafanaPod, { request, reload }: Asked): SandboxResponse {
  const [path = '/'] = request.path.split('?');
  const found = ROUTES.find((one) => one.method === request.method && one.path.test(path));
  if (!found) return NOT_FOUND;
  if (found.role !== undefined) {
    const role = roleOf(grafana, request.headers['authorization'] ?? '');
    if (role === undefined) return message(401, 'Invalid username or password');
    if (RANKS.indexOf(role) < RANKS.indexOf(found.role)) return message(403, "You'll need additional permissions to perform this action.");
  }
  const text = Buffer.from(request.body).toString('utf8');
  let body: GrafanaCall['body'];
  try {
    body = text === '' ? {} : (JSON.parse(text) as GrafanaCall['body']);
  } catch {
    return message(400, 'bad request data');
  }
  return found.answer({ around, grafana, request, reload, at: (found.path.exec(path) ?? []).slice(1), body });
}

function roleOf({ process, accounts }: GrafanaPod, authorization: string): Role | undefined {
  const [scheme = '', value = ''] = authorization.split(' ');
  if (/^bearer$/i.test(scheme)) return [...accounts.values()].find(({ tokens }) => tokens.has(value))?.role;
  const { GF_SECURITY_ADMIN_USER: user = 'admin', GF_SECURITY_ADMIN_PASSWORD: password = 'admin' } = process.env;
  return Buffer.from(value, 'base64').toString() === `${user}:${password}` ? 'Server admin' : undefined;
}

function dataSourceFrom(body: GrafanaCall['body'], former?: DataSource): DataSource {
  const text = (key: string) => (typeof body[key] === 'string' ? body[key] : '');
  return {
    uid: text('uid') || (former?.uid ?? `generated${text('name').length}`),
    name: text('name'),
    type: text('type'),
    access: text('access') || 'proxy',
    url: text('url'),
    basicAuth: body['basicAuth'] === true,
    basicAuthUser: text('basicAuthUser'),
    isDefault: body['isDefault'] === true,
    jsonData: (body['jsonData'] ?? {}) as DataSource['jsonData'],
    secureJsonData: { ...former?.secureJsonData, ...(body['secureJsonData'] as DataSource['secureJsonData'] | undefined) },
    readOnly: false,
    prunable: false,
  };
}

function create({ grafana, body }: GrafanaCall): SandboxResponse {
  const wanted = dataSourceFrom(body);
  if (wanted.name === '' || wanted.type === '') return message(400, 'bad request data');
  if (grafana.datasources.has(wanted.uid)) return message(409, 'data source with the same uid already exists');
  if ([...grafana.datasources.values()].some(({ name }) => name === wanted.name)) return message(409, 'data source with the same name already exists');
  grafana.datasources.set(wanted.uid, wanted);
  return json(200, { datasource: shown(wanted), id: 1, message: 'Datasource added', name: wanted.name });
}

function update({ grafana, at, body }: GrafanaCall): SandboxResponse {
  const former = grafana.datasources.get(at[0] ?? '');
  if (!former) return message(404, 'Data source not found');
  if (former.readOnly) return message(403, 'Cannot update read-only data source');
  const wanted = dataSourceFrom(body, former);
  grafana.datasources.set(former.uid, wanted);
  return json(200, { datasource: shown(wanted), id: 1, message: 'Datasource updated', name: wanted.name });
}

function saveDashboard({ grafana, body }: GrafanaCall): SandboxResponse {
  const board = body['dashboard'] as Readonly<Record<string, unknown>> | undefined;
  if (!board?.['title']) return message(400, 'Dashboard title cannot be empty');
  const uid = String(board['uid'] ?? '');
  const former = grafana.dashboards.get(uid);
  if (former?.provisioned) return message(400, 'Cannot save provisioned dashboard');
  if (former && body['overwrite'] !== true) return json(412, { status: 'version-mismatch', message: 'The dashboard has been changed by someone else' });
  const version = Number(former?.board['version'] ?? 0) + 1;
  grafana.dashboards.set(uid, { provisioned: false, board: { ...board, id: 7, version } });
  return json(200, { id: 7, uid, url: `/d/${uid}`, status: 'success', version });
}
