/** The Grafanas of the cluster, and a connection to the API of the one in use, with the login that the user provides. */
import type { GrafanaPlace } from '../design/blueprint.ts';
import { grafanaIn, type GrafanaFact } from '../design/grafana-workload.ts';
import type { Grafana, GrafanaLogin } from '../ports/grafana.ts';
import type { Kubernetes } from '../ports/kubernetes.ts';
import { ProblemError, stop } from '../problems/problem.ts';
import type { RunContext } from '../deps.ts';

/** By the label that Grafana's chart sets. A caller without access to other namespaces finds none: that is no reason to stop. */
export async function grafanas({ settings }: Pick<RunContext, 'settings'>, kubernetes: Pick<Kubernetes, 'list' | 'denied'>): Promise<readonly GrafanaFact[]> {
  if (settings.grafana === 'none' || settings.grafanaUrl !== undefined) return [];
  const namespace = settings.grafanaNamespace === undefined ? {} : { namespace: settings.grafanaNamespace };
  try {
    const lists = await Promise.all(
      (['Deployment', 'StatefulSet'] as const).map(async (kind) => {
        const found = await kubernetes.list({ apiVersion: 'apps/v1', kind, labels: 'app.kubernetes.io/name=grafana', ...namespace });
        return found.map((object) => grafanaIn({ ...object, kind }));
      }),
    );
    return await Promise.all(lists.flat().flatMap((found) => (found ? [withRights(found, kubernetes)] : [])));
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'KUBE_FORBIDDEN') return [];
    throw error;
  }
}

/** Grafana often belongs to another team, and Loki can be installed even without access to its namespace. */
async function withRights(found: GrafanaFact, kubernetes: Pick<Kubernetes, 'denied'>): Promise<GrafanaFact> {
  const { namespace } = found;
  const wanted = ['secrets', 'configmaps'].flatMap((resource) => ['get', 'create', 'patch', 'delete'].map((verb) => ({ verb, resource, namespace })));
  return (await kubernetes.denied(wanted)).length > 0 ? { ...found, closed: true } : found;
}

/** `undefined` without a login: then its API is not called. */
export async function grafanaFor(
  { settings, deps }: Pick<RunContext, 'settings' | 'deps'>,
  kubernetes: Kubernetes,
  grafana: GrafanaPlace | undefined,
): Promise<Grafana | undefined> {
  const login = grafana && ((await tokenOf({ settings, deps })) ?? (settings.grafanaAdmin ? await adminOf({ deps }, kubernetes, grafana) : undefined));
  return grafana && login && deps.grafana({ where: grafana.where, reach: grafana.reach, kubernetes, login });
}

/** The first line of the file, so that an editor's trailing newline is not part of the token. */
async function tokenOf({ settings, deps }: Pick<RunContext, 'settings' | 'deps'>): Promise<GrafanaLogin | undefined> {
  const file = settings.grafanaTokenFile;
  if (file === undefined) return undefined;
  const token = ((await deps.files.read(file)).split(/\r?\n/)[0] ?? '').trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw stop('GRAFANA_TOKEN_MISSING', { message: `${file} has no token in its first line` });
  deps.hide(token);
  return { token };
}

async function adminOf({ deps }: Pick<RunContext, 'deps'>, kubernetes: Kubernetes, { reach, where }: GrafanaPlace): Promise<GrafanaLogin> {
  const admin = reach.is === 'pod' ? reach.admin : undefined;
  if (!admin) throw stop('GRAFANA_TOKEN_MISSING', { message: `${where} has no Secret with its admin credentials`, fix: 'Set `--grafana-token-file FILE`' });
  const [user, password] = await Promise.all(
    [admin.user, admin.password].map(async ({ namespace, name, key }) => {
      const secret = await kubernetes.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
      const value = (secret?.['data'] as Readonly<Record<string, string>> | undefined)?.[key];
      if (value === undefined)
        throw stop('GRAFANA_TOKEN_MISSING', { message: `Secret ${namespace}/${name} has no key ${key}`, fix: 'Set `--grafana-token-file FILE`' });
      return Buffer.from(value, 'base64').toString();
    }),
  );
  deps.hide(password ?? '');
  return { user: user ?? '', password: password ?? '' };
}
