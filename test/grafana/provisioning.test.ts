/** Our provisioning file, read as Grafana reads it: the format, the variables, and what makes Grafana refuse it. */
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { loginIn, withLogin } from '../../src/design/grafana.ts';
import { type DataSource, provision } from '../../src/sandbox/grafana/provisioning.ts';
import { someFacts, someSettings } from '../support/facts.ts';
import { templates } from '../support/templates.ts';

const { datasource } = design(someSettings(), someFacts(), { templates });

function read(
  files: Readonly<Record<string, string>>,
  of: { readonly env?: Readonly<Record<string, string>>; readonly database?: Map<string, DataSource> } = {},
) {
  const database = of.database ?? new Map<string, DataSource>();
  provision(database, { files: new Map(Object.entries(files)), env: of.env ?? {} });
  return database;
}

describe('the file to paste', () => {
  it('takes the password from the environment of Grafana', () => {
    const [found] = read({ 'loki.yaml': datasource }, { env: { LOKI_GATEWAY_PASSWORD: 'secret' } }).values();
    expect(found).toMatchObject({
      uid: 'loki-eks-3e552630',
      type: 'loki',
      access: 'proxy',
      url: 'http://loki-gateway.loki.svc.cluster.local',
      basicAuth: true,
      basicAuthUser: 'loki',
      jsonData: { httpHeaderName1: 'X-Scope-OrgID' },
      secureJsonData: { basicAuthPassword: 'secret', httpHeaderValue1: 'training-on-eks' },
    });
  });
});

describe('the file of the Secret', () => {
  it.each(['plain', 'a$b', '$HOME', '${HOME}', '$__env{HOME}', '$$', 'ends with $', `quote " and ' and \\`, 'a: b # c', '한국어'])(
    'keeps the password %s',
    (password) => {
      const file = withLogin(datasource, { user: 'loki', password });
      const [found] = read({ 'loki.yaml': file }, { env: { HOME: 'elsewhere', LOKI_GATEWAY_PASSWORD: 'not this one' } }).values();
      expect(found?.secureJsonData).toEqual({ basicAuthPassword: password, httpHeaderValue1: 'training-on-eks' });
      expect(loginIn(file)).toEqual({ user: 'loki', password });
    },
  );

  it('goes with its data source, and takes no other along', () => {
    const others = { 'other.yaml': 'apiVersion: 1\ndatasources:\n  - {name: Prometheus, uid: prom, type: prometheus, url: "http://prometheus"}\n' };
    const database = read({ ...others, 'loki.yaml': withLogin(datasource, { user: 'loki', password: 'x' }) });
    expect([...database.keys()].sort()).toEqual(['loki-eks-3e552630', 'prom']);
    expect([...read(others, { database }).keys()]).toEqual(['prom']);
    expect([...read({}, { database }).keys()]).toEqual(['prom']);
  });
});

describe('what Grafana refuses', () => {
  const ours = withLogin(datasource, { user: 'loki', password: 'x' });
  it.each([
    ['the same uid under another name', ours.replace('Loki (training-on-eks)', 'Copy'), 'data source with the same uid already exists'],
    [
      'two that are the default',
      'apiVersion: 1\ndatasources:\n  - {name: a, type: loki, isDefault: true}\n  - {name: b, type: loki, isDefault: true}\n',
      'Only one datasource per organization',
    ],
    ['a version that is no number', 'apiVersion: v1\ndatasources: []\n', 'cannot unmarshal !!str `v1` into int64'],
    ['what is no YAML', 'apiVersion: 1\ndatasources: [', 'yaml: '],
  ])('%s', (_, other, message) => {
    expect(() => read({ 'loki.yaml': ours, 'other.yaml': other })).toThrow(message);
  });

  it('reads a file without a version as one of Grafana 4, and so without a login', () => {
    const [found] = read({ 'loki.yaml': ours.replace('apiVersion: 1\n', '') }).values();
    expect(found).toMatchObject({ uid: 'loki-eks-3e552630', basicAuth: false, secureJsonData: {} });
  });
});
