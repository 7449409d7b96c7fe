/** Grafana data sources of type loki, where provisioning finds them: ConfigMaps and Secrets for the sidecar, and those of Grafana's chart. */
import { parse } from 'yaml';
import type { DatasourceSeen } from '../checks/doctor/survey.ts';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import type { Looking } from './survey-loki.ts';

const MOST = 200;

export async function surveyDatasources({ run, reached: { kubernetes }, miss }: Looking): Promise<readonly DatasourceSeen[]> {
  const lists = await Promise.all(
    (
      [
        ['ConfigMap', 'grafana_datasource'],
        ['Secret', 'grafana_datasource'],
        ['ConfigMap', 'app.kubernetes.io/name=grafana'],
      ] as const
    ).map(([kind, labels]) =>
      list(kubernetes, kind, labels).catch((error: unknown) => {
        miss(`${kind}s with the label ${labels}`, error);
        return [];
      }),
    ),
  );
  const objects = new Map(lists.flat().map((object) => [`${object.kind} ${object.metadata.namespace}/${object.metadata.name}`, object]));
  const found = [...objects].flatMap(([from, object]) => datasourcesIn(from, object));
  for (const { login } of found) if (login) run.outside.hide(login.password);
  return found;
}

const list = (kubernetes: Kubernetes, kind: string, labels: string) =>
  kubernetes.list({ apiVersion: 'v1', kind, labels, limit: MOST }).then((found) => found.map((object) => ({ ...object, kind })));

interface Provisioned {
  readonly name?: string;
  readonly type?: string;
  readonly url?: string;
  readonly basicAuth?: boolean;
  readonly basicAuthUser?: string;
  readonly jsonData?: Readonly<Record<string, unknown>>;
  readonly secureJsonData?: Readonly<Record<string, unknown>>;
}

function datasourcesIn(from: string, object: KubeObject): readonly DatasourceSeen[] {
  const data = (object['data'] ?? {}) as Readonly<Record<string, string>>;
  return Object.entries(data).flatMap(([key, value]) => {
    if (!/\.ya?ml$/.test(key)) return [];
    let file: { readonly datasources?: readonly Provisioned[] } | undefined;
    try {
      file = parse(object.kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value) as typeof file;
    } catch {
      return [];
    }
    if (!Array.isArray(file?.datasources)) return [];
    return (file.datasources as readonly Provisioned[]).filter(({ type }) => type === 'loki').map((one) => datasourceOf(`${from}, ${key}`, one));
  });
}

function datasourceOf(from: string, { name = '', url = '', basicAuth, basicAuthUser, jsonData = {}, secureJsonData = {} }: Provisioned): DatasourceSeen {
  const headers = Object.entries(jsonData).filter(([key, value]) => /^httpHeaderName\d+$/.test(key) && typeof value === 'string') as [string, string][];
  const valueOf = (header: string) => {
    const key = headers.find(([, value]) => value.toLowerCase() === header)?.[0];
    const value = key && secureJsonData[key.replace('Name', 'Value')];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const password = secureJsonData['basicAuthPassword'];
  const known = typeof password === 'string' && !/\$(__)?\w*\{|^\$\w/.test(password);
  const tenant = valueOf('x-scope-orgid');
  return {
    from,
    name,
    url,
    hasLogin: basicAuth === true || valueOf('authorization') !== undefined,
    ...(basicAuth === true && basicAuthUser && known && { login: { user: basicAuthUser, password } }),
    ...(tenant && { tenant }),
    ours: false,
  };
}
