/** Grafana for this Loki: the data source, the dashboard, and how they are delivered. None of it contains a password. */
import { parse, stringify } from 'yaml';
import type { DesignInput } from './design-input.ts';
import type { GatewayPlan, GrafanaDocument, GrafanaPlace, GrafanaPlan, DatasourceParts } from './blueprint.ts';
import { type GrafanaFact, type SidecarFact, watchedNamespace } from './grafana-workload.ts';
import { loginSecret } from './names.ts';
import { renderDocument, renderText, type Templates } from './template.ts';

export function datasource(templates: Templates, parts: DatasourceParts): string {
  return renderText(templates('grafana/datasource.yaml'), { ...parts });
}

/** Name and uid of both are stable for an installation, whichever way they are delivered. */
export function datasourceParts({ settings, facts, own, tenant }: DesignInput, gateway: GatewayPlan): DatasourceParts {
  return {
    name: `Loki (${facts.cluster.name})`,
    uid: `loki-eks-${own.installId}`,
    url: settings.gatewayUrl ?? gateway.url,
    user: settings.gatewayUser,
    tenant,
    secretNamespace: settings.namespace,
    secretName: loginSecret,
  };
}

interface ProvisioningFile {
  readonly datasources: readonly { readonly secureJsonData?: Readonly<Record<string, string>> }[];
}

/** The provisioning file including the password, for a Secret. Grafana reads `$` as the start of a variable, and `$$` as one dollar. */
export function withLogin(document: string, { user, password }: { readonly user: string; readonly password: string }): string {
  const file = parse(document) as ProvisioningFile;
  const datasources = file.datasources.map((one) => ({
    ...one,
    basicAuthUser: user,
    secureJsonData: { ...one.secureJsonData, basicAuthPassword: password.replaceAll('$', () => '$$') },
  }));
  return stringify({ ...file, datasources });
}

/** The login in such a file; `undefined` if there is none, or if it is not such a file. */
export function loginIn(text: string): { readonly user: string; readonly password: string } | undefined {
  try {
    const [first] = (parse(text) as { datasources: readonly { basicAuthUser?: unknown; secureJsonData?: { basicAuthPassword?: unknown } }[] }).datasources;
    const { basicAuthUser: user, secureJsonData } = first ?? {};
    const password = secureJsonData?.basicAuthPassword;
    return typeof user === 'string' && typeof password === 'string' ? { user, password: password.replaceAll('$$', () => '$') } : undefined;
  } catch {
    return undefined;
  }
}

function dashboard({ facts, own, settings, templates }: DesignInput): GrafanaDocument & { readonly json: string } {
  const [uid, title] = [`loki-eks-${own.installId}`, `Logs (${facts.cluster.name})`];
  const document = renderDocument(JSON.parse(templates('grafana/dashboard.json')), {
    uid,
    title,
    datasource: uid,
    mark: `loki-eks-${own.installId}`,
    collectorNamespace: settings.collectorNamespace,
  });
  return { uid, name: title, json: `${JSON.stringify(document, null, 2)}\n` };
}

export interface GrafanaDesign {
  /** The provisioning file to paste. */
  readonly datasource: string;
  /** The dashboard to import. */
  readonly dashboard: string;
  /** Absent when no Grafana is to be changed. */
  readonly grafana?: GrafanaPlan;
  readonly notes: readonly string[];
}

export function grafanaDesign(input: DesignInput, gateway: GatewayPlan): GrafanaDesign {
  const parts = datasourceParts(input, gateway);
  const board = dashboard(input);
  const documents = { datasource: datasource(input.templates, parts), dashboard: board.json };
  const wanted = { datasource: { uid: parts.uid, name: parts.name, parts }, dashboard: board };
  const { settings, facts } = input;
  if (settings.grafana === 'none') return { ...documents, notes: [] };
  if (settings.grafanaUrl !== undefined) {
    const way = { is: 'api' } as const;
    const place = placeOf(settings.grafanaUrl);
    return { ...documents, grafana: { ...place, datasource: { ...wanted.datasource, way }, dashboard: { ...wanted.dashboard, way } }, notes: [] };
  }
  const found = (facts.grafanas ?? []).filter(({ namespace }) => settings.grafanaNamespace === undefined || namespace === settings.grafanaNamespace);
  const [only, ...others] = found;
  if (only === undefined)
    return {
      ...documents,
      notes: settings.grafanaNamespace === undefined ? [] : [`No Grafana was found in namespace ${settings.grafanaNamespace}. ${BY_HAND}`],
    };
  if (others.length > 0) {
    const named = found.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).join(', ');
    return { ...documents, notes: [`${found.length} Grafanas found (${named}), so none is changed: choose one with --grafana-namespace.`] };
  }
  return { ...documents, ...inCluster(input, only, wanted) };
}

