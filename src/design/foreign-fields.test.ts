import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../ports/kubernetes.ts';
import { foreignFields, inWords, withoutFields } from './foreign-fields.ts';

const workload = (...managedFields: readonly object[]): KubeObject =>
  ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'loki-querier', managedFields } }) as unknown as KubeObject;
const entry = (manager: string, fieldsV1: object, subresource = '') => ({
  manager,
  operation: 'Update',
  fieldsType: 'FieldsV1',
  fieldsV1,
  ...(subresource && { subresource }),
});

const REPLICAS = { 'f:spec': { 'f:replicas': {} } };
const ENV = {
  'f:spec': {
    'f:template': {
      'f:spec': { 'f:containers': { 'k:{"name":"querier"}': { 'f:env': { '.': {}, 'k:{"name":"FOO"}': { '.': {}, 'f:name': {}, 'f:value': {} } } } } },
    },
  },
};
const IMAGE = { 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"querier"}': { 'f:image': {} } } } } } };
const RESTART = { 'f:spec': { 'f:template': { 'f:metadata': { 'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/restartedAt': {} } } } } };

it.each([
  ['kubectl scale', entry('kubectl', REPLICAS, 'scale'), ['hand: kubectl: spec.replicas']],
  [
    'kubectl set env',
    entry('kubectl-set', ENV),
    ['hand: kubectl-set: spec.template.spec.containers[querier].env[FOO].name, spec.template.spec.containers[querier].env[FOO].value'],
  ],
  ['kubectl set image', entry('kubectl-set', IMAGE), ['hand: kubectl-set: spec.template.spec.containers[querier].image']],
  ['kubectl edit', entry('kubectl-edit', REPLICAS), ['hand: kubectl-edit: spec.replicas']],
  ['kubectl patch', entry('kubectl-patch', IMAGE), ['hand: kubectl-patch: spec.template.spec.containers[querier].image']],
  ['another GitOps engine', entry('argocd-controller', IMAGE), ['hand: argocd-controller: spec.template.spec.containers[querier].image']],
  ['an autoscaler', entry('kube-controller-manager', REPLICAS, 'scale'), ['autoscaler: kube-controller-manager: spec.replicas']],
  ['KEDA', entry('keda', REPLICAS, 'scale'), ['autoscaler: keda: spec.replicas']],
  ['a restart', entry('kubectl-rollout', RESTART), []],
  ['helm itself', entry('helm', { ...REPLICAS, ...IMAGE }), []],
  ['loki-eks itself', entry('loki-eks', IMAGE), []],
  ['status', entry('kube-controller-manager', { 'f:status': { 'f:replicas': {} } }, 'status'), []],
  ['annotations of a controller', entry('kube-controller-manager', { 'f:metadata': { 'f:annotations': {} } }), []],
])('%s', (_, one, expected) => {
  expect(foreignFields(workload(entry('helm', REPLICAS), one)).map((found) => `${found.by}: ${inWords(found)}`)).toEqual(expected);
});

it.each([[undefined], [null], ['x'], [[null]], [[{ manager: 1, fieldsV1: [] }]], [[{ fieldsV1: { 'f:spec': 7 } }]]])(
  'of %j there is nothing to say, and no error',
  (managedFields) => {
    expect(foreignFields({ ...workload(), metadata: { name: 'x', managedFields } } as unknown as KubeObject)).toEqual([]);
  },
);

