/** The stand-in charts: the objects they make, the keys they honour, and the wrong ones they ignore without a word. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { render } from '../support/log-world.ts';

const file = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const LOKI = file('./values/loki.yaml');
const ALLOY = file('./values/alloy.yaml');

type Doc = Readonly<Record<string, any>>;
const one = (objects: readonly KubeObject[], kind: string, name: string): Doc => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found as Doc;
};
const names = (objects: readonly KubeObject[], kind: string): readonly string[] =>
  objects
    .filter((object) => object.kind === kind)
    .map((object) => object.metadata.name)
    .sort();

describe('the Loki stand-in', () => {
  const objects = render('loki', LOKI);

  it('makes the objects of the chart it stands in for', () => {
    expect(names(objects, 'Deployment')).toEqual(['distributor', 'gateway', 'querier', 'query-frontend', 'query-scheduler'].map((name) => `loki-${name}`));
    expect(names(objects, 'StatefulSet')).toEqual(
      ['chunks-cache', 'compactor', 'index-gateway', 'ingester', 'results-cache', 'ruler'].map((name) => `loki-${name}`),
    );
    expect(names(objects, 'ServiceAccount')).toEqual(['loki', 'loki-gateway', 'loki-memcached']);
    expect(names(objects, 'PodDisruptionBudget')).toEqual(
      ['distributor', 'index-gateway', 'ingester', 'querier', 'query-frontend', 'query-scheduler'].map((name) => `loki-${name}`),
    );
    expect(names(objects, 'Service')).toHaveLength(21);
    expect(names(objects, 'ClusterRole')).toEqual([]);
  });

  it('asks for claims, role and memory as told', () => {
    const ingester = one(objects, 'StatefulSet', 'loki-ingester');
    expect(ingester['spec'].volumeClaimTemplates[0].spec).toMatchObject({ storageClassName: 'gp3', resources: { requests: { storage: '10Gi' } } });
    expect(ingester['spec'].serviceName).toBe('loki-ingester-headless');
    expect(one(objects, 'ServiceAccount', 'loki')['metadata'].annotations).toEqual({ 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/loki' });
    expect(one(objects, 'StatefulSet', 'loki-chunks-cache')['spec'].template.spec.containers[0].resources).toEqual({
      limits: { memory: '9830Mi' },
      requests: { cpu: '500m', memory: '9830Mi' },
    });
  });

  it('renders buckets, ring and rules into the configuration', () => {
    const config = parse(one(objects, 'ConfigMap', 'loki')['data']['config.yaml']) as Doc;
    expect(config['common'].storage.s3.bucketnames).toBe('chunks-bucket');
    expect(config['ruler'].alertmanager_url).toBe('http://prom:9093');
    expect(config['ruler'].storage.s3.bucketnames).toBe('ruler-bucket');
    expect(config['memberlist'].join_members).toEqual(['loki-memberlist.loki.svc.cluster.local']);
    expect(config['auth_enabled']).toBe(true);
  });

  it('follows changes of keys it knows', () => {
    const changed = render('loki', LOKI, [
      'chunksCache.allocatedMemory=512',
      'gateway.affinity=null',
      'gateway.nginxConfig.resolver=10.100.0.10',
      'querier.nodeSelector.pool=logs',
      'sidecar.rules.enabled=true',
      'rbac.namespaced=false',
      'monitoring.serviceMonitor.enabled=true',
      'gateway.podDisruptionBudget.maxUnavailable=1',
    ]);
    expect(one(changed, 'StatefulSet', 'loki-chunks-cache')['spec'].template.spec.containers[0].resources.requests.memory).toBe('614Mi');
    expect(one(changed, 'Deployment', 'loki-gateway')['spec'].template.spec.affinity).toBeUndefined();
    expect(one(changed, 'ConfigMap', 'loki-gateway')['data']['nginx.conf']).toContain('resolver 10.100.0.10;');
    expect(one(changed, 'Deployment', 'loki-querier')['spec'].template.spec.nodeSelector).toEqual({ pool: 'logs' });
    expect(one(changed, 'ClusterRole', 'loki-clusterrole')['rules']).toEqual([
      { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'watch', 'list'] },
    ]);
    expect(names(changed, 'ServiceMonitor')).toEqual(['loki']);
    expect(names(changed, 'PodDisruptionBudget')).toContain('loki-gateway');
  });

  it('puts one ingester in each zone when told so', () => {
    const zoned = render('loki', LOKI, ['ingester.zoneAwareReplication.enabled=true']);
    expect(names(zoned, 'StatefulSet').filter((name) => name.includes('ingester'))).toEqual([
      'loki-ingester-zone-a',
      'loki-ingester-zone-b',
      'loki-ingester-zone-c',
    ]);
    expect(one(zoned, 'StatefulSet', 'loki-ingester-zone-b')['spec'].replicas).toBe(1);
  });

  it.each([
    ['gateway.service.loadBalancerSourceRanges[0]=10.0.0.0/8'],
    ['loki.ruler.enable_api=true'],
    ['loki.ruler.storage.s3.region=eu-west-1'],
    ['ingester.nodeselector.a=b'],
  ])('ignores %s, as upstream does', (key) => {
    expect(render('loki', LOKI, [key])).toEqual(objects);
  });

  it('shadows the chunks bucket when storage_config.aws names one', () => {
    const config = parse(
      one(render('loki', LOKI, ['loki.storage_config.aws.bucketnames=b', 'loki.storage_config.aws.region=r']), 'ConfigMap', 'loki')['data']['config.yaml'],
    ) as Doc;
    expect(config['common'].storage.s3.bucketnames).toBe('');
  });

  it.each([
    [['backend.replicas=3'], 'more than zero replicas configured for scalable targets'],
    [['loki.storage.bucketNames.chunks='], 'Please define loki.storage.bucketNames.chunks'],
    [['loki.storage.bucketNames.ruler='], 'Please define loki.storage.bucketNames.ruler'],
    [['loki.schemaConfig=null'], 'You must provide a schema_config'],
    [['test.enabled=true'], 'Helm test requires the Loki Canary'],
    [['deploymentMode=Monolithic'], 'the stand-in chart of the loki-eks sandbox renders Distributed only'],
  ])('refuses %j', (set, message) => {
    expect(() => render('loki', LOKI, set)).toThrow(message);
  });
});

describe('the Alloy stand-in', () => {
  it('mounts the logs only by the right key', () => {
    const right = one(render('alloy', ALLOY), 'DaemonSet', 'alloy')['spec'].template.spec;
    expect(right.volumes).toContainEqual({ name: 'varlog', hostPath: { path: '/var/log' } });
    const wrong = one(render('alloy', file('./values/guide-alloy.yaml')), 'DaemonSet', 'alloy')['spec'].template.spec;
    expect(wrong.volumes).toEqual([{ name: 'config', configMap: { name: 'alloy' } }]);
    expect(wrong.containers[0].securityContext).toEqual({ privileged: true });
  });

  it('gives what rbac says, and refuses the empty lists that break upstream', () => {
    expect(one(render('alloy', ALLOY), 'ClusterRole', 'alloy')['rules'][0]).toEqual({ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] });
    expect(() => render('alloy', ALLOY, ['rbac.clusterRules=null'])).toThrow("did not find expected '-' indicator");
    expect(names(render('alloy', ALLOY, ['rbac.namespaces[0]=training']), 'Role')).toEqual(['alloy']);
  });

  it('names the node HOSTNAME, which the configuration selects by', () => {
    expect(one(render('alloy', ALLOY), 'DaemonSet', 'alloy')['spec'].template.spec.containers[0].env).toContainEqual({
      name: 'HOSTNAME',
      valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } },
    });
  });
});

it('both say in their Chart.yaml that they are stand-ins', () => {
  for (const chart of ['loki', 'alloy']) {
    const about = parse(file(`../../src/sandbox/charts/${chart}/Chart.yaml`)) as { readonly description: string; readonly annotations: object };
    expect(about.description).toMatch(/^Stand-in of the loki-eks sandbox/);
    expect(about.annotations).toHaveProperty(['loki-eks.sandbox/stand-in'], 'true');
  }
});
