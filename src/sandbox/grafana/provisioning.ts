/** Grafana's data source provisioning: reads all files of the folder, rejects all of them if one is invalid, and updates its database. */
import { createHash } from 'node:crypto';
import { parse } from 'yaml';

export interface DataSource {
  readonly uid: string;
  readonly name: string;
  readonly type: string;
  readonly access: string;
  readonly url: string;
  readonly basicAuth: boolean;
  readonly basicAuthUser: string;
  readonly isDefault: boolean;
  readonly jsonData: Readonly<Record<string, unknown>>;
  readonly secureJsonData: Readonly<Record<string, string>>;
  readonly readOnly: boolean;
  /** Deleted when no file has it any more. */
  readonly prunable: boolean;
}

export class ProvisioningError extends Error {}

export interface Folder {
  /** By file name in /etc/grafana/provisioning/datasources. */
  readonly files: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string>>;
}

interface Config {
  readonly prune: boolean;
  readonly datasources: readonly Entry[];
  readonly deleted: readonly string[];
}

type Entry = Readonly<Record<string, unknown>>;

/** By uid. Changes `database` up to the entry that fails, as Grafana does. Throws ProvisioningError with Grafana's message. Returns what was done. */
export function provision(database: Map<string, DataSource>, folder: Folder): readonly string[] {
  const names = [...folder.files.keys()].filter((name) => /\.ya?ml$/.test(name)).sort();
  const configs = names.map((name) => read(name, folder));
  if (configs.flatMap(({ datasources }) => datasources).filter((one) => one['isDefault'] === true).length > 1)
    throw new ProvisioningError('datasource.yaml config is invalid. Only one datasource per organization can be marked as default');
  const done: string[] = [];
  const kept = new Set(configs.flatMap(({ datasources, deleted }) => [...datasources.map((one) => String(one['name'])), ...deleted]));
  const drop = (name: string): void => {
    const found = [...database.values()].find((one) => one.name === name);
    if (found && database.delete(found.uid)) done.push(`deleted datasource based on configuration name=${JSON.stringify(name)}`);
  };
  for (const one of database.values()) if (one.prunable && !kept.has(one.name)) drop(one.name);
  for (const config of configs) {
    config.deleted.forEach(drop);
    for (const entry of config.datasources) done.push(put(database, dataSourceOf(entry, config.prune)));
  }
  return done;
}

function put(database: Map<string, DataSource>, wanted: DataSource): string {
  const same = [...database.values()].find(({ name }) => name === wanted.name);
  const other = database.get(wanted.uid);
  if (other && other !== same) throw new ProvisioningError('Datasource provisioning error: data source with the same uid already exists');
  if (same) database.delete(same.uid);
  database.set(wanted.uid, wanted);
  return `${same ? 'updating' : 'inserting'} datasource from configuration name=${JSON.stringify(wanted.name)} uid=${wanted.uid}`;
}

function read(name: string, { files, env }: Folder): Config {
  let file: Readonly<Record<string, unknown>> | null;
  try {
    file = parse(files.get(name) ?? '') as typeof file;
  } catch (error) {
    throw new ProvisioningError(`Datasource provisioning error: yaml: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`);
  }
  if (typeof file !== 'object' || file === null) return { prune: false, datasources: [], deleted: [] };
  const version = file['apiVersion'] ?? 0;
  if (typeof version !== 'number')
    throw new ProvisioningError(`Datasource provisioning error: yaml: unmarshal errors: cannot unmarshal !!str \`${String(version)}\` into int64`);
  const list = (key: string) => (Array.isArray(file[key]) ? (file[key] as readonly Entry[]) : []);
  const entries = list('datasources').map((entry) => expanded(entry, env) as Entry);
  return {
    prune: version > 0 && file['prune'] === true,
    datasources: version > 0 ? entries : entries.map(oldest),
    deleted: list(version > 0 ? 'deleteDatasources' : 'delete_datasources').map((entry) => String(entry['name'])),
  };
}

/** Without an `apiVersion` the file is read as in Grafana 4, where these keys had underscores: anything else in it has no effect. */
function oldest(entry: Entry): Entry {
  const { name, type, access, url, uid, version } = entry;
  const [basicAuth, basicAuthUser, jsonData, secureJsonData, isDefault] = ['basic_auth', 'basic_auth_user', 'json_data', 'secure_json_data', 'is_default'].map(
    (key) => entry[key],
  );
  return { name, type, access, url, uid, version, basicAuth, basicAuthUser, jsonData, secureJsonData, isDefault };
}

/** `$__env{X}`, `${X}` and `$X` in any text; `$$` is one dollar. */
export function expandText(text: string, env: Readonly<Record<string, string>>): string {
  return text
    .split('$$')
    .map((part) =>
      part
        .replaceAll(/\$__env\{(\w+)\}/g, (_, name: string) => env[name] ?? '')
        .replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (_, braced?: string, bare?: string) => env[braced ?? bare ?? ''] ?? ''),
    )
    .join('$');
}

function expanded(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return expandText(value, env);
  if (Array.isArray(value)) return value.map((item) => expanded(item, env));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, expanded(inner, env)]));
}

function dataSourceOf(entry: Entry, prunable: boolean): DataSource {
  const text = (key: string) => (entry[key] === undefined || entry[key] === null ? '' : String(entry[key]));
  const name = text('name');
  const secrets = Object.entries((entry['secureJsonData'] ?? {}) as Entry).map(([key, value]) => [key, String(value)] as const);
  return {
    uid: text('uid') || `P${createHash('sha256').update(name).digest('hex').slice(0, 16).toUpperCase()}`,
    name,
    type: text('type'),
    access: text('access') === 'direct' ? 'direct' : 'proxy',
    url: text('url'),
    basicAuth: entry['basicAuth'] === true || entry['basicAuth'] === 'true',
    basicAuthUser: text('basicAuthUser'),
    isDefault: entry['isDefault'] === true,
    jsonData: (entry['jsonData'] ?? {}) as Entry,
    secureJsonData: Object.fromEntries(secrets),
    readOnly: entry['editable'] !== true,
    prunable,
  };
}
