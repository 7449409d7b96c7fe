/** Dashboards that Grafana's sidecar provisions, if they query a Loki: the data sources and labels that they rely on. */
import type { DashboardEvidence } from '../analyze/evidence.ts';
import type { KubeObject } from '../../../ports/kubernetes.ts';
import { collected, type CollectContext } from './objects.ts';

const MOST = 60;

export async function surveyDashboards({ session: { kubernetes }, miss }: CollectContext): Promise<readonly DashboardEvidence[]> {
  const query = { apiVersion: 'v1', kind: 'ConfigMap', labels: 'grafana_dashboard', limit: MOST } as const;
  const found = (await collected(miss, 'ConfigMaps with the label grafana_dashboard', kubernetes.list(query))) ?? [];
  if (found.length >= MOST) miss.say(`dashboards beyond the first ${MOST}`, 'too many to check all');
  return found.flatMap(dashboardsIn);
}

function dashboardsIn(object: KubeObject): readonly DashboardEvidence[] {
  return Object.entries((object['data'] ?? {}) as Readonly<Record<string, string>>).flatMap(([key, text]) => {
    let board: unknown;
    try {
      board = JSON.parse(text);
    } catch {
      return [];
    }
    const seen = dashboardOf(board, `ConfigMap ${object.metadata.namespace}/${object.metadata.name}, ${key}`);
    return seen ? [seen] : [];
  });
}

type Body = Readonly<Record<string, unknown>>;
const isBody = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly Body[] => (Array.isArray(value) ? value.filter(isBody) : []);

/** `undefined` if nothing in it queries a Loki. */
function dashboardOf(board: unknown, from: string): DashboardEvidence | undefined {
  if (!isBody(board)) return undefined;
  const panels = list(board['panels']).flatMap((panel) => [panel, ...list(panel['panels'])]);
  const templating = isBody(board['templating']) ? list(board['templating']['list']) : [];
  const inputs = list(board['__inputs']).filter(({ pluginId }) => pluginId === 'loki');
  const named = new Set(inputs.map(({ name }) => `\${${String(name)}}`));
  const ofLoki = templating.filter(({ type, query }) => type === 'datasource' && query === 'loki').map(({ name }) => String(name));
  const asks = (source: unknown): boolean =>
    isBody(source)
      ? source['type'] === 'loki' || named.has(String(source['uid'])) || ofLoki.some((name) => [`$${name}`, `\${${name}}`].includes(String(source['uid'])))
      : typeof source === 'string' &&
        (named.has(source) || ofLoki.some((name) => [`$${name}`, `\${${name}}`].includes(source)) || /^\$\{DS_.*LOKI/i.test(source));
  const targets = panels.flatMap((panel) => [
    ...(asks(panel['datasource']) ? [{ source: panel['datasource'], expressions: list(panel['targets']).map(({ expr }) => expr) }] : []),
    ...list(panel['targets'])
      .filter(({ datasource }) => asks(datasource))
      .map(({ datasource, expr }) => ({ source: datasource, expressions: [expr] })),
  ]);
  if (targets.length === 0) return undefined;
  const sources = targets.map(({ source }) => (isBody(source) ? String(source['uid'] ?? '') : String(source))).filter(Boolean);
  const expressions = targets.flatMap((target) => target.expressions).filter((one): one is string => typeof one === 'string');
  return {
    from,
    title: String(board['title'] ?? ''),
    sources: [...new Set(sources)],
    variables: templating.map(({ name }) => String(name)),
    labels: [...new Set(expressions.flatMap(labelsIn))],
  };
}

/** Labels that must exist for anything to match: equal to a literal, or to a variable. */
function labelsIn(expression: string): readonly string[] {
  const text = expression.replace(/\$\{[^}$]*\}/g, 'variable');
  const selector = text.includes('{') ? (text.slice(text.indexOf('{') + 1).split('}')[0] ?? '') : '';
  return [...selector.matchAll(/(?<!\w)([A-Za-z_]\w*)\s*(=~|=)\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g)].flatMap(([, label, operator, quoted, raw]) => {
    const value = quoted ?? raw ?? '';
    const anything = operator === '=~' && (value === '.*' || value === '' || /^\$|variable/.test(value) || value.startsWith('|') || value.endsWith('|'));
    return label && !anything && value !== '' ? [label] : [];
  });
}
