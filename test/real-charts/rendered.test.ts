/** What the real charts make of our values: the properties without which an install fails or loses lines. */
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import type { Blueprint } from '../../src/design/blueprint.ts';
import type { Facts } from '../../src/design/facts.ts';
import { aCluster, aNode, someFacts, someSettings, threeNodes } from '../support/facts.ts';
import { templates } from '../support/templates.ts';
import { find, render, type Rendered } from './render.ts';

const certificate = 'arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000';
const kmsKey = 'arn:aws:kms:ap-northeast-2:111122223333:key/11111111-2222-3333-4444-555555555555';

const cases: Readonly<Record<string, { readonly flags?: Readonly<Record<string, unknown>>; readonly facts?: Facts }>> = {
  default: {},
  'pod identity': { flags: { identity: 'pod-identity' } },
  'exposed internally': { flags: { expose: 'internal', allowCidr: ['10.0.0.0/8'] } },
  'exposed to the internet': { flags: { expose: 'public', allowCidr: ['203.0.113.0/24', '2001:db8::/32'], certificate } },
  'own key': { flags: { kmsKey } },
  'one node': { facts: someFacts({ nodes: threeNodes.slice(0, 1) }) },
  'two nodes': { facts: someFacts({ nodes: threeNodes.slice(0, 2) }) },
  medium: { flags: { size: 'medium' } },
  'large on three nodes': { flags: { size: 'large' } },
  'large on eight nodes': { flags: { size: 'large' }, facts: someFacts({ nodes: Array.from({ length: 8 }, (_, index) => aNode(`node-${index}`)) }) },
  Beijing: { facts: someFacts({ partition: 'aws-cn', region: 'cn-north-1' }) },
  'Auto Mode': {
    flags: { expose: 'internal' },
    facts: someFacts({ cluster: aCluster({ autoMode: true }), nodes: [], csiDrivers: [], storageClasses: [], dns: undefined }),
  },
  'everything set': {
    flags: {
      namespace: 'logging',
      collectorNamespace: 'collectors',
      tenant: "team.a_(x)!'*",
      clusterLabel: 'prod/eu:1',
      retentionDays: '400',
      storageClass: 'gp2',
      bucketPrefix: 'acme-logs',
      gatewayUser: 'shipper@acme',
      alertmanagerUrl: 'http://alertmanager.monitoring:9093',
      tags: ['team=platform'],
      iamPath: '/platform/',
      permissionsBoundary: 'arn:aws:iam::111122223333:policy/boundary',
    },
    facts: someFacts({ serviceMonitors: true }),
  },
};

interface Result {
  readonly blueprint: Blueprint;
  readonly loki: readonly Rendered[];
  readonly alloy: readonly Rendered[];
}
const results = new Map<string, Result>();
function result(name: string): Result {
  const known = results.get(name);
  if (known !== undefined) return known;
  const { flags, facts } = cases[name]!;
  const blueprint = design(someSettings(flags), facts ?? someFacts(), { templates });
  const made = {
    blueprint,
    loki: render({ chart: 'loki', namespace: blueprint.loki.namespace, values: blueprint.loki.values }),
    alloy: render({ chart: 'alloy', namespace: blueprint.alloy.namespace, values: blueprint.alloy.values }),
  };
  results.set(name, made);
  return made;
}

const config = (objects: readonly Rendered[]): any => parse(find(objects, 'ConfigMap', 'loki').data!['config.yaml']!);
const workloads = (objects: readonly Rendered[]) => objects.filter(({ kind }) => ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'Pod'].includes(kind));
const podOf = (object: Rendered): any => object.spec.template.spec;

