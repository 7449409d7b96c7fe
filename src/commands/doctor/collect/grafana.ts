/** Grafana data sources of type loki, where provisioning finds them: ConfigMaps and Secrets for the sidecar, and those of Grafana's chart. */
import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import type { AskedEvidence, DatasourceEvidence, Evidence } from '../analyze/evidence.ts';
import type { Problem } from '../../../engine/types.ts';
import type { Grafana } from '../../../ports/grafana.ts';
import type { KubeObject, Kubernetes } from '../../../ports/kubernetes.ts';
import { problem, ProblemError, stop } from '../../../problems/problem.ts';
import { placeOf } from '../../../design/grafana.ts';
import { grafanaFor, grafanas } from '../../grafana.ts';
import type { CollectContext } from './objects.ts';

const MOST = 200;

/** A data source as returned by Grafana's API, which omits its secrets. */
interface Listed {
  readonly from: string;
  readonly uid: string;
  readonly name: string;
  readonly url: string;
}

export interface InGrafana {
  readonly grafana: Grafana;
  readonly sources: readonly Listed[];
}

/** Through the API of the Grafana in use, if the user gave a login for it. */
export async function surveyGrafana({ run, session: { kubernetes }, miss }: CollectContext): Promise<InGrafana | undefined> {
  const { settings } = run;
  if (settings.grafanaTokenFile === undefined && !settings.grafanaAdmin) return undefined;
  try {
    const [only, ...others] = settings.grafanaUrl === undefined ? await grafanas(run, kubernetes) : [];
    if (others.length > 0)
      throw stop('GRAFANA_UNREACHABLE', { message: `There are ${others.length + 1} Grafanas in the cluster`, fix: '--grafana-namespace NAME' });
    const found = settings.grafanaUrl ?? only;
    if (!found) return undefined;
    const place = placeOf(found);
    const grafana = await grafanaFor(run, kubernetes, place);
    const sources = (await grafana?.datasources())?.filter(({ type }) => type === 'loki') ?? [];
    return grafana && { grafana, sources: sources.map(({ uid, name, url }) => ({ from: `${place.where}, data source ${uid}`, uid, name, url })) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    miss('Grafana', error);
    return undefined;
  }
}

/** As a panel would query: any line of the last hour. */
export async function askThroughGrafana({ grafana, sources }: InGrafana, leads: (url: string) => boolean): Promise<readonly AskedEvidence[]> {
  const wanted = sources.filter(({ url }) => leads(url)).slice(0, MOST_ASKED);
  return Promise.all(
    wanted.map(async ({ uid, name, from, url }): Promise<AskedEvidence> => {
      try {
        return { name, lines: (await grafana.lines(uid, { logql: '{namespace=~".+"}', sinceMs: 3_600_000, limit: 1 })).length };
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        return { name, lines: 0, problem: seenFrom(error.problem, `${from}: url: ${url}`) };
      }
    }),
  );
}

const MOST_ASKED = 10;

/** An address that Grafana can't resolve is wrong in its data source. */
function seenFrom({ code, message, fix, evidence = [] }: Problem, where: string): Problem {
  const all = [where, ...evidence];
  return code === 'GRAFANA_CANNOT_REACH_GATEWAY' ? problem('DATASOURCE_URL', { message, evidence: all }) : { code, message, fix, evidence: all };
}

export interface Provisioned {
  readonly datasources: readonly DatasourceEvidence[];
  /** Nothing was hidden from us, and every file could be read. */
  readonly whole: boolean;
}

export async function surveyDatasources({ run, session: { kubernetes }, miss }: CollectContext): Promise<Provisioned> {
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
        return undefined;
      }),
    ),
  );
  const listed = lists.flatMap((all) => all ?? []);
  const objects = new Map(listed.map((object) => [`${object.kind} ${object.metadata.namespace}/${object.metadata.name}`, object]));
  const files = [...objects].flatMap(([from, object]) => datasourcesIn(from, object));
  const datasources = files.flatMap((file) => file ?? []);
  for (const { login } of datasources) if (login) run.deps.hide(login.password);
  return { datasources, whole: lists.every((all) => all !== undefined && all.length < MOST) && !files.includes(undefined) };
}

