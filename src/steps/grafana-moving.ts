/** From a sidecar's file to Grafana's API: the file is deleted, Grafana forgets what it read from it, and then the object is created anew. */
import { loginIn, withLogin } from '../design/grafana.ts';
import type { Change, Json, UndoRecord } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { passwordIn, slotOf, type GrafanaNeeds } from './grafana-login.ts';
import { contentOf, encoded, ours, type What } from './grafana-objects.ts';

/** The prefix of our undo records. */
export const LEFT = 'leave-object';

/** Our objects, wherever a sidecar may read them. */
export const filesLeft = async (ctx: GrafanaNeeds, what: What): Promise<readonly KubeObject[]> =>
  (await Promise.all((['Secret', 'ConfigMap'] as const).map((kind) => ours(ctx, { kind, what })))).flat();

export const leaving = (files: readonly KubeObject[]): readonly Change[] =>
  files.map(({ kind, metadata }) => ({
    action: 'delete',
    target: `${kind} ${metadata.namespace}/${metadata.name}`,
    detail: 'no sidecar needs to read it any more',
  }));

export async function leave(ctx: GrafanaNeeds, files: readonly KubeObject[], record: (receipt: UndoRecord) => Promise<void>): Promise<void> {
  for (const file of files) {
    await record(await receiptOf(ctx, file));
    const { namespace = '', name } = file.metadata;
    await ctx.kubernetes.delete({ apiVersion: 'v1', kind: file.kind, namespace, name });
  }
}

/** The password itself must not get into the journal: the record says where in the cluster to find it. */
async function receiptOf(ctx: GrafanaNeeds, file: KubeObject): Promise<UndoRecord> {
  const { key, text } = contentOf(file);
  const { namespace = '', name, labels = {}, annotations = {} } = file.metadata;
  const place = { did: LEFT, kind: file.kind, namespace, name, key, labels, annotations };
  const login = loginIn(text);
  if (!login) return { ...place, document: text };
  const from = (await slotOf(ctx, login.password)) ?? 'password';
  return { ...place, document: withLogin(text, { user: login.user, password: '' }), user: login.user, from };
}

export async function undoLeaving(ctx: GrafanaNeeds, receipt: UndoRecord): Promise<void> {
  const { kind, namespace, name, key, labels, annotations, document, user, from } = receipt as { readonly [key: string]: Json } as unknown as Left;
  if (await ctx.kubernetes.get({ apiVersion: 'v1', kind, namespace, name })) return;
  const password = from === undefined ? undefined : await passwordIn(ctx, from);
  if (from !== undefined && password === undefined) return;
  const text = user === undefined || password === undefined ? document : withLogin(document, { user, password });
  const type = kind === 'Secret' ? { type: 'Opaque' } : {};
  await ctx.kubernetes.create({ apiVersion: 'v1', kind, metadata: { name, namespace, labels, annotations }, ...type, data: { [key]: encoded(kind, text) } });
}

interface Left {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly document: string;
  readonly user?: string;
  readonly from?: string;
}

/** Sidecars poll within seconds, and Grafana's dashboard providers every half minute. */
const PATIENCE_MS = 90_000;

/** `false` when Grafana still has it: if its sidecar can't notify it, Grafana reads its files only at startup. */
export async function forgotten({ clock }: GrafanaNeeds, signal: AbortSignal, gone: () => Promise<boolean>): Promise<boolean> {
  for (const until = clock.now().getTime() + PATIENCE_MS; ; await clock.sleep(1000, signal)) {
    if (await gone()) return true;
    if (clock.now().getTime() > until) return false;
  }
}
