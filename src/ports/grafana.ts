/** Grafana's HTTP API. Absence is `undefined`; every failure is a ProblemError of the GRAFANA_* codes. */
import type { Json } from '../engine/types.ts';

export interface GrafanaDatasource {
  readonly uid: string;
  readonly name: string;
  readonly type: string;
  readonly access: string;
  readonly url: string;
  readonly basicAuth: boolean;
  readonly basicAuthUser: string;
  readonly jsonData: Readonly<Record<string, Json>>;
}

/** What Grafana accepts and never returns, by key of `secureJsonData`. */
export type GrafanaSecrets = Readonly<Record<string, string>>;

export interface GrafanaQuery {
  /** LogQL that returns lines. */
  readonly logql: string;
  readonly sinceMs: number;
  readonly limit: number;
}

export interface Grafana {
  datasources(): Promise<readonly GrafanaDatasource[]>;
  createDatasource(wanted: GrafanaDatasource, secrets: GrafanaSecrets): Promise<void>;
  /** Secrets that are not named stay unchanged. */
  updateDatasource(wanted: GrafanaDatasource, secrets: GrafanaSecrets): Promise<void>;
  /** Harmless if absent. */
  deleteDatasource(uid: string): Promise<void>;
  dashboard(uid: string): Promise<{ readonly [key: string]: Json } | undefined>;
  /** Creates it, or replaces the one with the same uid. */
  saveDashboard(dashboard: { readonly [key: string]: Json }): Promise<void>;
  /** Harmless if absent. */
  deleteDashboard(uid: string): Promise<void>;
  /**
   * The lines that a panel with this query would show, newest first: Grafana queries with the data source's own address, login and
   * tenant. Throws DATASOURCE_NO_LOGIN, DATASOURCE_LOGIN_REFUSED, READER_TENANT_MISSING, GRAFANA_CANNOT_REACH_GATEWAY and the other GRAFANA_* codes.
   */
  lines(uid: string, query: GrafanaQuery): Promise<readonly string[]>;
}

/** A service account's token, or the login of a user. */
export type GrafanaLogin = { readonly token: string } | { readonly user: string; readonly password: string };
