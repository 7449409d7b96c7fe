/** Kubernetes objects with nulls, gaps and wrong types: repaired, or reported; never passed on as they are. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../problems/problem.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { readItems, readJson, readObject } from './answers.ts';

const asked = { verb: 'list', target: 'Pods', server: 'https://k' };
const reply = (body: unknown, status = 200) => ({
  status,
  headers: { 'content-type': 'text/x' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const listed = (kind: string, item: unknown, keep?: (object: KubeObject) => KubeObject) => {
  const answer = reply({ kind: `${kind}List`, items: [item] });
  return readItems(readJson(asked, answer), { asked, apiVersion: 'v1', kind, ...(keep && { keep }) }, answer)[0] as any;
};
const problemOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error('no problem');
};

it.each([
  ['a page', '<html>login</html>'],
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['a text', '"x"'],
  ['half of an answer', '{"items": ['],
])('%s is none', (_, body) => {
  const problem = problemOf(() => readJson(asked, reply(body)));
  expect(problem.code).toBe('KUBE_ANSWER_UNREADABLE');
  expect(problem.evidence).toEqual([expect.stringMatching(/^HTTP 200, text\/x: ./)]);
});

it('a redirect is none, and is said with its target', () => {
  const problem = problemOf(() => readJson(asked, { status: 302, headers: { location: 'https://login.example' }, body: '' }));
  expect(problem.evidence).toEqual(['HTTP 302, no content type and points to https://login.example: no body']);
});

it.each([{}, { items: 'x' }, { items: null, error: 'x' }, { items: [null] }, { items: [{ metadata: {} }] }, { items: [{ metadata: { name: 1 } }] }])(
  'JSON of another API is no list: %j',
  (body) => {
    const answer = reply(body);
    expect(problemOf(() => readItems(readJson(asked, answer), { asked, apiVersion: 'v1', kind: 'Pod' }, answer)).code).toBe('KUBE_ANSWER_UNREADABLE');
  },
);

it('lists without items are empty', () => {
  const answer = reply({ kind: 'PodList', items: null });
  expect(readItems(readJson(asked, answer), { asked, apiVersion: 'v1', kind: 'Pod' }, answer)).toEqual([]);
});

it('nulls go, what is needed comes, and what is well formed is left alone', () => {
  const pod = {
    metadata: { name: 'p', labels: null, creationTimestamp: null },
    spec: { containers: [{ name: 'c', args: null, volumeMounts: [{ name: 'v' }] }], tolerations: null },
    status: { conditions: [{ type: 'Ready' }], containerStatuses: null },
  };
  expect(listed('Pod', pod)).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: '', volumeMounts: [{ name: 'v', mountPath: '' }] }] },
    status: { conditions: [{ type: 'Ready', status: '' }] },
  });
  expect(listed('Node', { metadata: { name: 'n' } })).toMatchObject({ spec: {}, status: {} });
  expect(listed('Pod', { metadata: { name: 'p' } })).toMatchObject({ spec: { containers: [] }, status: {} });
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80, name: 'http' }], selector: { a: 'b' } } };
  expect(readObject(asked, reply(service))).toEqual(service);
});

it('a kind of others may call anything a name', () => {
  const object = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: { name: 'x' }, spec: { containers: 'all', name: 7, selector: null } };
  expect(readObject(asked, reply(object))).toEqual(object);
});

it.each([
  [
    'EndpointSlice',
    { metadata: { name: 's' }, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }], ports: [{ port: 80 }] },
  ],
  ['EndpointSlice', { metadata: { name: 's' }, addressType: 'IPv4', endpoints: [] }],
  ['Node', { metadata: { name: 'n' }, status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }], conditions: [{ type: 'Ready', status: 'True' }] } }],
  ['NetworkPolicy', { metadata: { name: 'p' }, spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }], policyTypes: ['Ingress'] } }],
  [
    'Service',
    { metadata: { name: 's' }, spec: { clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] }, status: { loadBalancer: { ingress: [{ hostname: 'x' }] } } },
  ],
])('what Kubernetes sends is passed on as it is: %s %j', (kind, item) => {
  expect(listed(kind, item)).toMatchObject(item);
});

it.each([
  ['EndpointSlice', { metadata: { name: 's' }, endpoints: [{ addresses: [{ ip: '10.0.0.1' }] }] }, 'endpoints[0].addresses'],
  ['Node', { metadata: { name: 'n' }, spec: { taints: 'x' } }, 'spec.taints'],
  ['Node', { metadata: { name: 'n', labels: [] }, spec: {} }, 'metadata.labels'],
  ['Node', { metadata: { name: 'n', labels: { a: 1 } } }, 'metadata.labels.a'],
  ['Pod', { metadata: { name: 'p' }, spec: { containers: {} } }, 'spec.containers'],
  ['Pod', { metadata: { name: 'p' }, spec: { containers: ['x'] } }, 'spec.containers'],
  ['Pod', { metadata: { name: 'p' }, spec: 'x' }, 'spec'],
  ['Pod', { metadata: { name: 'p' }, status: { conditions: [{ type: 'Ready', status: true }] } }, 'status.conditions[0].status'],
])('of another type it is named: %s %j', (kind, item, path) => {
  expect(problemOf(() => listed(kind, item)).message).toContain(`at ${path}, where a `);
});

describe('whatever is taken out of an object or put into it', () => {
  const pod = {
    metadata: { name: 'p', namespace: 'n', labels: { a: 'b' }, ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }] },
    spec: {
      nodeName: 'n',
      containers: [
        {
          name: 'c',
          image: 'i',
          args: ['-x'],
          ports: [{ name: 'http', containerPort: 1 }],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          resources: { limits: { cpu: '1' } },
        },
      ],
      volumes: [{ name: 'v', hostPath: { path: '/v' } }],
      tolerations: [{ key: 'k', operator: 'Exists' }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'c', ready: true, restartCount: 0, state: { running: {} } }],
    },
  };
  const weird = fc.constantFrom(undefined, null, 0, -1, '', [], {}, true, ['a'], { a: null }, [null]);
  const places = placesIn(pod);

  /** Reads it like code that trusts the API's types. */
  const trusting = (object: KubeObject): KubeObject => {
    const { metadata, spec, status } = object as any;
    for (const container of spec.containers) {
      for (const arg of container.args ?? []) arg.startsWith('-');
      for (const { mountPath } of container.volumeMounts ?? []) mountPath.startsWith('/');
      for (const { name = '' } of container.ports ?? []) name.startsWith('h');
      Object.entries(container.resources?.limits ?? {});
      container.image.split(':');
    }
    for (const { name, hostPath } of spec.volumes ?? []) (hostPath?.path ?? name).startsWith('/');
    for (const { key = '' } of spec.tolerations ?? []) key.startsWith('k');
    for (const { type, status: is } of status.conditions ?? []) `${type.trim()}${is.trim()}`.trim();
    for (const { name, state = {} } of status.containerStatuses ?? []) `${name.trim()}${state.waiting?.reason ?? ''}`.trim();
    for (const { kind, name } of metadata.ownerReferences ?? []) `${kind.trim()}${name.trim()}`.trim();
    Object.entries(metadata.labels ?? {}).forEach(([, value]) => (value as string).trim());
    return object;
  };

  it.each([
    ['read whole', undefined],
    ['kept in part', trusting],
  ])('%s: it can be used, or is named', (_, keep) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...places), weird), { minLength: 1, maxLength: 3 }), (changes) => {
        const item = JSON.parse(JSON.stringify(pod));
        for (const [place, value] of changes) put(item, place, structuredClone(value));
        try {
          trusting(listed('Pod', item, keep));
        } catch (error) {
          if (!(error instanceof ProblemError)) throw error;
          expect(error.problem.code).toBe('KUBE_ANSWER_UNREADABLE');
        }
      }),
      { numRuns: 3000, seed: 7 },
    );
  });
});

function placesIn(value: unknown, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return at.length > 0 ? [at] : [];
  return [...(at.length > 0 ? [at] : []), ...Object.entries(value).flatMap(([key, one]) => placesIn(one, [...at, key]))];
}

function put(object: any, place: readonly string[], value: unknown): void {
  const [key, ...rest] = place;
  if (typeof object !== 'object' || object === null || key === undefined) return;
  if (rest.length > 0) return put(object[key], rest, value);
  if (value === undefined) delete object[key];
  else object[key] = value;
}
