/** The guide followed to its end: everything it shows comes true, no line comes back, and one value in its place brings them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answered, type GuideTerminal, openGuide } from './guide-terminal.ts';

const login = '--user loki:loki';
const tenant = '--header X-Scope-OrgID:foo';
/** What the guide shows of Loki's pods. */
const components = {
  'chunks-cache': 1,
  compactor: 1,
  distributor: 3,
  gateway: 1,
  'index-gateway': 2,
  ingester: 3,
  querier: 3,
  'query-frontend': 2,
  'query-scheduler': 2,
  'results-cache': 1,
  ruler: 1,
};

let guide: GuideTerminal;

// The guide's cluster has four nodes.
beforeAll(async () => void (guide = await openGuide({ nodes: 4 })));
afterAll(() => guide?.close());

describe('what the guide shows comes true', () => {
  it('finds region, account, network and issuer', async () => {
    expect(await guide.follow('0-discover')).toMatchObject({ exit: 0, failed: [] });
    const { account } = guide.sandbox.world;
    expect(await guide.ask('echo $CLUSTER_NAME $AWS_REGION $ACCOUNT_ID')).toBe(`training-on-eks ap-northeast-2 ${account.id}`);
    expect(await guide.ask('echo $VPC_ID')).toMatch(/^vpc-[0-9a-f]{17}$/);
    expect(`https://oidc.eks.ap-northeast-2.amazonaws.com/id/${await guide.ask('echo $OIDC')}`).toBe(account.issuer);
  });

  it('creates two buckets', async () => {
    expect(await guide.follow('1-buckets')).toMatchObject({ exit: 0, failed: [], stderr: '' });
    const { id } = guide.sandbox.world.account;
    const names = [`loki-aws-dev-chunks-${id}`, `loki-aws-dev-ruler-${id}`];
    expect((await guide.ask("aws s3api list-buckets --query 'Buckets[].Name' --output text")).split('\t').sort()).toEqual(names);
    expect(await guide.ask('echo $CHUNK_BUCKET $RULER_BUCKET')).toBe(names.join(' '));
    expect(await guide.ask('aws s3api get-bucket-location --bucket $CHUNK_BUCKET --output text')).toBe('ap-northeast-2');
  });

  it('creates the policy and the role, and tries to delete older ones in silence', async () => {
    const { failed, stderr } = await guide.follow('2-identity');
    expect(failed.map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual([
      'aws iam detach-role-policy',
      'aws iam delete-role',
      'aws iam delete-policy',
    ]);
    expect(stderr).toBe('');
    const { PolicyVersion } = await guide.read('aws iam get-policy-version --policy-arn arn:aws:iam::$ACCOUNT_ID:policy/LokiS3AccessPolicy --version-id v1');
    const chunks = await guide.ask('echo $CHUNK_BUCKET');
    expect(PolicyVersion.Document.Statement[0]).toMatchObject({ Sid: 'LokiStorage', Resource: expect.arrayContaining([`arn:aws:s3:::${chunks}/*`]) });
    const { Role } = await guide.read('aws iam get-role --role-name LokiServiceAccountRole');
    expect(Object.values(Role.AssumeRolePolicyDocument.Statement[0].Condition.StringEquals)).toEqual(['system:serviceaccount:loki:loki', 'sts.amazonaws.com']);
    const { AttachedPolicies } = await guide.read('aws iam list-attached-role-policies --role-name LokiServiceAccountRole');
    expect(AttachedPolicies).toMatchObject([{ PolicyName: 'LokiS3AccessPolicy' }]);
  });

  it('adds the repository and creates the namespace', async () => {
    expect(await guide.follow('3-namespace')).toMatchObject({ exit: 0, failed: [] });
    const charts = await guide.read('helm search repo grafana/ --output json');
    expect(charts.map((chart: { name: string }) => chart.name)).toEqual(expect.arrayContaining(['grafana/alloy', 'grafana/loki']));
    expect(await guide.ask("kubectl get namespace loki -o jsonpath='{.status.phase}'")).toBe('Active');
  });

  it('puts the login into a Secret', async () => {
    expect(await guide.follow('4-login')).toMatchObject({ exit: 0, failed: [] });
    const secret = await guide.read('kubectl get secret loki-basic-auth -n loki -o json');
    expect(Buffer.from(secret.data['.htpasswd'], 'base64').toString()).toMatch(/^loki:\$apr1\$.{8}\$.{22}\n$/);
  });

  it('installs Loki, and every pod runs', async () => {
    expect(await guide.follow('5-loki-values')).toMatchObject({ exit: 0, failed: [] });
    const { exit, failed, stdout } = await guide.follow('6-loki');
    expect({ exit, failed }).toEqual({ exit: 0, failed: [] });
    expect(stdout).toMatch(/STATUS: deployed\nREVISION: 1/);
    await guide.ask('for set in $(kubectl get deployments,statefulsets -n loki -o name); do kubectl rollout status $set -n loki --timeout=90s || exit 1; done');
    const pods = await podsOf('loki');
    expect(pods.every(({ status }) => status === 'Running')).toBe(true);
    const counted = Object.fromEntries(Object.keys(components).map((name) => [name, pods.filter((pod) => pod.component === name).length]));
    expect(counted).toEqual(components);
    expect(pods).toHaveLength(Object.values(components).reduce((sum, count) => sum + count));
  });

  it('installs Alloy, and one runs on each node', async () => {
    expect(await guide.follow('7-alloy-values')).toMatchObject({ exit: 0, failed: [] });
    const { exit, failed, stdout } = await guide.follow('8-alloy');
    expect({ exit, failed }).toEqual({ exit: 0, failed: [] });
    expect(stdout).toMatch(/STATUS: deployed\nREVISION: 1/);
    await guide.ask('kubectl rollout status daemonset/alloy -n alloy --timeout=90s');
    const pods = await podsOf('alloy');
    expect(pods.map(({ status }) => status)).toEqual(['Running', 'Running', 'Running', 'Running']);
    expect(new Set(pods.map(({ node }) => node)).size).toBe(4);
  });
});

describe('and no line comes back', () => {
  beforeAll(async () => {
    await guide.ask(`kubectl run train --image=busybox --restart=Never -- sh -c 'n=1; while true; do echo epoch $n; sleep 1; done'`);
    await guide.ask('kubectl wait --for=condition=Ready pod/train --timeout=60s');
    await until(async () => (await guide.ask('kubectl logs train')).split('\n').length > 2);
  });

  it('though nothing in the log of Alloy complains', async () => {
    const log = await guide.ask('kubectl logs -n alloy -l app.kubernetes.io/name=alloy');
    expect(log.split('\n').length).toBeGreaterThan(4);
    const { stdout } = await guide.follow('9-look');
    const complaints = stdout.split('\n').filter((line) => line.startsWith('ts='));
    expect(complaints.filter((line) => !line.includes('noop client'))).toEqual([]);
  });

  it('and the folder of logs is not there to look into', async () => {
    const { stdout, stderr, exit } = await guide.follow('9-look');
    expect(stdout).not.toContain('/var/log');
    expect(stderr).toContain("ls: cannot access '/var/log/pods': No such file or directory\ncommand terminated with exit code 2");
    expect(exit).toBe(2);
  });

  it('as the volumes are under keys that the chart ignores: no folder of the node is mounted', async () => {
    const { spec } = (await guide.read('kubectl get daemonset alloy -n alloy -o json')).spec.template;
    expect(spec.volumes.map((volume: object) => Object.keys(volume).sort())).toEqual([['configMap', 'name']]);
    expect(spec.containers.flatMap(mountsOf)).not.toContain('/var/log');
    const metrics = await guide.ask(
      'for pod in $(kubectl get pods -n alloy -o name); do kubectl get --raw /api/v1/namespaces/alloy/$pod:12345/proxy/metrics; done'.replace(
        '$pod:',
        'pods/${pod#pod/}:',
      ),
    );
    expect(metrics.match(/^loki_source_file_files_active_total.* (\d+)$/gm)?.map((line) => line.split(' ').at(-1))).toEqual(['0', '0', '0', '0']);
  });

  it('to a query that is right', async () => {
    for (const query of ['{cluster="training-on-eks"}', '{namespace="default"}']) {
      expect(await ask(query)).toEqual([]);
    }
    expect(JSON.parse((await guide.loki('/loki/api/v1/labels', `${login} ${tenant}`)).body)).toEqual({ status: 'success' });
  });

  it('nor to the data source: without a login nginx answers in HTML, without a tenant Loki asks for one', async () => {
    const stranger = await guide.loki('/loki/api/v1/labels', tenant);
    expect(stranger).toMatchObject({ status: 401, body: expect.stringMatching(/<html>[^]*401 Authorization Required[^]*nginx/) });
    const nobody = await guide.loki('/loki/api/v1/labels', login);
    expect(nobody).toMatchObject({ status: 401, body: expect.stringMatching(/^no org id\n?$/) });
  });

  it('nor to the query that the guide tells to type, which has a full stop at its end', async () => {
    expect(await range('{cluster="training-on-eks"}.')).toMatchObject({ status: 400, body: expect.stringContaining('parse error') });
  });

  it('and the gateway is open to the world, as the chart ignores loadBalancerSourceRanges', async () => {
    const { spec } = await guide.read('kubectl get service loki-gateway -n loki -o json');
    expect(spec.type).toBe('LoadBalancer');
    expect(spec.loadBalancerSourceRanges).toBeUndefined();
  });
});

describe('one value in its place, and lines come back', () => {
  beforeAll(async () => {
    await guide.ask(`sed -i 's/^alloy:$/alloy:\\n  mounts:\\n    varlog: true/' alloy-values.yaml`);
    await guide.ask('helm upgrade alloy grafana/alloy --namespace alloy -f alloy-values.yaml');
    await guide.ask('kubectl rollout status daemonset/alloy -n alloy --timeout=90s');
    await until(async () => (await ask('{namespace="default", pod="train"}')).length > 0);
  });

  it('with the prefix of the container runtime, as nothing parses it', async () => {
    const [stream] = await ask('{namespace="default", pod="train"}');
    expect(stream?.values[0]?.[1]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z stdout F epoch 1$/);
  });

  it('under a job that ends in a slash, so that the job one looks for has none', async () => {
    const [stream] = await ask('{namespace="default", pod="train"}');
    expect(stream?.stream).toMatchObject({ cluster: 'training-on-eks', container: 'train', job: 'default/train/' });
    expect(await ask('{job="default/train"}')).toEqual([]);
  });

  it('from a folder that one can look into', async () => {
    const { stdout, exit } = await guide.follow('9-look');
    expect(stdout).toMatch(/^\/var\/log\/pods:\nalloy_alloy-/m);
    expect(stdout).toMatch(/^\/var\/log\/pods\/alloy_alloy-.*\/alloy:\n0\.log$/m);
    expect(exit).toBe(0);
  });

  it('to its tenant only', async () => {
    expect(await ask('{namespace="default"}', '--header X-Scope-OrgID:bar')).toEqual([]);
  });
});

interface Stream {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [string, string])[];
}

const range = (query: string, as = tenant): Promise<Answered> => guide.loki('/loki/api/v1/query_range', `${login} ${as} --data-urlencode 'query=${query}'`);

async function ask(query: string, as = tenant): Promise<readonly Stream[]> {
  const { status, body } = await range(query, as);
  expect({ status, body }).toMatchObject({ status: 200 });
  return JSON.parse(body).data.result;
}

const mountsOf = (container: { volumeMounts?: readonly { mountPath: string }[] }): readonly string[] =>
  (container.volumeMounts ?? []).map(({ mountPath }) => mountPath);

async function podsOf(namespace: string): Promise<readonly { status: string; component: string; node: string }[]> {
  const rows = (await guide.ask(`kubectl get pods -n ${namespace} -o wide --no-headers --label-columns=app.kubernetes.io/component`))
    .split('\n')
    .map((row) => row.split(/\s+/));
  return rows.map((row) => ({
    status: row[2] ?? '',
    node: row[6] ?? '',
    component: (row[0] ?? '').replace(/^loki-/, '').replace(/(-[a-z0-9]+-[a-z0-9]{5}|-\d+)$/, ''),
  }));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) if (Date.now() > end) throw new Error('waited for a minute, in vain');
}
