/** `doctor --fix` and `--bundle` in an installation of ours: what was broken behind its back is mended, and no secret leaves it. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, tool, type Ran, type Terminal } from '../support/sandbox-cli.ts';
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

  it('mends what is only worth a look as well', async () => {
    await editText(terminal, 'configmap/loki -n loki', {
      key: 'config.yaml',
      change: (text) => text.replace('retention_enabled: true', 'retention_enabled: false'),
    });
    const ran = await fix('--confirm-fix', 'LOKI_RETENTION_OFF');
    expect(ran.exit, ran.stderr).toBe(0);
    expect(planned(ran)).toContain('update ConfigMap loki/loki');
    expect((told(ran, 'doctor.finished').at(-1) as any).result.findings).toEqual([]);
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
    // A statement that is not ours stays: others may assume the role by it.
    const { Statement: statements } = (await aws.roles.find(name))!.trust as { readonly Statement: readonly unknown[] };
    expect(statements).toEqual(expect.arrayContaining([...(trust as { readonly Statement: readonly unknown[] }).Statement]));
    await aws.roles.setTrust(name, trust);
    expect((await aws.roles.find(name))?.inline).toEqual(inline);
    expect((await terminal.cli(['verify', '--output', 'json'])).exit).toBe(0);
    expect(await does(terminal, 'kubectl get secrets -A -o name')).not.toContain('loki-eks-former');
    expect(await does(terminal, 'kubectl get leases -n kube-system -o name')).not.toContain('loki-eks');
    const again = await terminal.cli(['install', '--yes', '--size', 'small', '--output', 'json']);
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
    ).toContain('loki-eks doctor --fix --confirm-fix LOKI_BUCKET_NOT_FOUND');
    const agreed = await fix('--confirm-fix', 'LOKI_BUCKET_ABSENT'); // the former code is still understood
    expect(agreed.exit, agreed.stderr + agreed.stdout.slice(-3000)).toBe(0);
    expect(planned(agreed)).toEqual([`create s3://${bucket}`]);
  });

  it('takes everything back when helm fails, also what helm has done before it failed', async () => {
    const helm = join(terminal.folder, 'helm-that-fails');
    const real = tool('LOKI_EKS_HELM');
    await writeFile(
      helm,
      `#!/bin/sh\n[ "$1" = rollback ] || exec '${real}' "$@"\n'${real}' "$@"\necho 'Error: the server is currently unable to handle the request' >&2\nexit 1\n`,
      { mode: 0o755 },
    );
    const mends = [
      await edit(terminal, 'ds/alloy -n alloy', ({ spec }) => void delete spec.template.spec.tolerations),
      await edit(terminal, 'clusterrolebinding/alloy', ({ subjects }) => void (subjects[0].namespace = 'default')),
      await edit(terminal, 'sa/loki -n loki', ({ metadata }) => void delete metadata['annotations']),
    ];
    await does(terminal, 'kubectl delete pods -n alloy --all');
    const broken = async () => {
      const read = async (object: string, path: string) =>
        JSON.parse((await does(terminal, `kubectl get ${object} -o jsonpath='{${path}}'`)) || '{}') as unknown;
      return [
        await read('ds/alloy -n alloy', '.spec'),
        await read('clusterrolebinding/alloy', '.subjects'),
        await read('sa/loki -n loki', '.metadata.annotations'),
      ];
    };
    expect((await eventually(terminal, 'LOKI_ROLE_ANNOTATION_MISSING')).codes).toEqual(expect.arrayContaining(['LOKI_ROLE_ANNOTATION_MISSING', 'ALLOY_RBAC']));
    const before = await broken();
    const ran = await terminal.cli(['doctor', '--fix', '--output', 'json'], { env: { LOKI_EKS_HELM: helm } });
    expect(ran.exit, ran.stderr + ran.stdout.slice(-3000)).toBe(4);
    expect(told(ran, 'undo.done').map(({ did }) => did)).toEqual(expect.arrayContaining(['restore-release', 'annotate-service-account']));
    expect(await broken()).toEqual(before);
    expect(await does(terminal, 'kubectl get secrets -A -o name')).not.toContain('loki-eks-former');
    for (const mend of mends) await mend();
    await does(terminal, 'kubectl delete pods -n alloy --all');
    expect((await eventually(terminal, undefined)).result.healthy).toBe(true);
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
    expect(all.match(/"closed":"(done|undone)"/g)?.length).toBe((await readdir(join(folder, id))).length);
  });

  it('refuses what does not fit together: exit 2, one message', async () => {
    for (const [words, message] of [
      [['--confirm-fix', 'ALLOY_NO_VARLOG'], 'has no effect without --fix'],
      [['--fix', '--confirm-fix', 'ALLOY_NO_VARLOGS'], 'no finding ALLOY_NO_VARLOGS'],
      [['--fix', '--values', 'x.yaml'], '--values checks files'],
    ] as const) {
      const { exit, stderr } = await terminal.cli(['doctor', ...words]);
      expect([exit, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});

describe('doctor --bundle', () => {
  it('holds what a helper wants to see and no secret; its manifest lists every file and what was removed', async () => {
    const typed = 'typed-by-hand-0815';
    await edit(terminal, 'ds/alloy -n alloy', ({ spec }) => void spec.template.spec.containers[0].env.push({ name: 'PROXY_PASSWORD', value: typed }));
    const ran = await terminal.cli(['doctor', '--bundle', 'help.tar.gz', '--html', 'help.html', '--output', 'json']);
    expect(ran.exit, ran.stderr + ran.stdout.slice(-2000)).toBe(0);
    expect((await stat(join(terminal.folder, 'help.tar.gz'))).mode & 0o777).toBe(0o600);
    await does(terminal, 'mkdir opened && tar xzf help.tar.gz -C opened --strip-components 1');
    const folder = join(terminal.folder, 'opened');
    const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
    const texts = new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)));
    const manifest = JSON.parse(texts.get('manifest.json')!.toString());
    expect(manifest).toMatchObject({ format: 1, simulated: true, missing: [] });
    expect(manifest.files.map(({ path }: any) => path)).toEqual(names.filter((name) => name !== 'manifest.json').toSorted());
    for (const { path, size, sha256 } of manifest.files) {
      expect([texts.get(path)!.length, createHash('sha256').update(texts.get(path)!).digest('hex')]).toEqual([size, sha256]);
    }
    for (const part of [
      'report.html',
      'doctor.json',
      'versions.yaml',
      'settings.yaml',
      'installed-with.yaml',
      'aws.yaml',
      'nodes.yaml',
      'secrets.yaml',
      'objects/alloy/alloy-DaemonSet.yaml',
      'objects/loki/ConfigMap-loki.yaml',
      'releases/loki/loki/manifest.yaml',
      'releases/alloy/alloy/values.yaml',
    ])
      expect(names).toContain(part);
    for (const part of [/^logs\/alloy\/alloy-\w+\/alloy\.log$/, /^logs\/loki\/loki-ingester-0\//, /^metrics\/alloy\//, /^journal\//, /^events\/loki/])
      expect(
        names.some((name) => part.test(name)),
        String(part),
      ).toBe(true);

    const secret = async (name: string, key: string) =>
      Buffer.from((await does(terminal, `kubectl get secret ${name} -n loki -o jsonpath="{.data['${key}']}"`)).trim(), 'base64')
        .toString()
        .trim();
    const [password, htpasswd] = [await secret('loki-gateway-login', 'password'), await secret('loki-gateway-htpasswd', '\\.htpasswd')];
    expect([password.length, htpasswd.length].every((length) => length > 20)).toBe(true);
    const { AWS_ACCESS_KEY_ID: key = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = terminal.env;
    const planted = [password, Buffer.from(password).toString('base64'), htpasswd.split(':')[1]!, key, secretKey, typed];
    for (const [name, content] of [...texts, ['help.html', await readFile(join(terminal.folder, 'help.html'))] as const]) {
      const text = content.toString();
      for (const value of planted) expect(text.includes(value), `${name} holds ${value}`).toBe(false);
      expect(text, name).not.toMatch(
        /\$2[aby]\$\d\d\$|\b(AKIA|ASIA)[A-Z0-9]{16}\b|\beyJ[\w-]{10,}\.[\w-]{10,}\.|k8s-aws-v1\.|kind: Secret\n(.*\n)*?(data|stringData):/,
      );
    }
    expect(texts.get('objects/alloy/alloy-DaemonSet.yaml')!.toString()).toContain('[removed: ');
    expect(manifest.files.find(({ path }: any) => path === 'objects/alloy/alloy-DaemonSet.yaml').removed[0]).toMatchObject({ rule: 'named-secret' });
    expect(texts.get('secrets.yaml')!.toString()).toMatch(/- key: password\n +bytes: \d+/);
  });

  it('is never written over what is there, and told before anything is looked at', async () => {
    const { exit, stderr } = await terminal.cli(['doctor', '--bundle', 'help.tar.gz']);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('help.tar.gz already exists')]);
  });

  it('is made also where the cluster can not be reached', async () => {
    const ran = await terminal.cli(['doctor', '--bundle', 'lost.tar.gz', '--cluster', 'nowhere']);
    expect(ran.exit).toBe(3);
    const doctor = JSON.parse(await does(terminal, "tar xzf lost.tar.gz -O --wildcards '*/doctor.json'"));
    expect(doctor).toMatchObject({ healthy: false, root: { problem: { code: 'CLUSTER_NOT_FOUND' } } });
    expect(await does(terminal, 'tar tzf lost.tar.gz')).toMatch(/settings\.yaml/);
  });
});