/**
 * Uids and names by which a dashboard finds a Loki, in all Grafanas that were read. Absent if there may be more: nothing is
 * provisioned, not everything could be read, or a uid is in a variable that only Grafana's pod knows.
 */
export function sourceNames({ datasources, whole }: Provisioned, inGrafana: InGrafana | undefined): Evidence['sourceNames'] {
  const all = [...datasources, ...(inGrafana?.sources ?? [])];
  const known = inGrafana !== undefined || (whole && datasources.length > 0 && datasources.every(({ uid }) => uid !== undefined));
  return known ? new Set(all.flatMap(({ uid, name }) => [name, ...(uid === undefined ? [] : [uid])])) : undefined;
}

const list = (kubernetes: Kubernetes, kind: string, labels: string) =>
  kubernetes.list({ apiVersion: 'v1', kind, labels, limit: MOST }).then((found) => found.map((object) => ({ ...object, kind })));

interface Entry {
  readonly name?: string;
  readonly uid?: unknown;
  readonly type?: string;
  readonly url?: string;
  readonly basicAuth?: boolean;
  readonly basicAuthUser?: string;
  readonly jsonData?: Readonly<Record<string, unknown>>;
  readonly secureJsonData?: Readonly<Record<string, unknown>>;
}

/** By file; `undefined` for one that is not YAML. */
function datasourcesIn(from: string, object: KubeObject): readonly (readonly DatasourceEvidence[] | undefined)[] {
  const data = (object['data'] ?? {}) as Readonly<Record<string, string>>;
  return Object.entries(data).flatMap(([key, value]) => {
    if (!/\.ya?ml$/.test(key)) return [];
    let file: { readonly datasources?: readonly Entry[] } | null;
    try {
      file = parse(object.kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value) as typeof file;
    } catch {
      return [undefined];
    }
    if (!Array.isArray(file?.datasources)) return [];
    return [(file.datasources as readonly Entry[]).filter(({ type }) => type === 'loki').map((one) => datasourceOf(`${from}, ${key}`, one))];
  });
}

/** If there is none, Grafana derives it from the name; a `$` begins a variable. */
function uidOf({ uid, name = '' }: Entry): string | undefined {
  if (uid === undefined || uid === null || uid === '') return `P${createHash('sha256').update(name).digest('hex').slice(0, 16).toUpperCase()}`;
  return String(uid).includes('$') ? undefined : String(uid);
}

function datasourceOf(from: string, entry: Entry): DatasourceEvidence {
  const { name = '', url = '', basicAuth, basicAuthUser, jsonData = {}, secureJsonData = {} } = entry;
  const uid = uidOf(entry);
  const headers = Object.entries(jsonData).filter(([key, value]) => /^httpHeaderName\d+$/.test(key) && typeof value === 'string') as [string, string][];
  const valueOf = (header: string) => {
    const key = headers.find(([, value]) => value.toLowerCase() === header)?.[0];
    const value = key && secureJsonData[key.replace('Name', 'Value')];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const written = secureJsonData['basicAuthPassword'];
  // Grafana reads two dollars as one; a single one begins a variable, whose value only its pod knows.
  const password = typeof written === 'string' && !/\$[\w{]/.test(written.replaceAll('$$', '')) ? written.replaceAll('$$', () => '$') : undefined;
  const tenant = valueOf('x-scope-orgid');
  return {
    from,
    name,
    url,
    ...(uid !== undefined && { uid }),
    hasLogin: basicAuth === true || valueOf('authorization') !== undefined,
    ...(basicAuth === true && basicAuthUser && password !== undefined && { login: { user: basicAuthUser, password } }),
    ...(tenant && { tenant }),
    ours: false,
  };
}
