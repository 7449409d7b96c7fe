/** `doctor --fix` in an installation of ours: whatever was broken behind its back is mended, shown first, and nothing else is touched. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Ran, type Terminal } from '../helpers/sandbox-cli.ts';
import { edit, editText } from './edits.ts';
import { accountOf, trustIn } from './guide-installation.ts';
import { does, eventually } from './patient.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal({ nodes: 4, speed: 10 });
  const { exit, stderr } = await terminal.cli(['install', '--yes', '--size', 'small']);
  expect(exit, stderr).toBe(0);
}, 300_000);
afterAll(() => terminal?.close());

const fix = (...words: readonly string[]): Promise<Ran> => terminal.cli(['doctor', '--fix', '--output', 'json', ...words]);
const told = ({ events }: Ran, type: string) => events.filter((event) => event.type === type);
const planned = (ran: Ran): readonly string[] =>
  told(ran, 'plan.finished').flatMap(({ steps }) => steps.flatMap((step: any) => step.finding.changes.map(({ action, target }: any) => `${action} ${target}`)));
const failing = (ran: Ran): readonly string[] => {
  const { result } = told(ran, 'doctor.finished').at(-1) as { readonly result?: any };
  return result.findings.filter(({ severity }: any) => severity === 'fail').map(({ problem }: any) => problem.code);
};
const roleName = async (): Promise<string> =>
  (await does(terminal, `kubectl get sa loki -n loki -o jsonpath='{.metadata.annotations.eks\\.amazonaws\\.com/role-arn}'`)).split('/').at(-1)!;

describe('doctor --fix', () => {
  it('has nothing to do where nothing is broken: no write, no plan', async () => {
    await eventually(terminal, undefined);
    terminal.writes();
    const ran = await fix();
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.writes()).toEqual([]);
    expect([told(ran, 'plan.finished').length, told(ran, 'doctor.finished').length]).toEqual([0, 1]);
  });

  it('mends what was changed in the account and in the cluster, all in one run', async () => {
    const [aws, name] = [await accountOf(terminal), await roleName()];
    const { trust, inline } = (await aws.roles.find(name))!;
    const { account } = terminal.sandbox.world;
    await aws.roles.setTrust(name, trustIn(account.id, account.issuer.replace('https://', ''), 'system:serviceaccount:logging:loki'));
    const [policy, document] = Object.entries(inline)[0]!;
    await aws.roles.setInline(name, policy, JSON.parse(JSON.stringify(document).replaceAll('"s3:PutObject",', '')));
    await edit(terminal, 'sa/loki -n loki', ({ metadata }) => void delete metadata['annotations']);
    await edit(terminal, 'ds/alloy -n alloy', ({ spec }) => {
      const pod = spec.template.spec;
      const isLog = ({ name }: { name: string }) => name !== 'varlog';
      Object.assign(pod, { volumes: pod.volumes.filter(isLog) });
      Object.assign(pod.containers[0], { volumeMounts: pod.containers[0].volumeMounts.filter(isLog) });
      delete pod.tolerations;
    });
    await edit(terminal, 'clusterrolebinding/alloy', ({ subjects }) => void (subjects[0].namespace = 'default'));
    await editText(terminal, 'configmap/alloy -n alloy', { key: 'config.alloy', change: (text) => text.replace('/loki/api/v1/push', '//loki/api/v1/push') });
    await edit(
      terminal,
      'secret/loki-gateway-htpasswd -n loki',
      ({ data }) => void (data['.htpasswd'] = Buffer.from('somebody:{PLAIN}else').toString('base64')),
    );
    await does(terminal, 'kubectl scale deploy/loki-gateway -n loki --replicas 0');

    const ran = await fix();
    expect(ran.exit, ran.stderr + ran.stdout.slice(-3000)).toBe(0);
    expect(failing(ran)).toEqual([]);
    expect(planned(ran)).toEqual(
      expect.arrayContaining([
        'update ServiceAccount loki/loki',
        'update DaemonSet alloy/alloy',
        'update ConfigMap alloy/alloy',
        'update Deployment loki/loki-gateway',
        'update Secret loki/loki-gateway-htpasswd',
      ]),
    );
    expect((await aws.roles.find(name))?.trust).toEqual(trust);
    expect((await aws.roles.find(name))?.inline).toEqual(inline);
    expect((await terminal.cli(['verify', '--output', 'json'])).exit).toBe(0);
    expect(await does(terminal, 'kubectl get secrets -A -o name')).not.toContain('loki-eks-former');
    expect(await does(terminal, 'kubectl get leases -n kube-system -o name')).not.toContain('loki-eks');
    const again = await terminal.cli(['install', '--yes', '--output', 'json']);
    expect(again.events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', exit: 0 });
  });

  it('restarts the pods that are older than the role of their service account', async () => {
    const annotated = await edit(terminal, 'sa/loki -n loki', ({ metadata }) => void delete metadata['annotations']);
    await does(terminal, 'kubectl rollout restart sts/loki-ingester -n loki && kubectl rollout status sts/loki-ingester -n loki --timeout 60s');
    await annotated();
    expect((await eventually(terminal, 'LOKI_PODS_WITHOUT_ROLE')).result.root?.problem.code).toBe('LOKI_PODS_WITHOUT_ROLE');
    const ran = await fix();
    expect(ran.exit, ran.stderr + ran.stdout.slice(-3000)).toBe(0);
    expect(planned(ran)).toEqual(['update StatefulSet loki/loki-ingester']);
  });

  it('is given back the values that somebody has upgraded away', async () => {
    await does(
      terminal,
      'helm get values alloy -n alloy > their.yaml && helm upgrade alloy $LOKI_EKS_ALLOY_CHART -n alloy -f their.yaml --set alloy.mounts.varlog=false',
    );
    const ran = await fix();
    expect(ran.exit, ran.stderr + ran.stdout.slice(-3000)).toBe(0);
    expect(planned(ran)).toEqual(expect.arrayContaining(['update release alloy/alloy']));
  });

  it('does what touches data or cost only when it was agreed to', async () => {
    await eventually(terminal, undefined);
    const aws = await accountOf(terminal);
    const bucket = (await does(terminal, "kubectl get configmap/loki -n loki -o jsonpath='{.data.config\\.yaml}'")).match(/bucketnames: (loki-ruler\S+)/)![1]!;
    await aws.buckets(terminal.sandbox.world.account.id).delete(bucket);
    terminal.writes();
    const refused = await fix();
    expect(refused.exit).toBe(6);
    expect(terminal.writes()).toEqual([]);
    expect(
      told(refused, 'note.given')
        .map(({ text }) => text)
        .join(),
    ).toContain('loki-eks doctor --fix --confirm-fix LOKI_BUCKET_ABSENT');
    const agreed = await fix('--confirm-fix', 'LOKI_BUCKET_ABSENT');
    expect(agreed.exit, agreed.stderr + agreed.stdout.slice(-3000)).toBe(0);
    expect(planned(agreed)).toEqual([`create s3://${bucket}`]);
  });

  it('journals what it does, without a secret', async () => {
    const password = await does(terminal, "kubectl get secret loki-gateway-login -n alloy -o jsonpath='{.data.password}' | base64 -d");
    const folder = join(terminal.folder, 'state', 'loki-eks');
    const [id = ''] = await readdir(folder);
    const all = (await Promise.all((await readdir(join(folder, id))).map((file) => readFile(join(folder, id, file), 'utf8')))).join('');
    for (const did of ['restore-release', 'restart-workload', 'set-trust', 'set-role-policy', 'update-secret', 'annotate-service-account', 'create-bucket'])
      expect(all).toContain(`"did":"${did}"`);
    expect(all).not.toContain(password);
    expect(all).not.toContain(Buffer.from(password).toString('base64'));
    expect(all.match(/"closed":"done"/g)?.length).toBe((await readdir(join(folder, id))).length);
  });

  it('refuses what does not fit together: exit 2, one message', async () => {
    for (const [words, message] of [
      [['--confirm-fix', 'ALLOY_NO_VARLOG'], '--fix is not given'],
      [['--fix', '--confirm-fix', 'ALLOY_NO_VARLOGS'], 'no finding ALLOY_NO_VARLOGS'],
      [['--fix', '--values', 'x.yaml'], '--values judges files'],
    ] as const) {
      const { exit, stderr } = await terminal.cli(['doctor', ...words]);
      expect([exit, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});
