/** The Grafana data source that fits this gateway: base address, login and tenant. No password is in it. */
import { renderText, type Templates } from './template.ts';

export interface DatasourceParts {
  readonly name: string;
  /** Stable, so that provisioning again changes the same data source. */
  readonly uid: string;
  /** Base address of the gateway. */
  readonly url: string;
  readonly user: string;
  readonly tenant: string;
  /** Where a reader finds the password. */
  readonly secretNamespace: string;
  readonly secretName: string;
}

export function datasource(templates: Templates, parts: DatasourceParts): string {
  return renderText(templates('grafana/datasource.yaml'), { ...parts });
}
