/** What other writers have changed in the objects of a release since Helm applied it, by the field owners that the API server records. */
import { diffLines } from '../design/diff.ts';
import { objectsIn, refIn, targetOf } from '../design/drift.ts';
import { foreignFields, inWords, withoutFields, type ForeignField, type ForeignFields } from '../design/foreign-fields.ts';
import type { Change, UndoRecord } from '../engine/types.ts';
import type { KubeObject, Kubernetes, Query, Ref } from '../ports/kubernetes.ts';
import type { Release } from '../ports/releases.ts';
import { ProblemError } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { readBackup, writeBackup } from './object-backup.ts';

type Needs = Pick<Context, 'kubernetes'>;

export interface Drifted {
  readonly ref: Ref;
  /** Absent if the object was deleted. */
  readonly found?: KubeObject;
  readonly by: readonly ForeignFields[];
}

export interface Drift {
  /** What an install reverts. */
  readonly drifted: readonly Drifted[];
  /** Workloads whose replica count is set by an autoscaler. */
  readonly autoscaled: readonly KubeObject[];
}

const NONE: Drift = { drifted: [], autoscaled: [] };

/** Workloads and what they read. Jobs may expire, Secrets are not compared, and claims and pods belong to their controllers. */
const COMPARED = new Set(['ConfigMap', 'Service', 'ServiceAccount', 'Deployment', 'StatefulSet', 'DaemonSet', 'PodDisruptionBudget']);
const SCALED = new Set(['Deployment', 'StatefulSet']);

export async function driftOf({ kubernetes }: Needs, release: Release): Promise<Drift> {
  const { name, namespace, manifest = '', status } = release;
  if (manifest === '' || status !== 'deployed') return NONE;
  const kinds = new Map<string, Document[]>();
  for (const one of documentsIn(manifest, namespace)) {
    if (one.ref.namespace !== namespace || !COMPARED.has(one.ref.kind)) continue;
    const key = `${one.ref.apiVersion} ${one.ref.kind}`;
    kinds.set(key, [...(kinds.get(key) ?? []), one]);
  }
  const labels = `app.kubernetes.io/instance=${name}`;
  const of = (apiVersion: string, kind: string): Query => ({ apiVersion, kind, namespace, labels });
  const [objects, scaled] = await Promise.all([
    Promise.all([...kinds].map(([key, documents]) => pairsOf(kubernetes, documents, of(...(key.split(' ') as [string, string]))))),
    targetsOfAutoscalers(kubernetes, namespace),
  ]);
  const isAutoscaled = ({ kind, metadata }: KubeObject): boolean => SCALED.has(kind) && (scaled?.has(`${kind} ${metadata.name}`) ?? false);
  const drifted = objects.flat().flatMap(({ document: { ref, wanted }, found }): readonly Drifted[] => {
    if (!found) return [{ ref, by: [] }];
    // The manifest is long, and rarely needed.
    if (foreignFields(found).length === 0) return [];
    const by = foreignFields(found, wanted()).flatMap(({ fields, ...one }): readonly ForeignFields[] => {
      const counted = fields.filter(({ path }) => path !== 'spec.replicas' || !(isAutoscaled(found) || (one.by === 'autoscaler' && !knownAsGone(one, scaled))));
      return counted.length > 0 ? [{ ...one, fields: counted }] : [];
    });
    return by.length > 0 ? [{ ref, found, by }] : [];
  });
  return { drifted, autoscaled: objects.flat().flatMap(({ found }) => (found && isAutoscaled(found) ? [found] : [])) };
}

/** A HorizontalPodAutoscaler keeps owning the field after it was deleted; other autoscalers can't be listed. */
const knownAsGone = ({ manager }: Pick<ForeignFields, 'manager'>, scaled: ReadonlySet<string> | undefined): boolean =>
  scaled !== undefined && manager === 'kube-controller-manager';

interface Document {
  readonly ref: Ref;
  readonly wanted: () => KubeObject;
}

/** Parsing a whole manifest takes a quarter of a second; Helm writes kind and name on lines of their own. */
function documentsIn(manifest: string, release: string): readonly Document[] {
  return manifest.split(/^---$/m).flatMap((text): readonly Document[] => {
    const [apiVersion, kind, name] = [/^apiVersion: "?([\w./-]+)"?$/m, /^kind: "?(\w+)"?$/m, /^metadata:\n(?: .*\n)*? {2}name: "?([\w.-]+)"?$/m].map(
      (line) => line.exec(text)?.[1],
    );
    if (apiVersion === undefined || kind === undefined || name === undefined)
      return objectsIn(text).map((object) => ({ ref: refIn(object, release), wanted: () => object }));
    const namespace = /^metadata:\n(?: .*\n)*? {2}namespace: "?([\w-]+)"?$/m.exec(text)?.[1];
    const object = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
    return [{ ref: refIn(object, release), wanted: () => objectsIn(text)[0] ?? object }];
  });
}

