/**
 * What helm does to a cluster, request by request, without its process: the writes of an upgrade, a rollback and an uninstall in
 * helm's order, with its release Secrets. Manifests are rendered by the real helm, once for each set of values.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gzipSync, gunzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import { objectsIn } from '../../src/design/drift.ts';
import type { HelmAnswer, HelmCall } from '../../src/adapters/helm/process.ts';
import { openKinds, groupPath } from '../../src/adapters/kube/kinds.ts';
import type { Ask, Reply, Rest } from '../../src/adapters/kube/rest.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Clock } from '../../src/ports/system.ts';
import { tool } from '../support/sandbox-cli.ts';

export interface SmallHelm {
  readonly rest: Rest;
  readonly clock: Clock;
}

interface Revision {
  readonly name: string;
  readonly namespace: string;
  readonly version: number;
  readonly info: { readonly status: string; readonly last_deployed: string };
  readonly config: object;
  readonly chart: { readonly metadata: object };
  readonly manifest: readonly KubeObject[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The order in which helm makes kinds; it takes them away in the reverse. Kinds that are not named come last. */
const ORDER = [
  'Namespace',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'StorageClass',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'Service',
  'DaemonSet',
  'Deployment',
  'StatefulSet',
];
const rank = ({ kind }: KubeObject) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);

