/** A Grafana running in the sandbox, and the context of a request to it. */
import type { Process } from '../logs/process.ts';
import type { LogSurroundings } from '../logs/surroundings.ts';
import type { SandboxRequest, SandboxResponse } from '../types.ts';
import type { DataSource } from './provisioning.ts';

export type Role = 'Viewer' | 'Editor' | 'Admin' | 'Server admin';

export interface ServiceAccount {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly tokens: Set<string>;
}

export interface Asked {
  readonly request: SandboxRequest;
  readonly reload: (what: string) => SandboxResponse;
}

export interface GrafanaCall {
  readonly around: LogSurroundings;
  readonly grafana: GrafanaPod;
  readonly request: SandboxRequest;
  readonly reload: Asked['reload'];
  /** The path's captured groups. */
  readonly at: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

export const json = (status: number, body: unknown): SandboxResponse => ({
  status,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: JSON.stringify(body),
});

export interface GrafanaPod {
  readonly process: Process;
  /** By uid. */
  readonly datasources: Map<string, DataSource>;
  readonly dashboards: Map<string, { readonly provisioned: boolean; readonly board: Readonly<Record<string, unknown>> }>;
  readonly accounts: Map<string, ServiceAccount>;
  /** By folder, then by name. */
  readonly files: Map<string, ReadonlyMap<string, string>>;
}