interface Pair {
  readonly document: Document;
  readonly found: KubeObject | undefined;
}

/** One list per kind; an object missing from it may only lack the label. A kind that may not be read, or is no longer served, is not compared. */
async function pairsOf(kubernetes: Kubernetes, documents: readonly Document[], query: Query): Promise<readonly Pair[]> {
  try {
    const { apiVersion, kind } = query;
    const listed = new Map((await kubernetes.list(query)).map((object) => [object.metadata.name, object]));
    return await Promise.all(
      documents.map(async (document) => {
        const object = listed.get(document.ref.name) ?? (await kubernetes.get(document.ref));
        return { document, found: object && { ...object, apiVersion, kind } };
      }),
    );
  } catch (error) {
    if (error instanceof ProblemError && UNREADABLE.has(error.problem.code)) return [];
    throw error;
  }
}

const UNREADABLE = new Set(['KUBE_FORBIDDEN', 'KUBE_KIND_UNKNOWN']);

/** `Deployment loki-querier`: everything that a HorizontalPodAutoscaler scales; `undefined` if they may not be read. */
async function targetsOfAutoscalers(kubernetes: Kubernetes, namespace: string): Promise<ReadonlySet<string> | undefined> {
  try {
    const all = await kubernetes.list({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', namespace });
    return new Set(
      all.map(({ spec }) => {
        const { kind = '', name = '' } =
          (spec as { readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string } } | undefined)?.scaleTargetRef ?? {};
        return `${kind} ${name}`;
      }),
    );
  } catch (error) {
    if (error instanceof ProblemError && UNREADABLE.has(error.problem.code)) return undefined;
    throw error;
  }
}

/** `kubectl-set: spec.template.spec.containers[loki].env[FOO]` */
export const byWhom = ({ by }: Drifted): string => (by.length === 0 ? 'deleted' : by.map(inWords).join('; '));

export const changesBack = ({ drifted }: Drift): readonly Change[] =>
  drifted.map((one): Change => {
    const target = targetOf(one.ref);
    if (!one.found) return { action: 'create', target, detail: 'deleted' };
    const diff = one.by.flatMap(({ fields }) =>
      fields.flatMap(({ path, is, wanted }) => diffLines(is === undefined ? {} : { [path]: is }, wanted === undefined ? {} : { [path]: wanted })),
    );
    return { action: 'update', target, detail: `changed by ${one.by.map(({ manager }) => manager).join(', ')}`, diff };
  });

const added = ({ by }: Drifted): readonly ForeignField[] =>
  by.flatMap(({ fields }) => fields.filter(({ is, wanted }) => wanted === undefined && is !== undefined));

/** Whether a Helm revision reverts something; fields that the chart does not set are not Helm's. */
export const needsHelm = ({ drifted }: Drift): boolean =>
  drifted.some((one) => !one.found || one.by.some(({ fields }) => fields.some(({ wanted }) => wanted !== undefined)));

const ATTEMPTS = 5;

/** Removes what others have added to the chart's own fields: Helm leaves such additions alone, whatever its flags. */
export async function removeAdded({ kubernetes }: Needs, { drifted }: Drift, say: (text: string) => void): Promise<void> {
  for (const one of drifted) {
    const fields = added(one);
    if (fields.length === 0) continue;
    say(`removing ${fields.map(({ path }) => path).join(', ')} of ${targetOf(one.ref)}`);
    for (let attempt = 1; ; attempt++) {
      const found = await kubernetes.get(one.ref);
      if (!found) break;
      try {
        const { apiVersion, kind } = one.ref;
        const { status: _, ...object } = { ...found, apiVersion, kind } as KubeObject;
        await kubernetes.replace(withoutFields(object as KubeObject, fields));
        break;
      } catch (error) {
        // Its controller has written to it in the meantime.
        if (!(error instanceof ProblemError) || error.problem.code !== 'KUBE_CONFLICT' || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

export const CHANGED_BACK = 'restore-release';

/** Before anything is reverted: a run that fails later restores the state as it was, including the changes of other writers. */
export async function keepDrifted(
  ctx: Pick<Context, 'kubernetes' | 'blueprint'>,
  of: { readonly release: Release; readonly drift: Drift; record(record: UndoRecord): Promise<void> },
) {
  const { name, namespace } = of.release;
  const backup = await readBackup(
    ctx,
    of.drift.drifted.map(({ ref }) => ref),
  );
  await of.record({ did: CHANGED_BACK, namespace, name, digest: backup.digest });
  await writeBackup({ kubernetes: ctx.kubernetes, ownership: ctx.blueprint.ownership }, { name, namespace }, backup);
}
