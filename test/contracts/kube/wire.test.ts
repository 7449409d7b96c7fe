/** The API on the wire: what any client may rely on, asked with plain HTTPS. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/ports/kubernetes.ts';
import { call, watch } from './call.ts';
import type { Doc } from './call.ts';
import { DIFFERENT } from './differences.ts';
import { claimsIn, startServer } from './server.ts';
import type { TestServer } from './server.ts';

const PATIENT = { timeout: 20_000 };
let server: TestServer;
let namespace = '';
let counter = 0;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  counter += 1;
  namespace = `wire-${counter}`;
  server.faults.clear();
  await call(server, '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
  // A controller's, and many lists are expected to hold it.
  await expect.poll(async () => (await call(server, home('configmaps', 'kube-root-ca.crt'))).status, PATIENT).toBe(200);
  server.calls.length = 0;
});

const home = (plural: string, name = '', group = 'api/v1'): string => `/${group}/namespaces/${namespace}/${plural}${name && `/${name}`}`;
const config = (name: string, data: Doc = {}, metadata: Doc = {}): Doc => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });
const create = (plural: string, body: Doc, group?: string) => call(server, home(plural, '', group), { body });
const pod = (name: string, spec: Doc = {}): Doc => ({
  metadata: { name, labels: { app: name } },
  spec: { containers: [{ name: 'a', image: 'nginx:1' }], ...spec },
});

describe('who is asking', () => {
  test('an unknown token is 401', async () => {
    const reply = await call(server, '/api/v1/namespaces', { token: 'nonsense' });
    expect([reply.status, reply.json.reason]).toEqual([401, 'Unauthorized']);
  });

  test.each([
    ['/api/v1/namespaces', 'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope'],
    ['/api', 'forbidden: User "system:anonymous" cannot get path "/api"'],
    ['/apis/nope.example.com/v1', 'forbidden: User "system:anonymous" cannot get path "/apis/nope.example.com/v1"'],
  ])('no token is nobody in particular, who may not read %s', async (path, message) => {
    const reply = await call(server, path, { token: '' });
    expect([reply.status, reply.json.reason, reply.json.message]).toEqual([403, 'Forbidden', message]);
  });

  test.each(['/healthz', '/livez', '/readyz', '/version'])('%s needs no login', async (path) => {
    expect((await call(server, path, { token: '' })).status).toBe(200);
  });

  test('without a role the refusal names user, verb, resource and namespace', async () => {
    const list = await call(server, home('secrets'), { token: 'viewer' });
    expect(list.status).toBe(403);
    expect(list.json.message).toBe(`secrets is forbidden: User "viewer" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`);
    const wide = await call(server, '/apis/apps/v1/deployments/x', { token: 'viewer' });
    expect(wide.json.message).toBe(
      'deployments.apps "x" is forbidden: User "viewer" cannot get resource "deployments" in API group "apps" at the cluster scope',
    );
    const log = await call(server, `${home('pods', 'p')}/log`, { token: 'viewer' });
    expect(log.json.message).toContain('cannot get resource "pods/log"');
  });

  test('a binding opens exactly what its role lists', async () => {
    await create(
      'roles',
      { metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] },
      'apis/rbac.authorization.k8s.io/v1',
    );
    await create(
      'rolebindings',
      { metadata: { name: 'reader' }, roleRef: { kind: 'Role', name: 'reader' }, subjects: [{ kind: 'User', name: 'viewer' }] },
      'apis/rbac.authorization.k8s.io/v1',
    );
    expect((await call(server, home('pods'), { token: 'viewer' })).status).toBe(200);
    expect((await call(server, home('secrets'), { token: 'viewer' })).status).toBe(403);
    expect((await call(server, '/api/v1/pods', { token: 'viewer' })).status).toBe(403);
    const ask = async (verb: string): Promise<unknown> => {
      const body = { spec: { resourceAttributes: { verb, resource: 'pods', namespace } } };
      return (await call(server, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body, token: 'viewer' })).json.status.allowed;
    };
    expect([await ask('list'), await ask('delete')]).toEqual([true, false]);
  });
});

describe('objects', () => {
  test('the server gives identity, and keeps its own of what the client sends', async () => {
    const made = await create('configmaps', config('a', { x: '1' }, { uid: 'mine', generation: 9 }));
    expect(made.status).toBe(201);
    expect(made.json.metadata).toMatchObject({ name: 'a', namespace });
    expect(made.json.metadata.uid).not.toBe('mine');
    expect(made.json.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect((await create('configmaps', config('a'))).json.message).toBe('configmaps "a" already exists');
  });

  test('generateName makes distinct names', async () => {
    const names = await Promise.all([1, 2].map(async () => (await create('configmaps', { metadata: { generateName: 'g-' } })).json.metadata.name));
    expect(names[0]).toMatch(/^g-[a-z0-9]{5}$/);
    expect(names[0]).not.toBe(names[1]);
  });

  test('what is absent is 404 with the resource and the name', async () => {
    const reply = await call(server, home('deployments', 'nope', 'apis/apps/v1'));
    expect([reply.status, reply.json.message]).toEqual([404, 'deployments.apps "nope" not found']);
    for (const path of ['/apis/apps/v1/things', '/apis/apps/v9/deployments'])
      expect((await call(server, path)).json.message).toBe('the server could not find the requested resource');
    for (const path of ['/apis/nope.example.com/v1/things', '/apis/nope.example.com/v1', '/apis/nope.example.com', '/no/such/path']) {
      const unserved = await call(server, path);
      expect([path, unserved.status, unserved.headers['content-type'], unserved.text]).toEqual([
        path,
        404,
        'text/plain; charset=utf-8',
        '404 page not found\n',
      ]);
    }
    expect((await call(server, '/api/v1/namespaces/nope/configmaps', { body: config('x') })).json.message).toBe('namespaces "nope" not found');
  });

  test('a stale resourceVersion is a conflict, in replace and in patch', async () => {
    const first = (await create('configmaps', config('a', { x: '1' }))).json;
    const second = await call(server, home('configmaps', 'a'), { method: 'PUT', body: { ...first, data: { x: '2' } } });
    expect(second.status).toBe(200);
    const stale = await call(server, home('configmaps', 'a'), { method: 'PUT', body: { ...first, data: { x: '3' } } });
    expect(stale.status).toBe(409);
    expect(stale.json.message).toBe(
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    );
    const patch = { metadata: { resourceVersion: first.metadata.resourceVersion }, data: { x: '4' } };
    expect((await call(server, home('configmaps', 'a'), { method: 'PATCH', type: 'application/merge-patch+json', body: patch })).status).toBe(409);
  });

  test('a write that changes nothing leaves the revision alone', async () => {
    const first = (await create('configmaps', config('a', { x: '1' }))).json;
    const again = await call(server, home('configmaps', 'a'), { method: 'PUT', body: { ...first } });
    expect(again.json.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('names and labels are checked in the real words', async () => {
    const bad = await create('configmaps', config('Not_Good'));
    expect(bad.status).toBe(422);
    expect(bad.json.message).toContain(
      'ConfigMap "Not_Good" is invalid: metadata.name: Invalid value: "Not_Good": a lowercase RFC 1123 subdomain must consist of',
    );
    const label = await create('configmaps', config('good', {}, { labels: { a: 'with space' } }));
    expect(label.json.details.causes[0].field).toBe('metadata.labels');
  });

  test('dryRun answers as if and changes nothing', async () => {
    const reply = await call(server, `${home('configmaps')}?dryRun=All`, { body: config('dry') });
    expect(reply.status).toBe(201);
    expect((await call(server, home('configmaps', 'dry'))).status).toBe(404);
  });

  test('status and spec are written apart, and only spec counts as a generation', async () => {
    const spec = { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'i' }] } } };
    const made = (await create('deployments', { metadata: { name: 'd' }, spec, status: { replicas: 7 } }, 'apis/apps/v1')).json;
    expect(made.status.replicas).toBeUndefined();
    expect(made.spec).toMatchObject({ replicas: 1, revisionHistoryLimit: 10, strategy: { type: 'RollingUpdate' } });
    const path = home('deployments', 'd', 'apis/apps/v1');
    const status = await call(server, `${path}/status`, {
      method: 'PATCH',
      type: 'application/merge-patch+json',
      body: { spec: { replicas: 5 }, status: { replicas: 3 } },
    });
    expect([status.json.spec.replicas, status.json.status.replicas, status.json.metadata.generation]).toEqual([1, 3, 1]);
    const scaled = await call(server, `${path}/scale`, { method: 'PATCH', type: 'application/merge-patch+json', body: { spec: { replicas: 4 } } });
    expect(scaled.json).toMatchObject({ kind: 'Scale', spec: { replicas: 4 } });
    const now = (await call(server, path)).json;
    // What its status says by now is the controller's, where one runs.
    expect(now.metadata.generation).toBe(2);
  });

  test('a StatefulSet refuses other changes in the very words helm users search for', async () => {
    const spec = {
      serviceName: 'a',
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'i' }] } },
    };
    await create('statefulsets', { metadata: { name: 's' }, spec }, 'apis/apps/v1');
    const reply = await call(server, home('statefulsets', 's', 'apis/apps/v1'), {
      method: 'PATCH',
      type: 'application/merge-patch+json',
      body: { spec: { serviceName: 'b' } },
    });
    expect(reply.status).toBe(422);
    expect(reply.json.message).toMatch(/^StatefulSet\.apps "s" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', /);
  });

  test('a Service gets an address and keeps it', async () => {
    const made = (await create('services', { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } })).json;
    expect(made.spec).toMatchObject({ type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] });
    expect(made.spec.clusterIP).toMatch(/^10\.100\./);
    const replaced = await call(server, home('services', 's'), { method: 'PUT', body: { metadata: { name: 's' }, spec: { ports: [{ port: 81 }] } } });
    expect(replaced.json.spec.clusterIP).toBe(made.spec.clusterIP);
    const moved = await call(server, home('services', 's'), { method: 'PATCH', type: 'application/merge-patch+json', body: { spec: { clusterIP: 'None' } } });
    expect(moved.json.message).toBe('Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set');
  });

  test('an immutable Secret stays as it is', async () => {
    await create('secrets', { metadata: { name: 's' }, stringData: { a: 'b' }, immutable: true });
    const reply = await call(server, home('secrets', 's'), { method: 'PATCH', type: 'application/merge-patch+json', body: { data: { a: 'eA==' } } });
    expect(reply.json.message).toBe('Secret "s" is invalid: data: Forbidden: field is immutable when `immutable` is set');
    expect((await call(server, home('secrets', 's'))).json).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } });
  });

  test('a namespace takes its contents along, and takes nothing new meanwhile', async () => {
    await create('configmaps', config('held', {}, { finalizers: ['example.com/hold'] }));
    const gone = await call(server, `/api/v1/namespaces/${namespace}`, { method: 'DELETE' });
    expect(gone.json.status.phase).toBe('Terminating');
    const refused = await create('configmaps', config('late'));
    expect(refused.status).toBe(403);
    expect(refused.json.message).toBe(`configmaps "late" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`);
    const waiting = watch(server, `/api/v1/namespaces?watch=true&fieldSelector=metadata.name%3D${namespace}`);
    await waiting.first(1);
    const left = async (): Promise<string[]> => (await call(server, home('configmaps'))).json.items.map((item: Doc) => item.metadata.name);
    // Its contents are not taken at once.
    expect(await left()).toEqual(['held', 'kube-root-ca.crt']);
    await expect.poll(left, PATIENT).toEqual(['held']);
    await call(server, home('configmaps', 'held'), { method: 'PATCH', type: 'application/merge-patch+json', body: { metadata: { finalizers: null } } });
    await expect.poll(() => waiting.events.at(-1)?.type, { timeout: 40_000 }).toBe('DELETED');
    waiting.stop();
    expect((await call(server, `/api/v1/namespaces/${namespace}`)).status).toBe(404);
  });

  test.each([
    ['Background', 404],
    ['Orphan', 200],
    ['Foreground', 404],
  ])('deleting an owner with %s propagation', async (policy, child) => {
    const { uid } = (await create('configmaps', config('owner'))).json.metadata;
    const made = await create(
      'configmaps',
      config('child', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid, blockOwnerDeletion: true }] }),
    );
    expect(made.status).toBe(201);
    const deleted = await call(server, home('configmaps', 'owner'), {
      method: 'DELETE',
      body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: policy },
    });
    expect(deleted.status).toBe(200);
    await expect.poll(async () => (await call(server, home('configmaps', 'owner'))).status, PATIENT).toBe(404);
    await expect.poll(async () => (await call(server, home('configmaps', 'child'))).status, PATIENT).toBe(child);
    await expect.poll(async () => (await call(server, home('configmaps', 'child'))).json.metadata?.ownerReferences ?? [], PATIENT).toEqual([]);
  });
});

describe('lists and watches', () => {
  test('selectors choose, pages continue', async () => {
    for (const [index, tier] of ['a', 'b', 'a', 'c'].entries()) await create('configmaps', config(`c${index}`, {}, { labels: { tier } }));
    const names = async (query: string): Promise<string[]> =>
      (await call(server, `${home('configmaps')}?${query}`)).json.items.map((item: Doc) => item.metadata.name);
    expect(await names('labelSelector=tier%3Da')).toEqual(['c0', 'c2']);
    expect(await names(`labelSelector=${encodeURIComponent('tier in (b, c)')}`)).toEqual(['c1', 'c3']);
    expect(await names(`labelSelector=${encodeURIComponent('tier notin (a),tier')}`)).toEqual(['c1', 'c3']);
    expect(await names('labelSelector=!tier')).toEqual(['kube-root-ca.crt']);
    expect(await names('fieldSelector=metadata.name%3Dc1')).toEqual(['c1']);
    const first = (await call(server, `${home('configmaps')}?limit=3`)).json;
    expect([first.items.length, first.metadata.remainingItemCount]).toEqual([3, 2]);
    const second = (await call(server, `${home('configmaps')}?limit=3&continue=${first.metadata.continue}`)).json;
    expect(second.items.map((item: Doc) => item.metadata.name)).toEqual(['c3', 'kube-root-ca.crt']);
    expect(second.metadata.continue).toBeUndefined();
  });

  test('a watch resumes after a revision and follows a selector', async () => {
    const list = (await call(server, home('configmaps'))).json;
    await create('configmaps', config('a', {}, { labels: { on: 'yes' } }));
    const seen = watch(server, `${home('configmaps')}?watch=true&labelSelector=on%3Dyes&resourceVersion=${list.metadata.resourceVersion}`);
    await seen.first(1);
    const patch = (labels: Doc) =>
      call(server, home('configmaps', 'a'), { method: 'PATCH', type: 'application/merge-patch+json', body: { metadata: { labels } } });
    await patch({ extra: '1' });
    await patch({ on: 'no' });
    await patch({ on: 'yes' });
    await call(server, home('configmaps', 'a'), { method: 'DELETE' });
    expect((await seen.first(5)).map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'ADDED', 'DELETED']);
    seen.stop();
  });

  test('initial events end with the marked bookmark', async () => {
    const seen = watch(server, `${home('configmaps')}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`);
    const [added, bookmark] = await seen.first(2);
    expect([added?.type, added?.object.metadata.name]).toEqual(['ADDED', 'kube-root-ca.crt']);
    expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } });
    seen.stop();
  });

  test('a revision that is no number is a failure of the server, also for a watch', async () => {
    const reply = await call(server, `${home('configmaps')}?watch=true&resourceVersion=0.1`);
    expect(reply.status).toBe(500);
    expect(reply.json.message).toBe('resourceVersion: Invalid value: "0.1": strconv.ParseUint: parsing "0.1": invalid syntax');
  });

  test('a watch ends after its timeout', async () => {
    const reply = await call(server, `${home('configmaps')}?watch=true&timeoutSeconds=1`);
    expect(reply.json.type).toBe('ADDED');
  });

  test('tables and metadata come by the Accept header', async () => {
    await create('pods', pod('p'));
    const table = (await call(server, home('pods'), { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } })).json;
    expect(table.columnDefinitions.slice(0, 5).map((column: Doc) => column.name)).toEqual(['Name', 'Ready', 'Status', 'Restarts', 'Age']);
    expect(table.rows[0].cells.slice(0, 4)).toEqual(['p', '0/1', 'Pending', '0']);
    const partial = (await call(server, home('pods'), { headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } })).json;
    expect(partial.kind).toBe('PartialObjectMetadataList');
    expect(Object.keys(partial.items[0]).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
  });

  test('large lists are compressed when that is asked for', async () => {
    await create('configmaps', config('big', { text: 'x'.repeat(200_000) }));
    const zipped = await call(server, home('configmaps'), { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(zipped.json.items).toHaveLength(2);
    expect((await call(server, home('configmaps'))).headers['content-encoding']).toBeUndefined();
  });

  test('a collection goes by selector', async () => {
    for (const name of ['a', 'b']) await create('configmaps', config(name, {}, { labels: { name } }));
    await call(server, `${home('configmaps')}?labelSelector=name%3Da`, { method: 'DELETE' });
    expect((await call(server, home('configmaps'))).json.items.map((item: Doc) => item.metadata.name)).toEqual(['b', 'kube-root-ca.crt']);
  });

  test('events have two names', async () => {
    const homeless = { metadata: { name: 'e' }, involvedObject: { kind: 'Pod', name: 'p' }, reason: 'Failed', message: 'no image', type: 'Warning' };
    const refused = await create('events', homeless);
    expect([refused.status, refused.json.message]).toEqual([
      422,
      'Event "e" is invalid: involvedObject.namespace: Invalid value: "": does not match event.namespace',
    ]);
    await create('events', {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'p', namespace },
      reason: 'Failed',
      message: 'no image',
      type: 'Warning',
    });
    const other = (await call(server, home('events', 'e', 'apis/events.k8s.io/v1'))).json;
    expect(other).toMatchObject({ apiVersion: 'events.k8s.io/v1', regarding: { name: 'p' }, note: 'no image' });
    expect((await call(server, `${home('events')}?fieldSelector=involvedObject.name%3Dp`)).json.items).toHaveLength(1);
  });
});

describe('custom resources', () => {
  const definition = {
    metadata: { name: 'gadgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Gadget', plural: 'gadgets' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
  test('come with their definition and go with it', async () => {
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect((await call(server, home('gadgets', '', 'apis/example.com/v1'))).status).toBe(404);
    await call(server, crds, { body: definition });
    const conditions = async (): Promise<readonly string[]> =>
      (await call(server, `${crds}/gadgets.example.com`)).json.status.conditions.map((condition: Doc) => `${condition.type}=${condition.status}`);
    await expect.poll(conditions, PATIENT).toContain('Established=True');
    // A server that has just established it may take a moment to serve it.
    const gadget = { apiVersion: 'example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 1 } };
    await expect.poll(async () => (await create('gadgets', gadget, 'apis/example.com/v1')).status, PATIENT).toBe(201);
    expect((await call(server, '/apis/example.com/v1')).json.resources[0].kind).toBe('Gadget');
    await call(server, `${crds}/gadgets.example.com`, { method: 'DELETE' });
    await expect.poll(async () => (await call(server, home('gadgets', 'g', 'apis/example.com/v1'))).status, PATIENT).toBe(404);
  });
});

describe('pods', () => {
  const start = async (name: string, spec: Doc = {}): Promise<void> => {
    await create('pods', pod(name, spec));
    await server.running(namespace, name);
  };
  const log = (query: string, name = 'p') => call(server, `${home('pods', name)}/log?${query}`);

  test('logs are cut as asked', async () => {
    await start('p');
    expect((await log('')).text).toBe('a one\na two\na three\n');
    expect((await log('tailLines=1')).text).toBe('a three\n');
    expect((await log('timestamps=true&tailLines=1')).text).toBe('2026-01-07T10:00:02.000000000Z a three\n');
    expect((await log('sinceTime=2026-01-07T10:00:01Z')).text).toBe('a two\na three\n');
    expect((await log('limitBytes=4')).text).toBe('a on');
    expect((await log('previous=true')).json.message).toBe('previous terminated container "a" in pod "p" not found');
  });

  test('which container must be said when there are several', async () => {
    await start('two', {
      containers: [
        { name: 'a', image: 'i' },
        { name: 'b', image: 'i' },
      ],
    });
    expect((await log('', 'two')).json.message).toBe('a container name must be specified for pod two, choose one of: [a b]');
    expect((await log('container=b&tailLines=1', 'two')).text).toBe('b three\n');
    expect((await log('container=c', 'two')).json.message).toBe('container c is not valid for pod two');
  });

  test('followed logs end with the pod', async () => {
    await start('f');
    const reply = log('follow=true&tailLines=1', 'f');
    await expect.poll(() => server.following('f'), PATIENT).toBe(1);
    server.print('f', 'later');
    await call(server, home('pods', 'f'), { method: 'DELETE' });
    expect((await reply).text).toBe('a three\nlater\n');
  });

  test.skipIf(DIFFERENT('proxy'))('the proxy reaches pods and services, without the login', async () => {
    await start('p', { containers: [{ name: 'a', image: 'i', ports: [{ name: 'http', containerPort: 3100 }] }] });
    await create('services', { metadata: { name: 's' }, spec: { selector: { app: 'p' }, ports: [{ name: 'web', port: 80, targetPort: 'http' }] } });
    server.session.length = 0;
    expect((await call(server, `${home('pods', 'p:3100')}/proxy/metrics?a=b`)).json).toMatchObject({ port: 3100, path: '/metrics?a=b', method: 'GET' });
    expect(
      (await call(server, `${home('services', 'http:s:web')}/proxy/push`, { body: 'text', type: 'text/plain', headers: { 'x-scope-orgid': 't' } })).json,
    ).toMatchObject({ method: 'POST', port: 3100, body: 'text' });
    expect(server.session[1]?.headers['x-scope-orgid']).toBe('t');
    expect(server.session.some((request) => 'authorization' in request.headers)).toBe(false);
    expect((await call(server, `${home('pods', 'p')}/proxy/missing`)).status).toBe(404);
    await server.put({ ...((await server.get('Pod', namespace, 'p')) as KubeObject), status: { phase: 'Pending' } });
    expect((await call(server, `${home('services', 's')}/proxy/`)).json.message).toBe('no endpoints available for service "s"');
  });

  test('eviction heeds disruption budgets', async () => {
    await start('p');
    const budget = (minAvailable: number): KubeObject => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b', namespace },
      spec: { selector: { matchLabels: { app: 'p' } }, minAvailable },
      // What the disruption controller makes of it, where there is one.
      status: { observedGeneration: 2 - minAvailable, currentHealthy: 1, desiredHealthy: minAvailable, expectedPods: 1, disruptionsAllowed: 1 - minAvailable },
    });
    await server.put(budget(1));
    const evict = async () =>
      (await call(server, `${home('pods', 'p')}/eviction`, { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } } })).status;
    expect(await evict()).toBe(429);
    await server.put(budget(0));
    await expect.poll(evict, PATIENT).toBe(201);
    await expect.poll(async () => (await call(server, home('pods', 'p'))).status, PATIENT).toBe(404);
  });

  test('tokens are minted for service accounts that exist', async () => {
    const ask = (name: string, spec: Doc) => call(server, `${home('serviceaccounts', name)}/token`, { body: { spec } });
    const reply = await ask('default', { audiences: ['sts.amazonaws.com'], expirationSeconds: 900 });
    expect(reply.status).toBe(201);
    expect(claimsIn(reply.json.status.token)).toMatchObject({ sub: `system:serviceaccount:${namespace}:default`, aud: ['sts.amazonaws.com'] });
    expect((await ask('nobody', {})).status).toBe(404);
    expect((await ask('default', { expirationSeconds: 60 })).json.message).toContain('may not specify a duration less than 10 minutes');
  });
});

describe.skipIf(DIFFERENT('faults'))('faults', () => {
  const attempt = () => create('configmaps', config('f')).catch(() => 'died' as const);
  const exists = async (): Promise<boolean> => (await call(server, home('configmaps', 'f'))).status === 200;

  test.each([
    ['before', 500, false],
    ['after', 500, true],
    ['deny', 403, false],
    ['throttle', 429, false],
    ['slow', 201, true],
  ] as const)('%s', async (how, status, happened) => {
    server.faults.add({ call: 'kube:create:configmaps', how, times: 1, ms: 10 });
    const reply = await attempt();
    expect(reply === 'died' ? 0 : reply.status).toBe(status);
    expect(await exists()).toBe(happened);
    if (how === 'throttle' && reply !== 'died') expect(reply.headers['retry-after']).toBe('1');
  });

  test('lost: it happened, and nobody was told', async () => {
    server.faults.add({ call: 'kube:create:*', how: 'lost', times: 1 });
    expect(await attempt()).toBe('died');
    expect(await exists()).toBe(true);
  });

  test('every call is counted with its outcome', async () => {
    await create('configmaps', config('f'));
    await call(server, home('configmaps', 'f'));
    await call(server, '/version');
    expect(server.calls.map(({ call, write, status }) => ({ call, write, status }))).toEqual([
      { call: 'kube:create:configmaps', write: true, status: 201 },
      { call: 'kube:get:configmaps', write: false, status: 200 },
      { call: 'kube:get:/version', write: false, status: 200 },
    ]);
  });
});
