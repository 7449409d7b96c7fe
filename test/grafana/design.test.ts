/** Which Grafana is wired, by which way, and what is said when none is. */
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { grafanaIn, type GrafanaFact } from '../../src/design/grafana-workload.ts';
import { grafanaObjects } from '../../src/sandbox/grafana/seed.ts';
import { ProblemError } from '../../src/problems/problem.ts';
import { aGrafana, someFacts, someSettings } from '../support/facts.ts';
import { templates } from '../support/templates.ts';

const wired = (grafanas: readonly GrafanaFact[], flags: Readonly<Record<string, unknown>> = {}) => {
  const { grafana, notes = [] } = design(someSettings(flags), someFacts({ grafanas }), { templates });
  return { grafana, said: notes.filter((note) => note.includes('Grafana')).join('\n') };
};
const sidecar = (over: Partial<NonNullable<GrafanaFact['datasources']>>) => aGrafana({ datasources: { ...aGrafana().datasources!, ...over } });

describe('a Grafana of the cluster', () => {
  it('is read from its workload', () => {
    const deployment = grafanaObjects().find(({ kind }) => kind === 'Deployment');
    const { admin, ...found } = grafanaIn(deployment!)!;
    expect(found).toEqual(aGrafana());
    expect(admin?.password).toEqual({ namespace: 'monitoring', name: 'monitoring-grafana', key: 'admin-password' });
  });

  it('has no sidecar in one that lists once, nor in one that watches objects by name', () => {
    const env = [
      { name: 'LABEL', value: 'grafana_datasource' },
      { name: 'FOLDER', value: '/etc/grafana/provisioning/datasources' },
    ];
    const spec = (template: object) => ({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'g', namespace: 'x' },
      spec: { selector: { matchLabels: { app: 'g' } }, template },
    });
    const main = { name: 'grafana', image: 'grafana/grafana:12.1.1' };
    const once = { name: 'init', image: 'k8s-sidecar', env: [...env, { name: 'METHOD', value: 'LIST' }] };
    const named = { name: 'named', image: 'k8s-sidecar', env: [...env, { name: 'RESOURCE_NAME', value: 'secret/x' }] };
    expect(grafanaIn(spec({ spec: { initContainers: [once], containers: [main, named] } }))?.datasources).toBeUndefined();
    const native = { ...once, restartPolicy: 'Always', env: [...env, { name: 'NAMESPACE', value: 'a, b' }] };
    expect(grafanaIn(spec({ spec: { initContainers: [native], containers: [main] } }))).toMatchObject({
      port: 3000,
      datasources: { resource: 'configmap', namespaces: ['a', 'b'], reloads: false },
    });
    expect(grafanaIn(spec({ spec: { containers: [{ name: 'agent', image: 'grafana/agent:1' }] } }))).toBeUndefined();
  });
});

describe('its ways', () => {
  it('the password is in a Secret, where the sidecar looks; the dashboard is beside Loki', () => {
    const { grafana, said } = wired([aGrafana()]);
    expect(grafana?.datasource?.way).toMatchObject({ is: 'object', kind: 'Secret', namespace: 'monitoring', labels: { grafana_datasource: '1' } });
    expect(grafana?.dashboard?.way).toMatchObject({ is: 'object', kind: 'ConfigMap', namespace: 'loki', labels: { grafana_dashboard: '1' } });
    expect(said).toBe('');
  });

  it.each([
    ['no sidecar', { ...aGrafana(), datasources: undefined } as unknown as GrafanaFact, 'has no sidecar that loads data sources'],
    ['a sidecar for ConfigMaps', sidecar({ resource: 'configmap' }), 'ConfigMaps only, and a password belongs in a Secret'],
    ['a sidecar that looks elsewhere', sidecar({ namespaces: ['team-a'] }), 'watches neither loki nor monitoring'],
    ['a namespace that is closed to us', aGrafana({ closed: true }), "where you aren't allowed to create Secrets"],
  ])('%s: nothing is put there, unless by the API with a token', (_, found, why) => {
    const without = wired([found]);
    expect(without.grafana?.datasource).toBeUndefined();
    expect(without.said).toContain(why);
    expect(without.said).toContain('loki-eks plan --show grafana');
    expect(wired([found], { grafanaTokenFile: 'token' }).grafana?.datasource?.way).toEqual({ is: 'api' });
  });

  it('a sidecar that can not tell Grafana: it is said', () => {
    expect(wired([sidecar({ reloads: false })]).said).toContain('reads them at its next start');
  });

  it('none of several, unless one is named; none at all when that is wanted', () => {
    const two = [aGrafana(), aGrafana({ namespace: 'team' })];
    expect(wired(two).grafana).toBeUndefined();
    expect(wired(two).said).toContain('--grafana-namespace');
    expect(wired(two, { grafanaNamespace: 'team' }).grafana?.where).toBe('Deployment team/monitoring-grafana');
    expect(wired([aGrafana()], { grafana: 'none' })).toEqual({ grafana: undefined, said: '' });
    expect(wired([])).toEqual({ grafana: undefined, said: '' });
  });
});

describe('a Grafana elsewhere', () => {
  it('asks the gateway at the address that is given', () => {
    const { grafana } = wired([], { grafanaUrl: 'https://logs.grafana.net', gatewayUrl: 'https://loki.example.com' });
    expect(grafana).toMatchObject({ where: 'https://logs.grafana.net', datasource: { parts: { url: 'https://loki.example.com' }, way: { is: 'api' } } });
  });

  it.each(['https://logs.grafana.net', 'https://g-0123456789.grafana-workspace.eu-central-1.amazonaws.com'])(
    '%s can not reach into the cluster',
    (grafanaUrl) => {
      expect(() => someSettings({ grafanaUrl })).toThrow();
      expect(() => wired([], { grafanaUrl, gatewayUrl: 'https://loki.example.com' })).not.toThrow(ProblemError);
    },
  );
});
