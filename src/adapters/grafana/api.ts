/** The Grafana port: its HTTP API, over any transport. */
import type { Json } from '../../engine/types.ts';
import type { Grafana, GrafanaDatasource, GrafanaLogin, GrafanaSecrets } from '../../ports/grafana.ts';
import { stop } from '../../problems/problem.ts';
import { isMap, json, unreadable, type GrafanaAnswer } from './answers.ts';
import { linesOf } from './query.ts';

export interface GrafanaRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With query, relative to the root of Grafana. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Throws GRAFANA_UNREACHABLE if there is no response. */
export type Send = (request: GrafanaRequest) => Promise<GrafanaAnswer>;

export interface GrafanaApiOptions {
  readonly send: Send;
  readonly login: GrafanaLogin;
  /** Its name in messages. */
  readonly where: string;
}

interface Found extends Readonly<Record<string, unknown>> {
  readonly uid: string;
  readonly name: string;
}
const isFound = (one: unknown): one is Found => isMap(one) && typeof one['uid'] === 'string' && typeof one['name'] === 'string';

export function openGrafana(options: GrafanaApiOptions): Grafana {
  const ask = (method: GrafanaRequest['method'], path: string, body?: unknown) => request(options, { method, path, ...(body !== undefined && { body }) });
  const saved = async (method: 'POST' | 'PUT', path: string, { wanted, secrets }: { readonly wanted: GrafanaDatasource; readonly secrets: GrafanaSecrets }) => {
    await expect(options, await ask(method, path, { ...wanted, secureJsonData: secrets }), `to save data source "${wanted.name}"`);
  };
  return {
    datasources: async () => {
      const answer = await expect(options, await ask('GET', '/api/datasources'), 'for its data sources');
      const found = json(answer);
      if (!Array.isArray(found) || !found.every(isFound)) throw unreadable(options.where, answer);
      return found.map(shaped);
    },
    createDatasource: (wanted, secrets) => saved('POST', '/api/datasources', { wanted, secrets }),
    updateDatasource: (wanted, secrets) => saved('PUT', `/api/datasources/uid/${wanted.uid}`, { wanted, secrets }),
    deleteDatasource: async (uid) => gone(options, await ask('DELETE', `/api/datasources/uid/${uid}`), `to delete data source ${uid}`),
    dashboard: async (uid) => {
      const answer = await ask('GET', `/api/dashboards/uid/${uid}`);
      if (answer.status === 404) return undefined;
      const found = json(await expect(options, answer, `for dashboard ${uid}`));
      const board = isMap(found) ? found['dashboard'] : undefined;
      if (!isMap(board)) throw unreadable(options.where, answer);
      return board as { readonly [key: string]: Json };
    },
    saveDashboard: async (dashboard) => {
      // The id is Grafana's own; if it is set, Grafana looks for that number instead of the uid.
      const { id: _, version: __, ...board } = dashboard;
      await expect(options, await ask('POST', '/api/dashboards/db', { dashboard: board, overwrite: true }), 'to save the dashboard');
    },
    deleteDashboard: async (uid) => gone(options, await ask('DELETE', `/api/dashboards/uid/${uid}`), `to delete dashboard ${uid}`),
    lines: async (uid, { logql, sinceMs, limit }) => {
      const query = { refId: 'A', datasource: { type: 'loki', uid }, expr: logql, queryType: 'range', maxLines: limit, direction: 'backward' };
      const answer = await ask('POST', '/api/ds/query', { queries: [query], from: `now-${Math.ceil(sinceMs / 1000)}s`, to: 'now' });
      refused(options, answer, `for ${logql}`);
      return linesOf(answer, { uid, where: options.where }).slice(0, limit);
    },
  };
}

/** Optional fields of another type count as missing. */
const shaped = ({ uid, name, type, access, url, basicAuth, basicAuthUser, jsonData }: Found): GrafanaDatasource => ({
  uid,
  name,
  type: text(type),
  access: text(access),
  url: text(url),
  basicAuth: basicAuth === true,
  basicAuthUser: text(basicAuthUser),
  jsonData: isMap(jsonData) ? (jsonData as GrafanaDatasource['jsonData']) : {},
});

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function request(
  { send, login }: GrafanaApiOptions,
  { method, path, body }: { readonly method: GrafanaRequest['method']; readonly path: string; readonly body?: unknown },
) {
  const authorization = 'token' in login ? `Bearer ${login.token}` : `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  const headers = { accept: 'application/json', authorization, ...(body !== undefined && { 'content-type': 'application/json' }) };
  return send({ method, path, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

/** Grafana's own message, without the HTML of a proxy in front of it. */
const saidIn = ({ body }: GrafanaAnswer): string =>
  body
    .slice(0, 4096)
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);

function refused({ where, login }: GrafanaApiOptions, answer: GrafanaAnswer, what: string): void {
  const evidence = [`HTTP ${answer.status} ${saidIn(answer)}`];
  const who = 'token' in login ? 'the token' : `the credentials of "${login.user}"`;
  if (answer.status === 401) throw stop('GRAFANA_LOGIN_REFUSED', { message: `${where} rejects ${who}`, evidence });
  if (answer.status === 403) throw stop('GRAFANA_FORBIDDEN', { message: `${where} denies ${who} the request ${what}`, evidence });
}

async function expect(options: GrafanaApiOptions, answer: GrafanaAnswer, what: string): Promise<GrafanaAnswer> {
  refused(options, answer, what);
  if (answer.status >= 200 && answer.status < 300 && json(answer) !== undefined) return answer;
  if (answer.status < 400) throw unreadable(options.where, answer);
  throw stop('GRAFANA_FAILED', { message: `${options.where} answers HTTP ${answer.status} to the request ${what}`, evidence: [saidIn(answer)] });
}

async function gone(options: GrafanaApiOptions, answer: GrafanaAnswer, what: string): Promise<void> {
  if (answer.status !== 404) await expect(options, answer, what);
}