/** For an address, or for a Grafana found in the cluster. */
export function placeOf(of: string | GrafanaFact): GrafanaPlace {
  if (typeof of === 'string') return { where: of, reach: { is: 'url', url: of } };
  const { kind, namespace, name, selector, port, admin } = of;
  return { where: `${kind} ${namespace}/${name}`, reach: { is: 'pod', namespace, selector, port, ...(admin && { admin }) } };
}

const BY_HAND = 'To add it to Grafana by hand: loki-eks plan --show grafana';

interface Wanted {
  readonly datasource: GrafanaDocument & { readonly parts: DatasourceParts };
  readonly dashboard: GrafanaDocument & { readonly json: string };
}

/** By sidecars in the namespaces they watch, by the API if a token is given, else not at all. */
function inCluster(input: DesignInput, found: GrafanaFact, wanted: Wanted): Pick<GrafanaDesign, 'grafana' | 'notes'> {
  const { settings } = input;
  const place = placeOf(found);
  const { where } = place;
  const token = settings.grafanaTokenFile !== undefined;
  const notes: string[] = [];
  // The data source contains the password, so a sidecar that reads only ConfigMaps can't deliver it.
  const secret = sidecarWay(input, { found, sidecar: found.datasources, kinds: ['Secret'] });
  const source = secret ?? (token ? ({ is: 'api' } as const) : undefined);
  const shown = sidecarWay(input, { found, sidecar: found.dashboards, kinds: ['ConfigMap', 'Secret'] }) ?? (token ? ({ is: 'api' } as const) : undefined);
  if (source === undefined) {
    notes.push(`${where} ${whyNot(found, settings.namespace)}: add --grafana-token-file FILE to create the data source through its API. ${BY_HAND}`);
  }
  if (secret && found.datasources?.reloads === false)
    notes.push(`The sidecar of ${where} has no credentials to reload Grafana's data sources: Grafana reads them at its next start.`);
  return {
    grafana: {
      ...place,
      ...(source && { datasource: { ...wanted.datasource, way: source } }),
      ...(source && shown && { dashboard: { ...wanted.dashboard, way: shown } }),
    },
    notes,
  };
}

function whyNot({ datasources, namespace }: GrafanaFact, loki: string): string {
  if (datasources === undefined) return 'has no sidecar that loads data sources';
  if (datasources.resource === 'configmap') return 'has a sidecar that reads ConfigMaps only, and a password belongs in a Secret';
  if (watchedNamespace({ namespace }, datasources, loki) === undefined) return `has a sidecar that watches neither ${loki} nor ${namespace}`;
  return "is in a namespace where you aren't allowed to create Secrets and ConfigMaps";
}

function sidecarWay(
  { settings, own }: DesignInput,
  of: { readonly found: GrafanaFact; readonly sidecar: SidecarFact | undefined; readonly kinds: readonly ('Secret' | 'ConfigMap')[] },
): Extract<NonNullable<GrafanaPlan['datasource']>['way'], { readonly is: 'object' }> | undefined {
  const { found, sidecar, kinds } = of;
  const kind = kinds.find((one) => sidecar && (sidecar.resource === 'both' || sidecar.resource === one.toLowerCase()));
  const namespace = sidecar && watchedNamespace(found, sidecar, settings.namespace);
  if (!sidecar || !kind || !namespace || (found.closed && namespace === found.namespace)) return undefined;
  const what = kinds[0] === 'Secret' ? 'datasource' : 'dashboard';
  return {
    is: 'object',
    kind,
    namespace,
    name: `loki-eks-${what}-${own.installId}`,
    // The sidecar names the file after the key, so the key must be unique.
    key: `loki-eks-${own.installId}.${what === 'datasource' ? 'yaml' : 'json'}`,
    labels: { [sidecar.label]: sidecar.labelValue ?? '1' },
  };
}
