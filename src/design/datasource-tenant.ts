/** Sets one data source's tenant in a Grafana provisioning file, and keeps everything else as it was written. */
import { isMap, parseDocument } from 'yaml';

const HEADER = 'X-Scope-OrgID';

/** `undefined` if the file is not a provisioning file, or has no data source of this name. Comments and order are kept. */
export function withTenant(text: string, { name, tenant }: { readonly name: string; readonly tenant: string }): string | undefined {
  const document = parseDocument(text);
  const { datasources } = (document.errors.length === 0 ? (document.toJS() ?? {}) : {}) as { readonly datasources?: readonly Readonly<Record<string, any>>[] };
  const index = Array.isArray(datasources) ? datasources.findIndex((one) => one?.['type'] === 'loki' && (one['name'] ?? '') === name) : -1;
  if (index < 0) return undefined;
  const found: Readonly<Record<string, unknown>> = datasources?.[index]?.['jsonData'] ?? {};
  const numbers = Object.entries(found).flatMap(([key, value]) => {
    const number = /^httpHeaderName(\d+)$/.exec(key)?.[1];
    return number ? [{ number: Number(number), header: String(value) }] : [];
  });
  const own = numbers.find(({ header }) => header.toLowerCase() === HEADER.toLowerCase())?.number;
  const number = own ?? Math.max(0, ...numbers.map((one) => one.number)) + 1;
  const path = ['datasources', index];
  for (const section of ['jsonData', 'secureJsonData']) {
    const node = document.getIn([...path, section], true);
    if (!isMap(node)) document.setIn([...path, section], document.createNode({}));
  }
  document.setIn([...path, 'jsonData', `httpHeaderName${number}`], HEADER);
  document.setIn([...path, 'secureJsonData', `httpHeaderValue${number}`], tenant);
  return document.toString({ lineWidth: 0 });
}