export function smallHelm({ rest, clock }: SmallHelm): (call: HelmCall) => Promise<HelmAnswer> {
  const kindOf = openKinds(rest, 'https://sandbox');
  const asked = async (ask: Ask): Promise<Reply> => {
    // client-go waits and asks again when it is told to, ten times.
    for (let attempt = 1; ; attempt++) {
      const reply = await rest(ask);
      if (reply.status === 429 && attempt < 10) continue;
      if (reply.status >= 400 && reply.status !== 404) throw new Error(`${ask.method} ${ask.path}: ${reply.status} ${reply.body.slice(0, 300)}`);
      return reply;
    }
  };
  const pathOf = async ({ apiVersion, kind, metadata }: KubeObject, home: string) => {
    const { plural, namespaced } = await kindOf(apiVersion, kind);
    return `${groupPath(apiVersion)}${namespaced ? `/namespaces/${metadata.namespace ?? home}` : ''}/${plural}/${metadata.name}`;
  };
  const secrets = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`;
  const history = async (name: string, namespace: string): Promise<readonly Revision[]> => {
    const { body } = await asked({ method: 'GET', path: `${secrets(namespace)}?labelSelector=${encodeURIComponent(`owner=helm,name=${name}`)}` });
    const { items } = JSON.parse(body) as { readonly items: readonly (KubeObject & { readonly data: { readonly release: string } })[] };
    return items.map(unpack).sort((a, b) => b.version - a.version);
  };
  const store = async (revision: Revision, how: 'POST' | 'PUT') => {
    const name = secretName(revision);
    await asked({ method: how, path: how === 'POST' ? secrets(revision.namespace) : `${secrets(revision.namespace)}/${name}`, body: pack(revision) });
  };
  const apply = async (objects: readonly KubeObject[], home: string) => {
    for (const object of objects) {
      const path = `${await pathOf(object, home)}?fieldManager=helm&force=true`;
      const { status, body } = await asked({ method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' });
      if (status === 404) throw new Error(body);
    }
  };
  const isKept = async (object: KubeObject, home: string) => {
    const { status, body } = await asked({ method: 'GET', path: await pathOf(object, home) });
    return status === 200 && (JSON.parse(body) as KubeObject).metadata.annotations?.['helm.sh/resource-policy'] === 'keep';
  };
  const remove = async (objects: readonly KubeObject[], home: string) => {
    const failures: string[] = [];
    for (const object of objects) {
      await asked({ method: 'DELETE', path: await pathOf(object, home), body: { propagationPolicy: 'Background' } }).catch((error: Error) =>
        failures.push(error.message),
      );
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
  };
  /** The new revision made true; when that fails it is marked so, and the former one stays the deployed one. What `from` has and it has not goes. */
  const turn = async (to: Revision, former: readonly Revision[], from = former.find(({ info }) => info.status === 'deployed') ?? former[0]) => {
    const failed = async (error: unknown) => {
      await store(at(to, 'failed'), 'PUT').catch(() => undefined);
      throw error;
    };
    await store(to, 'POST');
    const stays = new Set(to.manifest.map(idOf));
    try {
      await apply(to.manifest, to.namespace);
      const gone: KubeObject[] = [];
      for (const object of from?.manifest ?? []) if (!stays.has(idOf(object)) && !(await isKept(object, to.namespace))) gone.push(object);
      await remove(gone, to.namespace);
    } catch (error) {
      await failed(error);
    }
    for (const old of former.filter(({ info }) => info.status === 'deployed')) await store(at(old, 'superseded'), 'PUT');
    await store(at(to, 'deployed'), 'PUT');
  };

  const verbs: Readonly<Record<string, (words: readonly string[], input: string) => Promise<void>>> = {
    upgrade: async ([name = '', chart = '', ...flags], input) => {
      const namespace = flag(flags, '--namespace');
      const former = await history(name, namespace);
      busy(former[0]);
      const { manifest, metadata } = await rendered({ name, chart, namespace, values: input });
      const labels = Object.fromEntries(
        flag(flags, '--labels')
          .split(',')
          .map((pair) => pair.split('=') as [string, string]),
      );
      const version = (former[0]?.version ?? 0) + 1;
      const info = { status: former.length > 0 ? 'pending-upgrade' : 'pending-install', last_deployed: clock.now().toISOString() };
      await turn({ name, namespace, version, info, config: JSON.parse(input) as object, chart: { metadata }, manifest, labels }, former);
    },
    rollback: async ([name = '', revision, ...flags]) => {
      const former = await history(name, flag(flags, '--namespace'));
      const goal = former.find(({ version }) => version === Number(revision));
      if (!goal) throw new Error('release: not found');
      const info = { status: 'pending-rollback', last_deployed: clock.now().toISOString() };
      // Whatever became of the newest, its objects may be there.
      await turn({ ...goal, version: (former[0]?.version ?? 0) + 1, info }, former, former[0]);
    },
    uninstall: async ([name = '', ...flags]) => {
      const namespace = flag(flags, '--namespace');
      const all = await history(name, namespace);
      const [newest] = all;
      if (!newest) return;
      if (newest.info.status !== 'uninstalled') {
        await store(at(newest, 'uninstalling'), 'PUT');
        await remove(newest.manifest.toReversed(), namespace);
        await store(at(newest, 'uninstalled'), 'PUT');
      }
      for (const revision of all) await asked({ method: 'DELETE', path: `${secrets(namespace)}/${secretName(revision)}` });
    },
  };
  return async ({ args: [verb = '', ...words], input = '' }) => {
    try {
      if (verb === 'template') return { code: 0, stdout: lookedAtIn(await printed([verb, ...words], input)), stderr: '' };
      await verbs[verb]?.(words, input);
      return { code: verbs[verb] ? 0 : 1, stdout: '', stderr: verbs[verb] ? '' : `Error: unknown command "${verb}"` };
    } catch (error) {
      return { code: 1, stdout: '', stderr: `Error: ${error instanceof Error ? error.message : String(error)}` };
    }
  };
}

const flag = (words: readonly string[], name: string) => words[words.indexOf(name) + 1] ?? '';
const idOf = ({ kind, metadata }: KubeObject) => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
const secretName = ({ name, version }: Revision) => `sh.helm.release.v1.${name}.v${version}`;
const at = (revision: Revision, status: string): Revision => ({ ...revision, info: { ...revision.info, status } });

function busy(newest: Revision | undefined): void {
  if (newest?.info.status.startsWith('pending-')) throw new Error('another operation (install/upgrade/rollback) is in progress');
}

function pack(revision: Revision): KubeObject {
  const { name, namespace, version, info, labels } = revision;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName(revision), namespace, labels: { ...labels, name, owner: 'helm', status: info.status, version: String(version) } },
    type: 'helm.sh/release.v1',
    data: {
      release: Buffer.from(gzipSync(JSON.stringify({ ...revision, manifest: textOf(revision.manifest) }), { level: 1 }).toString('base64')).toString('base64'),
    },
  };
}

/** A document an object: JSON is YAML too, and each fills a line. */
const BETWEEN = '\n---\n';
const textOf = (manifest: Revision['manifest']) => manifest.map((object) => JSON.stringify(object)).join(BETWEEN);

/** Of a Secret that this helm, or the real one, has written; `manifest` is the text it keeps. */
export const storedIn = ({ data }: { readonly data: { readonly release: string } }): Stored =>
  JSON.parse(gunzipSync(Buffer.from(Buffer.from(data.release, 'base64').toString('latin1'), 'base64')).toString()) as Stored;

function unpack(secret: Parameters<typeof storedIn>[0]): Revision {
  const stored = storedIn(secret);
  return { ...stored, manifest: stored.manifest.split(BETWEEN).map((line) => JSON.parse(line) as KubeObject) };
}

type Stored = Omit<Revision, 'manifest'> & { readonly manifest: string };

interface Rendering {
  readonly name: string;
  readonly chart: string;
  readonly namespace: string;
  readonly values: string;
}
type Rendered = Pick<Revision, 'manifest'> & { readonly metadata: object };

/** Who asks for a rendering looks at pods and at Loki's configuration; reading the rest again and again is most of the time a case takes. */
const lookedAtIn = (text: string) =>
  text
    .split(/^---$/m)
    .filter((document) => /^kind: (Deployment|StatefulSet|DaemonSet|Job|ConfigMap)$/m.test(document))
    .join('---');

const printings = new Map<string, Promise<string>>();

/** What the real helm prints; the same words give the same text, so it is asked once. */
function printed(args: readonly string[], input: string): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify([args, input]))
    .digest('hex');
  const known =
    printings.get(key) ??
    new Promise<string>((resolve, reject) => {
      const child = execFile(tool('LOKI_EKS_HELM'), [...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
      child.stdin?.end(input);
    });
  printings.set(key, known);
  return known;
}

const renderings = new Map<string, Promise<Rendered>>();

function rendered(of: Rendering): Promise<Rendered> {
  const key = createHash('sha256').update(JSON.stringify(of)).digest('hex');
  const known = renderings.get(key) ?? render(of);
  renderings.set(key, known);
  return known;
}

async function render({ name, chart, namespace, values }: Rendering): Promise<Rendered> {
  const [text, chartText] = await Promise.all([
    printed(['template', name, chart, '--namespace', namespace, '--values', '-', '--kube-version', '1.33'], values),
    printed(['show', 'chart', chart], ''),
  ]);
  const owned = { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace };
  const manifest = objectsIn(text)
    .map((object) => ({ ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...owned } } }))
    .sort((a, b) => rank(a) - rank(b));
  return { manifest, metadata: parseAllDocuments(chartText)[0]?.toJS() as object };
}