describe('beside what helm made', () => {
  const ENV = {
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"querier"}': { 'f:env': { 'k:{"name":"FOO"}': { '.': {}, 'f:value': {} } } } } } } },
  };
  const object = (spec: object, fields: object) => ({ ...workload(entry('kubectl-patch', fields)), spec }) as unknown as KubeObject;
  const pod = (container: object) => ({ template: { spec: { containers: [{ name: 'other' }, { name: 'querier', ...container }] } } });
  const SELECTOR = { 'f:spec': { 'f:template': { 'f:spec': { 'f:nodeSelector': {} } } } };

  it.each([
    ['a number that was set back', { replicas: 2 }, { replicas: 2 }, REPLICAS, 0],
    ['a number that was not', { replicas: 3 }, { replicas: 2 }, REPLICAS, 1],
    ['a map that was set back', { template: { spec: { nodeSelector: { a: 'b' } } } }, { template: { spec: { nodeSelector: { a: 'b' } } } }, SELECTOR, 0],
    ['a map that was not', { template: { spec: { nodeSelector: { a: 'c' } } } }, { template: { spec: { nodeSelector: { a: 'b' } } } }, SELECTOR, 1],
    ['a variable that was added', pod({ env: [{ name: 'FOO', value: 'x' }] }), pod({}), ENV, 1],
    ['a variable that was added and taken off', pod({}), pod({}), ENV, 0],
    ['a variable with the value of the chart', pod({ env: [{ name: 'FOO', value: 'x' }] }), pod({ env: [{ name: 'FOO', value: 'x' }] }), ENV, 0],
  ])('%s', (_, is, wanted, fields, found) => {
    expect(foreignFields(object(is, fields), object(wanted, {})).flatMap(({ fields }) => fields)).toHaveLength(found);
  });
});

describe('what others have added goes, and nothing else', () => {
  const CONTAINER = 'k:{"name":"querier"}';
  const within = (fields: object) => ({ 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { [CONTAINER]: fields } } } } });
  const pod = (container: object, more: object = {}) => ({
    template: {
      spec: {
        containers: [
          { name: 'other', env: [{ name: 'FOO', value: '1' }] },
          { name: 'querier', ...container },
        ],
        ...more,
      },
    },
  });
  const FOO = { '.': {}, 'f:name': {}, 'f:value': {} };

  it.each([
    [
      'a variable beside others',
      pod({ env: [{ name: 'A' }, { name: 'FOO', value: 'x' }] }),
      pod({ env: [{ name: 'A' }] }),
      within({ 'f:env': { 'k:{"name":"FOO"}': FOO } }),
    ],
    ['the only variable, with the list', pod({ env: [{ name: 'FOO', value: 'x' }] }), pod({}), within({ 'f:env': { '.': {}, 'k:{"name":"FOO"}': FOO } })],
    [
      'what the server added to it as well',
      pod({ livenessProbe: { periodSeconds: 3, timeoutSeconds: 1 } }),
      pod({}),
      within({ 'f:livenessProbe': { '.': {}, 'f:periodSeconds': {} } }),
    ],
    [
      'a key of a map',
      { ...pod({}, { nodeSelector: { a: 'b', c: 'd' } }) },
      pod({}, { nodeSelector: { a: 'b' } }),
      { 'f:spec': { 'f:template': { 'f:spec': { 'f:nodeSelector': { 'f:c': {} } } } } },
    ],
    ['a value of a set', { finalizers: ['a', 'b'] }, { finalizers: ['a'] }, { 'f:spec': { 'f:finalizers': { 'v:"b"': {} } } }],
  ])('%s', (_, is, wanted, fields) => {
    const found = { ...workload(entry('kubectl-set', fields)), spec: is } as unknown as KubeObject;
    const made = { ...workload(), spec: wanted } as unknown as KubeObject;
    const all = foreignFields(found, made).flatMap((one) => one.fields);
    expect(all.map((field) => field.wanted)).toEqual([undefined]);
    expect(withoutFields(found, all)).toEqual({ ...found, spec: wanted });
  });

  it('a key of a ConfigMap that was changed is not removed, one that was added is', () => {
    const config = (data: object, ...managedFields: readonly object[]) =>
      ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'loki', managedFields }, data }) as unknown as KubeObject;
    const found = config({ a: '2', b: '1' }, entry('kubectl-edit', { 'f:data': { 'f:a': {}, 'f:b': {} } }));
    const fields = foreignFields(found, config({ a: '1' })).flatMap((one) => one.fields);
    expect(fields.map(({ path, is, wanted }) => [path, is, wanted])).toEqual([
      ['data.a', '2', '1'],
      ['data.b', '1', undefined],
    ]);
    expect(withoutFields(found, fields.slice(1))).toMatchObject({ data: { a: '2' } });
  });
});
