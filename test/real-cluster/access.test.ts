/** Who may do what, as a real API server decides it: readers, installers that lack one right, quotas, pod security, fields of others. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Ran } from '../support/sandbox-cli.ts';
import { codesOf } from '../scenarios/story.ts';
import type { Doc } from './api.ts';
import { until } from './cluster.ts';
import { openRealTerminal, type RealTerminal } from './terminal.ts';

let terminal: RealTerminal;
let pristine: string;

beforeAll(async () => {
  terminal = await openRealTerminal();
  pristine = await terminal.world();
});
afterAll(async () => {
  expect(terminal?.cluster.complaints ?? []).toEqual([]);
  await terminal?.close();
});

const failuresOf = ({ events, stderr }: Ran): string => JSON.stringify(events.filter(({ type }) => /failed$|^run\.finished|said$/.test(type))) + stderr;
const standsAgain = async (world: string): Promise<void> => {
  await until(async () => (await terminal.world()) === world, 30_000).catch(() => undefined);
  expect(await terminal.world()).toBe(world);
};
const restricted = (namespace: string, level: string) =>
  terminal.does(`kubectl create namespace ${namespace} && kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=${level}`);
async function takeAway(): Promise<void> {
  const names = [...terminal.cluster.account.state.s3.buckets.keys()].map((name) => `--confirm-delete-data ${name}`);
  await terminal.run(`uninstall --yes --delete-data ${names.join(' ')}`);
}

/** A kubeconfig of a user with these rules, cluster-wide. */
async function userWith(name: string, rules: readonly Doc[]): Promise<string> {
  const { api, authority, plane } = terminal.cluster;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
  await api.must('PATCH', `${rbac}/clusterroles/${name}?fieldManager=harness&force=true`, role, 'apply');
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }];
  await api.must(
    'PATCH',
    `${rbac}/clusterrolebindings/${name}?fieldManager=harness&force=true`,
    { apiVersion: role.apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects },
    'apply',
  );
  const path = join(terminal.folder, `${name}.kubeconfig`);
  await writeFile(path, plane.kubeconfig({ certificate: authority.issue({ commonName: name }) }), { mode: 0o600 });
  return path;
}

async function dropUser(name: string): Promise<void> {
  for (const kind of ['clusterroles', 'clusterrolebindings']) await terminal.cluster.api.must('DELETE', `/apis/rbac.authorization.k8s.io/v1/${kind}/${name}`);
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
}

/** Every right that there is, but for one. */
async function allBut({ verb, group, resource }: Right): Promise<readonly Doc[]> {
  const { api } = terminal.cluster;
  const groups = ((await api.must('GET', '/apis'))['groups'] as readonly Doc[]).map(({ name }) => String(name));
  const version = group === '' ? 'v1' : ((await api.must('GET', `/apis/${group}`))['preferredVersion'] as Doc)['version'];
  const served = ((await api.must('GET', group === '' ? '/api/v1' : `/apis/${group}/${version}`))['resources'] as readonly Doc[]).map(({ name }) =>
    String(name),
  );
  return [
    { apiGroups: ['', ...groups].filter((name) => name !== group), resources: ['*'], verbs: ['*'] },
    { apiGroups: [group], resources: served.filter((name) => name !== resource), verbs: ['*'] },
    { apiGroups: [group], resources: [resource], verbs: [...VERBS, 'bind', 'escalate'].filter((name) => name !== verb) },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ].filter(({ resources }) => resources === undefined || resources.length > 0);
}

