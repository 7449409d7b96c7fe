import { describe, expect, it } from 'vitest';
import { withTenant } from './datasource-tenant.ts';

const file = (lines: string) =>
  `apiVersion: 1 # of Grafana\ndatasources:\n  - name: Prometheus\n    type: prometheus\n  - name: Loki\n    type: loki\n${lines}`;
const of = { name: 'Loki', tenant: 'foo' };

describe('withTenant', () => {
  it('adds the header where there is none, and keeps comments, logins and order', () => {
    expect(withTenant(file('    secureJsonData: {basicAuthPassword: x}\n'), of)).toBe(
      file('    secureJsonData: { basicAuthPassword: x, httpHeaderValue1: foo }\n    jsonData:\n      httpHeaderName1: X-Scope-OrgID\n'),
    );
  });

  it('takes the next free number, or corrects the tenant that is there', () => {
    expect(withTenant(file('    jsonData: {httpHeaderName1: X-Other}\n'), of)).toContain(
      'jsonData: { httpHeaderName1: X-Other, httpHeaderName2: X-Scope-OrgID }',
    );
    const other = withTenant(file('    jsonData: {httpHeaderName2: x-scope-orgid}\n    secureJsonData: {httpHeaderValue2: bar}\n'), of);
    expect(other).toContain('secureJsonData: { httpHeaderValue2: foo }');
    expect(other).not.toContain('bar');
  });

  it.each(['', 'x: [', 'datasources: 1', 'datasources: [{name: Loki, type: tempo}]'])('makes nothing of %j', (text) => {
    expect(withTenant(text, of)).toBeUndefined();
  });
});
