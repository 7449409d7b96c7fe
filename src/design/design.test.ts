import { describe, expect, it } from 'vitest';
import { aCluster, aNode, someCharts, someFacts, someSettings, threeNodes } from '../../test/support/facts.ts';
import { templates } from '../../test/support/templates.ts';
import { design, type UserValues } from './design.ts';
import type { Facts } from './facts.ts';

const of = (flags: Readonly<Record<string, unknown>> = {}, facts: Facts = someFacts(), userValues?: UserValues) =>
  design(someSettings(flags), facts, { templates, userValues });
const refused = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return (error as { problem?: { code: string; message: string } }).problem;
  }
  throw new Error('was not refused');
};

describe('design', () => {
  it('is a function: the same in, the same out, and plain JSON', () => {
    const blueprint = of({ kmsKey: 'arn:aws:kms:ap-northeast-2:111122223333:key/a', expose: 'internal' });
    expect(of({ kmsKey: 'arn:aws:kms:ap-northeast-2:111122223333:key/a', expose: 'internal' })).toEqual(blueprint);
    expect(JSON.parse(JSON.stringify(blueprint))).toEqual(blueprint);
    expect(JSON.stringify(blueprint)).not.toContain('${');
  });

  it('knows its own by the cluster, so two clusters never meet', () => {
    const here = of();
    const there = of({}, someFacts({ cluster: aCluster({ name: 'other', arn: 'arn:aws:eks:ap-northeast-2:111122223333:cluster/other' }) }));
    for (const pick of ['buckets', 'role', 'ownership'] as const) expect(JSON.stringify(here[pick])).not.toContain(there.ownership.installId);
    expect(here.buckets.chunks.name).not.toBe(there.buckets.chunks.name);
    expect(here.role.name).not.toBe(there.role.name);
  });

  it("our tags win over the user's, and both are on everything", () => {
    const { buckets, role, oidcProvider, ownership } = of({ tags: ['team=a'] });
    for (const tags of [buckets.chunks.tags, buckets.ruler.tags, role.tags, oidcProvider!.tags]) expect(tags).toMatchObject({ team: 'a', ...ownership.tags });
  });

  it.each([
    ['aws', 'ap-northeast-2'],
    ['aws', 'us-east-1'],
    ['aws-cn', 'cn-north-1'],
    ['aws-us-gov', 'us-gov-west-1'],
  ])('in %s %s every ARN is of the partition and every name fits', (partition, region) => {
    const facts = someFacts({ partition, region });
    const blueprint = of({ size: 'medium' }, facts);
    const arns = JSON.stringify(blueprint).match(/arn:[a-z-]+:/g)!;
    expect(new Set(arns)).toEqual(new Set([`arn:${partition}:`]));
    expect(blueprint.buckets.chunks.name).toMatch(/^[a-z0-9-]{3,63}$/);
    expect(blueprint.oidcProvider).toMatchObject({ arn: facts.oidcProvider!.arn, url: facts.cluster.issuer, audience: 'sts.amazonaws.com' });
  });

  it('the trust names exactly this service account, by the issuer as it is', () => {
    const issuer = 'https://oidc-eks.ap-northeast-2.api.aws/id/ABC';
    const { role, serviceAccount } = of({ namespace: 'logs' }, someFacts({ cluster: aCluster({ issuer }) }));
    expect(role.trust).toMatchObject({
      Statement: [
        {
          Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/oidc-eks.ap-northeast-2.api.aws/id/ABC' },
          Condition: {
            StringEquals: {
              'oidc-eks.ap-northeast-2.api.aws/id/ABC:sub': 'system:serviceaccount:logs:loki',
              'oidc-eks.ap-northeast-2.api.aws/id/ABC:aud': 'sts.amazonaws.com',
            },
          },
        },
      ],
    });
    expect(serviceAccount.object.metadata.annotations).toMatchObject({ 'eks.amazonaws.com/role-arn': role.arn });
    expect(JSON.stringify(role.trust)).not.toContain('StringLike');
  });

  it('Pod Identity needs no provider and no annotation', () => {
    const { role, oidcProvider, serviceAccount } = of({ identity: 'pod-identity' }, someFacts({ cluster: aCluster({ issuer: undefined }) }));
    expect(oidcProvider).toBeUndefined();
    expect(serviceAccount.object.metadata.annotations).not.toHaveProperty('eks.amazonaws.com/role-arn');
    expect(role.trust).toMatchObject({
      Statement: [
        {
          Principal: { Service: 'pods.eks.amazonaws.com' },
          Action: ['sts:AssumeRole', 'sts:TagSession'],
          Condition: { StringEquals: { 'aws:RequestTag/kubernetes-service-account': 'loki' } },
        },
      ],
    });
  });

  it('the role may touch its two buckets and, with a key, that key, and nothing else', () => {
    const key = 'arn:aws:kms:ap-northeast-2:111122223333:key/a';
    const { role, buckets } = of({ kmsKey: key });
    const statements = (role.policy as any).Statement as any[];
    const resources = statements.flatMap(({ Resource }) => Resource);
    const arns = [buckets.chunks.name, buckets.ruler.name].map((name) => `arn:aws:s3:::${name}`);
    expect(resources).toEqual([...arns, ...arns.map((arn) => `${arn}/*`), key]);
    expect(statements.flatMap(({ Action }) => Action).join(' ')).not.toContain('*');
    expect(buckets.chunks.encryption).toEqual({ algorithm: 'aws:kms', key, bucketKey: true });
    expect((of().role.policy as any).Statement).toHaveLength(2);
  });

  it('no rule of the buckets ever expires an object', () => {
    for (const bucket of Object.values(of().buckets)) expect(JSON.stringify(bucket.lifecycle)).not.toContain('Expiration');
  });

  it('path and boundary are in the role and its ARN', () => {
    const boundary = 'arn:aws:iam::111122223333:policy/boundary';
    expect(of({ iamPath: '/platform/', permissionsBoundary: boundary }).role).toMatchObject({
      path: '/platform/',
      permissionsBoundary: boundary,
      arn: expect.stringMatching(/:role\/platform\/loki-eks-/),
    });
  });

  it('the login lies where each side reads it', () => {
    expect(of({ gatewayUser: 'shipper' }).login).toEqual({
      user: 'shipper',
      htpasswd: { namespace: 'loki', name: 'loki-gateway-htpasswd' },
      rounds: 1000,
      clients: [
        { namespace: 'loki', name: 'loki-gateway-login' },
        { namespace: 'alloy', name: 'loki-gateway-login' },
      ],
    });
    expect(of({ namespace: 'one', collectorNamespace: 'one' }).login.clients).toHaveLength(1);
  });

  it('a shared namespace lets Alloy read the node, whichever object is applied', () => {
    const { namespaces } = of({ namespace: 'one', collectorNamespace: 'one' });
    expect(namespaces.loki).toEqual(namespaces.collector);
    expect(namespaces.loki.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'privileged' });
    expect(of().namespaces.loki.metadata.labels).not.toHaveProperty('pod-security.kubernetes.io/enforce');
  });

  it('one tenant everywhere', () => {
    const { tenant, loki, alloy, datasource } = of({ tenant: 'team-a' });
    expect(tenant).toBe('team-a');
    expect((loki.values as any).gateway.nginxConfig.locationSnippet).toBe('proxy_set_header X-Scope-OrgID "team-a";');
    expect((alloy.values as any).alloy.configMap.content).toContain('tenant_id = "team-a"');
    expect(datasource).toContain('httpHeaderValue1: "team-a"');
    expect(of().tenant).toBe('training-on-eks');
  });

  it("the user's values lie on top, in order, and unknown keys are named with their file", () => {
    const { loki, alloy, record, verify } = of({}, someFacts(), {
      loki: [
        { file: 'a.yaml', values: { querier: { replicas: 5, affinity: null } } },
        { file: 'b.yaml', values: { querier: { replicas: 6 }, querrier: {} } },
      ],
      alloy: [{ file: 'c.yaml', values: { image: { registry: 'mirror.example', tag: 'v9' } } }],
    });
    expect((loki.values as any).querier).toMatchObject({ replicas: 6, affinity: null, resources: expect.anything() });
    expect(loki.unknownKeys).toEqual([{ file: 'b.yaml', path: 'querrier', nearest: 'querier' }]);
    expect(alloy.unknownKeys).toEqual([]);
    expect(record).toMatchObject({ lokiValues: { querier: { replicas: 6, affinity: null }, querrier: {} }, alloyValues: { image: { tag: 'v9' } } });
    expect(verify.image).toBe('mirror.example/grafana/alloy:v9');
    expect(of({}, someFacts({ charts: { ...someCharts, alloy: { ...someCharts.alloy, appVersion: 'v2' } } })).verify.image).toBe('docker.io/grafana/alloy:v2');
    expect(of({}, someFacts({ charts: { ...someCharts, alloy: { ...someCharts.alloy, appVersion: '' } } })).verify.image).toBe(
      'docker.io/grafana/alloy:v1.18.1',
    );
    expect(of().record).toMatchObject({ lokiValues: null, alloyValues: null });
  });

  it('warns of values that the rest relies on, as deep as they are set, and of no others', () => {
    const { notes } = of({ alertmanagerUrl: 'http://a:9093' }, someFacts(), {
      loki: [{ file: 'a.yaml', values: { gateway: { basicAuth: { enabled: false }, replicas: 3 }, loki: { storage: { gcs: {} } }, serviceAccount: null } }],
      alloy: [{ file: 'b.yaml', values: { alloy: { mounts: { varlog: false, extra: [] } } } }],
    });
    expect(notes!.map((note) => note.split(':')[0])).toEqual([
      'a.yaml sets serviceAccount',
      'a.yaml sets gateway.basicAuth',
      'b.yaml sets alloy.mounts.varlog',
    ]);
  });

  it('what is recorded is what was installed, not where one stood', () => {
    const { settings } = of({ profile: 'mine', timeout: '1h', retentionDays: 7, kubeconfig: '/home/me/.kube/config', passwordFile: '/home/me/secret' })
      .record as any;
    expect(settings).toMatchObject({ retentionDays: 7, cluster: 'training-on-eks', region: 'ap-northeast-2' });
    expect(JSON.stringify(settings)).not.toMatch(/home|mine|3600/);
  });

  it('says what it decided', () => {
    expect(of({ alertmanagerUrl: 'http://a:9093' }).notes).toEqual([]);
    const { notes } = of({ expose: 'internal' }, someFacts({ storageClasses: [], nodes: [threeNodes[0]!, aNode('f', { kind: 'fargate' })] }));
    expect(notes!.map((note) => note.split(/[ :,]/).slice(0, 4).join(' '))).toEqual([
      'Only 1 node can',
      'No StorageClass of the',
      'The internal load balancer',
      'No Alertmanager is set',
      'Pods on Fargate (1',
    ]);
  });

  it('is refused where no design is possible', () => {
    expect(refused(() => of({}, someFacts({ cluster: aCluster({ issuer: undefined }) })))).toMatchObject({ code: 'IDENTITY_NO_ISSUER' });
    expect(refused(() => of({ kmsKey: 'arn:aws:kms:eu-west-1:111122223333:key/a' }))).toMatchObject({
      code: 'SETTING_INVALID',
      message: expect.stringContaining('is in eu-west-1, but the cluster is in ap-northeast-2'),
    });
    expect(refused(() => of({ storageClass: 'nope' }))).toMatchObject({ code: 'STORAGE_CLASS_UNKNOWN' });
  });
});