describe('an installer that lacks one right', () => {
  afterEach(() => dropUser('installer'));

  const RBAC = 'rbac.authorization.k8s.io';
  it.each([
    { verb: 'create', group: '', resource: 'namespaces' },
    { verb: 'create', group: '', resource: 'secrets' },
    { verb: 'create', group: '', resource: 'pods/portforward' },
    { verb: 'create', group: '', resource: 'serviceaccounts/token' },
    { verb: 'create', group: 'apps', resource: 'statefulsets' },
    { verb: 'create', group: 'apps', resource: 'daemonsets' },
    { verb: 'create', group: RBAC, resource: 'clusterroles' },
    { verb: 'create', group: 'coordination.k8s.io', resource: 'leases' },
  ])('$verb $resource: one clear error, and nothing has changed', async (right) => {
    const kubeconfig = await userWith('installer', await allBut(right));
    const before = await terminal.world();
    await terminal.writes();
    const ran = await terminal.run(`install --yes --kubeconfig ${kubeconfig}`, 3);
    expect(codesOf(ran)).toEqual(['RBAC_MISSING']);
    expect(failuresOf(ran)).toContain(`The user of the kubeconfig may not ${right.verb} ${right.resource}`);
    expect(await terminal.writes()).toEqual([]);
    expect(await terminal.world()).toBe(before);
  });
});

describe('a namespace with rules of its own', () => {
  beforeEach(() => standsAgain(pristine));
  const gone = (namespace: string) => terminal.does(`kubectl delete namespace ${namespace} --ignore-not-found`);

  it('a ResourceQuota that is too small is named, and the install rolled back', async () => {
    await terminal.does('kubectl create namespace loki && kubectl create quota small -n loki --hard=pods=3');
    onTestFinished(async () => void (await gone('loki')));
    const before = await terminal.world();
    const ran = await terminal.cli(['install', '--yes', '--timeout', '30s', '--output', 'json']);
    expect(ran.exit, failuresOf(ran)).toBe(4);
    expect(failuresOf(ran)).toContain('exceeded quota: small');
    await standsAgain(before);
  });

  it('Pod Security that forbids the collector is named before anything has changed', async () => {
    await restricted('alloy', 'baseline');
    onTestFinished(async () => void (await gone('alloy')));
    const before = await terminal.world();
    const ran = await terminal.run('install --yes', 3);
    expect(codesOf(ran)).toEqual(['NAMESPACE_FORBIDS_COLLECTOR']);
    expect(failuresOf(ran)).toContain('Namespace alloy enforces the Pod Security level \\"baseline\\"');
    expect(await terminal.world()).toBe(before);
  });

  it('Loki and the proof run where Pod Security restricts', async () => {
    await restricted('loki', 'restricted');
    await terminal.run('install --yes');
  });
});

describe('an installation of others', () => {
  it('may be read by who may only read', async () => {
    const rules = [
      { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
      { nonResourceURLs: ['*'], verbs: ['get'] },
    ];
    const kubeconfig = await userWith('reader', rules);
    await terminal.writes();
    await terminal.run(`status --kubeconfig ${kubeconfig}`);
    // A plan says what this user's install would do, which is to be refused.
    expect(codesOf(await terminal.run(`plan --kubeconfig ${kubeconfig}`, 3))).toEqual(['RBAC_MISSING']);
    expect(await terminal.writes()).toEqual([]);
  });

  it('is one clear error for who may not read its records', async () => {
    const view = ['pods', 'services', 'configmaps', 'nodes', 'namespaces'];
    const kubeconfig = await userWith('onlooker', [
      { apiGroups: ['', 'apps'], resources: [...view, 'deployments', 'statefulsets', 'daemonsets'], verbs: ['get', 'list', 'watch'] },
    ]);
    const ran = await terminal.run(`status --kubeconfig ${kubeconfig}`, 3);
    expect(codesOf(ran)).toEqual(['KUBE_FORBIDDEN']);
    expect(failuresOf(ran)).toContain('onlooker is not allowed to');
  });
});

describe('all of it', () => {
  it('goes without a trace', async () => {
    await takeAway();
    await terminal.does('kubectl delete namespace loki --ignore-not-found');
    await dropUser('reader');
    await dropUser('onlooker');
    await standsAgain(pristine);
  });
});
