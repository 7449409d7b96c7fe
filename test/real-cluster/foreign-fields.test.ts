/** Fields that others own on a real API server: plan, status and doctor name them, an install reverts them, and an autoscaler keeps its own. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Ran } from '../support/sandbox-cli.ts';
import { codesOf } from '../scenarios/story.ts';
import { until } from './cluster.ts';
import { openRealTerminal, type RealTerminal } from './terminal.ts';

let terminal: RealTerminal;

beforeAll(async () => {
  terminal = await openRealTerminal();
  await terminal.run('install --yes --no-verify');
});
afterAll(() => terminal?.close());

/** As one line: what is long is broken anywhere. */
const said = ({ stdout, stderr }: Ran): string => (stdout + stderr).replaceAll(/\s+/g, ' ');
const field = (object: string, path: string) => terminal.does(`kubectl get -n loki ${object} -o jsonpath='${path}'`);
const QUERIER = '{.spec.template.spec.containers[0]';

interface Hand {
  readonly what: string;
  readonly command: string;
  readonly object: string;
  readonly path: string;
  readonly target: string;
  readonly names: string;
}

const HANDS: readonly Hand[] = [
  {
    what: 'kubectl scale',
    command: 'kubectl scale -n loki deploy/loki-query-frontend --replicas=4',
    object: 'deploy/loki-query-frontend',
    path: '{.spec.replicas}',
    target: 'Deployment loki/loki-query-frontend',
    names: 'kubectl: spec.replicas',
  },
  {
    what: 'kubectl set env',
    command: 'kubectl set env -n loki deploy/loki-querier FOO=bar',
    object: 'deploy/loki-querier',
    path: `${QUERIER}.env}`,
    target: 'Deployment loki/loki-querier',
    names: 'env',
  },
  {
    what: 'kubectl set image',
    command: 'kubectl set image -n loki deploy/loki-distributor "*=docker.io/grafana/loki:3.0.0"',
    object: 'deploy/loki-distributor',
    path: `${QUERIER}.image}`,
    target: 'Deployment loki/loki-distributor',
    names: 'image',
  },
  {
    what: 'kubectl edit of a key of a ConfigMap',
    command: `KUBE_EDITOR='sed -i s/auth_enabled:/auth_enabled_:/' kubectl edit -n loki configmap loki`,
    object: 'configmap/loki',
    path: '{.data}',
    target: 'ConfigMap loki/loki',
    names: 'kubectl-edit: data',
  },
  {
    what: 'kubectl patch that adds an annotation to pods',
    command: `kubectl patch -n loki statefulset loki-ingester -p '{"spec":{"template":{"metadata":{"annotations":{"team":"a"}}}}}'`,
    object: 'statefulset/loki-ingester',
    path: '{.spec.template.metadata.annotations.team}',
    target: 'StatefulSet loki/loki-ingester',
    names: 'kubectl-patch: spec.template.metadata.annotations.team',
  },
  {
    what: 'kubectl delete',
    command: 'kubectl delete -n loki service loki-memberlist',
    object: 'service/loki-memberlist',
    path: '{.spec.ports}',
    target: 'Service loki/loki-memberlist',
    names: 'deleted',
  },
];

describe('what others have changed', () => {
  it.each(HANDS)('$what is named by plan, status and doctor, and reverted by install', async ({ command, object, path, target, names }) => {
    const before = await field(object, path);
    await terminal.does(command);
    const plan = await terminal.cli(['plan', '--detailed-exitcode', '--output', 'plain']);
    expect(plan.exit, said(plan)).toBe(7);
    expect(said(plan)).toContain(target);
    const status = await terminal.cli(['status', '--output', 'plain']);
    expect(status.exit, said(status)).toBe(6);
    expect(said(status)).toContain('RELEASE_CHANGED');
    expect(said(status)).toContain(names);
    const doctor = await terminal.cli(['doctor', '--output', 'json']);
    expect(doctor.stdout).toContain('RELEASE_CHANGED');
    await terminal.run('install --yes --no-verify');
    expect(await field(object, path)).toBe(before);
    await terminal.run('plan --detailed-exitcode');
    await terminal.writes();
    await terminal.run('install --yes --no-verify');
    expect(await terminal.writes()).toEqual([]);
  });

  it('comes back when the install that reverts it is rolled back', async () => {
    await terminal.does('kubectl set env -n loki deploy/loki-querier FOO=bar');
    await terminal.does('kubectl scale -n loki deploy/loki-query-frontend --replicas=4');
    await terminal.does('kubectl create quota none -n loki --hard=pods=0');
    onTestFinished(async () => {
      await terminal.does('kubectl delete quota -n loki none');
      await terminal.run('install --yes --no-verify');
    });
    const failed = await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '21', '--timeout', '30s', '--output', 'json']);
    expect(failed.exit, failed.stdout.slice(-2000)).toBe(4);
    expect(codesOf(failed)).not.toContain('HELM_FIELD_CONFLICT');
    expect(await field('deploy/loki-querier', `${QUERIER}.env}`)).toContain('FOO');
    expect(await field('deploy/loki-query-frontend', '{.spec.replicas}')).toBe('4');
  });
});

describe('an autoscaler', () => {
  afterEach(() => terminal.does('kubectl delete hpa -n loki --all'));
  const replicas = () => field('deploy/loki-querier', '{.spec.replicas}');

  it('keeps its replicas, which are no drift, also over an upgrade', async () => {
    const before = Number(await replicas());
    await terminal.does(`kubectl autoscale -n loki deploy/loki-querier --min=${before + 1} --max=${before + 2}`);
    await until(async () => Number(await replicas()) === before + 1);
    await until(async () => (await terminal.cli(['status', '--output', 'json'])).exit === 0);
    await terminal.run('plan --detailed-exitcode');
    const generation = Number(await field('deploy/loki-querier', '{.metadata.generation}'));
    await terminal.run('install --yes --no-verify --retention-days 35');
    expect(Number(await replicas())).toBe(before + 1);
    // Its template changes once; had Helm set the number of pods, the autoscaler would have set it again.
    expect(Number(await field('deploy/loki-querier', '{.metadata.generation}'))).toBe(generation + 1);
    await terminal.run('plan --detailed-exitcode --retention-days 35');
  });

  it('that is deleted leaves its replicas to the next install', async () => {
    await terminal.run('plan --detailed-exitcode --retention-days 35', 7);
    await terminal.run('install --yes --no-verify --retention-days 35');
    await terminal.run('plan --detailed-exitcode --retention-days 35');
  });
});