describe.each(Object.keys(cases))('%s', (name) => {
  it('Loki stores in our buckets, with our tenant, retention, ruler and copies', () => {
    const { blueprint, loki } = result(name);
    const written = config(loki);
    expect(written.auth_enabled).toBe(true);
    expect(written.common.storage.s3).toMatchObject({ bucketnames: blueprint.buckets.chunks.name, region: blueprint.region });
    expect(written.ruler.storage.s3).toMatchObject({ bucketnames: blueprint.buckets.ruler.name, region: blueprint.region });
    expect(JSON.stringify(written)).not.toMatch(/access_key|secret_access|endpoint/i);
    expect(written.limits_config).toMatchObject({
      retention_period: `${blueprint.retentionDays * 24}h`,
      allow_structured_metadata: true,
      volume_enabled: true,
    });
    expect(written.compactor).toMatchObject({ retention_enabled: true, delete_request_store: 's3' });
    expect(written.ingester).toMatchObject({ chunk_encoding: 'snappy', wal: { flush_on_shutdown: true } });
    expect(written.ingester.wal.replay_memory_ceiling).toMatch(/^\d+MB$/);
    expect(written.schema_config.configs).toEqual([
      { from: '2024-04-01', store: 'tsdb', object_store: 's3', schema: 'v13', index: { prefix: 'loki_index_', period: '24h' } },
    ]);
    expect(find(loki, 'StatefulSet', 'loki-ruler').spec.replicas).toBe(1);
    expect(written.ruler.enable_api).toBe(true);
  });

  it('every copy has an ingester, and the ingesters keep their log on a volume of the chosen class', () => {
    const { blueprint, loki } = result(name);
    const ingester = find(loki, 'StatefulSet', 'loki-ingester');
    expect(ingester.spec.replicas).toBeGreaterThanOrEqual(config(loki).common.replication_factor);
    for (const set of [ingester, find(loki, 'StatefulSet', 'loki-compactor')]) {
      expect(set.spec.volumeClaimTemplates).toHaveLength(1);
      expect(set.spec.volumeClaimTemplates[0].spec).toMatchObject({
        storageClassName: blueprint.storageClassName,
        resources: { requests: { storage: '20Gi' } },
      });
      // What is not in S3 yet is data: Helm and a scale-down leave it, uninstall takes it once it was flushed.
      expect(set.spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
      expect(podOf(set).containers[0].volumeMounts).toContainEqual(expect.objectContaining({ name: 'data', mountPath: '/var/loki' }));
    }
  });

  it('every pod asks for what it needs, can be placed, and none is privileged or reads Secrets of the cluster', () => {
    const { loki, alloy } = result(name);
    const nodes = cases[name]!.facts?.nodes.length ?? 3;
    for (const object of [...workloads(loki), ...workloads(alloy)]) {
      const pod = podOf(object);
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        const where = `${object.metadata.name}/${container.name}`;
        expect(container.securityContext?.privileged ?? false, where).toBe(false);
        expect(container.securityContext?.allowPrivilegeEscalation, where).toBe(false);
        if (!/exporter/.test(container.name)) expect(container.resources?.requests?.memory, where).toBeTruthy();
        expect(JSON.stringify(container.env ?? []), where).not.toMatch(/password/i);
      }
      expect(pod.nodeSelector?.['kubernetes.io/os'], object.metadata.name).toBe('linux');
      const apart = pod.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
      if (apart.length > 0)
        expect(object.spec.replicas, object.metadata.name).toBeLessThanOrEqual(Math.max(nodes, cases[name]!.facts?.cluster.autoMode ? 3 : 1));
    }
    const rules = [...loki, ...alloy].filter(({ kind }) => kind.endsWith('Role')).flatMap((role) => (role['rules'] as any[] | undefined) ?? []);
    for (const rule of rules) expect(rule.resources ?? []).not.toContain('secrets');
    expect(loki.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
  });

  it('Loki runs as the service account that the role trusts, which the chart does not make', () => {
    const { blueprint, loki } = result(name);
    expect(loki.filter(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === blueprint.serviceAccount.name)).toEqual([]);
    for (const component of ['ingester', 'compactor', 'index-gateway', 'ruler'])
      expect(podOf(find(loki, 'StatefulSet', `loki-${component}`)).serviceAccountName).toBe(blueprint.serviceAccount.name);
    for (const component of ['distributor', 'querier', 'query-frontend', 'query-scheduler'])
      expect(podOf(find(loki, 'Deployment', `loki-${component}`)).serviceAccountName).toBe(blueprint.serviceAccount.name);
    const annotations = blueprint.serviceAccount.object.metadata.annotations ?? {};
    expect('eks.amazonaws.com/role-arn' in annotations).toBe(blueprint.identity === 'irsa');
  });

  it('the gateway asks for a login, sets the tenant itself, and is where the blueprint says', () => {
    const { blueprint, loki } = result(name);
    const nginx = find(loki, 'ConfigMap', 'loki-gateway').data!['nginx.conf']!;
    expect(nginx).toContain('auth_basic_user_file /etc/nginx/secrets/.htpasswd');
    const proxied = nginx.match(/proxy_pass/g)!.length;
    expect(nginx.split(`proxy_set_header X-Scope-OrgID "${blueprint.tenant}";`).length - 1).toBeGreaterThanOrEqual(proxied);
    const pod = podOf(find(loki, 'Deployment', 'loki-gateway'));
    expect(pod.volumes).toContainEqual({ name: 'auth', secret: { secretName: blueprint.login.htpasswd.name } });
    expect(pod.containers[0].ports[0].containerPort).toBe(blueprint.gateway.podPort);
    const service = find(loki, 'Service', blueprint.gateway.service);
    expect(service.spec.type).toBe('ClusterIP');
    expect(service.spec.ports[0].port).toBe(80);
    const labels = find(loki, 'Deployment', 'loki-gateway').spec.template.metadata.labels;
    for (const pair of blueprint.gateway.selector.split(',')) expect(labels).toMatchObject(Object.fromEntries([pair.split('=')]));
    expect(
      loki.filter(({ kind, spec }) => kind === 'Service' && spec.type !== 'ClusterIP' && spec.type !== undefined).map(({ metadata }) => metadata.name),
    ).toEqual(cases[name]!.flags?.['expose'] === undefined ? [] : ['loki-gateway-exposed']);
  });

  it('Alloy runs on every node it can, sees the log files, keeps its positions, and has the login from a Secret', () => {
    const { blueprint, alloy } = result(name);
    const pod = podOf(find(alloy, 'DaemonSet', 'alloy'));
    const container = pod.containers.find((one: any) => one.name === 'alloy');
    expect(pod.volumes).toContainEqual({ name: 'varlog', hostPath: { path: '/var/log' } });
    expect(container.volumeMounts).toContainEqual({ name: 'varlog', mountPath: '/var/log', readOnly: true });
    expect(pod.volumes).toContainEqual({ name: 'alloy-data', hostPath: { path: '/var/lib/alloy', type: 'DirectoryOrCreate' } });
    expect(container.args).toContain('--storage.path=/var/lib/alloy/data');
    expect(container.volumeMounts).toContainEqual({ name: 'alloy-data', mountPath: '/var/lib/alloy/data' });
    expect(container.securityContext).toMatchObject({ privileged: false, runAsUser: 0, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(pod.tolerations).toEqual([{ operator: 'Exists' }]);
    expect(pod.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions).toEqual([
      { key: 'eks.amazonaws.com/compute-type', operator: 'NotIn', values: ['fargate'] },
    ]);
    const secret = pod.volumes.find((volume: any) => volume.secret)?.secret;
    expect(blueprint.login.clients).toContainEqual({ namespace: blueprint.alloy.namespace, name: secret.secretName });
    expect(secret.items).toEqual([{ key: 'password', path: 'password' }]);
    expect(alloy.filter(({ kind }) => kind === 'CustomResourceDefinition' || kind === 'Secret')).toEqual([]);
  });

  it("the pipeline says the same tenant, user and address, parses containerd's lines and drops the file name", () => {
    const { blueprint, alloy } = result(name);
    const pipeline = find(alloy, 'ConfigMap', 'alloy').data!['config.alloy']!;
    expect(pipeline).toContain(`url       = ${JSON.stringify(blueprint.gateway.pushUrl)}`);
    expect(pipeline).toContain(`tenant_id = ${JSON.stringify(blueprint.tenant)}`);
    expect(pipeline).toContain(`username      = ${JSON.stringify(blueprint.login.user)}`);
    expect(pipeline).toContain(`cluster = ${JSON.stringify(blueprint.clusterLabel)},`);
    expect(pipeline).toContain('stage.cri {');
    expect(pipeline).toContain('values = ["filename"]');
    expect(pipeline).not.toMatch(/\$\{|password *=/);
    expect(find(alloy, 'DaemonSet', 'alloy').spec.template.metadata.annotations['checksum/config']).toBeTruthy();
  });
});

describe('what differs', () => {
  it('alerts go to the Alertmanager that was named, and nowhere else', () => {
    expect(config(result('everything set').loki).ruler.alertmanager_url).toBe('http://alertmanager.monitoring:9093');
    expect(config(result('default').loki).ruler).not.toHaveProperty('alertmanager_url');
  });

  it('ServiceMonitors and exporters only where they can be used', () => {
    expect(result('everything set').loki.filter(({ kind }) => kind === 'ServiceMonitor')).toHaveLength(1);
    expect(result('everything set').alloy.filter(({ kind }) => kind === 'ServiceMonitor')).toHaveLength(1);
    expect(result('default').loki.filter(({ kind }) => kind === 'ServiceMonitor')).toEqual([]);
    expect(
      workloads(result('default').loki)
        .flatMap((one) => podOf(one).containers.map((container: any) => container.name))
        .filter((one) => /exporter/.test(one)),
    ).toEqual([]);
  });

  it('the internal load balancer is internal, the public one has its ranges and its certificate', () => {
    const internal = find(result('exposed internally').loki, 'Service', 'loki-gateway-exposed');
    expect(internal.metadata.annotations!['service.beta.kubernetes.io/aws-load-balancer-scheme']).toBe('internal');
    expect(internal.spec).toMatchObject({ type: 'LoadBalancer', loadBalancerClass: 'service.k8s.aws/nlb', loadBalancerSourceRanges: ['10.0.0.0/8'] });
    const open = find(result('exposed to the internet').loki, 'Service', 'loki-gateway-exposed');
    expect(open.metadata.annotations).toMatchObject({
      'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internet-facing',
      'service.beta.kubernetes.io/aws-load-balancer-ssl-cert': certificate,
      'service.beta.kubernetes.io/aws-load-balancer-ssl-ports': '443',
    });
    expect(open.spec).toMatchObject({ loadBalancerSourceRanges: ['203.0.113.0/24', '2001:db8::/32'], ports: [{ port: 443, targetPort: 8080 }] });
    expect(find(result('Auto Mode').loki, 'Service', 'loki-gateway-exposed').spec.loadBalancerClass).toBe('eks.amazonaws.com/nlb');
    const selector = Object.entries(open.spec.selector);
    const labels = find(result('exposed to the internet').loki, 'Deployment', 'loki-gateway').spec.template.metadata.labels;
    for (const [key, value] of selector) expect(labels[key]).toBe(value);
  });

  it('with three nodes every line is held three times on three nodes; with fewer, once', () => {
    expect(config(result('default').loki).common.replication_factor).toBe(3);
    expect(config(result('two nodes').loki).common.replication_factor).toBe(1);
    expect(config(result('one node').loki).common.replication_factor).toBe(1);
    const apart = (name: string) => podOf(find(result(name).loki, 'StatefulSet', 'loki-ingester')).affinity.podAntiAffinity;
    expect(apart('default').requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
    expect(apart('two nodes')).not.toHaveProperty('requiredDuringSchedulingIgnoredDuringExecution');
    expect(apart('large on three nodes')).not.toHaveProperty('requiredDuringSchedulingIgnoredDuringExecution');
    expect(apart('large on eight nodes').requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
  });

  it('spreading names the labels that the pods really carry', () => {
    for (const object of workloads(result('two nodes').loki)) {
      const soft = podOf(object).affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      for (const term of soft) expect(object.spec.template.metadata.labels).toMatchObject(term.podAffinityTerm.labelSelector.matchLabels);
    }
  });

  it('without the Service kube-dns nginx is told an address', () => {
    expect(find(result('Auto Mode').loki, 'ConfigMap', 'loki-gateway').data!['nginx.conf']).toContain('resolver 172.20.0.10;');
    expect(find(result('default').loki, 'ConfigMap', 'loki-gateway').data!['nginx.conf']).toContain('resolver kube-dns.kube-system.svc.cluster.local.;');
  });

  it('small fits three t3.medium beside Alloy and what EKS runs itself', () => {
    const sum = { cpu: 0, memory: 0, pods: 0 };
    const largest = { memory: 0 };
    for (const object of workloads(result('default').loki)) {
      const each = podOf(object).containers.reduce(
        (total: any, { resources: { requests } }: any) => ({ cpu: total.cpu + cores(requests.cpu), memory: total.memory + mebibytes(requests.memory) }),
        { cpu: 0, memory: 0 },
      );
      sum.cpu += each.cpu * object.spec.replicas;
      sum.memory += each.memory * object.spec.replicas;
      sum.pods += object.spec.replicas;
      largest.memory = Math.max(largest.memory, each.memory);
    }
    // A t3.medium offers 1.93 cores, about 3.2 GiB and 17 pods; Alloy, aws-node, kube-proxy, EBS and CoreDNS take 0.35, 0.5 GiB and 6 of each.
    expect(sum.cpu).toBeLessThan(3 * (1.93 - 0.35));
    expect(sum.memory).toBeLessThan(3 * (3200 - 512));
    expect(sum.pods).toBeLessThanOrEqual(3 * (17 - 6));
    expect(largest.memory).toBeLessThan(1024);
  });
});

const cores = (text: string) => (text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text));
const mebibytes = (text: string) => Number.parseInt(text, 10) * (text.endsWith('Gi') ? 1024 : 1);
