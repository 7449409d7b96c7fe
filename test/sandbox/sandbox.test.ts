/** The sandbox as foreign clients see it: kubectl, both helms, and plain HTTP against its doors. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/start.ts';
import { openTerminal, tool, type Terminal } from '../support/sandbox-cli.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal();
});
afterAll(() => terminal.close());

const control = (path: string, init?: RequestInit) => fetch(`${terminal.sandbox.controlUrl}/${path}`, init);

async function lines(text: string): Promise<readonly string[]> {
  const ran = await terminal.shell(text);
  expect(ran.exit, `${text}\n${ran.stderr}`).toBe(0);
  return ran.stdout.trim().split('\n');
}

describe('kubectl', () => {
  test('sees six nodes, all ready', async () => {
    const nodes = await lines(
      `kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.labels.eks\\.amazonaws\\.com/compute-type}|{.spec.taints[0].key}|{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'`,
    );
    expect([...nodes].sort()).toEqual(['fargate|eks.amazonaws.com/compute-type|True', '|nvidia.com/gpu|True', ...Array(4).fill('||True')].sort());
  });

  test('applies, waits for, rolls, undoes and scales a Deployment', async () => {
    const manifest = JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'example/web:1' }] } },
      },
    });
    await lines(`echo '${manifest}' | kubectl apply -f - && kubectl rollout status deploy/web --timeout=20s`);
    const rolled = await lines(
      `kubectl set image deploy/web web=example/web:2 && kubectl rollout status deploy/web --timeout=20s && kubectl rollout undo deploy/web && kubectl rollout status deploy/web --timeout=20s`,
    );
    expect(rolled.at(-1)).toBe('deployment "web" successfully rolled out');
    expect(await lines(`kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].image} {.status.availableReplicas}'`)).toEqual([
      'example/web:1 3',
    ]);
    await lines(`kubectl delete deploy web && kubectl wait --for=delete pod -l app=web --timeout=20s`);
  });

  test('runs a pod, reads its line and its exit code', async () => {
    await lines(`kubectl run say --image=busybox:1.37 --restart=Never -- sh -c 'echo hello from $HOSTNAME; exit 4'`);
    await lines(`kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/say --timeout=20s`);
    expect(await lines('kubectl logs say')).toEqual(['hello from say']);
    expect(await lines(`kubectl get pod say -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}'`)).toEqual(['4']);
    await lines('kubectl delete pod say');
  });

  test('follows the lines of the training job', async () => {
    const [first] = await lines('kubectl logs -n training job/llm-finetune --tail=1');
    expect(first).toMatch(/ step=\d+ loss=\d\.\d{4} |backend=nccl|device/);
  });
});

describe('who may come in', () => {
  test('an EKS token of the account, as the aws CLI and loki-eks make it, is an administrator', async () => {
    const made = await terminal.cli(['kube-token', '--cluster', 'training-on-eks', '--region', 'ap-northeast-2']);
    const { token } = (JSON.parse(made.stdout) as { readonly status: { readonly token: string } }).status;
    const [who] = await lines(`kubectl --token=${token} auth whoami -o jsonpath='{.status.userInfo.username}'`);
    expect(who).toBe('arn:aws:iam::111122223333:user/admin');
  });

  test('a token signed by nobody is refused', async () => {
    const ran = await terminal.shell('kubectl --token=k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8 get pods');
    expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining('Unauthorized')]);
  });

  test('a service account is itself, with no rights of its own', async () => {
    const ran = await terminal.shell('kubectl --token="$(kubectl create token default)" get pods');
    expect(ran.stderr).toContain('User "system:serviceaccount:default:default" cannot list resource "pods"');
  });
});

test.each(['LOKI_EKS_HELM', 'TOOLS_HELM3'] as const)('the commands of the guide find the charts without a network (%s)', async (which) => {
  const helm = `HELM_CACHE_HOME=$PWD/${which} HELM_CONFIG_HOME=$PWD/${which} ${tool(which)}`;
  await lines(`${helm} repo add grafana https://grafana.github.io/helm-charts && ${helm} repo update`);
  const found = await lines(`${helm} search repo grafana/ -o yaml | grep name:`);
  expect(found.map((line) => line.replace(/^.*name: /, ''))).toEqual(['grafana/alloy', 'grafana/loki']);
  const refused = await terminal.shell(`${helm} repo add other https://charts.example.com`);
  expect(refused.stderr).toContain('the loki-eks sandbox has no network, charts.example.com is not simulated');
  const before = terminal.snapshot();
  await lines(`${helm} install alloy grafana/alloy --namespace alloy --create-namespace --wait --timeout 30s`);
  await lines(`${helm} uninstall alloy -n alloy --wait && kubectl delete namespace alloy && kubectl delete crd --all`);
  expect(terminal.snapshot()).toBe(before);
});

describe('the control door', () => {
  test('counts calls and writes, and forgets them', async () => {
    await control('reset-calls', { method: 'POST' });
    await lines('kubectl get namespaces -o name && kubectl create namespace counted && kubectl delete namespace counted --wait=false');
    const seen = (await (await control('calls')).json()) as {
      readonly count: number;
      readonly writes: number;
      readonly calls: readonly { readonly call: string; readonly write: boolean }[];
    };
    expect(seen.calls.filter(({ write }) => write).map(({ call }) => call)).toEqual(['kube:create:namespaces', 'kube:delete:namespaces']);
    expect([seen.count, seen.writes]).toEqual([seen.calls.length, 2]);
  });

  test('makes a call fail as told, and says what it was not told rightly', async () => {
    const added = await control('fault', { method: 'POST', body: JSON.stringify({ call: 'kube:create:configmaps', how: 'deny', times: 1 }) });
    expect(added.status).toBe(200);
    expect((await terminal.shell('kubectl create configmap x')).stderr).toContain('configmaps is forbidden');
    await lines('kubectl create configmap x && kubectl delete configmap x');
    expect((await control('fault', { method: 'POST', body: '{"call":"x","how":"never"}' })).status).toBe(400);
    expect((await control('nothing')).status).toBe(404);
    await control('clear-faults', { method: 'POST' });
  });

  test('a denied image is not pulled', async () => {
    await control('deny-image', { method: 'POST', body: '{"image":"example/gone"}' });
    await lines('kubectl run gone --image=example/gone:1');
    await lines(`kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod/gone --timeout=20s`);
    await lines('kubectl delete pod gone');
  });
});

test('the private files are private, and gone after the end; nothing answers any more', async () => {
  const other = await startSandbox({
    charts: 'src/sandbox/charts',
    region: 'cn-north-1',
    clusterName: 'other',
    seed: 'small',
    env: { AWS_PROFILE: 'work', AWS_ENDPOINT_URL_S3: 'https://s3.example.com' },
  });
  const { env } = other;
  expect(statSync(env['KUBECONFIG'] as string).mode & 0o777).toBe(0o600);
  expect(readFileSync(env['AWS_CONFIG_FILE'] as string, 'utf8')).toContain('[profile work]\nregion = cn-north-1');
  expect(env['AWS_ENDPOINT_URL_S3']).toBe(env['AWS_ENDPOINT_URL']);
  expect(readFileSync(env['KUBECONFIG'] as string, 'utf8')).toContain('arn:aws-cn:eks:cn-north-1:111122223333:cluster/other');
  expect(other.notes[0]).toBe('cluster other in cn-north-1, account 111122223333, 2 nodes');
  await other.close();
  expect(() => statSync(env['KUBECONFIG'] as string)).toThrow('ENOENT');
  await expect(fetch(`${other.controlUrl}/calls`)).rejects.toThrow('fetch failed');
});

test('a chart that is none is named before anything starts', async () => {
  const started = startSandbox({ charts: 'src/sandbox/charts', env: { LOKI_EKS_LOKI_CHART: 'test/sandbox' } });
  await expect(started).rejects.toMatchObject({ problem: { code: 'CHART_INVALID', message: 'test/sandbox is no chart that the sandbox could serve' } });
});

test.each([
  ['auto', { ready: 3, classes: [], drivers: ['ebs.csi.eks.amazonaws.com'] }],
  ['no-storage-class', { ready: 3, classes: [], drivers: [] }],
  ['small', { ready: 2, classes: ['gp2', 'gp3'], drivers: ['ebs.csi.aws.com'] }],
  ['empty', { ready: 0, classes: [], drivers: [] }],
] as const)('the %s seed is a cluster of its kind', async (seed, wanted) => {
  const sandbox = await startSandbox({ charts: 'src/sandbox/charts', seed, env: {} });
  const names = (kind: string) => sandbox.world.store.list(kind).map(({ metadata }) => metadata.name);
  expect({ ready: names('Node').length, classes: names('StorageClass'), drivers: names('CSIDriver') }).toEqual(wanted);
  await sandbox.close();
});

test('two worlds of the same options are the same world', async () => {
  const hash = async (): Promise<string> => {
    const sandbox = await startSandbox({ charts: 'src/sandbox/charts', seed: 'small', env: {} });
    const { account } = sandbox.world.snapshot() as { readonly account: object };
    await sandbox.close();
    return createHash('sha256').update(JSON.stringify(account)).digest('hex');
  };
  expect(await hash()).toBe(await hash());
});
