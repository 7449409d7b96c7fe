/** The harness's own way to the real API server: a client certificate, JSON, watches. */
import { Agent, request } from 'node:https';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { KeyedCertificate } from '../../src/sandbox/kube/certificate.ts';

export type Doc = Record<string, any>;

export interface Reply {
  readonly status: number;
  readonly body: Doc;
  readonly text: string;
}

export type PatchKind = 'merge' | 'strategic-merge' | 'apply';

export interface KubeApi {
  readonly url: string;
  ask(method: string, path: string, body?: unknown, patch?: PatchKind): Promise<Reply>;
  /** As `ask`; throws when the answer is no success. */
  must(method: string, path: string, body?: unknown, patch?: PatchKind): Promise<Doc>;
  /** Where an object lies: `/api/v1/namespaces/x/pods/y`, or its collection without a name. */
  pathOf(object: { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly namespace?: string; readonly name?: string } }): string;
  /** Lists by pages, then follows. The listener hears every object that is there first. */
  watch(of: Watched, heard: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void): Promise<void>;
  close(): void;
}

export interface Watched {
  readonly apiVersion: string;
  readonly kind: string;
  readonly labels?: string;
}

const TYPES = { merge: 'application/merge-patch+json', 'strategic-merge': 'application/strategic-merge-patch+json', apply: 'application/apply-patch+yaml' };
const CLUSTER_WIDE = /^(Namespace|Node|PersistentVolume|StorageClass|CSIDriver|Cluster.*|PriorityClass|CustomResourceDefinition|.*WebhookConfiguration)$/;

export function plural(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith('endpoints')) return lower;
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : lower.endsWith('s') ? `${lower}es` : `${lower}s`;
}

const root = (apiVersion: string): string => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

export function createApi(options: { readonly url: string; readonly ca: string } & KeyedCertificate): KubeApi {
  const { url, ca, cert, key } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 40, ca, cert, key });
  // A watch holds its connection, so it never takes one of those that requests wait for.
  const watches = new Agent({ ca, cert, key });
  let closed = false;

  const ask: KubeApi['ask'] = (method, path, body, patch) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        accept: 'application/json',
        'user-agent': 'real-cluster-harness',
        ...(text !== undefined && { 'content-type': patch === undefined ? 'application/json' : TYPES[patch], 'content-length': Buffer.byteLength(text) }),
      };
      const sent = request(`${url}${path}`, { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const said = Buffer.concat(chunks).toString();
          const json = String(response.headers['content-type']).includes('json');
          resolve({ status: response.statusCode ?? 0, text: said, body: json && said ? (JSON.parse(said) as Doc) : {} });
        });
      });
      sent.on('error', reject);
      sent.setTimeout(60_000, () => sent.destroy(new Error(`no answer for 60 seconds: ${method} ${path}`)));
      sent.end(text);
    });
  const must: KubeApi['must'] = async (method, path, body, patch) => {
    const reply = await ask(method, path, body, patch);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text.slice(0, 500)}`);
    return reply.body;
  };
  const pathOf: KubeApi['pathOf'] = ({ apiVersion, kind, metadata }) => {
    const space = CLUSTER_WIDE.test(kind) || metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
    return `${root(apiVersion)}${space}/${plural(kind)}${metadata.name === undefined ? '' : `/${metadata.name}`}`;
  };

  const watch: KubeApi['watch'] = async ({ apiVersion, kind, labels }, heard) => {
    const path = pathOf({ apiVersion, kind, metadata: {} });
    const selector = labels === undefined ? '' : `&labelSelector=${encodeURIComponent(labels)}`;
    const known = new Map<string, KubeObject>();
    const idOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
    const typed = (object: KubeObject): KubeObject => ({ ...object, apiVersion, kind });
    const tell = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void => {
      if (type === 'DELETED') known.delete(idOf(object));
      else known.set(idOf(object), object);
      heard(type, object);
    };
    /** What is there now; what came, changed and went since the last time is told. */
    const list = async (): Promise<string> => {
      const there = new Set<string>();
      let next = '';
      for (;;) {
        const page = await must('GET', `${path}?limit=1000${selector}${next && `&continue=${encodeURIComponent(next)}`}`);
        for (const item of page['items'] as readonly KubeObject[]) {
          const object = typed(item);
          const old = known.get(idOf(object));
          there.add(idOf(object));
          if (old !== undefined && old.metadata.uid !== object.metadata.uid) tell('DELETED', old);
          if (old?.metadata.resourceVersion !== object.metadata.resourceVersion) tell(old?.metadata.uid === object.metadata.uid ? 'MODIFIED' : 'ADDED', object);
        }
        next = (page['metadata'] as { readonly continue?: string }).continue ?? '';
        if (next === '') {
          for (const [id, object] of known) if (!there.has(id)) tell('DELETED', object);
          return String((page['metadata'] as { readonly resourceVersion: string }).resourceVersion);
        }
      }
    };
    let revision = await list();
    const follow = (): Promise<'gone' | 'ended'> =>
      new Promise((resolve) => {
        const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${revision}${selector}`;
        const sent = request(`${url}${path}?${query}`, { agent: watches, headers: { 'user-agent': 'real-cluster-harness' } }, (response) => {
          if (response.statusCode !== 200) return resolve('gone');
          let rest = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            const lines = `${rest}${chunk}`.split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) {
              const event = JSON.parse(line) as { readonly type: string; readonly object: KubeObject };
              if (event.type === 'ERROR') return resolve('gone');
              revision = event.object.metadata.resourceVersion ?? revision;
              if (event.type !== 'BOOKMARK') tell(event.type as 'ADDED', typed(event.object));
            }
          });
          response.on('close', () => resolve('ended'));
          response.on('error', () => resolve('ended'));
        });
        sent.on('error', () => resolve('ended'));
        sent.end();
      });
    void (async () => {
      while (!closed) {
        if ((await follow()) === 'gone' && !closed) revision = await list().catch(() => revision);
        else await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
  };
  return {
    url,
    ask,
    must,
    pathOf,
    watch,
    close: () => {
      closed = true;
      agent.destroy();
      watches.destroy();
    },
  };
}
